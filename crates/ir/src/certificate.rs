//! Certificates and trust: parsed and checked once, here.

use std::{fmt, sync::Arc};

use rustls::{crypto::aws_lc_rs, pki_types::CertificateDer, sign::CertifiedKey};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeSeq as _,
};
use thiserror::Error;

use crate::{Keyed, Kind, Secret, octets::Octets};

/// A certificate chain with its private key, which are known to belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Certificate {
    /// DER, the server's own certificate first. Printed by their number only.
    #[serde(serialize_with = "ders")]
    pub chain: Arc<[Vec<u8>]>,
    /// PEM of the private key.
    pub key: Secret,
}

impl Keyed for Certificate {
    const KIND: Kind = Kind::Certificate;
}

impl Certificate {
    /// Reads `tls.crt` and `tls.key` of a Kubernetes Secret.
    ///
    /// # Errors
    /// No certificate, no key, a kind of key that is not supported, or another certificate's key.
    pub fn parse(chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, CertificateError> {
        Self::of(certificates(chain_pem)?, Secret::new(key_pem))
    }

    /// A chain in DER and its key in PEM.
    fn of(chain: Vec<Vec<u8>>, key: Secret) -> Result<Self, CertificateError> {
        let certificate = Self { chain: chain.into(), key };
        certificate.certified_key()?;
        Ok(certificate)
    }

    /// The chain and key as TLS uses them.
    ///
    /// # Errors
    /// As [`Certificate::parse`]; never for a value that it made.
    pub fn certified_key(&self) -> Result<CertifiedKey, CertificateError> {
        let key = PrivateKeyDer::from_pem_slice(self.key.expose())
            .map_err(|_| CertificateError::NoKey)?;
        let ders = self.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        CertifiedKey::from_der(ders, key, &aws_lc_rs::default_provider()).map_err(|error| {
            match error {
                rustls::Error::InconsistentKeys(_) => CertificateError::Mismatch,
                rustls::Error::InvalidCertificate(_) => CertificateError::Malformed,
                rustls::Error::NoCertificatesPresented => CertificateError::NoCertificate,
                _ => CertificateError::UnsupportedKey,
            }
        })
    }
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parts {
            #[serde(deserialize_with = "from_ders")]
            chain: Vec<Vec<u8>>,
            key: Secret,
        }
        let Parts { chain, key } = Parts::deserialize(deserializer)?;
        Self::of(chain, key).map_err(D::Error::custom)
    }
}

/// Certificate authorities, never empty.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub struct TrustBundle {
    /// DER. Printed by their number only.
    #[serde(serialize_with = "ders")]
    pub authorities: Arc<[Vec<u8>]>,
}

impl Keyed for TrustBundle {
    const KIND: Kind = Kind::TrustBundle;
}

impl TrustBundle {
    /// Reads `ca.crt` of a ConfigMap or Secret.
    ///
    /// # Errors
    /// No certificate, or one that cannot be an authority.
    pub fn parse(pem: &[u8]) -> Result<Self, CertificateError> {
        Self::of(certificates(pem)?)
    }

    /// Authorities in DER.
    fn of(authorities: Vec<Vec<u8>>) -> Result<Self, CertificateError> {
        if authorities.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        let mut roots = rustls::RootCertStore::empty();
        for der in &authorities {
            roots
                .add(CertificateDer::from(der.as_slice()))
                .map_err(|_| CertificateError::Malformed)?;
        }
        Ok(Self { authorities: authorities.into() })
    }
}

impl<'de> Deserialize<'de> for TrustBundle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parts {
            #[serde(deserialize_with = "from_ders")]
            authorities: Vec<Vec<u8>>,
        }
        Self::of(Parts::deserialize(deserializer)?.authorities).map_err(D::Error::custom)
    }
}

impl fmt::Debug for TrustBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustBundle({} authorities)", self.authorities.len())
    }
}

/// Why a certificate cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CertificateError {
    /// The PEM text holds none.
    #[error("there is no PEM certificate in it")]
    NoCertificate,
    /// The PEM or DER does not parse.
    #[error("the certificate is malformed")]
    Malformed,
    /// The PEM text holds no private key.
    #[error("there is no PEM private key in it")]
    NoKey,
    /// A kind of key that TLS cannot use here.
    #[error("the private key is of a kind that is not supported: use RSA, ECDSA or Ed25519")]
    UnsupportedKey,
    /// Key and certificate are not a pair.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    let ders: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(pem)
        .map(|der| der.map(|der| der.to_vec()).map_err(|_| CertificateError::Malformed))
        .collect::<Result<_, _>>()?;
    if ders.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(ders) }
}

/// Their number for people; the bytes on the wire.
fn ders<S: Serializer>(ders: &Arc<[Vec<u8>]>, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return serializer.collect_str(&format_args!("{} certificates", ders.len()));
    }
    let mut list = serializer.serialize_seq(Some(ders.len()))?;
    for der in &**ders {
        list.serialize_element(&Octets::from(der.as_slice()))?;
    }
    list.end()
}

fn from_ders<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    let ders = Vec::<Octets<'_>>::deserialize(deserializer)?;
    Ok(ders.into_iter().map(Octets::into_vec).collect())
}

#[cfg(test)]
mod tests;
