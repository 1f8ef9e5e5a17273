//! What may stand in fields, whatever the version of HTTP (RFC 9110 §5).

use crate::http::Violation;

/// RFC 9110 §5.6.2 `tchar`.
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// How many bytes at the front may stand in a value. Eight at a time, since most of a head is
/// values: what none of eight bytes is needs no look at each.
pub(crate) fn value(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let (words, _) = bytes.as_chunks::<8>();
    let plain = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        // Borrows and carries cross bytes only where one of them is suspect already.
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let delete = (word ^ (ONES * 0x7f)).wrapping_sub(ONES);
        (control | delete & !(word ^ (ONES * 0x7f))) & HIGH == 0
    };
    let is_whole = |word: &[u8; 8]| plain(word) || word.iter().all(|byte| is_value(*byte));
    let whole = words.iter().take_while(|word| is_whole(word)).count() * 8;
    whole + bytes[whole..].iter().take_while(|byte| is_value(**byte)).count()
}

/// RFC 9110 §5.5: visible, space, tab, or beyond ASCII.
fn is_value(byte: u8) -> bool {
    byte >= 0x20 && byte != 0x7f || byte == b'\t'
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let char = byte as u8;
        table[byte] = char.is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
};

/// Digits and nothing else: no sign, no list, no white space.
pub(crate) fn content_length(value: &[u8]) -> Result<u64, Violation> {
    if value.contains(&b',') {
        return Err(Violation::ContentLengthDuplicate);
    }
    if value.is_empty() || value.len() > LENGTH_DIGITS_MAX || !value.iter().all(u8::is_ascii_digit)
    {
        return Err(Violation::ContentLength);
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Any number of so many digits fits into 63 bits.
const LENGTH_DIGITS_MAX: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_judged_alike_wherever_it_stands() {
        for (byte, filler, at) in (0..=u8::MAX)
            .flat_map(|byte| [b'a', b'\t', 0x80, 0xff].map(|filler| (byte, filler)))
            .flat_map(|(byte, filler)| (0..12).map(move |at| (byte, filler, at)))
        {
            let mut value = [filler; 12];
            value[at] = byte;
            let len = if is_value(byte) { value.len() } else { at };
            assert_eq!(super::value(&value), len, "{byte:#x} at {at} among {filler:#x}");
        }
    }
}
