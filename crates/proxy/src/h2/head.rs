//! Heads between the `h2` crate and [`Head`]: copied in once, so that everything behind the seam
//! sees the same lines that HTTP/1 would have read, and made anew on the way out.
//!
//! `h2` has already refused upper case in names, connection-specific fields, pseudo-fields that are
//! missing, doubled, unknown or out of place, a path that is no path, and a `content-length` that
//! is no number or belies the body. What is left of RFC 9113 §8 is checked here. A fragment never
//! arrives: the `http` crate cuts it off.

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, USER_AGENT},
    uri::{Authority, PathAndQuery, Scheme},
};
use bytes::{BufMut, BytesMut};
use router::{
    Head,
    head::{Known, Span},
};

use crate::{
    http::{BodyKind, Violation, hop},
    limits,
};

/// Reads a request head into a clear `head`. On an error it may hold parts, for the log only.
pub(super) fn read_request(
    method: &Method,
    uri: &Uri,
    fields: &HeaderMap,
    head: &mut Head,
) -> Result<(), Violation> {
    head.method = push(head, method.as_str().as_bytes());
    if method.as_str().len() > limits::METHOD_BYTES_MAX {
        return Err(Violation::Method);
    }
    if let Some(scheme) = uri.scheme_str() {
        head.scheme = push(head, scheme.as_bytes());
    }
    if method == Method::CONNECT {
        return Err(Violation::Connect);
    }
    target(uri, head)?;
    // Right before the fields, so that all lines are one run.
    let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
    host(authority, fields, head)?;
    read_fields(fields, limits::FIELDS_MAX, limits::HEAD_BYTES_MAX, head)
}

/// Reads a response head, interim or final, into a clear `head`.
pub(super) fn read_response(
    status: StatusCode,
    fields: &HeaderMap,
    head: &mut Head,
) -> Result<(), Violation> {
    head.status = status.as_u16();
    read_fields(fields, limits::FIELDS_MAX, limits::HEAD_BYTES_MAX, head)
}

/// Reads those trailers into a clear `head` that may be passed on.
pub(super) fn read_trailers(fields: &HeaderMap, head: &mut Head) -> Result<(), Violation> {
    read_fields(fields, limits::TRAILER_FIELDS_MAX, limits::TRAILER_BYTES_MAX, head)
        .map_err(|_| Violation::TrailersTooLarge)?;
    hop::keep_trailers(head);
    Ok(())
}

/// What the fields say about the body. `h2` holds the body to it.
pub(super) fn body(head: &Head, ended: bool) -> BodyKind {
    let length = head.known(Known::ContentLength).map(|digits| {
        let digit = |sum: u64, digit: &u8| {
            sum.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0')))
        };
        digits.iter().fold(0, digit)
    });
    match (length, ended) {
        (Some(0), true) => BodyKind::Length(0),
        (_, true) => BodyKind::None,
        (Some(length), false) => BodyKind::Length(length),
        (None, false) => BodyKind::Stream,
    }
}

/// A request head for `h2`.
pub(super) fn write_request(head: &Head, body: BodyKind) -> Result<Request<()>, Violation> {
    let mut request = Request::new(());
    *request.method_mut() =
        Method::from_bytes(head.bytes(head.method)).map_err(|_| Violation::Method)?;
    let mut target = BytesMut::from(head.bytes(head.path));
    if head.has_query {
        target.put_u8(b'?');
        target.put_slice(head.bytes(head.query));
    }
    let mut parts = ::http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    let authority = head.bytes(head.authority);
    parts.authority = Some(Authority::try_from(authority).map_err(|_| Violation::Host)?);
    let target = PathAndQuery::from_maybe_shared(target.freeze());
    parts.path_and_query = Some(target.map_err(|_| Violation::Target)?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Violation::Target)?;
    *request.headers_mut() = write_fields(head, length(body))?;
    Ok(request)
}

/// A response head for `h2`.
pub(super) fn write_response(head: &Head, length: Option<u64>) -> Result<Response<()>, Violation> {
    let mut response = Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(head.status).map_err(|_| Violation::StatusLine)?;
    *response.headers_mut() = write_fields(head, length)?;
    Ok(response)
}

/// Trailers for `h2`.
pub(super) fn write_trailers(head: &Head) -> Result<HeaderMap, Violation> {
    write_fields(head, None)
}

/// The length that `content-length` should tell.
pub(super) fn length(body: BodyKind) -> Option<u64> {
    match body {
        BodyKind::Length(length) => Some(length),
        BodyKind::None | BodyKind::Stream => None,
    }
}

/// The authority becomes a `Host` line, so that a head that is forwarded by HTTP/1 is like any
/// other. Where both are there they must agree (RFC 9113 §8.3.1).
fn host(authority: Option<&[u8]>, fields: &HeaderMap, head: &mut Head) -> Result<(), Violation> {
    let mut hosts = fields.get_all(::http::header::HOST).iter().map(HeaderValue::as_bytes);
    let (host, more) = (hosts.next(), hosts.next());
    let authority = authority.or(host).ok_or(Violation::HostMissing)?;
    head.authority = push_line(head, b"host", authority);
    if more.is_some() {
        return Err(Violation::HostDuplicate);
    }
    if authority.is_empty() || host.is_some_and(|host| !host.eq_ignore_ascii_case(authority)) {
        return Err(Violation::Host);
    }
    Ok(())
}

