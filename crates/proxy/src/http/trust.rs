//! What a client may not say about itself (DESIGN §4, "the client is untrusted").
//!
//! `x-forwarded-for` is appended to; `x-forwarded-proto`, `x-forwarded-host` and `x-request-id` are
//! replaced. A policy that trusts some clients has its place here.

use router::{
    Head,
    head::{Known, Span},
};

use crate::http::Client;

/// Whether a field name can be taken for another one: many backends read `_` as `-`, so that
/// `x_forwarded_for` walks around [`mark`]. Envoy Gateway refuses such requests too.
pub(crate) fn has_ambiguous_name(head: &Head) -> bool {
    head.field_spans()
        .iter()
        .any(|field| field.known == Known::Other && head.bytes(field.name).contains(&b'_'))
}

/// Says who asked for what. Returns where the request's id stands.
pub(crate) fn mark(head: &mut Head, client: &Client) -> Span {
    let address = client.address.as_bytes();
    if head.known(Known::XForwardedFor).is_some() {
        head.add(b"x-forwarded-for", address);
    } else {
        head.append(b"x-forwarded-for", address);
    }
    // In one pass, what is replaced.
    head.retain(|known, _, _| {
        !matches!(known, Known::XForwardedProto | Known::XForwardedHost | Known::XRequestId)
    });
    head.append(b"x-forwarded-proto", client.scheme().as_str().as_bytes());
    let authority = head.authority;
    if !authority.is_empty() {
        head.append_span(b"x-forwarded-host", authority);
    }
    head.append(b"x-request-id", &request_id());
    head.field_spans().last().map(|field| field.value).unwrap_or_default()
}

/// A version 4 UUID (RFC 9562 §5.4). It only has to be unlikely to come twice, so that it is not
/// worth a system call.
fn request_id() -> [u8; 36] {
    let bits = fastrand::u128(..);
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let mut text = [b'-'; 36];
    for (byte, at) in bits.to_be_bytes().into_iter().zip(PLACES) {
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 0xf)];
    }
    text
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Where each byte stands in the text.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4() {
        for _ in 0..100 {
            let id = request_id();
            assert_eq!([id[8], id[13], id[18], id[23]], [b'-'; 4]);
            assert_eq!(id[14], b'4');
            assert!(b"89ab".contains(&id[19]));
            assert!(id.iter().all(|b| *b == b'-' || b.is_ascii_hexdigit()));
        }
        assert_ne!(request_id(), request_id());
    }

    #[test]
    fn names_with_an_underscore_are_ambiguous() {
        for (name, ambiguous) in [("x_a", true), ("x-a", false), ("host", false), ("_", true)] {
            let mut head = Head::default();
            head.append(name.as_bytes(), b"1");
            assert_eq!(has_ambiguous_name(&head), ambiguous, "{name}");
        }
    }
}
