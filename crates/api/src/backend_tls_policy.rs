//! BackendTLSPolicy: TLS from the Gateway to backends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::meta::{ObjectMeta, StringMap};
use crate::policy::PolicyStatus;
use crate::reference::{LocalObjectReference, LocalPolicyTargetReferenceWithSectionName};

/// Asks for TLS towards the targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendTLSPolicy {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: BackendTLSPolicySpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PolicyStatus>,
}

/// What a [`BackendTLSPolicy`] wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTLSPolicySpec {
    /// Settings of the implementation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: StringMap,
    /// The backends.
    pub target_refs: Vec<LocalPolicyTargetReferenceWithSectionName>,
    /// How a backend proves who it is.
    pub validation: BackendTLSPolicyValidation,
}

/// How a backend proves who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTLSPolicyValidation {
    /// Authorities that are trusted; excludes the well-known ones.
    #[serde(default, rename = "caCertificateRefs", skip_serializing_if = "Option::is_none")]
    pub ca_certificate_refs: Option<Vec<LocalObjectReference>>,
    /// Sent as SNI, and looked for in the certificate unless there are alternative names.
    pub hostname: String,
    /// Names of which the certificate must have one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Authorities that the system knows.
    #[serde(default, rename = "wellKnownCACertificates", skip_serializing_if = "Option::is_none")]
    pub well_known_ca_certificates: Option<WellKnownCACertificatesType>,
}

/// Which well-known authorities are trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WellKnownCACertificatesType {
    /// Those of the operating system.
    System,
    /// A domain-prefixed or newer value.
    #[serde(untagged)]
    Other(String),
}

/// A name in a certificate. Exactly the member that `type_` names is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectAltName {
    /// A DNS name, perhaps with a leading wildcard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Which of the members counts.
    #[serde(rename = "type")]
    pub type_: SubjectAltNameType,
    /// A URI, for example a SPIFFE identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}

/// The kinds of [`SubjectAltName`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectAltNameType {
    /// `hostname`
    Hostname,
    /// `uri`
    URI,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}
