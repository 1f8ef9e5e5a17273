//! The ways in which a message can break the rules, each with the rule.
//!
//! HTTP/1 finds all of them itself; HTTP/2 uses those that can occur there. Nothing is repaired: a
//! message that two implementations could read in two ways is refused.

use crate::http::Failure;

/// What is wrong with a message, by the first fault found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A line ends in LF without CR (RFC 9112 §2.2; allowed to be lenient, we are not).
    BareLineFeed,
    /// A CR without LF (RFC 9112 §2.2).
    BareCarriageReturn,
    /// The request line is not `method SP target SP version` (RFC 9112 §3).
    RequestLine,
    /// No HTTP version stands where the request line has one: the peer speaks something else, for
    /// instance a broken HTTP/2 (RFC 9113 §3.4).
    NotHttp,
    /// The method is no token or is longer than any that exists (RFC 9110 §9.1).
    Method,
    /// The target is empty or holds a byte that no URI has (RFC 9112 §3.2).
    Target,
    /// The target is longer than our bound (RFC 9112 §3: 414).
    TargetTooLong,
    /// Not HTTP/1.0 or HTTP/1.1 (RFC 9112 §2.3: 505).
    Version,
    /// The status line is malformed (RFC 9112 §4).
    StatusLine,
    /// A field name is empty or no token, or a space stands before the colon (RFC 9112 §5.1).
    FieldName,
    /// A field value holds NUL, CR, LF or another control character (RFC 9110 §5.5).
    FieldValue,
    /// A line begins with white space: obsolete folding (RFC 9112 §5.2).
    Folding,
    /// The head exceeds our bound in bytes (RFC 6585 §5: 431).
    HeadTooLarge,
    /// The head has more fields than our bound.
    TooManyFields,
    /// An HTTP/1.1 request without `Host` (RFC 9112 §3.2).
    HostMissing,
    /// More than one `Host` (RFC 9112 §3.2).
    HostDuplicate,
    /// `Host` is empty (RFC 9110 §4.2.1: a URL of ours has a host).
    Host,
    /// `Content-Length` is not a plain decimal number that fits (RFC 9110 §8.6).
    ContentLength,
    /// More than one `Content-Length` (RFC 9112 §6.3: may be repaired, we do not).
    ContentLengthDuplicate,
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 §6.1).
    LengthAndCoding,
    /// A transfer coding before the final `chunked` (RFC 9112 §6.1: 501).
    CodingUnknown,
    /// `chunked` is missing, not last, or there twice (RFC 9112 §6.3).
    CodingNotFinal,
    /// `Transfer-Encoding` where it may not be: HTTP/1.0, 1xx, 204 (RFC 9112 §6.1).
    CodingForbidden,
    /// The chunk size is not hexadecimal or does not fit (RFC 9112 §7.1).
    ChunkSize,
    /// The chunk extension has a forbidden byte, or is longer than our bound (RFC 9112 §7.1.1).
    ChunkExtension,
    /// No CRLF behind a chunk (RFC 9112 §7.1).
    ChunkEnd,
    /// Trailers exceed our bounds.
    TrailersTooLarge,
    /// More or fewer body bytes than `content-length` says (HTTP/2: RFC 9113 §8.1.1).
    LengthMismatch,
    /// `CONNECT`, which is not offered (RFC 9110 §9.3.6).
    Connect,
    /// An interim or upgrade response that nobody asked for (RFC 9110 §15.2).
    UnexpectedStatus,
    /// More interim responses than our bound.
    TooManyInterim,
    /// A pseudo-header or field that HTTP/2 forbids (RFC 9113 §8.2, §8.3).
    PseudoField,
}

impl Violation {
    /// The failure that a client's violation is.
    pub(crate) fn of_request(self) -> Failure {
        match self {
            Self::TargetTooLong => Failure::TargetTooLong,
            Self::HeadTooLarge | Self::TooManyFields => Failure::HeadTooLarge,
            Self::Version => Failure::VersionUnsupported,
            Self::CodingUnknown => Failure::CodingUnsupported,
            Self::Connect => Failure::MethodNotAllowed,
            Self::NotHttp => Failure::NotHttp,
            _ => Failure::MalformedRequest,
        }
    }
}
