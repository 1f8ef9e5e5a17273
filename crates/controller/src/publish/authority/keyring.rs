//! The authorities of one moment: the one that signs, the one that will, the one that did; and how
//! they lie in a Secret.
//!
//! A step is taken only when enough time has passed since the one before, so that proxies trust the
//! next authority before it signs, and the previous one until nothing of it is in use. Whoever
//! wants a new authority now dates the annotations of the Secret back. No I/O and no clock here.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::issue::{IssueError, Signer};

/// What proxies trust, and what signs.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keyring {
    signing: Signer,
    next: Option<Signer>,
    previous: Option<Retired>,
}

/// An authority whose key is gone.
#[derive(Clone, PartialEq, Eq)]
struct Retired {
    pem: String,
    /// When it ceased to sign.
    since: Timestamp,
}

/// What is wrong with a Secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyringError {
    #[error("{0}.crt and {0}.key are no certificate and its key")]
    Spoilt(&'static str),
    #[error("previous.crt is no certificate")]
    Previous,
    #[error(transparent)]
    Issue(#[from] IssueError),
}

impl Keyring {
    /// The first.
    pub(super) fn new(now: Timestamp) -> Result<Self, KeyringError> {
        Ok(Self { signing: Signer::new(now)?, next: None, previous: None })
    }

    /// Who signs.
    pub(super) fn signing(&self) -> &Signer {
        &self.signing
    }

    /// Everything that proxies must trust, as PEM.
    pub(super) fn bundle(&self) -> String {
        let next = self.next.as_ref().map(|signer| signer.pem.as_str());
        let previous = self.previous.as_ref().map(|retired| retired.pem.as_str());
        [Some(self.signing.pem.as_str()), next, previous].into_iter().flatten().collect()
    }

    /// The same at a later time: at most one step further.
    pub(super) fn due(self, now: Timestamp) -> Result<Self, KeyringError> {
        let Self { signing, next, previous } = self;
        let passed = |since, time| now.duration_since(since) >= time;
        let retired = |signer: Signer| Some(Retired { pem: signer.pem, since: now });
        Ok(match (next, previous) {
            // No controller was there for most of a year.
            (None, _) if signing.is_spent(now) => {
                Self { signing: Signer::new(now)?, next: None, previous: retired(signing) }
            }
            (next, Some(previous)) if passed(previous.since, TRUSTED_ON) => {
                Self { signing, next, previous: None }
            }
            (Some(next), None) if passed(next.since, KNOWN) => {
                Self { signing: next, next: None, previous: retired(signing) }
            }
            (None, None) if passed(signing.since, SIGNS) => {
                Self { signing, next: Some(Signer::new(now)?), previous: None }
            }
            (next, previous) => Self { signing, next, previous },
        })
    }

    /// Reads a Secret. A time that is missing is now: that only makes things late.
    pub(super) fn read(secret: &Secret, now: Timestamp) -> Result<Self, KeyringError> {
        let signing = signer(secret, SIGNING, now)?.ok_or(KeyringError::Spoilt(SIGNING))?;
        let next = signer(secret, NEXT, now)?;
        let previous = match text(secret, &certificate(PREVIOUS)) {
            None => None,
            Some(pem) => {
                ir::TrustBundle::parse(pem.as_bytes()).map_err(|_| KeyringError::Previous)?;
                Some(Retired { pem: pem.to_owned(), since: since(secret, PREVIOUS, now) })
            }
        };
        Ok(Self { signing, next, previous })
    }

    /// The Secret that holds it; what others wrote about the one before stays.
    pub(super) fn write(&self, before: Option<&Secret>, name: &str) -> Secret {
        let mut secret = before.cloned().unwrap_or_else(|| Secret {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        });
        let mut data = BTreeMap::new();
        let mut times = BTreeMap::new();
        for (role, signer) in [(SIGNING, Some(&self.signing)), (NEXT, self.next.as_ref())] {
            let Some(signer) = signer else { continue };
            data.insert(certificate(role), signer.pem.clone().into_bytes());
            data.insert(key(role), signer.key.expose().to_vec());
            times.insert(annotation(role), signer.since);
        }
        if let Some(previous) = &self.previous {
            data.insert(certificate(PREVIOUS), previous.pem.clone().into_bytes());
            times.insert(annotation(PREVIOUS), previous.since);
        }
        data.insert(BUNDLE.to_owned(), self.bundle().into_bytes());
        secret.data =
            Some(data.into_iter().map(|(name, bytes)| (name, ByteString(bytes))).collect());
        let annotations = secret.metadata.annotations.get_or_insert_default();
        for role in [SIGNING, NEXT, PREVIOUS] {
            let name = annotation(role);
            match times.get(&name) {
                Some(time) => annotations.insert(name, time.to_string()),
                None => annotations.remove(&name),
            };
        }
        let labels = secret.metadata.labels.get_or_insert_default();
        labels.insert("app.kubernetes.io/managed-by".to_owned(), "portcullis".to_owned());
        secret
    }
}

fn signer(
    secret: &Secret,
    role: &'static str,
    now: Timestamp,
) -> Result<Option<Signer>, KeyringError> {
    let (Some(pem), Some(key)) = (text(secret, &certificate(role)), text(secret, &key(role)))
    else {
        return Ok(None);
    };
    let signer = Signer::kept(pem, key.as_bytes(), since(secret, role, now));
    signer.map(Some).ok_or(KeyringError::Spoilt(role))
}

fn text<'s>(secret: &'s Secret, name: &str) -> Option<&'s str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(name)?.0).ok()
}

fn since(secret: &Secret, role: &str, now: Timestamp) -> Timestamp {
    let written = secret.metadata.annotations.as_ref().and_then(|of| of.get(&annotation(role)));
    written.and_then(|text| text.parse().ok()).unwrap_or(now)
}

fn certificate(role: &str) -> String {
    format!("{role}.crt")
}

fn key(role: &str) -> String {
    format!("{role}.key")
}

fn annotation(role: &str) -> String {
    format!("portcullis.dev/{role}-since")
}

const SIGNING: &str = "signing";
const NEXT: &str = "next";
const PREVIOUS: &str = "previous";
const BUNDLE: &str = "ca.crt";

/// How long an authority signs before the next one is made.
const SIGNS: SignedDuration = SignedDuration::from_hours(180 * 24);
/// How long an authority is published before it signs: until every proxy has its certificate.
const KNOWN: SignedDuration = SignedDuration::from_hours(1);
/// How long an authority is trusted after it has signed last.
const TRUSTED_ON: SignedDuration = SignedDuration::from_hours(48);

#[cfg(test)]
mod tests;
