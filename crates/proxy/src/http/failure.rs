//! Everything that can go wrong with a request, as one closed enum.
//!
//! Each failure knows whose fault it is, whether another try may help, its stable label for logs,
//! metrics and `explain`, and the status that tells the client. How the answer looks is
//! [`super::respond`]'s.

use crate::http::StreamError;

/// Why a request did not get its backend's answer, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Failure {
    /// The request breaks the rules of HTTP.
    MalformedRequest,
    /// Its head exceeds our bounds.
    HeadTooLarge,
    /// Its target exceeds our bound.
    TargetTooLong,
    /// Its body comes in a transfer coding other than `chunked`.
    CodingUnsupported,
    /// It is neither HTTP/1.0 nor HTTP/1.1 nor HTTP/2.
    VersionUnsupported,
    /// It is no HTTP at all; nobody there would understand an answer.
    NotHttp,
    /// `CONNECT`.
    MethodNotAllowed,
    /// It expects something other than `100-continue`.
    ExpectationFailed,
    /// Its head did not arrive in time.
    HeadTimeout,
    /// Its body stopped arriving, or the response stopped being taken.
    ClientTimeout,
    /// The client went away.
    ClientGone,
    /// Its authority belongs to another listener than its connection.
    Misdirected,
    /// No listener or no route takes it.
    NoRoute,
    /// Its rule has no backend that could be picked.
    NoBackend,
    /// The backend that was picked cannot be resolved.
    InvalidBackend,
    /// A filter of its rule cannot be done, and skipping it would be unsafe.
    FilterFailed,
    /// The backend has no endpoint that may take traffic.
    NoEndpoint,
    /// Too many requests wait for a connection to the backend.
    Overflow,
    /// No connection to the endpoint could be made.
    ConnectFailed,
    /// The same, in time.
    ConnectTimeout,
    /// The endpoint refused the request without looking at it.
    UpstreamRefused,
    /// The endpoint closed the connection before its response was complete.
    UpstreamClosed,
    /// The endpoint broke the connection before its response was complete.
    UpstreamReset,
    /// The endpoint's response breaks the rules of HTTP or our bounds.
    MalformedResponse,
    /// A single try took longer than `timeouts.backendRequest`.
    TryTimeout,
    /// All tries together took longer than `timeouts.request`.
    RequestTimeout,
    /// The endpoint stopped sending or taking bytes.
    UpstreamTimeout,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// The client's.
    Downstream,
    /// The backend's.
    Upstream,
    /// The configuration's or the proxy's.
    Internal,
}

impl Failure {
    /// All of them, in the order in which metrics keep their cells.
    pub(crate) const ALL: [Self; 27] = [
        Self::MalformedRequest,
        Self::HeadTooLarge,
        Self::TargetTooLong,
        Self::CodingUnsupported,
        Self::VersionUnsupported,
        Self::NotHttp,
        Self::MethodNotAllowed,
        Self::ExpectationFailed,
        Self::HeadTimeout,
        Self::ClientTimeout,
        Self::ClientGone,
        Self::Misdirected,
        Self::NoRoute,
        Self::NoBackend,
        Self::InvalidBackend,
        Self::FilterFailed,
        Self::NoEndpoint,
        Self::Overflow,
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::UpstreamRefused,
        Self::UpstreamClosed,
        Self::UpstreamReset,
        Self::MalformedResponse,
        Self::TryTimeout,
        Self::RequestTimeout,
        Self::UpstreamTimeout,
    ];

    /// What a broken stream of the client is.
    pub(crate) fn of_client(error: StreamError) -> Self {
        match error {
            StreamError::Closed | StreamError::Reset | StreamError::Refused => Self::ClientGone,
            StreamError::Malformed(violation) => violation.of_request(),
        }
    }

    /// What a broken stream of the backend is.
    pub(crate) fn of_upstream(error: StreamError) -> Self {
        match error {
            StreamError::Closed => Self::UpstreamClosed,
            StreamError::Reset => Self::UpstreamReset,
            StreamError::Refused => Self::UpstreamRefused,
            StreamError::Malformed(_) => Self::MalformedResponse,
        }
    }

    /// Whose fault it is.
    pub(crate) fn source(self) -> Source {
        match self {
            Self::MalformedRequest
            | Self::HeadTooLarge
            | Self::TargetTooLong
            | Self::CodingUnsupported
            | Self::VersionUnsupported
            | Self::NotHttp
            | Self::MethodNotAllowed
            | Self::ExpectationFailed
            | Self::HeadTimeout
            | Self::ClientTimeout
            | Self::ClientGone
            | Self::Misdirected => Source::Downstream,
            Self::NoRoute | Self::NoBackend | Self::InvalidBackend | Self::FilterFailed => {
                Source::Internal
            }
            Self::NoEndpoint
            | Self::Overflow
            | Self::ConnectFailed
            | Self::ConnectTimeout
            | Self::UpstreamRefused
            | Self::UpstreamClosed
            | Self::UpstreamReset
            | Self::MalformedResponse
            | Self::TryTimeout
            | Self::RequestTimeout
            | Self::UpstreamTimeout => Source::Upstream,
        }
    }

