//! Header names and values that are safe to write on the wire.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// A field name: an RFC 9110 §5.1 token, kept as written, equal without regard to case.
#[derive(Clone, Debug)]
pub struct HeaderName(Arc<str>);

impl HeaderName {
    /// Checks a name.
    ///
    /// # Errors
    /// An empty name or a character outside RFC 9110 `token`.
    pub fn parse(text: &str) -> Result<Self, InvalidHeader> {
        if text.is_empty() || !text.bytes().all(is_token) {
            return Err(InvalidHeader::Name(text.into()));
        }
        Ok(Self(text.into()))
    }

    /// The name as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HeaderName {}

impl std::hash::Hash for HeaderName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for HeaderName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Arc::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A field value: no control characters but tab, no white space at its ends (RFC 9110 §5.5).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct HeaderValue(Arc<str>);

impl HeaderValue {
    /// Checks a value; white space at its ends is cut off.
    ///
    /// # Errors
    /// A control character other than tab.
    pub fn parse(text: &str) -> Result<Self, InvalidHeader> {
        let text = text.trim_matches([' ', '\t']);
        if text.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
            return Err(InvalidHeader::Value(text.escape_debug().to_string()));
        }
        Ok(Self(text.into()))
    }

    /// The value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Arc::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// One field to write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderField {
    /// Its name.
    pub name: HeaderName,
    /// Its value.
    pub value: HeaderValue,
}

/// A text that may not stand in a header.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidHeader {
    /// Not an RFC 9110 token.
    #[error("{0:?} is no header name")]
    Name(String),
    /// Holds a control character.
    #[error("{0:?} is no header value: it holds a control character")]
    Value(String),
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_refuse_separators() {
        assert_eq!(HeaderName::parse("X-A").unwrap(), HeaderName::parse("x-a").unwrap());
        for bad in ["", "a b", "a:", "a\r\n", "ä"] {
            assert!(HeaderName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn values_cannot_smuggle_a_line() {
        assert!(HeaderValue::parse("a\r\nb: c").is_err());
        assert_eq!(HeaderValue::parse(" a\tb ").unwrap().as_str(), "a\tb");
    }
}
