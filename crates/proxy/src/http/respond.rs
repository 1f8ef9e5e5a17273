//! The proxy's own answers: to failures, and what a filter answers by itself. HTTP clients get a
//! status, gRPC clients get it in their own words.

use router::{Head, head::Known};

use crate::{
    decimal,
    http::{BodyKind, Down, Failure, StreamError, date, failure::grpc_status, hop},
};

/// Whether a request is gRPC (gRPC over HTTP/2, "Requests").
pub(crate) fn is_grpc(request: &Head) -> bool {
    request.known(Known::ContentType).is_some_and(|value| {
        value.get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
            && matches!(value.get(GRPC.len()), None | Some(b'+' | b';'))
    })
}

/// Writes the head that tells a failure. It comes without a body: a page that is read by programs
/// more often than by people would only be another thing to parse.
pub(crate) fn describe(failure: Failure, grpc: bool, head: &mut Head) {
    head.clear();
    head.status = failure.status();
    if grpc {
        let mut code = Vec::new();
        decimal::push(&mut code, grpc_status(head.status).into());
        head.append(b"content-type", GRPC);
        head.append(b"grpc-status", &code);
        head.append(b"grpc-message", failure.reason().as_bytes());
        head.status = 200;
    } else if failure == Failure::MethodNotAllowed {
        // RFC 9110 §15.5.6: must be there.
        head.append(b"allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    }
}

/// Queues a complete response without a body.
pub(crate) fn answer(
    down: &mut Down<'_>,
    head: &mut Head,
    to_head: bool,
) -> Result<(), StreamError> {
    hop::send_response(head, to_head);
    date::stamp(head);
    down.send_head(head, BodyKind::None)?;
    down.half().send_end(None)
}

const GRPC: &[u8] = b"application/grpc";

#[cfg(test)]
mod tests {
    use super::*;

    fn told(failure: Failure, grpc: bool) -> (u16, String) {
        let mut head = Head::default();
        describe(failure, grpc, &mut head);
        let text = head.runs().map(String::from_utf8_lossy).collect::<String>();
        (head.status, text.replace("\r\n", "\n"))
    }

    #[test]
    fn http_clients_get_a_status() {
        assert_eq!(told(Failure::NoRoute, false), (404, String::new()));
        let (status, text) = told(Failure::MethodNotAllowed, false);
        assert_eq!(status, 405);
        assert!(text.starts_with("allow: GET"));
    }

    #[test]
    fn grpc_clients_get_trailers_only() {
        for (failure, code) in [
            (Failure::NoRoute, 12),
            (Failure::MalformedRequest, 13),
            (Failure::NoEndpoint, 14),
            (Failure::RequestTimeout, 14),
            (Failure::InvalidBackend, 2),
        ] {
            let reason = failure.reason();
            let fields = format!(
                "content-type: application/grpc\ngrpc-status: {code}\ngrpc-message: {reason}\n"
            );
            assert_eq!(told(failure, true), (200, fields));
        }
    }

    #[test]
    fn grpc_is_told_by_its_content_type() {
        for (value, grpc) in [
            ("application/grpc", true),
            ("Application/gRPC+proto", true),
            ("application/grpc; a=b", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            let mut head = Head::default();
            head.append(b"content-type", value.as_bytes());
            assert_eq!(is_grpc(&head), grpc, "{value}");
        }
    }
}