    /// Whether the backend cannot have begun to work on the request, so that sending it again is
    /// safe whatever its method.
    pub(crate) fn before_processing(self) -> bool {
        matches!(self, Self::ConnectFailed | Self::ConnectTimeout | Self::UpstreamRefused)
    }

    /// Whether another try may end better, where the rule's `retry` allows one.
    pub(crate) fn retryable(self) -> bool {
        self.before_processing()
            || matches!(
                self,
                Self::UpstreamClosed
                    | Self::UpstreamReset
                    | Self::MalformedResponse
                    | Self::TryTimeout
            )
    }

    /// Its label in logs, metrics and `explain`; never changes.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed_request",
            Self::HeadTooLarge => "head_too_large",
            Self::TargetTooLong => "target_too_long",
            Self::CodingUnsupported => "coding_unsupported",
            Self::VersionUnsupported => "version_unsupported",
            Self::NotHttp => "not_http",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ExpectationFailed => "expectation_failed",
            Self::HeadTimeout => "head_timeout",
            Self::ClientTimeout => "client_timeout",
            Self::ClientGone => "client_gone",
            Self::Misdirected => "misdirected",
            Self::NoRoute => "no_route",
            Self::NoBackend => "no_backend",
            Self::InvalidBackend => "invalid_backend",
            Self::FilterFailed => "filter_failed",
            Self::NoEndpoint => "no_endpoint",
            Self::Overflow => "overflow",
            Self::ConnectFailed => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::UpstreamRefused => "upstream_refused",
            Self::UpstreamClosed => "upstream_closed",
            Self::UpstreamReset => "upstream_reset",
            Self::MalformedResponse => "malformed_response",
            Self::TryTimeout => "try_timeout",
            Self::RequestTimeout => "request_timeout",
            Self::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// The status that says so to an HTTP client. A client that is gone sees none; 499 stands for
    /// that in logs.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::MalformedRequest | Self::NotHttp => 400,
            Self::NoRoute => 404,
            Self::MethodNotAllowed => 405,
            Self::HeadTimeout | Self::ClientTimeout => 408,
            Self::TargetTooLong => 414,
            Self::ExpectationFailed => 417,
            Self::Misdirected => 421,
            Self::HeadTooLarge => 431,
            Self::ClientGone => 499,
            Self::NoBackend | Self::InvalidBackend | Self::FilterFailed => 500,
            Self::CodingUnsupported => 501,
            Self::ConnectFailed
            | Self::UpstreamRefused
            | Self::UpstreamClosed
            | Self::UpstreamReset
            | Self::MalformedResponse => 502,
            Self::NoEndpoint | Self::Overflow => 503,
            Self::ConnectTimeout
            | Self::TryTimeout
            | Self::RequestTimeout
            | Self::UpstreamTimeout => 504,
            Self::VersionUnsupported => 505,
        }
    }
}

/// The `grpc-status` of an HTTP status that no gRPC server sent (gRPC, "HTTP to gRPC Status Code
/// Mapping").
pub(crate) fn grpc_status(status: u16) -> u8 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn reasons_are_distinct_snake_case_labels() {
        let reasons: BTreeSet<_> = Failure::ALL.iter().map(|f| f.reason()).collect();
        assert_eq!(reasons.len(), Failure::ALL.len());
        for reason in reasons {
            assert!(reason.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{reason}");
        }
    }

    #[test]
    fn cells_follow_the_order_of_the_enum() {
        for (place, failure) in Failure::ALL.iter().enumerate() {
            assert_eq!(*failure as usize, place, "{failure:?}");
        }
    }

    #[test]
    fn who_is_at_fault_agrees_with_the_status() {
        for failure in Failure::ALL {
            let client_status = (400..500).contains(&failure.status());
            let client_fault = match failure.source() {
                Source::Downstream => true,
                Source::Upstream => false,
                Source::Internal => failure == Failure::NoRoute,
            };
            let refused_as_unknown =
                matches!(failure, Failure::CodingUnsupported | Failure::VersionUnsupported);
            assert_eq!(client_status || refused_as_unknown, client_fault, "{failure:?}");
        }
    }

    #[test]
    fn only_faults_of_upstream_are_retried() {
        for failure in Failure::ALL.into_iter().filter(|failure| failure.retryable()) {
            assert_eq!(failure.source(), Source::Upstream, "{failure:?}");
        }
    }
}
