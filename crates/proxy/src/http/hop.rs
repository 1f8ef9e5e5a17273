//! Fields that are for one hop only, and fields that frame a message (RFC 9110 §7.6.1).
//!
//! A request loses what its sender said about its own connection before anything looks at it, so
//! that a client cannot name our fields in `Connection` and have them removed. What frames a
//! message goes right before it is sent, filters or not: the codecs make it anew.

use router::{Head, head::Known};

use crate::limits;

/// Takes away what was for us only. Returns whether the request asks for another protocol: one, not
/// HTTP/2, on a request without a body; anything else is not an upgrade and loses the field.
pub(crate) fn receive_request(head: &mut Head, may_upgrade: bool) -> bool {
    let asked = remove_named(head);
    let upgrade = may_upgrade && asked && asks_for_one(head);
    let te_trailers = head
        .values(b"te")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"));
    head.retain(|known, _, _| match known {
        Known::Upgrade => upgrade,
        Known::Te => te_trailers,
        known => !is_hop(known),
    });
    if te_trailers {
        head.set(b"te", b"trailers");
    }
    upgrade
}

/// Takes away what the codec writes itself, whoever put it there.
pub(crate) fn send_request(head: &mut Head, upgrade: bool) {
    head.retain(|known, _, _| match known {
        Known::Upgrade => upgrade,
        Known::ContentLength | Known::Host => false,
        known => !is_hop(known),
    });
}

/// Takes away what was for us only and what the codec writes itself. `content-length` stays where
/// there is no body for it to frame: in answers to HEAD, and in 304.
pub(crate) fn send_response(head: &mut Head, to_head: bool) {
    remove_named(head);
    let status = head.status;
    head.retain(|known, _, _| match known {
        Known::Upgrade => status == 101,
        Known::ContentLength => to_head || status == 304,
        Known::Te => false,
        known => !is_hop(known),
    });
}

/// Takes away trailers that may change how the message is read, routed or trusted
/// (RFC 9110 §6.5.1).
pub(crate) fn keep_trailers(trailers: &mut Head) {
    trailers.retain(|known, name, _| {
        !is_hop(known)
            && !matches!(
                known,
                Known::Host
                    | Known::ContentLength
                    | Known::ContentType
                    | Known::Te
                    | Known::Trailer
                    | Known::Upgrade
                    | Known::Expect
                    | Known::Cookie
                    | Known::Origin
                    | Known::XForwardedFor
                    | Known::XForwardedProto
                    | Known::XForwardedHost
                    | Known::XRequestId
            )
            && !FORBIDDEN_TRAILERS.iter().any(|other| name.eq_ignore_ascii_case(other))
    });
}

/// Whether `Connection` names more fields than a head may have. Looking for each of thousands of
/// names among all fields would cost far more than sending them.
pub(crate) fn names_too_many(head: &Head) -> bool {
    let lines = head.field_spans().iter().filter(|field| field.known == Known::Connection);
    let commas = |line: &[u8]| line.iter().filter(|byte| **byte == b',').count();
    lines.map(|line| commas(head.bytes(line.value))).sum::<usize>() >= limits::FIELDS_MAX
}

/// Removes the fields that `Connection` names; whether it names `upgrade`.
fn remove_named(head: &mut Head) -> bool {
    let mut upgrade = false;
    let mut named = Vec::new();
    for field in head.field_spans().iter().filter(|field| field.known == Known::Connection) {
        for token in head.bytes(field.value).split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let is = |text: &str| token.eq_ignore_ascii_case(text.as_bytes());
            if is("upgrade") {
                upgrade = true;
            } else if !(is("") || is("close") || is("keep-alive") || is("te")) {
                named.push(token.to_vec());
            }
        }
    }
    for name in named {
        head.remove(&name);
    }
    upgrade
}

/// Whether exactly one protocol is named.
fn asks_for_one(head: &Head) -> bool {
    let mut protocols = head.values(b"upgrade");
    protocols.next().is_some_and(is_protocol) && protocols.next().is_none()
}

/// One protocol that we may pass on without knowing it. Not HTTP/2: a backend that took it would
/// speak past the router.
fn is_protocol(value: &[u8]) -> bool {
    let is_http2 = value.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"h2"));
    !value.is_empty() && !value.contains(&b',') && !is_http2
}

fn is_hop(known: Known) -> bool {
    matches!(
        known,
        Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::ProxyAuthenticate
            | Known::ProxyAuthorization
            | Known::TransferEncoding
            | Known::Http2Settings
    )
}

const FORBIDDEN_TRAILERS: [&[u8]; 12] = [
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-range",
    b"forwarded",
    b"max-forwards",
    b"range",
    b"set-cookie",
    b"location",
    b"vary",
    b"www-authenticate",
    b"age",
];
