//! The bytes of the tables in `fixtures/wire`, as seeds. What they expect is for other tests.

use std::{fs, path::Path};

use serde::Deserialize;

/// The bytes of every entry, but for those that only repeat something thousands of times.
pub(crate) fn table(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/wire").join(name);
    let text = fs::read_to_string(path).unwrap_or_default();
    let entries: Vec<Entry> = serde_saphyr::from_str(&text).unwrap_or_default();
    let bytes = entries.into_iter().map(|entry| match entry.bytes {
        Text::Whole(text) => latin(&text),
        Text::Parts(parts) => parts.iter().flat_map(Part::bytes).collect(),
    });
    bytes.filter(|bytes| bytes.len() <= SEED_BYTES_MAX).collect()
}

#[derive(Deserialize)]
struct Entry {
    bytes: Text,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Once(String),
    Often { repeat: String, times: usize },
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Once(text) => latin(text),
            Self::Often { repeat, times } => latin(repeat).repeat(*times),
        }
    }
}

/// One byte for each character.
fn latin(text: &str) -> Vec<u8> {
    text.chars().filter_map(|char| u8::try_from(char).ok()).collect()
}

const SEED_BYTES_MAX: usize = 16 * 1024;
