//! How TLS ends at a listener: a certificate chosen by name, HTTP/2 by ALPN, and who may come in.
//!
//! One `ServerConfig` for each listener, with session keys of its own, so that a session is never
//! taken up again at a listener that would have asked for another proof (CVE-2025-23419). Which
//! listener a connection is for is `accept/secured.rs`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use ir::{
    ClientValidation, Id, Key, Kind, Listener, Protocol, Rejection, Snapshot, TrustBundle,
    ValidationMode,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::CertificateDer,
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
};

mod certificates;
mod fallback;

use certificates::Certificates;

/// The name of HTTP/2 in ALPN.
pub(crate) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// How TLS ends at all listeners.
pub(crate) type Configs = HashMap<Id<Listener>, Config>;

/// How TLS ends at a listener.
#[derive(Clone)]
pub(crate) struct Config {
    /// For new connections.
    pub(crate) server: Arc<ServerConfig>,
    /// What clients must prove; none where they are let in without. The same pointer as long as it
    /// is the same demand, whatever else changes.
    pub(crate) trust: Option<Arc<Trust>>,
}

/// What clients must prove.
#[derive(PartialEq, Eq)]
pub(crate) struct Trust {
    mode: ValidationMode,
    bundles: Vec<Arc<TrustBundle>>,
}

/// Makes the configurations of a snapshot; those that no change touches are carried over. A
/// listener that cannot be served is missing, and the reason is returned.
pub(crate) fn configs(
    snapshot: &Snapshot,
    previous: &Configs,
    changed: &BTreeSet<Key>,
) -> (Configs, Vec<Rejection>) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut configs = Configs::new();
    let mut rejections = Vec::new();
    for (id, listener) in &snapshot.listeners {
        let Protocol::Https(tls) = &listener.protocol else { continue };
        if let Some(old) = previous.get(id).filter(|_| !is_touched(id, tls, changed)) {
            configs.insert(id.clone(), old.clone());
            continue;
        }
        match config(snapshot, tls, &provider) {
            Ok(server) => {
                let trust = trust(snapshot, tls, previous.get(id));
                drop(configs.insert(id.clone(), Config { server: Arc::new(server), trust }));
            }
            Err(reason) => rejections.push(Rejection { key: id.key(), reason }),
        }
    }
    (configs, rejections)
}

fn trust(snapshot: &Snapshot, tls: &ir::Tls, before: Option<&Config>) -> Option<Arc<Trust>> {
    let ClientValidation { mode, trust } = tls.client_validation.as_ref()?;
    let bundles = trust.iter().filter_map(|id| snapshot.trust_bundles.get(id)).cloned();
    let now = Trust { mode: *mode, bundles: bundles.collect() };
    let before = before.and_then(|config| config.trust.as_ref());
    Some(before.filter(|before| ***before == now).cloned().unwrap_or_else(|| Arc::new(now)))
}

/// Whether a change of these kinds can concern TLS.
pub(crate) fn concerns(kind: Kind) -> bool {
    matches!(kind, Kind::Listener | Kind::Certificate | Kind::TrustBundle)
}

fn is_touched(id: &Id<Listener>, tls: &ir::Tls, changed: &BTreeSet<Key>) -> bool {
    let trust = tls.client_validation.iter().flat_map(|validation| &validation.trust);
    changed.contains(&id.key())
        || tls.certificates.iter().any(|id| changed.contains(&id.key()))
        || trust.into_iter().any(|id| changed.contains(&id.key()))
}

fn config(
    snapshot: &Snapshot,
    tls: &ir::Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, String> {
    let verifier = match &tls.client_validation {
        Some(validation) => verifier(snapshot, validation, provider)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let certificates = Certificates::new(snapshot, tls)?;
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    // Sessions live in tickets that clients keep, so that they cost no memory here.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new()
        .map_err(|error| format!("no key for session tickets: {error}"))?;
    config.send_tls13_tickets = 1;
    Ok(config)
}

fn verifier(
    snapshot: &Snapshot,
    validation: &ClientValidation,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    if validation.mode == ValidationMode::AllowInsecureFallback {
        return Ok(fallback::verifier(provider));
    }
    let mut roots = RootCertStore::empty();
    let bundles = validation.trust.iter().filter_map(|id| snapshot.trust_bundles.get(id));
    for der in bundles.flat_map(|bundle| bundle.authorities.iter()) {
        roots.add(CertificateDer::from(der.as_slice())).map_err(|error| {
            format!("an authority for client certificates is unusable: {error}")
        })?;
    }
    if roots.is_empty() {
        return Err("client certificates are demanded, and no authority for them is known".into());
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| format!("client certificates cannot be verified: {error}"))
}
