//! A [`Head`] into a field block.

use router::{
    Head,
    head::{Field, Known},
};

use crate::h2::hpack;

/// A request. `length` is what `content-length` shall tell.
pub(in crate::h2) fn request(head: &Head, length: Option<u64>, to: &mut Vec<u8>) {
    hpack::pseudo(2, head.bytes(head.method), to);
    // Backends are spoken to without TLS.
    hpack::pseudo(6, b"http", to);
    hpack::pseudo(1, head.bytes(head.authority), to);
    let path = head.bytes(head.path);
    if head.has_query {
        hpack::pseudo(4, &[path, b"?", head.bytes(head.query)].concat(), to);
    } else {
        hpack::pseudo(4, path, to);
    }
    fields(head, length, to);
}

/// A response. `length` as in [`request`].
pub(in crate::h2) fn response(head: &Head, length: Option<u64>, to: &mut Vec<u8>) {
    hpack::status(head.status, to);
    fields(head, length, to);
}

/// Trailers.
pub(in crate::h2) fn trailers(head: &Head, to: &mut Vec<u8>) {
    fields(head, None, to);
}

/// All fields but those that HTTP/2 has other means for.
fn fields(head: &Head, length: Option<u64>, to: &mut Vec<u8>) {
    let told = |field: &&Field| match field.known {
        Known::ContentLength => length.is_none(),
        known => !is_forbidden(known),
    };
    for field in head.field_spans().iter().filter(told) {
        let name = head.bytes(field.name);
        let index = match field.known {
            Known::ContentType => Some(31),
            Known::Date => Some(33),
            Known::UserAgent => Some(58),
            Known::Cookie => Some(32),
            Known::XForwardedFor
            | Known::XForwardedProto
            | Known::XForwardedHost
            | Known::XRequestId => None,
            _ => hpack::name_index(name),
        };
        hpack::field(index, name, head.bytes(field.value), to);
    }
    if let Some(length) = length {
        hpack::length(length, to);
    }
}

/// RFC 9113 §8.2.2; `Host` travels as `:authority`.
fn is_forbidden(known: Known) -> bool {
    matches!(
        known,
        Known::Host
            | Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::TransferEncoding
            | Known::Upgrade
            | Known::Http2Settings
    )
}
