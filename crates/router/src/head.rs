//! The one head of a message that every stage sees: HTTP/1 parses into it in place, HTTP/2 copies
//! into it, filters edit it, and both protocols write from it.
//!
//! Bytes live in two reused buffers: `raw`, as received, and `edits`, appended by whoever changes
//! something. Fields are spans into them, so that a request on a keep-alive connection allocates
//! nothing and unchanged runs of lines can be written as they came. No parsing happens here.

use std::fmt;

mod known;

pub use known::Known;

/// Request or response line and fields.
#[derive(Default)]
pub struct Head {
    raw: Vec<u8>,
    edits: Vec<u8>,
    fields: Vec<Field>,
    /// Request: the method. Empty in a response.
    pub method: Span,
    /// Request: scheme and authority are empty when the sender gave none.
    pub scheme: Span,
    /// Request: host and port as sent (`Host`, `:authority` or the absolute target).
    pub authority: Span,
    /// Request: the authority's host as it is matched: lower case, no port, no trailing dot.
    pub host: Span,
    /// Request: the path, normalised before it is matched; what is matched is what is forwarded.
    pub path: Span,
    /// Request: what follows `?`, without it; `has_query` tells an empty one from none.
    pub query: Span,
    /// Request: whether the target had a `?`.
    pub has_query: bool,
    /// Response: the status code. 0 in a request.
    pub status: u16,
    /// Whether the peer spoke HTTP/1.0.
    pub http10: bool,
}

/// A run of bytes in one of a head's two buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

/// One field line.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name as sent.
    pub name: Span,
    /// The value without white space around it.
    pub value: Span,
    /// The whole line with its line end; neighbours in `raw` can be written as one run.
    line: Span,
    /// Which well-known name it is.
    pub known: Known,
}

impl Head {
    /// Empties it for the next message; buffers keep their capacity.
    pub fn clear(&mut self) {
        let Self { raw, edits, fields, .. } = self;
        raw.clear();
        edits.clear();
        fields.clear();
        self.method = Span::default();
        self.scheme = Span::default();
        self.authority = Span::default();
        self.host = Span::default();
        self.path = Span::default();
        self.query = Span::default();
        self.has_query = false;
        self.status = 0;
        self.http10 = false;
    }

    /// The buffer that a codec reads into. Spans made by [`Span::raw`] point into it.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// As [`Head::raw`], to append to; what spans point to must stay in place.
    pub fn raw_mut(&mut self) -> &mut Vec<u8> {
        &mut self.raw
    }

    /// The bytes of a span.
    pub fn bytes(&self, span: Span) -> &[u8] {
        let (buffer, start) = match span.start & EDITED {
            0 => (&self.raw, span.start as usize),
            _ => (&self.edits, (span.start & !EDITED) as usize),
        };
        buffer.get(start..start + span.len as usize).unwrap_or_default()
    }

