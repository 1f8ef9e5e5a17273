//! Certificates and trust that Gateways refer to.
//!
//! A grant is asked for before existence is looked at. One bad reference does not spoil the good
//! ones beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::{
    condition::Reason,
    gateway::{FrontendValidationModeType, Gateway, TLSConfig},
    kind::{Kind, ObjectKey},
    listener::{ListenerTLSConfig, ProtocolType},
    meta::NamespacedName,
    reference::{ObjectReference, SecretObjectReference},
};
use ir::{Certificate, CertificateError, Id, TrustBundle, ValidationMode};

use crate::{finding::Fault, grants, reader::Reader};

/// Parsed certificates by the object that holds them: cryptography costs more than everything else
/// that a Gateway needs.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    certificates: BTreeMap<NamespacedName, Result<Arc<Certificate>, CertificateError>>,
    trust: BTreeMap<NamespacedName, Result<Arc<TrustBundle>, CertificateError>>,
}

impl Parsed {
    /// The object changed.
    pub(crate) fn forget(&mut self, key: &ObjectKey) {
        match key.kind {
            Kind::Secret => drop(self.certificates.remove(&key.name)),
            Kind::ConfigMap => drop(self.trust.remove(&key.name)),
            _ => {}
        }
    }
}

/// A certificate under its name.
pub(crate) type Named<T> = (Id<T>, Arc<T>);

/// The certificates of a listener that can be used, and what is wrong with the others.
pub(crate) fn of_listener(
    reader: &mut Reader<'_>,
    gateway: &NamespacedName,
    tls: &ListenerTLSConfig,
    field: &str,
) -> (Vec<Named<Certificate>>, Vec<Fault>) {
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for (index, reference) in tls.certificate_refs.iter().enumerate() {
        let field = format!("{field}.tls.certificateRefs[{index}]");
        match certificate(reader, gateway, reference) {
            Ok(named) if good.contains(&named) => {}
            Ok(named) => good.push(named),
            Err((true, message)) => {
                bad.push(Fault { reason: Reason::RefNotPermitted, field, message });
            }
            Err((false, message)) => {
                bad.push(Fault { reason: Reason::InvalidCertificateRef, field, message });
            }
        }
    }
    (good, bad)
}

/// What is wrong with the certificate that a Gateway shows to backends.
pub(crate) fn client_fault(
    reader: &mut Reader<'_>,
    gateway: &NamespacedName,
    reference: &SecretObjectReference,
) -> Option<Fault> {
    let field = "spec.tls.backend.clientCertificateRef".to_owned();
    let (refused, message) = certificate(reader, gateway, reference).err()?;
    let reason =
        if refused { Reason::RefNotPermitted } else { Reason::InvalidClientCertificateRef };
    Some(Fault { reason, field, message })
}

/// How clients of a port are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validation {
    pub(crate) mode: ValidationMode,
    pub(crate) trust: Vec<Named<TrustBundle>>,
    pub(crate) faults: Vec<Fault>,
}

/// The checks of clients on an HTTPS port: the port's own entry, or else the default.
///
/// # Errors
/// A mode that we do not know.
pub(crate) fn validation(
    reader: &mut Reader<'_>,
    name: &NamespacedName,
    gateway: &Gateway,
    port: u16,
) -> Result<Option<Validation>, Fault> {
    let Some((config, field)) = config(gateway, port) else { return Ok(None) };
    let Some(wanted) = &config.validation else { return Ok(None) };
    let mode = match &wanted.mode {
        FrontendValidationModeType::AllowValidOnly => ValidationMode::AllowValidOnly,
        FrontendValidationModeType::AllowInsecureFallback => ValidationMode::AllowInsecureFallback,
        FrontendValidationModeType::Other(mode) => {
            let message = format!("mode {mode:?} is not known");
            let field = format!("{field}.validation.mode");
            return Err(Fault { reason: Reason::UnsupportedValue, field, message });
        }
    };
    let mut validation = Validation { mode, trust: Vec::new(), faults: Vec::new() };
    for (index, reference) in wanted.ca_certificate_refs.iter().enumerate() {
        match trust(reader, name, reference) {
            Ok(named) if validation.trust.contains(&named) => {}
            Ok(named) => validation.trust.push(named),
            Err((reason, message)) => {
                let field = format!("{field}.validation.caCertificateRefs[{index}]");
                validation.faults.push(Fault { reason, field, message });
            }
        }
    }
    Ok(Some(validation))
}

/// Whether any port lets clients in without a good certificate.
pub(crate) fn is_insecure(gateway: &Gateway) -> bool {
    let frontend = gateway.spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref());
    frontend.is_some_and(|frontend| {
        let ports = frontend.per_port.iter().map(|entry| &entry.tls);
        ports.chain([&frontend.default]).any(|config| {
            config.validation.as_ref().is_some_and(|validation| {
                validation.mode == FrontendValidationModeType::AllowInsecureFallback
            })
        })
    })
}

