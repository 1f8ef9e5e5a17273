//! Regular expressions: RE2 syntax, full match, linear time, bounded size.

use std::{fmt, hash, sync::Arc};

use regex_automata::meta;
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, Look},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// A compiled expression. Equal by its text.
#[derive(Clone)]
pub struct Regex {
    pattern: Arc<str>,
    compiled: Arc<meta::Regex>,
}

impl Regex {
    /// Compiles an expression that must match a whole text.
    ///
    /// # Errors
    /// A text that is too long, that is no RE2 expression, or whose automaton is too large.
    pub fn parse(pattern: &str) -> Result<Self, InvalidRegex> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(InvalidRegex::TooLong { bytes: pattern.len() });
        }
        // Parsed by itself and put between the anchors as a tree: as text, `a)|(?:b` would get out
        // of any parentheses around it.
        let parsed = ParserBuilder::new()
            .utf8(false)
            .nest_limit(NEST_MAX)
            .build()
            .parse(&re2::to_rust(pattern)?)
            .map_err(|error| InvalidRegex::Syntax(gist(&error)))?;
        let whole = Hir::concat(vec![Hir::look(Look::Start), parsed, Hir::look(Look::End)]);
        let compiled = meta::Builder::new()
            .configure(
                meta::Config::new()
                    .nfa_size_limit(Some(NFA_BYTES_MAX))
                    .onepass_size_limit(Some(ONEPASS_BYTES_MAX))
                    .hybrid_cache_capacity(HYBRID_BYTES_MAX)
                    .utf8_empty(false),
            )
            .build_from_hir(&whole)
            .map_err(|error| match error.size_limit() {
                Some(_) => InvalidRegex::TooLarge,
                None => InvalidRegex::Syntax(gist(&error)),
            })?;
        Ok(Self { pattern: pattern.into(), compiled: Arc::new(compiled) })
    }

    /// Whether the whole text matches.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.compiled.is_match(text)
    }

    /// The text of the expression.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Regex {}

impl hash::Hash for Regex {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.pattern.hash(state);
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.pattern)
    }
}

impl Serialize for Regex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.pattern)
    }
}

impl<'de> Deserialize<'de> for Regex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Arc::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Why a text is no usable expression.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidRegex {
    /// More text than any expression needs.
    #[error("the expression has {bytes} bytes, and {PATTERN_BYTES_MAX} is the most")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Its automaton would take too much memory.
    #[error("the expression compiles to more than {NFA_BYTES_MAX} bytes: make it simpler")]
    TooLarge,
    /// It is no RE2 expression.
    #[error("not an RE2 expression: {0}")]
    Syntax(String),
}

fn gist(error: &dyn std::error::Error) -> String {
    let mut source = error;
    while let Some(next) = source.source() {
        source = next;
    }
    let text = source.to_string();
    // The engine draws the place in several lines; the last one says what is wrong.
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
    last.trim_start_matches("error: ").to_owned()
}

mod re2;

/// The longest value that the Gateway API takes is 4096 (header matches); beyond it is a mistake.
const PATTERN_BYTES_MAX: usize = 4096;
/// Memory of one automaton.
const NFA_BYTES_MAX: usize = 256 * 1024;
const ONEPASS_BYTES_MAX: usize = 64 * 1024;
const HYBRID_BYTES_MAX: usize = 256 * 1024;
/// Depth of parentheses.
const NEST_MAX: u32 = 100;

#[cfg(test)]
mod tests;