    /// The text of a span, empty where it is not UTF-8.
    pub fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.bytes(span)).unwrap_or_default()
    }

    /// Appends bytes to the edits.
    pub fn store(&mut self, bytes: &[u8]) -> Span {
        let start = self.edits.len() as u32;
        self.edits.extend_from_slice(bytes);
        Span { start: start | EDITED, len: bytes.len() as u32 }
    }

    /// Appends several pieces to the edits as one run. Pieces may not lie in this head.
    pub fn store_all(&mut self, pieces: &[&[u8]]) -> Span {
        let start = self.edits.len();
        for piece in pieces {
            self.edits.extend_from_slice(piece);
        }
        Span { start: start as u32 | EDITED, len: (self.edits.len() - start) as u32 }
    }

    /// Appends a text followed by a run of this head to the edits, as one run.
    pub fn store_before(&mut self, text: &[u8], rest: Span) -> Span {
        let start = self.edits.len();
        self.edits.extend_from_slice(text);
        if rest.start & EDITED == 0 {
            self.edits.extend_from_slice(slice(&self.raw, &[], rest));
        } else {
            let from = (rest.start & !EDITED) as usize;
            self.edits.extend_from_within(from..from + rest.len as usize);
        }
        Span { start: start as u32 | EDITED, len: (self.edits.len() - start) as u32 }
    }

    /// Adds a line that a codec found in `raw`: its name, its trimmed value, and the whole line.
    pub fn push_raw(&mut self, name: Span, value: Span, line: Span) {
        let known = Known::of(self.bytes(name));
        self.fields.push(Field { name, value, line, known });
    }

    /// Adds a field behind all others.
    pub fn append(&mut self, name: &[u8], value: &[u8]) {
        let line = self.store_all(&[name, b": ", value, b"\r\n"]);
        let at = line.start;
        let name = Span { start: at, len: name.len() as u32 };
        let value = Span { start: at + name.len + 2, len: value.len() as u32 };
        self.push_raw(name, value, line);
    }

    /// As [`Head::append`], with a value that stands in this head already.
    pub fn append_span(&mut self, name: &[u8], value: Span) {
        let start = self.store_all(&[name, b": "]).start;
        let value = self.store_before(b"", value);
        self.store(b"\r\n");
        let name = Span { start, len: name.len() as u32 };
        let line = Span { start, len: name.len + 2 + value.len + 2 };
        self.push_raw(name, value, line);
    }

    /// All fields in order.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> + '_ {
        self.fields.iter().map(|field| (self.bytes(field.name), self.bytes(field.value)))
    }

    /// All fields in order, as spans.
    pub fn field_spans(&self) -> &[Field] {
        &self.fields
    }

    /// The values of all fields of a name, compared without case.
    pub fn values<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + 'a {
        let known = Known::of(name);
        self.fields
            .iter()
            .filter(move |field| {
                field.known == known
                    && (known != Known::Other || self.bytes(field.name).eq_ignore_ascii_case(name))
            })
            .map(|field| self.bytes(field.value))
    }

    /// The value of the first field of a well-known name.
    pub fn known(&self, known: Known) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.known == known).map(|field| self.bytes(field.value))
    }

    /// Replaces all fields of a name by one.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.append(name, value);
    }

    /// Joins a value to the field of that name by a comma, or adds the field
    /// (Gateway API, `HTTPHeaderFilter.add`; RFC 9110 §5.3).
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let mut joined = Vec::new();
        for old in self.values(name) {
            joined.extend_from_slice(old);
            joined.push(b',');
        }
        joined.extend_from_slice(value);
        self.set(name, &joined);
    }

    /// Takes all fields of a name away.
    pub fn remove(&mut self, name: &[u8]) {
        let known = Known::of(name);
        let Self { raw, edits, fields, .. } = self;
        fields.retain(|field| {
            let same = field.known == known
                && (known != Known::Other
                    || slice(raw, edits, field.name).eq_ignore_ascii_case(name));
            !same
        });
    }

    /// Keeps only the fields for which `keep` holds, given name and value.
    pub fn retain(&mut self, mut keep: impl FnMut(Known, &[u8], &[u8]) -> bool) {
        let Self { raw, edits, fields, .. } = self;
        fields.retain(|field| {
            keep(field.known, slice(raw, edits, field.name), slice(raw, edits, field.value))
        });
    }

    /// The field lines in order, as few runs of bytes as they lie in.
    pub fn runs(&self) -> impl Iterator<Item = &[u8]> + '_ {
        let mut rest = self.fields.as_slice();
        std::iter::from_fn(move || {
            let (first, mut tail) = rest.split_first()?;
            let mut run = first.line;
            while let Some((next, after)) = tail.split_first()
                && next.line.start == run.start + run.len
            {
                run.len += next.line.len;
                tail = after;
            }
            rest = tail;
            Some(self.bytes(run))
        })
    }
}

impl Span {
    /// A run in `raw`.
    pub fn raw(start: usize, len: usize) -> Self {
        Self { start: start as u32, len: len as u32 }
    }

    /// Whether it holds nothing.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// How many bytes it holds.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// The part from `from` up to `to`, both relative to this span and clamped to it.
    pub fn sub(self, from: usize, to: usize) -> Self {
        let to = (to as u32).min(self.len);
        let from = (from as u32).min(to);
        Self { start: self.start + from, len: to - from }
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |span| String::from_utf8_lossy(self.bytes(span)).into_owned();
        f.debug_struct("Head")
            .field("method", &text(self.method))
            .field("authority", &text(self.authority))
            .field("path", &text(self.path))
            .field("status", &self.status)
            .field("fields", &self.fields.len())
            .finish_non_exhaustive()
    }
}

fn slice<'a>(raw: &'a [u8], edits: &'a [u8], span: Span) -> &'a [u8] {
    let (buffer, start) = match span.start & EDITED {
        0 => (raw, span.start as usize),
        _ => (edits, (span.start & !EDITED) as usize),
    };
    buffer.get(start..start + span.len as usize).unwrap_or_default()
}

/// The bit of `Span::start` that tells `edits` from `raw`. Heads are far smaller than 2 GiB.
const EDITED: u32 = 1 << 31;

#[cfg(test)]
mod tests;
