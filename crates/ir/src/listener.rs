//! Listeners: what is served on a bind, for which hostname, with which certificates.

use serde::{Deserialize, Serialize};

use crate::{Bind, Certificate, Hostname, Id, Keyed, Kind, TrustBundle};

/// A Gateway API listener that may take traffic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Where its connections arrive.
    pub bind: Id<Bind>,
    /// For whom it answers. On one bind the most specific listener takes a request and no other
    /// is asked (listener isolation).
    pub hostname: Hostname,
    /// What is spoken.
    pub protocol: Protocol,
}

impl Keyed for Listener {
    const KIND: Kind = Kind::Listener;
}

/// What is spoken on a listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1 and HTTP/2 by prior knowledge.
    Http,
    /// The same behind TLS that ends here; HTTP/2 by ALPN.
    Https(Tls),
}

/// How TLS ends at a listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Candidates, chosen by SNI, the first being the default. Without one no handshake succeeds.
    pub certificates: Vec<Id<Certificate>>,
    /// Client certificates; none means they are not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_validation: Option<ClientValidation>,
}

/// How clients prove themselves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientValidation {
    /// Whether a bad or missing certificate is refused.
    pub mode: ValidationMode,
    /// Which authorities are trusted.
    pub trust: Vec<Id<TrustBundle>>,
}

/// Gateway API `FrontendValidationModeType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ValidationMode {
    /// Without a certificate that verifies, the handshake fails.
    AllowValidOnly,
    /// A certificate is asked for, and any answer is taken.
    AllowInsecureFallback,
}
