//! The host that a request names: checked, and brought into the form in which hostnames compare.

use std::{net::Ipv6Addr, str};

use super::InvalidTarget;
use crate::{
    Head,
    head::{Known, Span},
    host::HOST_BYTES_MAX,
};

/// Sets `head.host`; where the authority has another normal form, it and the `Host` field are
/// replaced. `overrides`: the target itself named the authority, and `Host` yields to it.
pub(super) fn normalise(head: &mut Head, overrides: bool) -> Result<(), InvalidTarget> {
    let mut fields = head.field_spans().iter().filter(|field| field.known == Known::Host);
    let field = fields.next().map(|field| field.value);
    if fields.next().is_some() {
        return Err(InvalidTarget::Hosts);
    }
    if head.authority.is_empty() {
        head.authority = field.unwrap_or_default();
    }
    head.host = Span::default();
    let sent = head.bytes(head.authority);
    if sent.is_empty() {
        // HTTP/1.0 may name no host: then only what answers for every host takes the request.
        return if head.http10 { Ok(()) } else { Err(InvalidTarget::NoHost) };
    }
    let mut same = field.is_none_or(|field| head.bytes(field) == sent);
    if !same && !overrides {
        // RFC 9113 §8.3.1: `:authority` and `Host` must not differ.
        return Err(InvalidTarget::Hosts);
    }
    let (host, port) = parts(sent)?;
    let host_end = host.len() - usize::from(host.ends_with(b"."));
    let upper = host.iter().any(u8::is_ascii_uppercase);
    if upper || host_end < host.len() || port == Some(b"") {
        let mut text = host[..host_end].to_ascii_lowercase();
        if let Some(port @ [_, ..]) = port {
            text.push(b':');
            text.extend_from_slice(port);
        }
        head.authority = head.store(&text);
        same = field.is_none();
    }
    head.host = head.authority.sub(0, host_end);
    if !same {
        let authority = head.bytes(head.authority).to_vec();
        head.set(b"Host", &authority);
    }
    Ok(())
}

/// Whether a text may stand for a host on the wire.
pub(crate) fn is_host(host: &[u8]) -> bool {
    matches!(parts(host), Ok((_, None)))
}

/// Host and port, both checked. `host:` has an empty port (RFC 3986 §3.2.3).
fn parts(authority: &[u8]) -> Result<(&[u8], Option<&[u8]>), InvalidTarget> {
    let (host, rest) = if authority.starts_with(b"[") {
        let end = authority.iter().position(|byte| *byte == b']').ok_or(InvalidTarget::Host)?;
        let address = str::from_utf8(&authority[1..end]).unwrap_or_default();
        address.parse::<Ipv6Addr>().map_err(|_| InvalidTarget::Host)?;
        authority.split_at(end + 1)
    } else {
        let end = authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len());
        let (host, rest) = authority.split_at(end);
        if !is_name(host) {
            return Err(InvalidTarget::Host);
        }
        (host, rest)
    };
    let port = match rest {
        [] => None,
        [b':', port @ ..] => Some(port),
        _ => return Err(InvalidTarget::Host),
    };
    let number = |port: &[u8]| match port {
        [] => true,
        port => {
            port.iter().all(u8::is_ascii_digit)
                && str::from_utf8(port).is_ok_and(|port| port.parse::<u16>().is_ok())
        }
    };
    if port.is_none_or(number) { Ok((host, port)) } else { Err(InvalidTarget::Host) }
}

/// A DNS name or IPv4 address. RFC 3986 allows more characters; no hostname of a listener or route
/// can hold them, and programs disagree about what they mean.
fn is_name(host: &[u8]) -> bool {
    let name = host.strip_suffix(b".").unwrap_or(host);
    let mut label_bytes = 0;
    for byte in name {
        match CLASS[usize::from(*byte)] {
            Class::Dot if label_bytes == 0 => return false,
            Class::Dot => label_bytes = 0,
            Class::Label => label_bytes += 1,
            Class::Refused => return false,
        }
    }
    label_bytes > 0 && host.len() <= HOST_BYTES_MAX
}

/// What a byte is in a host name.
#[derive(Clone, Copy)]
enum Class {
    Label,
    Dot,
    Refused,
}

const CLASS: [Class; 256] = {
    let mut class = [Class::Refused; 256];
    let mut byte = 0;
    while byte < 128 {
        let char = byte as u8;
        if char.is_ascii_alphanumeric() || matches!(char, b'-' | b'_' | b'~') {
            class[byte] = Class::Label;
        }
        byte += 1;
    }
    class[b'.' as usize] = Class::Dot;
    class
};
