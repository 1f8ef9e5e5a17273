//! The fields of a block into a [`Head`], one by one, and what RFC 9113 §8.2 and §8.3 forbid.

use router::{
    Head,
    head::{Known, Span},
};

use crate::{
    http::{Violation, hop, syntax},
    limits,
};

/// What is wrong with a head, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::h2) enum Fault {
    /// It can be answered.
    Answer(Violation),
    /// It is malformed (RFC 9113 §8.1.1): its stream is reset.
    Stream,
    /// It holds a field that no HTTP/2 peer sends, but who smuggles does: its connection ends.
    Connection,
}

/// Reads one head. It goes on behind a fault, because the block has to be decoded to its end, but
/// keeps nothing more.
pub(in crate::h2) struct Reader<'h> {
    head: &'h mut Head,
    kind: Kind,
    fault: Option<Fault>,
    /// As RFC 9113 §6.5.2 counts them.
    list_bytes: usize,
    fields: usize,
    /// A field that is no pseudo-field came.
    begun: bool,
    pseudo: u8,
    has_host: bool,
    /// Where the authority stands among the pseudo-fields.
    authority_at: usize,
    /// Where crumbs of cookies wait to become one line.
    crumbs: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Response,
    Trailers,
}

impl<'h> Reader<'h> {
    /// A request, into a clear head.
    pub(in crate::h2) fn request(head: &'h mut Head) -> Self {
        Self::new(Kind::Request, head)
    }

    /// A response, interim or final, into a clear head.
    pub(in crate::h2) fn response(head: &'h mut Head) -> Self {
        Self::new(Kind::Response, head)
    }

    /// Trailers, into a clear head.
    pub(in crate::h2) fn trailers(head: &'h mut Head) -> Self {
        Self::new(Kind::Trailers, head)
    }

    fn new(kind: Kind, head: &'h mut Head) -> Self {
        let (fault, crumbs) = (None, Vec::new());
        let (list_bytes, fields, pseudo, authority_at) = (0, 0, 0, 0);
        let (begun, has_host) = (false, false);
        Self {
            head,
            kind,
            fault,
            list_bytes,
            fields,
            begun,
            pseudo,
            has_host,
            authority_at,
            crumbs,
        }
    }

    /// Takes the next field.
    pub(in crate::h2) fn field(&mut self, name: &[u8], value: &[u8]) {
        self.list_bytes += name.len() + value.len() + 32;
        let large = self.list_bytes > limits::H2_HEADER_LIST_BYTES_MAX as usize;
        if large || self.head.raw().len() > limits::HEAD_BYTES_MAX {
            return self.note(Fault::Answer(Violation::HeadTooLarge));
        }
        let taken = match name {
            [b':', ..] => self.pseudo(name, value),
            _ => self.regular(name, value),
        };
        if let Err(fault) = taken {
            self.note(fault);
        }
    }

    /// The block is over. On an error the head may hold parts, for the log only.
    pub(in crate::h2) fn finish(mut self) -> Result<(), Fault> {
        if let Some(fault @ (Fault::Stream | Fault::Connection)) = self.fault {
            return Err(fault);
        }
        match self.kind {
            Kind::Request => self.finish_request()?,
            Kind::Response if self.pseudo == 0 => return Err(Fault::Stream),
            Kind::Response => {}
            Kind::Trailers => hop::keep_trailers(self.head),
        }
        match self.fault {
            Some(fault) => Err(fault),
            None if self.head.raw().len() > limits::HEAD_BYTES_MAX => {
                Err(Fault::Answer(Violation::HeadTooLarge))
            }
            None => Ok(()),
        }
    }

    fn finish_request(&mut self) -> Result<(), Fault> {
        if self.pseudo & METHOD == 0 {
            return Err(Fault::Stream);
        }
        if self.head.bytes(self.head.method) == b"CONNECT" {
            return Err(Fault::Answer(Violation::Connect));
        }
        if self.pseudo & (SCHEME | PATH) != SCHEME | PATH {
            return Err(Fault::Stream);
        }
        let asterisk = self.head.bytes(self.head.path) == b"*"
            && self.head.bytes(self.head.method) == b"OPTIONS";
        if !(asterisk || self.head.bytes(self.head.path).starts_with(b"/")) {
            self.note(Fault::Answer(Violation::Target));
        }
        if !self.begun {
            self.push_authority();
        }
        if self.pseudo & AUTHORITY == 0 && !self.has_host {
            self.note(Fault::Answer(Violation::HostMissing));
        }
        if !self.crumbs.is_empty() {
            let crumbs = std::mem::take(&mut self.crumbs);
            self.push_line(b"cookie", &crumbs);
        }
        Ok(())
    }

