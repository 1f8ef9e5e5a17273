//! Lines and fields: where a head ends, and what its field lines hold.
//!
//! Every line ends in CR LF, a name is a token right before its colon, a value holds no control
//! character but tab. There is no lenient mode.

use std::ops::Range;

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
        let lines = head.raw().get(at..to).unwrap_or_default();
        if lines.starts_with(b"\r\n") {
            return Ok(());
        }
        let (name, value, line) = field(lines)?;
        let value = Span::raw(at + value.start, value.len());
        head.push_raw(Span::raw(at, name), value, Span::raw(at, line));
        at += line;
    }
    Err(Violation::TooManyFields)
}

/// The length of the name, where the trimmed value stands, and the length of the line, all of the
/// first of `lines`.
fn field(lines: &[u8]) -> Result<(usize, Range<usize>, usize), Violation> {
    if matches!(lines.first(), Some(b' ' | b'\t')) {
        return Err(Violation::Folding);
    }
    let name = lines.iter().position(|byte| !is_token(*byte)).ok_or(Violation::BareLineFeed)?;
    if name == 0 || lines[name] != b':' {
        return Err(match &lines[name..] {
            [b'\n', ..] => Violation::BareLineFeed,
            _ => Violation::FieldName,
        });
    }
    let value = &lines[name + 1..];
    let value = &value[..values(value)];
    let behind = name + 1 + value.len();
    match &lines[behind..] {
        [b'\r', b'\n', ..] => {}
        [b'\n', ..] | [] => return Err(Violation::BareLineFeed),
        [b'\r', ..] => return Err(Violation::BareCarriageReturn),
        _ => return Err(Violation::FieldValue),
    }
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let before = value.iter().take_while(|byte| space(byte)).count();
    let after = value[before..].iter().rev().take_while(|byte| space(byte)).count();
    Ok((name, name + 1 + before..behind - after, behind + 2))
}

/// RFC 9110 §5.6.2 `tchar`.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// How many bytes at the front may stand in a value. Eight at a time, since most of a head is
/// values: what none of eight bytes is needs no look at each.
fn values(bytes: &[u8]) -> usize {
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
            assert_eq!(values(&value), len, "{byte:#x} at {at} among {filler:#x}");
        }
    }
}
