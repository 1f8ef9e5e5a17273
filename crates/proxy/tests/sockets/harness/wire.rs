//! `fixtures/wire/`: messages as bytes with what a strict reading says about them, and the ways in
//! which such bytes may come.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::witness::Request;

/// One entry of `requests.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestEntry {
    pub(crate) name: String,
    /// The rule that it breaks, or that makes it legal.
    pub(crate) rule: String,
    bytes: Text,
    pub(crate) expect: RequestExpect,
}

/// What becomes of a request.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestExpect {
    /// It is answered 4xx, 501 or 505, or not at all, and nothing behind it is read.
    Refused,
    /// It is answered 4xx; where it ends is known, so that the next one is served.
    Declined,
    /// The backend gets it, and the next one.
    Served(Served),
}

/// A request as the backend must get it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Served {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) host: Option<String>,
    #[serde(default)]
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    #[serde(default)]
    pub(crate) trailers: BTreeMap<String, String>,
}

impl Served {
    /// Whether this is what the backend got; if not, what differs.
    pub(crate) fn is_met_by(&self, request: &Request) -> Result<(), String> {
        let same = |what: &str, holds: bool| holds.then_some(()).ok_or(format!("other {what}"));
        same("method", request.method == self.method)?;
        same("target", request.target == self.target)?;
        same("body", request.body == latin(&self.body))?;
        let host = self.host.as_deref();
        same("host", host.is_none_or(|host| request.values("host") == [host.as_bytes()]))?;
        for (name, value) in &self.fields {
            same(name, request.values(name) == [latin(value)])?;
        }
        for name in &self.absent {
            same(name, request.values(name).is_empty())?;
        }
        let trailers: BTreeMap<_, _> = request.trailers.iter().cloned().collect();
        let wanted = self.trailers.iter().map(|(name, value)| (name.clone(), latin(value)));
        same("trailers", trailers == wanted.collect())
    }
}

/// One entry of `responses.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponseEntry {
    pub(crate) name: String,
    pub(crate) rule: String,
    #[serde(default = "get")]
    pub(crate) method: String,
    /// The backend ends the connection behind it.
    #[serde(default)]
    pub(crate) closes: bool,
    bytes: Text,
    pub(crate) expect: ResponseExpect,
}

/// What the client gets of a response.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponseExpect {
    /// 502 and no byte of it; its connection is not used again.
    BadGateway,
    /// A part that cannot be taken for the whole; its connection is not used again.
    Cut,
    /// This.
    Passed(Passed),
}

/// A response as the client must get it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Passed {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Whether its connection is used again.
    pub(crate) reused: bool,
}

impl RequestEntry {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.bytes()
    }
}

impl ResponseEntry {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.bytes()
    }
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

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Whole(text) => latin(text),
            Self::Parts(parts) => parts.iter().flat_map(Part::bytes).collect(),
        }
    }
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
pub(crate) fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(char).unwrap()).collect()
}

fn get() -> String {
    "GET".into()
}

/// Reads a table.
pub(crate) fn table<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = package.ancestors().map(|folder| folder.join("fixtures/wire"));
    let path = folders.map(|folder| folder.join(name)).find(|path| path.exists()).unwrap();
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// How bytes come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Whole,
    /// One by one: of very many, those at both ends.
    Bytes,
    /// In a few pieces, cut anywhere; the same ones for the same seed.
    Pieces(u64),
}

impl Way {
    /// All ways, for the entry at a place of a table.
    pub(crate) fn all(place: usize) -> [Self; 5] {
        let seed = place as u64 * 3;
        [
            Self::Whole,
            Self::Bytes,
            Self::Pieces(seed),
            Self::Pieces(seed + 1),
            Self::Pieces(seed + 2),
        ]
    }

    /// Sends bytes. The other side may have closed before it has all of them.
    pub(crate) async fn send(self, stream: &mut TcpStream, bytes: &[u8]) {
        let mut at = 0;
        for end in self.cuts(bytes.len()) {
            if stream.write_all(&bytes[at..end]).await.is_err() {
                return;
            }
            at = end;
            tokio::task::yield_now().await;
        }
    }

    fn cuts(self, len: usize) -> Vec<usize> {
        let mut cuts: Vec<usize> = match self {
            Self::Whole => vec![],
            Self::Bytes => {
                (1..len).filter(|at| *at < ENDS_BYTES || at + ENDS_BYTES > len).collect()
            }
            Self::Pieces(seed) => {
                let mut chance = fastrand::Rng::with_seed(seed);
                (0..PIECES).map(|_| chance.usize(..len.max(1))).collect()
            }
        };
        cuts.push(len);
        cuts.sort_unstable();
        cuts
    }
}

const ENDS_BYTES: usize = 1000;
const PIECES: usize = 5;
