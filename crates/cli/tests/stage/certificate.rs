//! Certificates made for one test.

use rcgen::{CertificateParams, KeyPair};

/// A certificate with its key.
pub(crate) struct Certificate {
    /// By these bytes a client knows it again.
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
    pub(crate) key: String,
}

impl Certificate {
    /// Signed by itself; no two are equal.
    pub(crate) fn of(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { der: certificate.der().to_vec(), pem: certificate.pem(), key: key.serialize_pem() }
    }
}