/// Checks of clients that no listener does.
pub(crate) fn unused(gateway: &Gateway) -> Vec<String> {
    let frontend = gateway.spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref());
    let Some(frontend) = frontend else { return Vec::new() };
    let listeners = gateway.spec.listeners.iter();
    let https = listeners.filter(|listener| listener.protocol == ProtocolType::HTTPS);
    let ports: BTreeSet<u16> = https.map(|listener| listener.port).collect();
    let own: BTreeSet<u16> = frontend.per_port.iter().map(|entry| entry.port).collect();
    let default = frontend.default.validation.is_some() && ports.is_subset(&own);
    let default = default.then(|| "spec.tls.frontend.default.validation".to_owned());
    let entries = frontend.per_port.iter().enumerate();
    let entries = entries
        .filter(|(_, entry)| !ports.contains(&entry.port))
        .map(|(index, _)| format!("spec.tls.frontend.perPort[{index}].port"));
    default.into_iter().chain(entries).collect()
}

fn config(gateway: &Gateway, port: u16) -> Option<(&TLSConfig, String)> {
    let frontend = gateway.spec.tls.as_ref()?.frontend.as_ref()?;
    let own = frontend.per_port.iter().enumerate().find(|(_, entry)| entry.port == port);
    Some(match own {
        Some((index, entry)) => (&entry.tls, format!("spec.tls.frontend.perPort[{index}].tls")),
        None => (&frontend.default, "spec.tls.frontend.default".to_owned()),
    })
}

/// The error says whether it is a matter of permission.
fn certificate(
    reader: &mut Reader<'_>,
    gateway: &NamespacedName,
    reference: &SecretObjectReference,
) -> Result<Named<Certificate>, (bool, String)> {
    if !is(Kind::Secret, &reference.group, &reference.kind) {
        let message = format!("{} is no kind of certificate: name a Secret", reference.kind);
        return Err((false, message));
    }
    let namespace = reference.namespace.as_deref().unwrap_or(&gateway.namespace);
    let name = NamespacedName::new(namespace, reference.name.as_str());
    let (from, to) = (Kind::Gateway, Kind::Secret);
    if !grants::permits(reader, from, &gateway.namespace, to, &name) {
        return Err((true, grants::refusal(from, &gateway.namespace, to, &name)));
    }
    let Some(secret) = reader.secret(&name) else {
        return Err((false, format!("there is no Secret {name}")));
    };
    let parsed = reader.parsed().certificates.entry(name.clone()).or_insert_with(|| {
        let bytes = |key: &str| secret.data.get(key).map(|bytes| bytes.expose());
        let chain = bytes("tls.crt").unwrap_or_default();
        Certificate::parse(chain, bytes("tls.key").unwrap_or_default()).map(Arc::new)
    });
    match parsed {
        Ok(certificate) => Ok((Id::new(name.to_string()), certificate.clone())),
        Err(error) => Err((false, format!("Secret {name}: {}", at_fault(*error)))),
    }
}

/// The sentence, with the key of the Secret that it is about.
fn at_fault(error: CertificateError) -> String {
    let key = match error {
        CertificateError::NoCertificate | CertificateError::Malformed => "tls.crt: ",
        CertificateError::NoKey | CertificateError::UnsupportedKey => "tls.key: ",
        CertificateError::Mismatch => "",
    };
    format!("{key}{error}")
}

fn trust(
    reader: &mut Reader<'_>,
    gateway: &NamespacedName,
    reference: &ObjectReference,
) -> Result<Named<TrustBundle>, (Reason, String)> {
    if !is(Kind::ConfigMap, &reference.group, &reference.kind) {
        let message =
            format!("authorities of kind {} are not read: name a ConfigMap", reference.kind);
        return Err((Reason::InvalidCACertificateKind, message));
    }
    let namespace = reference.namespace.as_deref().unwrap_or(&gateway.namespace);
    let name = NamespacedName::new(namespace, reference.name.as_str());
    let (from, to) = (Kind::Gateway, Kind::ConfigMap);
    if !grants::permits(reader, from, &gateway.namespace, to, &name) {
        let message = grants::refusal(from, &gateway.namespace, to, &name);
        return Err((Reason::RefNotPermitted, message));
    }
    let invalid = |message| (Reason::InvalidCACertificateRef, message);
    let Some(config_map) = reader.config_map(&name) else {
        return Err(invalid(format!("there is no ConfigMap {name}")));
    };
    let parsed = reader.parsed().trust.entry(name.clone()).or_insert_with(|| {
        let pem = config_map.data.get("ca.crt").map(String::as_bytes).unwrap_or_default();
        TrustBundle::parse(pem).map(Arc::new)
    });
    match parsed {
        Ok(bundle) => Ok((Id::new(format!("ConfigMap/{name}")), bundle.clone())),
        Err(error) => Err(invalid(format!("ConfigMap {name}: ca.crt: {error}"))),
    }
}

fn is(wanted: Kind, group: &str, kind: &str) -> bool {
    wanted.group() == group && wanted.as_str() == kind
}
