//! The request target, brought into one form before anything looks at it: what is matched is what
//! is forwarded, so that no rule can be walked around by another way to write a path.
//!
//! | in the target | becomes | why |
//! |---|---|---|
//! | `.` and `..` elements, also as `%2e` | resolved, never above the root | RFC 3986 §5.2.4 |
//! | `//` | `/`, after the dots | as Envoy Gateway |
//! | `\` | `/` | browsers and many backends read it so |
//! | `%2F`, `%5C` | 307 to the path with a slash in its place | as Envoy Gateway |
//! | `%41` (letters, digits, `-._~`) | the character | RFC 3986 §6.2.2.2: the same resource |
//! | `%c3` | `%C3` | RFC 3986 §6.2.2.1 |
//! | other escapes, `%25` too | stay; nothing is decoded twice | they may mean another thing |
//! | a slash at the end | stays | it is another resource |
//! | `%00`, `%zz`, `#`, control bytes, spaces, bytes above 0x7F | 400 | no URI (RFC 3986 §2) |
//! | the query | stays as it is; `#`, control bytes and the like: 400 | it is the backend's |
//! | `http://host/path` | path and host of it; `Host` is overridden | RFC 9112 §3.2.2 |
//! | `*` with OPTIONS, `host:port` with CONNECT | stay; no rule takes them | RFC 9112 §3.2.3–4 |
//! | host in upper case, a dot or `:` at its end | lower case without them | RFC 3986 §3.2.2 |
//! | host with `@`, other characters, empty labels, a bad port | 400 | has two readings |

use thiserror::Error;

use crate::{Answer, Cause, Head, Step, head::Span};

mod authority;

pub(crate) use authority::is_host;

/// Brings a request head into normal form.
///
/// Takes the raw target from `head.path` (the whole of it: HTTP/1 request target or `:path`) and
/// the host from `head.authority` (`Host` or `:authority`, as sent). Sets the path, the query and
/// the host, and, where they change, the authority and the `Host` field, which then agree. Nothing
/// is copied where everything is in normal form already. Answers a path with escaped slashes.
///
/// # Errors
/// A target or host that has no normal form. The answer is 400.
pub fn normalise(head: &mut Head) -> Result<Step, InvalidTarget> {
    let mut target = head.path;
    head.query = Span::default();
    head.has_query = false;
    let mut overrides = true;
    match split(head.bytes(target), head.bytes(head.method))? {
        Form::Origin | Form::Asterisk => overrides = false,
        Form::Absolute { scheme, authority, asterisk } => {
            let raw = target;
            head.scheme = raw.sub(0, scheme);
            head.authority = raw.sub(scheme + 3, authority);
            target = raw.sub(authority, raw.len());
            if asterisk {
                target = head.store(b"*");
            }
        }
        Form::Authority => {
            head.authority = target;
            target = Span::default();
        }
    }
    authority::normalise(head, overrides)?;
    path(head, target)
}

/// Why a target or host cannot be served.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum InvalidTarget {
    /// Neither a path, nor a URL, nor what the method allows beside them.
    #[error("the request target is in no form that the method allows")]
    Form,
    /// A URL of another scheme.
    #[error("the request target is a URL of a scheme other than http and https")]
    Scheme,
    /// A byte that no URI holds.
    #[error("the request target holds a byte that must be percent-encoded")]
    Byte,
    /// A `%` that starts no escape.
    #[error("the path holds a percent sign without two hexadecimal digits")]
    Escape,
    /// `%00`.
    #[error("the path holds an encoded zero byte")]
    Nul,
    /// A `#`.
    #[error("the request target holds a fragment")]
    Fragment,
    /// No host where one must be.
    #[error("the request names no host")]
    NoHost,
    /// A host that is none, or a port that is none.
    #[error("the request's host or port is malformed")]
    Host,
    /// Several hosts that differ.
    #[error("the request names more than one host")]
    Hosts,
}

/// The forms of a request target (RFC 9112 §3.2).
enum Form {
    Origin,
    /// Where scheme and authority end. `asterisk`: it stands for the server as a whole.
    Absolute {
        scheme: usize,
        authority: usize,
        asterisk: bool,
    },
    Authority,
    Asterisk,
}

fn split(target: &[u8], method: &[u8]) -> Result<Form, InvalidTarget> {
    match target {
        // Extended CONNECT (RFC 8441) has a path like any other request.
        [b'/', ..] => Ok(Form::Origin),
        // In HTTP/2, CONNECT has no path; the authority is known already.
        [] if method == b"CONNECT" => Ok(Form::Asterisk),
        _ if method == b"CONNECT" => Ok(Form::Authority),
        b"*" if method == b"OPTIONS" => Ok(Form::Asterisk),
        _ => {
            let scheme = find(target, b"://").ok_or(InvalidTarget::Form)?;
            let name = &target[..scheme];
            if !name.eq_ignore_ascii_case(b"http") && !name.eq_ignore_ascii_case(b"https") {
                return Err(InvalidTarget::Scheme);
            }
            let start = scheme + 3;
            let end = target[start..].iter().position(|byte| b"/?#\\".contains(byte));
            let authority = end.map_or(target.len(), |end| start + end);
            if authority == start {
                return Err(InvalidTarget::NoHost);
            }
            // RFC 9112 §3.2.4: OPTIONS of a URL without path and query asks about the server.
            let asterisk = authority == target.len() && method == b"OPTIONS";
            Ok(Form::Absolute { scheme, authority, asterisk })
        }
    }
}

