//! Hostnames of listeners and routes: exact, wildcard, or any.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// What a listener or route answers for, always in lower case and without a trailing dot.
///
/// A wildcard covers one or more labels, never the bare domain (Gateway API, `Hostname`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hostname {
    /// Every host.
    #[default]
    Any,
    /// `*.example.com`, kept as `example.com`.
    Wildcard(Arc<str>),
    /// One name.
    Exact(Arc<str>),
}

impl Hostname {
    /// Reads `""` or `*` (any), `*.example.com` or `example.com`.
    ///
    /// # Errors
    /// A text that is neither; the error names it.
    pub fn parse(text: &str) -> Result<Self, InvalidHostname> {
        if text.is_empty() || text == "*" {
            return Ok(Self::Any);
        }
        let lower = text.to_ascii_lowercase();
        let (wildcard, name) = match lower.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, lower.as_str()),
        };
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if name.len() > NAME_BYTES_MAX || !name.split('.').all(label_ok) {
            return Err(InvalidHostname(text.into()));
        }
        Ok(if wildcard { Self::Wildcard(name.into()) } else { Self::Exact(name.into()) })
    }

    /// Whether `host` (lower case, no port, no trailing dot) is covered.
    pub fn covers(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => **name == *host,
            Self::Wildcard(suffix) => ends_in_label(host, suffix),
        }
    }

    /// Whether some host is covered by both (Gateway API, intersection of listener and route).
    pub fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Exact(name), wildcard @ Self::Wildcard(_))
            | (wildcard @ Self::Wildcard(_), Self::Exact(name)) => wildcard.covers(name),
            (Self::Wildcard(a), Self::Wildcard(b)) => {
                a == b || ends_in_label(a, b) || ends_in_label(b, a)
            }
        }
    }

    /// Greater means more specific: exact before wildcard before any, then the longer name.
    pub fn specificity(&self) -> (u8, usize) {
        match self {
            Self::Any => (0, 0),
            Self::Wildcard(suffix) => (1, suffix.len()),
            Self::Exact(name) => (2, name.len()),
        }
    }
}

/// Whether `host` is `<one or more labels>.suffix`.
fn ends_in_label(host: &str, suffix: &str) -> bool {
    host.len() > suffix.len() + 1
        && host.ends_with(suffix)
        && host.as_bytes()[host.len() - suffix.len() - 1] == b'.'
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
            Self::Exact(name) => f.write_str(name),
        }
    }
}

impl Serialize for Hostname {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hostname {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Arc::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A text that is no hostname.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no hostname: labels of letters, digits and '-', at most one leading \"*.\"")]
pub struct InvalidHostname(String);

/// RFC 1035 §2.3.4.
const NAME_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_labels_but_not_the_bare_domain() {
        let wildcard = Hostname::parse("*.Example.com").unwrap();
        for (host, covered) in [
            ("a.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            (".example.com", false),
            ("aexample.com", false),
        ] {
            assert_eq!(wildcard.covers(host), covered, "{host}");
        }
    }

    #[test]
    fn intersection_is_symmetric_and_follows_the_labels() {
        for (a, b, expected) in [
            ("*", "a.com", true),
            ("a.com", "a.com", true),
            ("a.com", "b.com", false),
            ("*.a.com", "x.a.com", true),
            ("*.a.com", "a.com", false),
            ("*.a.com", "*.b.a.com", true),
            ("*.a.com", "*.ba.com", false),
        ] {
            let (a, b) = (Hostname::parse(a).unwrap(), Hostname::parse(b).unwrap());
            assert_eq!(a.intersects(&b), expected, "{a} {b}");
            assert_eq!(b.intersects(&a), expected, "{b} {a}");
        }
    }

    #[test]
    fn texts_that_are_no_hostnames_are_refused() {
        for text in ["a..b", "*.", "a.*", "a b", "a.com.", "-/x", &"x".repeat(64)] {
            assert!(Hostname::parse(text).is_err(), "{text}");
        }
    }
}
