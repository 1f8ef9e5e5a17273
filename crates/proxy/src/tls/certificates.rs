//! The certificates of one listener, and which of them a client gets: one for exactly the name, or
//! else one for a wildcard over it, or else the first (Gateway API, `certificateRefs`).

use std::{collections::HashMap, sync::Arc};

use ir::Snapshot;
use rustls::{
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use webpki::EndEntityCert;

/// Candidates by name. A name can have several, with keys of different kinds.
#[derive(Debug)]
pub(super) struct Certificates {
    all: Vec<Arc<CertifiedKey>>,
    by_name: HashMap<Box<str>, Vec<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// Those that a listener names.
    pub(super) fn new(snapshot: &Snapshot, tls: &ir::Tls) -> Result<Self, String> {
        let mut all = Vec::new();
        let mut by_name: HashMap<Box<str>, Vec<_>> = HashMap::new();
        for id in &tls.certificates {
            let Some(certificate) = snapshot.certificates.get(id) else { continue };
            let key = certificate.certified_key();
            let key = Arc::new(key.map_err(|error| format!("certificate {id}: {error}"))?);
            for name in names(&key) {
                by_name.entry(name).or_default().push(key.clone());
            }
            all.push(key);
        }
        if all.is_empty() {
            return Err("none of the listener's certificates is known".into());
        }
        Ok(Self { all, by_name })
    }

    /// All, the best first.
    fn candidates(&self, name: &str) -> impl Iterator<Item = &Arc<CertifiedKey>> {
        let wildcard = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let exact = self.by_name.get(name);
        let wildcard = wildcard.and_then(|wildcard| self.by_name.get(wildcard.as_str()));
        exact.into_iter().chain(wildcard).flatten().chain(&self.all)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        let schemes = hello.signature_schemes();
        let can_sign = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let usable = self.candidates(&name).find(can_sign);
        usable.or_else(|| self.candidates(&name).next()).cloned()
    }
}

/// The DNS names of a certificate, in lower case. The common name is none of them (RFC 9525 §2).
fn names(key: &CertifiedKey) -> Vec<Box<str>> {
    let Some(der) = key.cert.first() else { return Vec::new() };
    let Ok(certificate) = EndEntityCert::try_from(der as &CertificateDer<'_>) else {
        return Vec::new();
    };
    certificate.valid_dns_names().map(|name| name.to_ascii_lowercase().into()).collect()
}