/// Path and query as one run: `router::path` takes them apart.
fn target(uri: &Uri, head: &mut Head) -> Result<(), Violation> {
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str).as_bytes();
    head.path = push(head, target);
    if target.len() > limits::TARGET_BYTES_MAX {
        return Err(Violation::TargetTooLong);
    }
    let asterisk = target == b"*" && head.bytes(head.method) == b"OPTIONS";
    let visible = target.iter().all(|byte| (0x21..=0x7e).contains(byte));
    if !(target.starts_with(b"/") || asterisk) || !visible {
        return Err(Violation::Target);
    }
    Ok(())
}

/// Appends all fields but `Host`, which is there already. Cookie crumbs are counted one by one and
/// become one line (RFC 9113 §8.2.3).
fn read_fields(
    fields: &HeaderMap,
    count_max: usize,
    bytes_max: usize,
    head: &mut Head,
) -> Result<(), Violation> {
    if fields.len() > count_max {
        return Err(Violation::TooManyFields);
    }
    for name in fields.keys() {
        let known = Known::of(name.as_str().as_bytes());
        let is_request = head.status == 0;
        let mut values = fields.get_all(name).iter();
        match known {
            Known::Host if is_request => continue,
            Known::Cookie if is_request => {
                push_crumbs(head, values.map(HeaderValue::as_bytes))?;
            }
            // All are the same number, or `h2` would have refused them.
            Known::ContentLength => {
                if let Some(value) = values.next() {
                    push_line(head, name.as_str().as_bytes(), value.as_bytes());
                }
            }
            _ => {
                for value in values {
                    check_value(value.as_bytes())?;
                    push_line(head, name.as_str().as_bytes(), value.as_bytes());
                }
            }
        }
        if head.raw().len() > bytes_max {
            return Err(Violation::HeadTooLarge);
        }
    }
    Ok(())
}

/// RFC 9113 §8.2.1: no white space around a value; the rest `h2` has checked.
fn check_value(value: &[u8]) -> Result<(), Violation> {
    let blank = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    if blank(value.first()) || blank(value.last()) {
        return Err(Violation::FieldValue);
    }
    Ok(())
}

fn push(head: &mut Head, bytes: &[u8]) -> Span {
    let start = head.raw().len();
    head.raw_mut().extend_from_slice(bytes);
    Span::raw(start, bytes.len())
}

/// Appends a line; the span of its value.
fn push_line(head: &mut Head, name: &[u8], value: &[u8]) -> Span {
    let name = push(head, name);
    push(head, b": ");
    let value = push(head, value);
    end_line(head, name, value);
    value
}

fn push_crumbs<'v>(
    head: &mut Head,
    crumbs: impl Iterator<Item = &'v [u8]>,
) -> Result<(), Violation> {
    let name = push(head, b"cookie");
    push(head, b": ");
    let start = head.raw().len();
    for (at, crumb) in crumbs.enumerate() {
        check_value(crumb)?;
        if at > 0 {
            push(head, b"; ");
        }
        push(head, crumb);
    }
    let value = Span::raw(start, head.raw().len() - start);
    end_line(head, name, value);
    Ok(())
}

fn end_line(head: &mut Head, name: Span, value: Span) {
    push(head, b"\r\n");
    // `name: value\r\n`, so its start is known from what stands between.
    let len = name.len() + 2 + value.len() + 2;
    let line = Span::raw(head.raw().len() - len, len);
    head.push_raw(name, value, line);
}

/// All fields but those that HTTP/2 has other means for. Values share one buffer.
fn write_fields(head: &Head, length: Option<u64>) -> Result<HeaderMap, Violation> {
    let mut map = HeaderMap::with_capacity(head.field_spans().len() + 1);
    let bytes = head.field_spans().iter().map(|field| field.value.len()).sum();
    let mut values = BytesMut::with_capacity(bytes);
    for field in head.field_spans().iter().filter(|field| !is_forbidden(field.known)) {
        let name = name(field.known, head.bytes(field.name));
        values.put_slice(head.bytes(field.value));
        let value = HeaderValue::from_maybe_shared(values.split().freeze());
        map.append(name?, value.map_err(|_| Violation::FieldValue)?);
    }
    if let Some(length) = length {
        map.insert(CONTENT_LENGTH, length.into());
    }
    Ok(map)
}

/// Names that almost every message has are there already; the others are read again.
fn name(known: Known, name: &[u8]) -> Result<HeaderName, Violation> {
    Ok(match known {
        Known::Date => DATE,
        Known::ContentType => CONTENT_TYPE,
        Known::UserAgent => USER_AGENT,
        _ => HeaderName::from_bytes(name).map_err(|_| Violation::FieldName)?,
    })
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

#[cfg(test)]
mod tests;
