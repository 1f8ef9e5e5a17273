//! A certificate authority for tests, and TLS clients that trust it.

use std::sync::Arc;

use ir::{
    Certificate, ClientValidation, Id, Protocol, Resource, Snapshot, Tls, TrustBundle,
    ValidationMode,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};

/// Issues certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
pub(crate) struct Identity {
    pub(crate) der: CertificateDer<'static>,
    chain_pem: String,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Identity {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { der: certificate.der().clone(), chain_pem: certificate.pem(), key }
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Clients that trust this authority, with a certificate of their own or without.
    pub(crate) fn client(&self, identity: Option<&Identity>, alpn: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![identity.der.clone()], key).unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    /// Puts this authority in as a trust bundle.
    pub(crate) fn trust(&self, snapshot: &mut Snapshot, id: &str) {
        let bundle = TrustBundle::parse(self.issuer.pem().as_bytes()).unwrap();
        snapshot.insert(id, Resource::TrustBundle(Arc::new(bundle)));
    }
}

impl Identity {
    /// A server of another kind with this certificate, for instance a backend.
    pub(crate) fn server(&self, alpn: &[&[u8]]) -> ServerConfig {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }
}

/// Puts a certificate in, or a new one in its place.
pub(crate) fn certificate(snapshot: &mut Snapshot, id: &str, identity: &Identity) {
    let key = identity.key.serialize_pem();
    let parsed = Certificate::parse(identity.chain_pem.as_bytes(), key.as_bytes()).unwrap();
    snapshot.insert(id, Resource::Certificate(Arc::new(parsed)));
}

/// HTTPS with these certificates.
pub(crate) fn https(certificates: &[&str]) -> Protocol {
    let certificates = certificates.iter().map(|id| Id::new(*id)).collect();
    Protocol::Https(Tls { certificates, client_validation: None })
}

/// HTTPS that asks for client certificates.
pub(crate) fn mutual(certificate: &str, mode: ValidationMode, trust: &[&str]) -> Protocol {
    let trust = trust.iter().map(|id| Id::new(*id)).collect();
    let client_validation = Some(ClientValidation { mode, trust });
    Protocol::Https(Tls { certificates: vec![Id::new(certificate)], client_validation })
}
