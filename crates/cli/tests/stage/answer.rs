//! What came back, and what went wrong instead.

use std::{fmt, io};

use serde::{Deserialize, Serialize};

/// A response, read to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in the order of the wire.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What the backend saw.
    ///
    /// # Panics
    /// No backend of ours wrote this answer.
    pub(crate) fn echo(&self) -> Echo {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// What a backend saw, told by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Echo {
    /// Its own name.
    pub(crate) backend: String,
    pub(crate) version: String,
    pub(crate) method: String,
    /// Path and query as they arrived.
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Echo {
    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let of = |(field, value): &'_ (String, String)| field == name && !value.is_empty();
        self.headers.iter().filter(|field| of(field)).map(|(_, value)| value.as_str()).collect()
    }
}

pub(crate) fn find<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection ended where more should have come.
    Ended(&'static str),
    /// It broke.
    Io(io::Error),
    /// HTTP/2 says so.
    H2(h2::Error),
    /// What came breaks the protocol.
    Malformed(String),
    /// Nothing came.
    TooLate,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(place) => write!(f, "the connection ended {place}"),
            Self::Io(error) => write!(f, "the connection broke: {error}"),
            Self::H2(error) => write!(f, "HTTP/2: {error}"),
            Self::Malformed(what) => write!(f, "malformed: {what}"),
            Self::TooLate => f.write_str("no answer in time"),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<h2::Error> for Broken {
    fn from(error: h2::Error) -> Self {
        Self::H2(error)
    }
}
