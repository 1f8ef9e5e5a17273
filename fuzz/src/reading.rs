//! A second reading of RFC 9112, written from its text: slow, strict, all bytes at once. It shares
//! no code and no order of steps with `crates/proxy/src/h1`, only the shape of its outcome.
//!
//! Two liberties are ours, and stated here: one empty line before a request (§2.2), and no space
//! behind a status without a reason. What stands in a chunk extension is nobody's business as long
//! as it is visible.

use proxy::fuzzing::{End, Fields, Message, Reading, Start};

/// Reads what a client sends.
pub(crate) fn requests(bytes: &[u8]) -> Reading {
    read(bytes, request)
}

/// Reads what a backend sends.
pub(crate) fn responses(bytes: &[u8], to_head: bool) -> Reading {
    read(bytes, |rest| response(rest, to_head))
}

type Read<T> = Result<T, End>;

/// How long a body is.
enum Length {
    Bytes(usize),
    Chunks,
    UntilTheEnd,
}

fn read(mut rest: &[u8], head: impl Fn(&mut &[u8]) -> Read<(Message, Length)>) -> Reading {
    let mut messages = Vec::new();
    loop {
        let (mut message, length) = match head(&mut rest) {
            Ok(found) => found,
            Err(end) => return Reading { messages, end },
        };
        let read = body(&mut rest, length, &mut message);
        message.whole = read.is_ok();
        messages.push(message);
        if let Err(end) = read {
            return Reading { messages, end };
        }
    }
}

fn request(rest: &mut &[u8]) -> Read<(Message, Length)> {
    if let Some(behind) = rest.strip_prefix(b"\r\n") {
        *rest = behind;
    }
    let lines = section(rest, 60 * 1024)?;
    let (first, lines) = lines.split_first().ok_or(End::Refused)?;
    let words: Vec<&[u8]> = first.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words[..] else { return Err(End::Refused) };
    require(!method.is_empty() && method.len() <= 32 && method.iter().all(is_tchar))?;
    require(!target.is_empty() && target.len() <= 32 * 1024)?;
    require(target.iter().all(u8::is_ascii_graphic))?;
    require(version == b"HTTP/1.1" || version == b"HTTP/1.0")?;
    // A proxy that opens tunnels is another product.
    require(method != b"CONNECT")?;
    let http10 = version == b"HTTP/1.0";
    let fields = fields(lines, 100)?;
    // §3.2
    match &values(&fields, "host")[..] {
        [] => require(http10)?,
        [host] => require(!host.is_empty())?,
        _ => return Err(End::Refused),
    }
    let length = declared(&fields, http10)?.unwrap_or(Length::Bytes(0));
    let start = Start::Request(method.to_vec(), target.to_vec());
    Ok((message(start, http10, fields), length))
}

fn response(rest: &mut &[u8], to_head: bool) -> Read<(Message, Length)> {
    let lines = section(rest, 60 * 1024)?;
    let (first, lines) = lines.split_first().ok_or(End::Refused)?;
    let http10 = first.starts_with(b"HTTP/1.0 ");
    require(http10 || first.starts_with(b"HTTP/1.1 "))?;
    let (code, reason) = first[9..].split_at_checked(3).ok_or(End::Refused)?;
    require(code.iter().all(u8::is_ascii_digit))?;
    let status = code.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    require(status >= 100)?;
    require(reason.is_empty() || reason[0] == b' ' && reason.iter().all(is_text))?;
    let fields = fields(lines, 100)?;
    let declared = declared(&fields, http10)?;
    let never = status < 200 || status == 204;
    // §6.1: no transfer coding where there can be no body.
    require(!(never && matches!(declared, Some(Length::Chunks))))?;
    let length = match declared {
        _ if never || to_head || status == 304 => Length::Bytes(0),
        Some(length) => length,
        None => Length::UntilTheEnd,
    };
    Ok((message(Start::Response(status), http10, fields), length))
}

/// Section 6.3.
fn declared(fields: &Fields, http10: bool) -> Read<Option<Length>> {
    let (lengths, codings) =
        (values(fields, "content-length"), values(fields, "transfer-encoding"));
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(None),
        ([length], []) => {
            require((1..=18).contains(&length.len()) && length.iter().all(u8::is_ascii_digit))?;
            let text = String::from_utf8_lossy(length);
            text.parse().map(|length| Some(Length::Bytes(length))).map_err(|_| End::Refused)
        }
        ([], [coding]) if !http10 && coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Some(Length::Chunks))
        }
        _ => Err(End::Refused),
    }
}

