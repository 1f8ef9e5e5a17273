//! The two tables of HPACK (RFC 7541 §2.3): the static one, and what the peer has had us remember.

use std::collections::VecDeque;

use super::Undecodable;

/// What an index means, of one direction of one connection.
pub(super) struct Table {
    /// Names and values, one after the other, the oldest first.
    bytes: Vec<u8>,
    /// How many bytes have gone from the front of `bytes`.
    gone: usize,
    entries: VecDeque<Entry>,
    size: usize,
    size_max: usize,
}

struct Entry {
    /// Where it begins, counted from the first byte that ever was.
    at: usize,
    name: usize,
    value: usize,
}

impl Entry {
    /// RFC 7541 §4.1.
    fn size(&self) -> usize {
        self.name + self.value + 32
    }
}

/// The name of an entry to be.
pub(super) enum Name<'n> {
    /// That of another entry.
    Of(usize),
    /// A new one.
    New(&'n [u8]),
}

impl Table {
    /// An empty one that grows up to [`SIZE_MAX`].
    pub(super) fn new() -> Self {
        let (bytes, entries) = (Vec::new(), VecDeque::new());
        Self { bytes, gone: 0, entries, size: 0, size_max: SIZE_MAX }
    }

    /// Name and value of an index (§2.3.3).
    pub(super) fn get(&self, index: usize) -> Result<(&[u8], &[u8]), Undecodable> {
        if let Some((name, value)) = index.checked_sub(1).and_then(|at| STATIC.get(at)) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let (at, name, value) = self.place(index)?;
        Ok((&self.bytes[at..at + name], &self.bytes[at + name..at + name + value]))
    }

    /// Remembers a field and forgets the oldest ones beyond the size (§4.4).
    pub(super) fn insert(&mut self, name: Name<'_>, value: &[u8]) -> Result<(), Undecodable> {
        let before = self.bytes.len();
        match name {
            Name::New(name) => self.bytes.extend_from_slice(name),
            Name::Of(index) => match index.checked_sub(1).and_then(|at| STATIC.get(at)) {
                Some((name, _)) => self.bytes.extend_from_slice(name.as_bytes()),
                None => {
                    let (at, name, _) = self.place(index)?;
                    self.bytes.extend_from_within(at..at + name);
                }
            },
        }
        let name = self.bytes.len() - before;
        let entry = Entry { at: self.gone + before, name, value: value.len() };
        self.bytes.extend_from_slice(value);
        self.size += entry.size();
        self.entries.push_back(entry);
        self.evict();
        Ok(())
    }

    /// The peer makes it smaller, or larger again (§6.3).
    pub(super) fn resize(&mut self, size: usize) -> Result<(), Undecodable> {
        if size > SIZE_MAX {
            return Err(Undecodable);
        }
        self.size_max = size;
        self.evict();
        Ok(())
    }

    /// Where an entry's bytes begin, and how long its two parts are. The newest has the first
    /// index.
    fn place(&self, index: usize) -> Result<(usize, usize, usize), Undecodable> {
        let nth = index.checked_sub(STATIC.len() + 1).ok_or(Undecodable)?;
        let at = self.entries.len().checked_sub(nth + 1).ok_or(Undecodable)?;
        let entry = self.entries.get(at).ok_or(Undecodable)?;
        Ok((entry.at - self.gone, entry.name, entry.value))
    }

    fn evict(&mut self) {
        while self.size > self.size_max
            && let Some(entry) = self.entries.pop_front()
        {
            self.size -= entry.size();
        }
        let first = self.entries.front().map_or(self.gone + self.bytes.len(), |entry| entry.at);
        let unwanted = first - self.gone;
        if unwanted > SIZE_MAX || self.entries.is_empty() {
            self.bytes.drain(..unwanted);
            self.gone = first;
        }
    }
}

/// What we let the peer use (RFC 9113 §6.5.2: the initial value, which we leave as it is).
const SIZE_MAX: usize = 4096;

/// RFC 7541, appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"),
    (":path", "/index.html"), (":scheme", "http"), (":scheme", "https"), (":status", "200"),
    (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
    (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""),
    ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""),
    ("authorization", ""), ("cache-control", ""), ("content-disposition", ""),
    ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""),
    ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""),
    ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
    ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""),
    ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""),
    ("vary", ""), ("via", ""), ("www-authenticate", ""),
];

/// The index of the first entry of a name that has no value there, given in any case.
pub(super) fn index_of(name: &[u8]) -> Option<usize> {
    let (at, _) = STATIC.iter().enumerate().skip(FIELDS_AT).find(|(_, (known, _))| {
        known.len() == name.len() && known.as_bytes().eq_ignore_ascii_case(name)
    })?;
    Some(at + 1)
}

/// Where pseudo-fields end.
const FIELDS_AT: usize = 14;
