//! The conditions of a match beside its path: method, headers, query.
//!
//! - Method: byte for byte. A preflight is also taken by a rule that answers preflights and wants
//!   the method that the preflight asks for; otherwise no rule with a method could have CORS.
//! - Headers: several fields of a name compare as one, joined by a comma (RFC 9110 §5.3).
//! - Query: the first parameter of a name counts; names and values are compared decoded, `%XX` and
//!   `+` (a space), as forms write them. What is no escape stands for itself.

use std::sync::Arc;

use ir::{HeaderMatch, Match, PathMatch, QueryMatch, ValueMatch};

use crate::{Head, filter::cors, path};

/// What a match looks at in a request.
#[derive(Clone, Copy)]
pub(crate) struct Request<'h> {
    pub(crate) head: &'h Head,
    pub(crate) path: &'h [u8],
    method: &'h [u8],
    /// The method that a preflight asks for.
    preflight: Option<&'h [u8]>,
}

/// The first condition that does not hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Miss<'m> {
    Method(&'m Arc<str>),
    Header(&'m HeaderMatch),
    Query(&'m QueryMatch),
}

impl<'h> Request<'h> {
    pub(crate) fn new(head: &'h Head) -> Self {
        Self {
            head,
            path: head.bytes(head.path),
            method: head.bytes(head.method),
            preflight: cors::preflight(head),
        }
    }

    /// Whether the path fits.
    pub(crate) fn has_path(&self, wanted: &Match) -> bool {
        self.path.starts_with(b"/")
            && match &wanted.path {
                PathMatch::Exact(text) => self.path == text.as_bytes(),
                PathMatch::Regex(regex) => regex.is_match(self.path),
                PathMatch::Prefix(text) => self
                    .path
                    .strip_prefix(text.as_bytes())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")),
            }
    }

    /// Whether all conditions but the path hold. `cors`: whether the rule answers preflights.
    pub(crate) fn check<'m>(&self, wanted: &'m Match, cors: bool) -> Result<(), Miss<'m>> {
        if let Some(method) = &wanted.method {
            let asked = self.preflight.filter(|_| cors);
            if self.method != method.as_bytes() && asked != Some(method.as_bytes()) {
                return Err(Miss::Method(method));
            }
        }
        if let Some(missed) = wanted.headers.iter().find(|header| !self.has_header(header)) {
            return Err(Miss::Header(missed));
        }
        match wanted.query.iter().find(|query| !self.has_parameter(query)) {
            Some(missed) => Err(Miss::Query(missed)),
            None => Ok(()),
        }
    }

    fn has_header(&self, wanted: &HeaderMatch) -> bool {
        let mut values = self.head.values(wanted.name.as_str().as_bytes());
        let Some(first) = values.next() else { return false };
        let mut rest = values.peekable();
        match &wanted.value {
            ValueMatch::Exact(text) => {
                let Some(mut text) = text.as_bytes().strip_prefix(first) else { return false };
                for value in rest {
                    let after = text.strip_prefix(b",").and_then(|text| text.strip_prefix(value));
                    let Some(after) = after else { return false };
                    text = after;
                }
                text.is_empty()
            }
            ValueMatch::Regex(regex) if rest.peek().is_none() => regex.is_match(first),
            ValueMatch::Regex(regex) => {
                let joined: Vec<&[u8]> = std::iter::once(first).chain(rest).collect();
                regex.is_match(&joined.join(&b','))
            }
        }
    }

    fn has_parameter(&self, wanted: &QueryMatch) -> bool {
        let query = self.head.bytes(self.head.query);
        let Some(value) = parameter(query, wanted.name.as_bytes()) else { return false };
        match &wanted.value {
            ValueMatch::Exact(text) => decoded(value).eq(text.bytes()),
            ValueMatch::Regex(regex) => {
                if value.iter().any(|byte| matches!(byte, b'%' | b'+')) {
                    regex.is_match(&decoded(value).collect::<Vec<u8>>())
                } else {
                    regex.is_match(value)
                }
            }
        }
    }
}

/// The value, as sent, of the first parameter of a name.
pub(crate) fn parameter<'q>(query: &'q [u8], name: &[u8]) -> Option<&'q [u8]> {
    query.split(|byte| *byte == b'&').find_map(|pair| {
        let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let same = decoded(&pair[..end]).eq(name.iter().copied());
        same.then(|| pair.get(end + 1..).unwrap_or_default())
    })
}

/// The bytes that a part of a query stands for.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        if first == b'%'
            && let Some(byte) = path::escaped(after)
        {
            rest = &after[2..];
            return Some(byte);
        }
        rest = after;
        Some(if first == b'+' { b' ' } else { first })
    })
}

/// A match whose path is written as normalised paths are, so that both compare byte for byte. A
/// prefix loses its slash at the end, the root becomes empty.
pub(crate) fn canonical(wanted: &Match) -> Match {
    let path = match &wanted.path {
        PathMatch::Exact(text) => PathMatch::Exact(path::canonical(text).into()),
        PathMatch::Prefix(text) => {
            PathMatch::Prefix(path::canonical(text).trim_end_matches('/').into())
        }
        PathMatch::Regex(regex) => PathMatch::Regex(regex.clone()),
    };
    Match { path, ..wanted.clone() }
}

#[cfg(test)]
mod tests;
