//! Lines and fields: where a head ends, and what its field lines hold.
//!
//! Every line ends in CR LF, a name is a token right before its colon, a value holds no control
//! character but tab. There is no lenient mode.

use router::{Head, head::Span};

use crate::http::Violation;

/// Finds the end of a head or trailer section that arrives in pieces, without looking at any byte
/// twice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EndScan {
    /// Bytes looked at.
    seen: usize,
    /// Where the line begins that is being looked at.
    line: usize,
}

impl EndScan {
    /// The length of the section with the empty line that ends it, once all of it is in `bytes`.
    ///
    /// `bytes` is all that arrived since the section began.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, Violation> {
        while let Some(at) = memchr::memchr(b'\n', &bytes[self.seen..]) {
            let feed = self.seen + at;
            let line = self.line;
            self.seen = feed + 1;
            self.line = feed + 1;
            if feed == line || bytes[feed - 1] != b'\r' {
                return Err(Violation::BareLineFeed);
            }
            if feed == line + 1 {
                return Ok(Some(feed + 1));
            }
        }
        self.seen = bytes.len();
        Ok(None)
    }
}

/// Reads the field lines in `head.raw()[from..to]`, the empty line at its end included, into
/// `head`. At most `fields_max` of them.
pub(super) fn fields(
    head: &mut Head,
    from: usize,
    to: usize,
    fields_max: usize,
) -> Result<(), Violation> {
    let mut at = from;
    for _ in 0..=fields_max {
        let raw = head.raw();
        let Some(len) = raw.get(at..to).and_then(|rest| memchr::memchr(b'\n', rest)) else {
            return Err(Violation::BareLineFeed);
        };
        let Some(line) = raw[at..at + len].strip_suffix(b"\r") else {
            return Err(Violation::BareLineFeed);
        };
        if line.is_empty() {
            return Ok(());
        }
        let (name, value) = field(line)?;
        let value = Span::raw(at + value.0, value.1);
        head.push_raw(Span::raw(at, name), value, Span::raw(at, len + 1));
        at += len + 1;
    }
    Err(Violation::TooManyFields)
}

/// The length of the name, then start and length of the trimmed value.
fn field(line: &[u8]) -> Result<(usize, (usize, usize)), Violation> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Violation::Folding);
    }
    let name = line.iter().position(|byte| !is_token(*byte)).ok_or(Violation::FieldName)?;
    if name == 0 || line[name] != b':' {
        return Err(Violation::FieldName);
    }
    let value = &line[name + 1..];
    if !are_values(value) {
        return Err(match value.contains(&b'\r') {
            true => Violation::BareCarriageReturn,
            false => Violation::FieldValue,
        });
    }
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().take_while(|byte| space(byte)).count();
    let behind = value[start..].iter().rev().take_while(|byte| space(byte)).count();
    Ok((name, (name + 1 + start, value.len() - start - behind)))
}

/// RFC 9110 §5.6.2 `tchar`.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether all bytes may stand in a value. Eight at a time, since most of a head is values: what
/// none of eight bytes is needs no look at each.
fn are_values(value: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let (words, rest) = value.as_chunks::<8>();
    let plain = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        // Borrows and carries cross bytes only where one of them is suspect already.
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let delete = (word ^ (ONES * 0x7f)).wrapping_sub(ONES);
        (control | delete & !(word ^ (ONES * 0x7f))) & HIGH == 0
    };
    words.iter().all(|word| plain(word) || word.iter().all(|byte| is_value(*byte)))
        && rest.iter().all(|byte| is_value(*byte))
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
            assert_eq!(are_values(&value), is_value(byte), "{byte:#x} at {at} among {filler:#x}");
        }
    }
}