    fn note(&mut self, fault: Fault) {
        let rank = |fault: Fault| match fault {
            Fault::Answer(_) => 0,
            Fault::Stream => 1,
            Fault::Connection => 2,
        };
        if self.fault.is_none_or(|before| rank(before) < rank(fault)) {
            self.fault = Some(fault);
        }
    }

    /// RFC 9113 §8.3: in front of all others, each once, and none that is not known.
    fn pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        let bit = match (self.kind, name) {
            (Kind::Request, b":method") => METHOD,
            (Kind::Request, b":scheme") => SCHEME,
            (Kind::Request, b":path") => PATH,
            (Kind::Request, b":authority") => AUTHORITY,
            (Kind::Response, b":status") => STATUS,
            _ => return Err(Fault::Stream),
        };
        if self.begun || self.pseudo & bit != 0 {
            return Err(Fault::Stream);
        }
        self.pseudo |= bit;
        if syntax::value(value) < value.len() {
            return Err(Fault::Connection);
        }
        match bit {
            STATUS => self.status(value),
            METHOD => {
                if value.is_empty() || !value.iter().all(|byte| syntax::is_token(*byte)) {
                    return Err(Fault::Stream);
                }
                self.head.method = push(self.head, value);
                bound(value, limits::METHOD_BYTES_MAX, Violation::Method)
            }
            SCHEME => {
                let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                if value.is_empty() || !value.iter().all(known) {
                    return Err(Fault::Stream);
                }
                self.head.scheme = push(self.head, value);
                Ok(())
            }
            PATH => {
                if value.is_empty() {
                    return Err(Fault::Stream);
                }
                // Path and query as one run: `router::path` takes them apart.
                self.head.path = push(self.head, value);
                bound(value, limits::TARGET_BYTES_MAX, Violation::TargetTooLong)?;
                match value.iter().all(|byte| (0x21..=0x7e).contains(byte)) {
                    true => Ok(()),
                    false => Err(Fault::Answer(Violation::Target)),
                }
            }
            _ => {
                self.authority_at = self.head.raw().len();
                self.head.authority = push(self.head, value);
                match value.is_empty() {
                    true => Err(Fault::Answer(Violation::Host)),
                    false => Ok(()),
                }
            }
        }
    }

    fn status(&mut self, value: &[u8]) -> Result<(), Fault> {
        let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = value else {
            return Err(Fault::Stream);
        };
        let [a, b, c] = [a, b, c].map(|digit| u16::from(digit - b'0'));
        self.head.status = a * 100 + b * 10 + c;
        Ok(())
    }

    fn regular(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        if !self.begun {
            self.begun = true;
            self.push_authority();
        }
        if !is_name(name) || syntax::value(value) < value.len() {
            return Err(Fault::Connection);
        }
        self.fields += 1;
        let (most, many) = match self.kind {
            Kind::Trailers => (limits::TRAILER_FIELDS_MAX, Violation::TrailersTooLarge),
            _ => (limits::FIELDS_MAX, Violation::TooManyFields),
        };
        if self.fields > most {
            return Err(Fault::Answer(many));
        }
        // RFC 9113 §8.2.1: no white space around a value.
        let blank = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if blank(value.first()) || blank(value.last()) {
            return Err(Fault::Answer(Violation::FieldValue));
        }
        if self.fault.is_some() {
            return self.check(Known::of(name), value);
        }
        let known = Known::of(name);
        self.check(known, value)?;
        match (self.kind, known) {
            (Kind::Request, Known::Host) => self.host(value),
            (Kind::Request, Known::Cookie) => {
                if !self.crumbs.is_empty() {
                    self.crumbs.extend_from_slice(b"; ");
                }
                self.crumbs.extend_from_slice(value);
                Ok(())
            }
            (Kind::Request | Kind::Response, Known::ContentLength) => self.length(value),
            (Kind::Trailers, _) => {
                self.push_line(name, value);
                match self.head.raw().len() > limits::TRAILER_BYTES_MAX {
                    true => Err(Fault::Answer(Violation::TrailersTooLarge)),
                    false => Ok(()),
                }
            }
            _ => {
                self.push_line(name, value);
                Ok(())
            }
        }
    }

    /// RFC 9113 §8.2.2.
    fn check(&self, known: Known, value: &[u8]) -> Result<(), Fault> {
        match known {
            Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::TransferEncoding
            | Known::Upgrade => Err(Fault::Stream),
            Known::Te if !value.eq_ignore_ascii_case(b"trailers") => Err(Fault::Stream),
            _ => Ok(()),
        }
    }

    /// Where authority and `Host` are both there they must agree (RFC 9113 §8.3.1).
    fn host(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.has_host {
            return Err(Fault::Answer(Violation::HostDuplicate));
        }
        self.has_host = true;
        if self.pseudo & AUTHORITY == 0 {
            self.head.authority = self.push_line(b"host", value);
        }
        let authority = self.head.bytes(self.head.authority);
        match value.is_empty() || !value.eq_ignore_ascii_case(authority) {
            true => Err(Fault::Answer(Violation::Host)),
            false => Ok(()),
        }
    }

    /// It may be told twice, if it is the same (RFC 9110 §8.6); HTTP/1 gets it once.
    fn length(&mut self, value: &[u8]) -> Result<(), Fault> {
        let length = syntax::content_length(value).map_err(|_| Fault::Stream)?;
        match super::length(self.head) {
            Some(before) if before == length => Ok(()),
            Some(_) => Err(Fault::Stream),
            None => {
                self.push_line(b"content-length", value);
                Ok(())
            }
        }
    }

    /// The authority becomes a `Host` line, so that a head that is forwarded by HTTP/1 is like any
    /// other. Right before the fields, so that all lines are one run.
    fn push_authority(&mut self) {
        let authority = self.head.authority;
        if self.pseudo & AUTHORITY == 0 || authority.is_empty() {
            return;
        }
        let raw = self.head.raw_mut();
        let start = raw.len();
        raw.extend_from_slice(b"host: ");
        let at = raw.len();
        raw.extend_from_within(self.authority_at..self.authority_at + authority.len());
        raw.extend_from_slice(b"\r\n");
        let line = Span::raw(start, raw.len() - start);
        self.head.authority = Span::raw(at, authority.len());
        self.head.push_raw(Span::raw(start, 4), self.head.authority, line);
    }

    /// Appends a line; the span of its value.
    fn push_line(&mut self, name: &[u8], value: &[u8]) -> Span {
        let raw = self.head.raw_mut();
        let start = raw.len();
        raw.extend_from_slice(name);
        raw.extend_from_slice(b": ");
        raw.extend_from_slice(value);
        raw.extend_from_slice(b"\r\n");
        let (name, value) = (name.len(), Span::raw(start + name.len() + 2, value.len()));
        let line = Span::raw(start, name + 2 + value.len() + 2);
        self.head.push_raw(Span::raw(start, name), value, line);
        value
    }
}

fn push(head: &mut Head, bytes: &[u8]) -> Span {
    let start = head.raw().len();
    head.raw_mut().extend_from_slice(bytes);
    Span::raw(start, bytes.len())
}

fn bound(value: &[u8], most: usize, violation: Violation) -> Result<(), Fault> {
    if value.len() > most { Err(Fault::Answer(violation)) } else { Ok(()) }
}

/// RFC 9113 §8.2.1: a token without upper case.
fn is_name(name: &[u8]) -> bool {
    let lower = |byte: &u8| syntax::is_token(*byte) && !byte.is_ascii_uppercase();
    !name.is_empty() && name.iter().all(lower)
}

/// The pseudo-fields that came.
const METHOD: u8 = 1;
const SCHEME: u8 = 2;
const PATH: u8 = 4;
const AUTHORITY: u8 = 8;
const STATUS: u8 = 16;
