//! Filters: what is done to a request or response on its way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{BackendChoice, HeaderField, HeaderName};

/// One filter, of a rule or of one of its backends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Filter {
    /// Edits the request's headers.
    RequestHeaders(HeaderEdits),
    /// Edits the response's headers.
    ResponseHeaders(HeaderEdits),
    /// Answers with a redirect.
    Redirect(Redirect),
    /// Changes host and path on their way to the backend.
    Rewrite(Rewrite),
    /// Sends a copy elsewhere and ignores the answer.
    Mirror(Mirror),
    /// Answers preflights and marks responses for browsers.
    Cors(Cors),
    /// Answers 500: the filter cannot be done, and skipping it would be unsafe.
    Fail(Failure),
}

/// Why a rule answers 500 instead of what the user asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Failure {
    /// A filter of a type that is not built.
    FilterNotBuilt,
    /// An ExtensionRef that leads nowhere.
    UnresolvedExtension,
    /// A value that no constructor here accepts, such as a regex that is too large.
    InvalidValue,
    /// It came from a newer controller, in a shape that this version does not know.
    NotUnderstood,
}

/// Header edits, done in this order: set, add, remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderEdits {
    /// Replaces all fields of the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<HeaderField>,
    /// Appends to what is there, joined by a comma.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<HeaderField>,
    /// Takes all fields of the name away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<HeaderName>,
}

/// A redirect; what is not given stays as in the request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// New scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// New host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Arc<str>>,
    /// New path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathEdit>,
    /// New port. Without one: the given scheme's own port, or else the listener's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A rewrite; what is not given stays as in the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// New `Host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Arc<str>>,
    /// New path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathEdit>,
}

/// How a path changes. The query stays.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PathEdit {
    /// The whole path.
    Full(Arc<str>),
    /// The prefix that the rule matched.
    Prefix(Arc<str>),
}

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scheme {
    /// Port 80.
    Http,
    /// Port 443.
    Https,
}

impl Scheme {
    /// The name in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme means without naming it.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A mirror.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// Who gets the copies; an invalid one gets none, and the request goes on.
    pub backend: BackendChoice,
    /// Which share of requests is copied.
    pub share: Fraction,
}

/// A share of all requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fraction {
    /// So many
    pub numerator: u32,
    /// of so many; 0 counts as 1.
    pub denominator: u32,
}

/// Cross-origin resource sharing (Fetch standard, HTTP-CORS protocol).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Who may ask.
    pub allow_origins: Vec<OriginPattern>,
    /// With which methods.
    pub allow_methods: CorsList,
    /// With which request headers.
    pub allow_headers: CorsList,
    /// Which response headers scripts may read.
    pub expose_headers: CorsList,
    /// How long an answer to a preflight may be kept, in seconds.
    pub max_age_seconds: u32,
    /// Whether cookies may be sent.
    pub allow_credentials: bool,
}

/// A list of names, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CorsList {
    /// `*`.
    All,
    /// These.
    Only(Vec<Arc<str>>),
}

/// An origin that may ask: all parts in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum OriginPattern {
    /// `*`.
    Any,
    /// `scheme://host` or `scheme://host:port`.
    Exact(Arc<str>),
    /// `scheme://*.suffix[:port]`: one label or more before the suffix.
    Wildcard {
        /// `scheme://`.
        prefix: Arc<str>,
        /// `.suffix` and the port, if there is one.
        suffix: Arc<str>,
    },
}
