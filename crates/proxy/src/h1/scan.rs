//! Lines and fields: where a head ends, and what its field lines hold.
//!
//! Every line ends in CR LF, a name is a token right before its colon, a value holds no control
//! character but tab. There is no lenient mode.

use std::ops::Range;

use router::{Head, head::Span};

use crate::http::{Violation, syntax};

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
    let name =
        lines.iter().position(|byte| !syntax::is_token(*byte)).ok_or(Violation::BareLineFeed)?;
    if name == 0 || lines[name] != b':' {
        return Err(match &lines[name..] {
            [b'\n', ..] => Violation::BareLineFeed,
            _ => Violation::FieldName,
        });
    }
    let value = &lines[name + 1..];
    let value = &value[..syntax::value(value)];
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
