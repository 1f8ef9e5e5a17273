//! Makes authorities and signs certificates with them. When to is decided by the callers.

use std::{sync::Arc, time::Duration};

use ir::Certificate;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{crypto::aws_lc_rs, pki_types::PrivateKeyDer, sign::CertifiedKey};

/// One authority: its certificate, its key, and since when proxies have been told to trust it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Signer {
    pub(super) pem: String,
    pub(super) key: ir::Secret,
    pub(super) since: Timestamp,
}

/// A replica's own certificate.
pub(super) struct Leaf {
    key: Arc<CertifiedKey>,
    /// The authority that signed it.
    signer_pem: String,
    since: Timestamp,
}

/// Why something could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssueError {
    #[error("the key of the authority is no text")]
    Key,
    #[error(transparent)]
    Sign(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

impl Signer {
    /// A new one.
    pub(super) fn new(now: Timestamp) -> Result<Self, IssueError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = authority();
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + seconds(now, -BACKDATED);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + seconds(now, LIFE);
        let pem = params.self_signed(&key)?.pem();
        let key = ir::Secret::new(key.serialize_pem().into_bytes());
        Ok(Self { pem, key, since: now })
    }

    /// One that was kept; none if its certificate and key are no pair.
    pub(super) fn kept(pem: &str, key: &[u8], since: Timestamp) -> Option<Self> {
        Certificate::parse(pem.as_bytes(), key).ok()?;
        Some(Self { pem: pem.to_owned(), key: ir::Secret::new(key), since })
    }

    /// Whether it must not sign any more: what it signs would outlive it.
    pub(super) fn is_spent(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) > LIFE - LEAF_LIFE * 2
    }

    /// A certificate for a server of these names.
    pub(super) fn issue(&self, names: &[String], now: Timestamp) -> Result<Leaf, IssueError> {
        let key = std::str::from_utf8(self.key.expose()).map_err(|_| IssueError::Key)?;
        let issuer = Issuer::new(authority(), KeyPair::from_pem(key)?);
        let mut params = CertificateParams::new(names)?;
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + seconds(now, -BACKDATED);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + seconds(now, LEAF_LIFE);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let own = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&own, &issuer)?;
        let own = PrivateKeyDer::Pkcs8(own.serialize_der().into());
        let provider = aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(vec![certificate.der().clone()], own, &provider)?;
        Ok(Leaf { key: Arc::new(key), signer_pem: self.pem.clone(), since: now })
    }
}

impl Leaf {
    pub(super) fn certified_key(&self) -> Arc<CertifiedKey> {
        self.key.clone()
    }

    /// Whether it is this authority's, and will be good for a while.
    pub(super) fn is_good(&self, signer: &Signer, now: Timestamp) -> bool {
        let age = now.duration_since(self.since);
        self.signer_pem == signer.pem && age.abs() < LEAF_RENEWED
    }
}

/// What every authority says of itself. The same for all: who verifies looks at the keys.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "portcullis authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Seconds since 1970.
fn seconds(time: Timestamp, offset: SignedDuration) -> Duration {
    let seconds = time.as_second().saturating_add(offset.as_secs());
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// How long an authority can be verified.
const LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How long a replica's certificate can be.
const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// When a replica makes its next one.
const LEAF_RENEWED: SignedDuration = SignedDuration::from_hours(16);
/// So much may the clock of a proxy be behind.
const BACKDATED: SignedDuration = SignedDuration::from_mins(10);