fn body(rest: &mut &[u8], length: Length, message: &mut Message) -> Read<()> {
    match length {
        Length::Bytes(length) => take(rest, length, &mut message.body),
        Length::UntilTheEnd => take(rest, usize::MAX, &mut message.body),
        Length::Chunks => {
            chunks(rest, &mut message.body)?;
            let trailers = fields(&section(rest, 8 * 1024)?, 32)?;
            message.trailers = trailers.into_iter().filter(|(name, _)| !is_dropped(name)).collect();
            Ok(())
        }
    }
}

/// Section 7.1.
fn chunks(rest: &mut &[u8], body: &mut Vec<u8>) -> Read<()> {
    let mut extensions = 0;
    loop {
        // A line that cannot become a short one is refused, though its end has not come.
        let line = line(rest).map_err(|end| if rest.len() >= 256 { End::Refused } else { end })?;
        require(line.len() + 2 <= 256)?;
        let digits = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
        let (size, extension) = line.split_at(digits);
        require((1..=15).contains(&size.len()) && size.iter().all(u8::is_ascii_hexdigit))?;
        require(extension.iter().all(is_text))?;
        extensions += extension.len();
        require(extensions <= 16 * 1024)?;
        let size = usize::from_str_radix(&String::from_utf8_lossy(size), 16);
        let size = size.map_err(|_| End::Refused)?;
        if size == 0 {
            return Ok(());
        }
        take(rest, size, body)?;
        match rest {
            [] | [b'\r'] => return Err(End::Waiting),
            [b'\r', b'\n', behind @ ..] => *rest = behind,
            _ => return Err(End::Refused),
        }
    }
}

/// The lines up to an empty one.
fn section<'a>(rest: &mut &'a [u8], bytes_max: usize) -> Read<Vec<&'a [u8]>> {
    let (all, mut lines) = (rest.len(), Vec::new());
    loop {
        let line = match line(rest) {
            Err(End::Waiting) if all > bytes_max => return Err(End::Refused),
            line => line?,
        };
        if line.is_empty() {
            require(all - rest.len() <= bytes_max)?;
            return Ok(lines);
        }
        lines.push(line);
    }
}

/// One line, without its CR LF. Neither stands alone anywhere (§2.2).
fn line<'a>(rest: &mut &'a [u8]) -> Read<&'a [u8]> {
    let feed = rest.iter().position(|byte| *byte == b'\n').ok_or(End::Waiting)?;
    let line = rest[..feed].strip_suffix(b"\r").ok_or(End::Refused)?;
    *rest = &rest[feed + 1..];
    Ok(line)
}

/// Section 5.
fn fields(lines: &[&[u8]], max: usize) -> Read<Fields> {
    require(lines.len() <= max)?;
    let field = |line: &&[u8]| {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(End::Refused)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        require(!name.is_empty() && name.iter().all(is_tchar))?;
        require(value.iter().all(is_text))?;
        Ok((name.to_vec(), trim(value).to_vec()))
    };
    lines.iter().map(field).collect()
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', behind @ ..] = value {
        value = behind;
    }
    while let [before @ .., b' ' | b'\t'] = value {
        value = before;
    }
    value
}

fn take(rest: &mut &[u8], length: usize, body: &mut Vec<u8>) -> Read<()> {
    let (now, behind) = rest.split_at(length.min(rest.len()));
    body.extend_from_slice(now);
    *rest = behind;
    if now.len() == length { Ok(()) } else { Err(End::Waiting) }
}

fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a [u8]> {
    let named = |field: &&(Vec<u8>, Vec<u8>)| field.0.eq_ignore_ascii_case(name.as_bytes());
    fields.iter().filter(named).map(|(_, value)| &value[..]).collect()
}

/// RFC 9110 §5.6.2.
fn is_tchar(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// What a value may hold: no control character but tab (RFC 9110 §5.5).
fn is_text(byte: &u8) -> bool {
    *byte == b'\t' || !byte.is_ascii_control()
}

fn is_dropped(name: &[u8]) -> bool {
    NO_TRAILERS.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

fn require(holds: bool) -> Read<()> {
    if holds { Ok(()) } else { Err(End::Refused) }
}

fn message(start: Start, http10: bool, fields: Fields) -> Message {
    Message { start, http10, fields, body: Vec::new(), trailers: Vec::new(), whole: false }
}

/// Framing, routing, trust, and what says how to read the content (RFC 9110 §6.5.1).
const NO_TRAILERS: [&str; 32] = [
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "location",
    "max-forwards",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];
