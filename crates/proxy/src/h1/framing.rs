//! How long a message body is: decided once, from the head, and never from a repaired one.
//!
//! RFC 9112 §6.3 in its strictest reading. Wherever it lets a recipient choose between repair and
//! refusal, this refuses: a lenient choice here and another one in a backend is how requests are
//! smuggled.

use router::{Head, head::Known};

use crate::http::{BodyKind, Violation, syntax};

/// How the end of an incoming HTTP/1 body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// When the connection ends; responses only.
    Close,
}

impl Framing {
    /// As the other side may know it.
    pub(super) fn kind(self) -> BodyKind {
        match self {
            Self::None => BodyKind::None,
            Self::Length(length) => BodyKind::Length(length),
            Self::Chunked | Self::Close => BodyKind::Stream,
        }
    }
}

/// The framing of a request's body.
pub(super) fn of_request(head: &Head) -> Result<Framing, Violation> {
    Ok(match declared(head)? {
        Some(framing) => framing,
        None => Framing::None,
    })
}

/// The framing of a response's body; `to_head` says that it answers HEAD.
pub(super) fn of_response(head: &Head, to_head: bool) -> Result<Framing, Violation> {
    let interim = head.status < 200 || head.status == 204;
    let declared = declared(head)?;
    if interim && declared == Some(Framing::Chunked) {
        return Err(Violation::CodingForbidden);
    }
    Ok(if interim || to_head || head.status == 304 {
        Framing::None
    } else {
        declared.unwrap_or(Framing::Close)
    })
}

/// What the fields say, if they say anything.
fn declared(head: &Head) -> Result<Option<Framing>, Violation> {
    let mut length = None;
    let mut coding = None;
    for field in head.field_spans() {
        match field.known {
            Known::ContentLength if length.is_some() => {
                return Err(Violation::ContentLengthDuplicate);
            }
            Known::ContentLength => length = Some(syntax::content_length(head.bytes(field.value))?),
            Known::TransferEncoding if coding.is_some() => return Err(Violation::CodingNotFinal),
            Known::TransferEncoding => coding = Some(head.bytes(field.value)),
            _ => {}
        }
    }
    match (length, coding) {
        (Some(_), Some(_)) => Err(Violation::LengthAndCoding),
        (None, Some(_)) if head.http10 => Err(Violation::CodingForbidden),
        (None, Some(coding)) => chunked_alone(coding).map(Some),
        (Some(length), None) => Ok(Some(Framing::Length(length))),
        (None, None) => Ok(None),
    }
}

/// `chunked` once and last is what we read; other codings before it we do not know (501), and
/// anything without it at the end has no length at all (400).
fn chunked_alone(value: &[u8]) -> Result<Framing, Violation> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(Framing::Chunked);
    }
    let is_chunked = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
    let mut codings = value.split(|byte| *byte == b',').rev();
    match codings.next().is_some_and(is_chunked) && !codings.any(is_chunked) {
        true => Err(Violation::CodingUnknown),
        false => Err(Violation::CodingNotFinal),
    }
}
