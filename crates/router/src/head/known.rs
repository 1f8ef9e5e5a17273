//! Names that the proxy itself cares about, recognised once when a field is read.

/// A well-known field name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Any name that is not in this list.
    Other,
    /// `Host`.
    Host,
    /// `Connection`.
    Connection,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `Keep-Alive`.
    KeepAlive,
    /// `Proxy-Connection`.
    ProxyConnection,
    /// `Proxy-Authenticate`.
    ProxyAuthenticate,
    /// `Proxy-Authorization`.
    ProxyAuthorization,
    /// `TE`.
    Te,
    /// `Trailer`.
    Trailer,
    /// `Upgrade`.
    Upgrade,
    /// `Expect`.
    Expect,
    /// `Origin`.
    Origin,
    /// `Date`.
    Date,
    /// `Cookie`.
    Cookie,
    /// `Content-Type`.
    ContentType,
    /// `User-Agent`.
    UserAgent,
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `X-Forwarded-Proto`.
    XForwardedProto,
    /// `X-Forwarded-Host`.
    XForwardedHost,
    /// `X-Request-Id`.
    XRequestId,
    /// `HTTP2-Settings` (RFC 7540 §3.2.1, obsolete, hop by hop).
    Http2Settings,
}

impl Known {
    /// Recognises a name without regard to case.
    pub fn of(name: &[u8]) -> Self {
        let Some(first) = name.first() else { return Self::Other };
        // Length and first letter leave one or two, so that most names are compared with none.
        match (name.len(), first.to_ascii_lowercase()) {
            (2, b't') if is(name, b"te") => Self::Te,
            (4, b'h') if is(name, b"host") => Self::Host,
            (4, b'd') if is(name, b"date") => Self::Date,
            (6, b'c') if is(name, b"cookie") => Self::Cookie,
            (6, b'e') if is(name, b"expect") => Self::Expect,
            (6, b'o') if is(name, b"origin") => Self::Origin,
            (7, b'u') if is(name, b"upgrade") => Self::Upgrade,
            (7, b't') if is(name, b"trailer") => Self::Trailer,
            (10, b'c') if is(name, b"connection") => Self::Connection,
            (10, b'u') if is(name, b"user-agent") => Self::UserAgent,
            (10, b'k') if is(name, b"keep-alive") => Self::KeepAlive,
            (12, b'c') if is(name, b"content-type") => Self::ContentType,
            (12, b'x') if is(name, b"x-request-id") => Self::XRequestId,
            (14, b'c') if is(name, b"content-length") => Self::ContentLength,
            (14, b'h') if is(name, b"http2-settings") => Self::Http2Settings,
            (15, b'x') if is(name, b"x-forwarded-for") => Self::XForwardedFor,
            (16, b'p') if is(name, b"proxy-connection") => Self::ProxyConnection,
            (16, b'x') if is(name, b"x-forwarded-host") => Self::XForwardedHost,
            (17, b't') if is(name, b"transfer-encoding") => Self::TransferEncoding,
            (17, b'x') if is(name, b"x-forwarded-proto") => Self::XForwardedProto,
            (18, b'p') if is(name, b"proxy-authenticate") => Self::ProxyAuthenticate,
            (19, b'p') if is(name, b"proxy-authorization") => Self::ProxyAuthorization,
            _ => Self::Other,
        }
    }
}

/// Whether that is the name, given in lower case. Its length is known where this is called, so that
/// all of its bytes are compared at once.
fn is<const N: usize>(name: &[u8], lower: &[u8; N]) -> bool {
    let Some(name) = name.first_chunk::<N>() else { return false };
    let bytes = name.iter().zip(lower);
    let differs = |sum, (byte, lower): (&u8, &u8)| sum | (byte.to_ascii_lowercase() ^ lower);
    bytes.fold(0, differs) == 0
}
