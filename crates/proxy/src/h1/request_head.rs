//! The head of a request, from bytes into a [`Head`].

use router::{
    Head,
    head::{Known, Span},
};

use crate::{
    h1::{
        framing::{self, Framing},
        scan,
    },
    http::{Violation, syntax},
    limits,
};

/// Reads a complete request head, its empty line included, and says how its body is framed.
///
/// `head` must be clear. On an error it may hold parts, which serve for the log only.
pub(super) fn parse(bytes: &[u8], head: &mut Head) -> Result<Framing, Violation> {
    head.raw_mut().extend_from_slice(bytes);
    let line_end = memchr::memchr(b'\n', bytes).ok_or(Violation::RequestLine)?;
    let line = bytes[..line_end].strip_suffix(b"\r").ok_or(Violation::BareLineFeed)?;
    request_line(line, head)?;
    scan::fields(head, line_end + 1, bytes.len(), limits::FIELDS_MAX)?;
    host(head)?;
    framing::of_request(head)
}

/// `method SP target SP version`, single spaces and nothing else (RFC 9112 §3). What the target
/// means is not for the codec to say: `router::path` reads it.
fn request_line(line: &[u8], head: &mut Head) -> Result<(), Violation> {
    let method = line.iter().position(|b| !syntax::is_token(*b)).ok_or(Violation::RequestLine)?;
    if method == 0 || method > limits::METHOD_BYTES_MAX || line[method] != b' ' {
        return Err(Violation::Method);
    }
    head.method = Span::raw(0, method);
    let start = method + 1;
    let target = line[start..].iter().position(|byte| *byte == b' ');
    let target = target.ok_or(Violation::RequestLine)?;
    if target > limits::TARGET_BYTES_MAX {
        return Err(Violation::TargetTooLong);
    }
    if target == 0 || line[start..start + target].iter().any(|b| !(0x21..=0x7e).contains(b)) {
        return Err(Violation::Target);
    }
    head.path = Span::raw(start, target);
    let version = &line[start + target + 1..];
    if !starts_like_http(version)
        && !version.rsplit(|b| *b == b' ').next().is_some_and(starts_like_http)
    {
        return Err(Violation::NotHttp);
    }
    head.http10 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(Violation::Version);
        }
        _ => return Err(Violation::RequestLine),
    };
    match head.bytes(head.method) {
        b"CONNECT" => Err(Violation::Connect),
        _ => Ok(()),
    }
}

/// Whether what stands for a version, as far as it goes, could be one of HTTP.
fn starts_like_http(version: &[u8]) -> bool {
    version.iter().zip(b"http").all(|(found, letter)| found.eq_ignore_ascii_case(letter))
}

/// Exactly one `Host`, not empty; HTTP/1.0 may do without (RFC 9112 §3.2).
fn host(head: &mut Head) -> Result<(), Violation> {
    let mut hosts = head.field_spans().iter().filter(|field| field.known == Known::Host);
    let Some(host) = hosts.next().map(|field| field.value) else {
        return if head.http10 { Ok(()) } else { Err(Violation::HostMissing) };
    };
    if hosts.next().is_some() {
        return Err(Violation::HostDuplicate);
    }
    if host.is_empty() {
        return Err(Violation::Host);
    }
    head.authority = host;
    Ok(())
}