fn path(head: &mut Head, target: Span) -> Result<Step, InvalidTarget> {
    let bytes = head.bytes(target);
    let (end, normal) = scan(bytes)?;
    let has_query = end < bytes.len();
    let no_path = bytes == b"*" || (bytes.is_empty() && head.bytes(head.method) == b"CONNECT");
    if no_path || (normal && end > 0) {
        head.path = target.sub(0, end);
    } else {
        let mut slash = false;
        let path = resolve(&decode(&bytes[..end], &mut slash)?);
        if slash {
            return Ok(Step::Answer(redirect(path, &bytes[end..])));
        }
        head.path = head.store(&path);
    }
    head.has_query = has_query;
    head.query = target.sub(end + 1, target.len());
    Ok(Step::Continue)
}

/// Where the path ends and whether it is in normal form. Looks at every byte of the target once.
fn scan(target: &[u8]) -> Result<(usize, bool), InvalidTarget> {
    let mut normal = true;
    let mut at = 0;
    while let Some(&byte) = target.get(at) {
        match CLASS[byte as usize] {
            Class::Plain => {}
            Class::Query => {
                target[at..].iter().try_for_each(|byte| in_query(*byte))?;
                break;
            }
            Class::Slash => normal &= !unusual_element(&target[at + 1..]),
            Class::Backslash => normal = false,
            Class::Percent => normal &= stays(&target[at + 1..])?,
            Class::Fragment => return Err(InvalidTarget::Fragment),
            Class::Refused => return Err(InvalidTarget::Byte),
        }
        at += 1;
    }
    Ok((at, normal))
}

fn in_query(byte: u8) -> Result<(), InvalidTarget> {
    match CLASS[byte as usize] {
        Class::Fragment => Err(InvalidTarget::Fragment),
        Class::Refused => Err(InvalidTarget::Byte),
        _ => Ok(()),
    }
}

/// Whether an element is empty (but not the last one), `.` or `..`.
fn unusual_element(rest: &[u8]) -> bool {
    let dots = rest.iter().take_while(|byte| **byte == b'.').count();
    match (dots, rest.get(dots)) {
        (0, next) => next == Some(&b'/'),
        (1 | 2, next) => matches!(next, None | Some(b'/' | b'?')),
        _ => false,
    }
}

/// Whether an escape stays as it is.
fn stays(digits: &[u8]) -> Result<bool, InvalidTarget> {
    let byte = escaped(digits).ok_or(InvalidTarget::Escape)?;
    if byte == 0 {
        return Err(InvalidTarget::Nul);
    }
    let lower = digits[..2].iter().any(u8::is_ascii_lowercase);
    Ok(!lower && !is_unreserved(byte) && byte != b'/' && byte != b'\\')
}

/// The path with every escape in its one form; `slash` tells whether an escaped slash became one.
fn decode(path: &[u8], slash: &mut bool) -> Result<Vec<u8>, InvalidTarget> {
    let mut out = Vec::with_capacity(path.len() + 1);
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => out.push(b'/'),
            b'%' => {
                let value = escaped(after).ok_or(InvalidTarget::Escape)?;
                rest = &after[2..];
                match value {
                    b'/' | b'\\' => {
                        *slash = true;
                        out.push(b'/');
                    }
                    value if is_unreserved(value) => out.push(value),
                    value => push_escape(&mut out, value),
                }
            }
            byte => out.push(byte),
        }
    }
    Ok(out)
}

/// The path without dot elements and doubled slashes, always with one at its start.
fn resolve(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 1);
    let mut elements =
        path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/').peekable();
    while let Some(element) = elements.next() {
        match element {
            b"." => {}
            b".." => out.truncate(out.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
            element => {
                out.push(b'/');
                out.extend_from_slice(element);
                continue;
            }
        }
        if elements.peek().is_none() {
            out.push(b'/');
        }
    }
    out.dedup_by(|a, b| *a == b'/' && *b == b'/');
    out
}

/// The location has one slash at its start, so that it cannot name another host.
fn redirect(path: Vec<u8>, query: &[u8]) -> Answer {
    let mut location = path;
    location.extend_from_slice(query);
    Answer { status: 307, headers: vec![("location", location)], cause: Cause::EscapedSlash }
}

/// A path of a manifest in the form that request paths have: its escapes, not its elements.
pub(crate) fn canonical(path: &str) -> String {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (CLASS[byte as usize], escaped(after)) {
            (Class::Percent, Some(value)) => {
                rest = &after[2..];
                if is_unreserved(value) { out.push(value) } else { push_escape(&mut out, value) }
            }
            (Class::Query | Class::Fragment | Class::Refused, _) => push_escape(&mut out, byte),
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// The byte that two hexadecimal digits at the start of a text stand for.
pub(crate) fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    Some((digit(0)? * 16 + digit(1)?) as u8)
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[b'%', DIGITS[byte as usize >> 4], DIGITS[byte as usize & 15]]);
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// What a byte means in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Slash,
    Backslash,
    Percent,
    Query,
    Fragment,
    Refused,
}

const CLASS: [Class; 256] = {
    let mut class = [Class::Refused; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        class[byte] = Class::Plain;
        byte += 1;
    }
    class[b'/' as usize] = Class::Slash;
    class[b'\\' as usize] = Class::Backslash;
    class[b'%' as usize] = Class::Percent;
    class[b'?' as usize] = Class::Query;
    class[b'#' as usize] = Class::Fragment;
    class
};

#[cfg(test)]
mod tests;
