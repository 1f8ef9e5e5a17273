//! What is known of an exchange once it is over: the one value that telemetry gets.

use std::time::Duration;

use ir::Id;

use crate::http::Failure;

/// One finished exchange. Borrows from the request, so that nothing is copied for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// What the client spoke.
    pub(crate) protocol: Protocol,
    /// Where its connection arrived.
    pub(crate) bind: &'a Id<ir::Bind>,
    /// The listener that took the request.
    pub(crate) listener: Option<&'a Id<ir::Listener>>,
    /// The name by which TLS was asked for; none without TLS or without a name.
    pub(crate) sni: Option<&'a str>,
    /// The route whose rule matched.
    pub(crate) route: Option<&'a Id<ir::Route>>,
    /// The rule that matched.
    pub(crate) rule: Option<&'a Id<ir::Rule>>,
    /// The backend that was tried last.
    pub(crate) backend: Option<&'a Id<ir::Backend>>,
    /// The endpoint that was tried last.
    pub(crate) endpoint: Option<std::net::SocketAddr>,
    /// The client's address.
    pub(crate) peer: std::net::SocketAddr,
    /// The method, empty where no request line could be read. Untrusted bytes, as all below.
    pub(crate) method: &'a [u8],
    /// Host and port as sent.
    pub(crate) authority: &'a [u8],
    /// The path as matched.
    pub(crate) path: &'a [u8],
    /// `User-Agent`.
    pub(crate) user_agent: &'a [u8],
    /// Our `X-Request-Id`.
    pub(crate) request_id: &'a [u8],
    /// The status that the client got, or would have got.
    pub(crate) status: u16,
    /// Why it is not the backend's answer, or not all of it.
    pub(crate) failure: Option<Failure>,
    /// Tries beyond the first.
    pub(crate) retries: u32,
    /// Body bytes from the client.
    pub(crate) bytes_in: u64,
    /// Body bytes to the client.
    pub(crate) bytes_out: u64,
    /// From the request's head to the response's end.
    pub(crate) duration: Duration,
    /// From the request's head to the backend's response head.
    pub(crate) upstream: Option<Duration>,
}

/// What a client spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    /// Its name in logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}
