//! Secret: certificates and keys. The bytes never print.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::meta::ObjectMeta;

/// Bytes by key. `stringData` is merged into `data` on decoding, as an API server does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SecretFields")]
pub struct Secret {
    /// The bytes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, SecretBytes>,
    /// Whether the content is fixed for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Name, labels and the like.
    pub metadata: ObjectMeta,
    /// What the bytes are, for example `kubernetes.io/tls`.
    #[serde(rename = "type")]
    pub type_: String,
}

/// Bytes that print as a placeholder, whichever way they are printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Wraps bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes in the clear: for the one place that uses them, never for a message.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Base64::deserialize(deserializer).map(|bytes| Self(bytes.0))
    }
}

/// Bytes that are written as standard base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Line breaks are allowed, as in Go's decoder: `data: |` blocks are common.
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        // The reason must not quote the text: it may be the secret itself, not yet encoded.
        let bytes = STANDARD.decode(text).map_err(|_| Error::custom("must be base64"))?;
        Ok(Self(bytes))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecretFields {
    #[serde(default)]
    data: BTreeMap<String, SecretBytes>,
    #[serde(default)]
    immutable: Option<bool>,
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    string_data: BTreeMap<String, String>,
    #[serde(rename = "type", default = "opaque")]
    type_: String,
}

impl From<SecretFields> for Secret {
    fn from(fields: SecretFields) -> Self {
        let SecretFields { mut data, immutable, metadata, string_data, type_ } = fields;
        let plain = string_data.into_iter();
        data.extend(plain.map(|(key, text)| (key, SecretBytes(text.into_bytes()))));
        Self { data, immutable, metadata, type_ }
    }
}

fn opaque() -> String {
    "Opaque".to_string()
}

const REDACTED: &str = "[redacted]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_wins_and_nothing_prints() {
        let text = r#"{"data": {"a": "b25l", "b": "dH\ndv"}, "stringData": {"a": "uno"}}"#;
        let secret: Secret = serde_json::from_str(text).expect("valid");
        assert_eq!(secret.data["a"].expose(), b"uno");
        assert_eq!(secret.data["b"].expose(), b"two");
        assert_eq!(secret.type_, "Opaque");
        let printed = format!("{secret:?} {}", serde_json::to_string(&secret).expect("prints"));
        assert!(!printed.contains("uno") && !printed.contains("b25l"), "{printed}");
        let text = r#"{"data": {"a": "not base64, a password"}}"#;
        let error = serde_json::from_str::<Secret>(text).expect_err("not base64").to_string();
        assert!(!error.contains("password"), "{error}");
    }
}
