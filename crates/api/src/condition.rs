//! Conditions: what a controller says about an object, with every type and reason that we write.
//!
//! Conditions of other controllers keep whatever strings they came with.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::meta::Timestamp;

/// One finding about an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// When `status` changed last. Absent until the reporter, who has a clock, fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// A sentence for people: what is wrong and what to do.
    #[serde(default)]
    pub message: String,
    /// Generation of the object that the finding is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// A word for machines: why.
    pub reason: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// What is said.
    #[serde(rename = "type")]
    pub type_: String,
}

impl Condition {
    /// A finding of ours about this generation of an object.
    pub fn new(
        type_: ConditionType,
        status: ConditionStatus,
        reason: Reason,
        message: impl Into<String>,
        observed_generation: i64,
    ) -> Self {
        Self {
            last_transition_time: None,
            message: message.into(),
            observed_generation: Some(observed_generation),
            reason: reason.as_str().to_string(),
            status,
            type_: type_.as_str().to_string(),
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

/// The types of condition that we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The object is valid and served.
    Accepted,
    /// The data plane has it.
    Programmed,
    /// Everything it refers to was found and may be used.
    ResolvedRefs,
    /// A listener contradicts another one; negative polarity.
    Conflicted,
    /// Listeners overlap in a way that TLS cannot tell apart; present only when true.
    OverlappingTLSConfig,
    /// Some rules of a route are left out; present only when true.
    PartiallyInvalid,
    /// The installed CRDs are of a release that we know.
    SupportedVersion,
    /// Clients without a good certificate are let in; present only when true.
    InsecureFrontendValidationMode,
    /// The wanted addresses are there (GEP-5093).
    AddressesAssigned,
}

impl ConditionType {
    /// Every type.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Programmed,
        Self::ResolvedRefs,
        Self::Conflicted,
        Self::OverlappingTLSConfig,
        Self::PartiallyInvalid,
        Self::SupportedVersion,
        Self::InsecureFrontendValidationMode,
        Self::AddressesAssigned,
    ];

    /// The type of this name, if it is one that we write.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// The name in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Programmed => "Programmed",
            Self::ResolvedRefs => "ResolvedRefs",
            Self::Conflicted => "Conflicted",
            Self::OverlappingTLSConfig => "OverlappingTLSConfig",
            Self::PartiallyInvalid => "PartiallyInvalid",
            Self::SupportedVersion => "SupportedVersion",
            Self::InsecureFrontendValidationMode => "InsecureFrontendValidationMode",
            Self::AddressesAssigned => "AddressesAssigned",
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The reasons that we give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Accepted.
    Accepted,
    /// No address yet.
    AddressNotAssigned,
    /// A wanted address cannot be used.
    AddressNotUsable,
    /// All wanted addresses are there.
    AddressesAssigned,
    /// A backend does not exist.
    BackendNotFound,
    /// A setting took effect that weakens checks.
    ConfigurationChanged,
    /// Another object of the kind came first.
    Conflicted,
    /// Another listener has the same port and host name.
    HostnameConflict,
    /// Filters exclude each other.
    IncompatibleFilters,
    /// The object makes no sense.
    Invalid,
    /// An authority is of a kind that cannot be one.
    InvalidCACertificateKind,
    /// An authority is missing or malformed.
    InvalidCACertificateRef,
    /// A certificate is missing or malformed.
    InvalidCertificateRef,
    /// The Gateway's own certificate is missing or malformed.
    InvalidClientCertificateRef,
    /// A reference is of a kind that cannot be used there.
    InvalidKind,
    /// A listener's filter makes no sense (GEP-5224).
    InvalidListenerFilter,
    /// A listener's filters cannot run in this order (GEP-5224).
    InvalidListenerFilterOrder,
    /// A listener's filter refers to something missing (GEP-5224).
    InvalidListenerFilterRef,
    /// The parameters are missing or malformed.
    InvalidParameters,
    /// A listener allows kinds that its protocol cannot carry.
    InvalidRouteKinds,
    /// A listener contradicts another one in several ways.
    ListenerConflict,
    /// A listener refers to something missing.
    ListenersNotResolved,
    /// A listener is not valid.
    ListenersNotValid,
    /// Nothing contradicts.
    NoConflicts,
    /// No listener shares a host name with the route.
    NoMatchingListenerHostname,
    /// The parent has no such section or port.
    NoMatchingParent,
    /// The infrastructure has no room.
    NoResources,
    /// No authority is left.
    NoValidCACertificate,
    /// The parent does not allow the attachment.
    NotAllowed,
    /// No listener allows the route.
    NotAllowedByListeners,
    /// No wanted address is there.
    NotAssigned,
    /// Certificates of two listeners cover the same name.
    OverlappingCertificates,
    /// Host names of two listeners cover the same name.
    OverlappingHostnames,
    /// The parent itself is not accepted.
    ParentNotAccepted,
    /// Some wanted addresses are there.
    PartiallyAssigned,
    /// Nobody has looked yet.
    Pending,
    /// The port cannot be used.
    PortUnavailable,
    /// Programmed.
    Programmed,
    /// Another listener has the port with a protocol that excludes this one.
    ProtocolConflict,
    /// A reference crosses namespaces without a ReferenceGrant.
    RefNotPermitted,
    /// Resolved.
    ResolvedRefs,
    /// Supported.
    SupportedVersion,
    /// A policy's target does not exist.
    TargetNotFound,
    /// The Gateway has no room for the listener.
    TooManyListeners,
    /// The implementation does not do it.
    Unsupported,
    /// The type of address is not supported.
    UnsupportedAddress,
    /// The protocol is not supported.
    UnsupportedProtocol,
    /// A value is not supported.
    UnsupportedValue,
    /// The installed CRDs are of a release that we do not know.
    UnsupportedVersion,
}

impl Reason {
    /// The name in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::AddressNotAssigned => "AddressNotAssigned",
            Self::AddressNotUsable => "AddressNotUsable",
            Self::AddressesAssigned => "AddressesAssigned",
            Self::BackendNotFound => "BackendNotFound",
            Self::ConfigurationChanged => "ConfigurationChanged",
            Self::Conflicted => "Conflicted",
            Self::HostnameConflict => "HostnameConflict",
            Self::IncompatibleFilters => "IncompatibleFilters",
            Self::Invalid => "Invalid",
            Self::InvalidCACertificateKind => "InvalidCACertificateKind",
            Self::InvalidCACertificateRef => "InvalidCACertificateRef",
            Self::InvalidCertificateRef => "InvalidCertificateRef",
            Self::InvalidClientCertificateRef => "InvalidClientCertificateRef",
            Self::InvalidKind => "InvalidKind",
            Self::InvalidListenerFilter => "InvalidListenerFilter",
            Self::InvalidListenerFilterOrder => "InvalidListenerFilterOrder",
            Self::InvalidListenerFilterRef => "InvalidListenerFilterRef",
            Self::InvalidParameters => "InvalidParameters",
            Self::InvalidRouteKinds => "InvalidRouteKinds",
            Self::ListenerConflict => "ListenerConflict",
            Self::ListenersNotResolved => "ListenersNotResolved",
            Self::ListenersNotValid => "ListenersNotValid",
            Self::NoConflicts => "NoConflicts",
            Self::NoMatchingListenerHostname => "NoMatchingListenerHostname",
            Self::NoMatchingParent => "NoMatchingParent",
            Self::NoResources => "NoResources",
            Self::NoValidCACertificate => "NoValidCACertificate",
            Self::NotAllowed => "NotAllowed",
            Self::NotAllowedByListeners => "NotAllowedByListeners",
            Self::NotAssigned => "NotAssigned",
            Self::OverlappingCertificates => "OverlappingCertificates",
            Self::OverlappingHostnames => "OverlappingHostnames",
            Self::ParentNotAccepted => "ParentNotAccepted",
            Self::PartiallyAssigned => "PartiallyAssigned",
            Self::Pending => "Pending",
            Self::PortUnavailable => "PortUnavailable",
            Self::Programmed => "Programmed",
            Self::ProtocolConflict => "ProtocolConflict",
            Self::RefNotPermitted => "RefNotPermitted",
            Self::ResolvedRefs => "ResolvedRefs",
            Self::SupportedVersion => "SupportedVersion",
            Self::TargetNotFound => "TargetNotFound",
            Self::TooManyListeners => "TooManyListeners",
            Self::Unsupported => "Unsupported",
            Self::UnsupportedAddress => "UnsupportedAddress",
            Self::UnsupportedProtocol => "UnsupportedProtocol",
            Self::UnsupportedValue => "UnsupportedValue",
            Self::UnsupportedVersion => "UnsupportedVersion",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
