//! The head of a response, from bytes into a [`Head`].

use router::Head;

use crate::{
    h1::{
        framing::{self, Framing},
        scan,
    },
    http::Violation,
    limits,
};

/// Reads a complete response head, its empty line included, and says how its body is framed.
///
/// `head` must be clear. `to_head` says that the request was HEAD.
pub(super) fn parse(bytes: &[u8], head: &mut Head, to_head: bool) -> Result<Framing, Violation> {
    head.raw_mut().extend_from_slice(bytes);
    let line_end = memchr::memchr(b'\n', bytes).ok_or(Violation::StatusLine)?;
    let line = bytes[..line_end].strip_suffix(b"\r").ok_or(Violation::BareLineFeed)?;
    status_line(line, head)?;
    scan::fields(head, line_end + 1, bytes.len(), limits::FIELDS_MAX)?;
    framing::of_response(head, to_head)
}

/// `version SP status [SP reason]`. The reason is dropped: it means nothing, and HTTP/2 has none.
/// That the space before an empty reason is missing is the one thing forgiven, since it leaves
/// nothing to misread and old servers do it.
fn status_line(line: &[u8], head: &mut Head) -> Result<(), Violation> {
    let rest = match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ (b'0' | b'1'), b' ', rest @ ..] => {
            head.http10 = *minor == b'0';
            rest
        }
        [b'H', b'T', b'T', b'P', b'/', _, b'.', _, b' ', ..] => return Err(Violation::Version),
        _ => return Err(Violation::StatusLine),
    };
    let (code, reason) = rest.split_at_checked(3).ok_or(Violation::StatusLine)?;
    if !code.iter().all(u8::is_ascii_digit) || code[0] == b'0' {
        return Err(Violation::StatusLine);
    }
    let visible = |byte: &u8| (*byte >= 0x20 && *byte != 0x7f) || *byte == b'\t';
    if !reason.is_empty() && (reason[0] != b' ' || !reason.iter().all(visible)) {
        return Err(Violation::StatusLine);
    }
    head.status = code.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Ok(())
}
