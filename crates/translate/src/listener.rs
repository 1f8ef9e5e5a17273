//! The listeners of a Gateway: whether each is valid, what it takes, and what keeps it from
//! serving.

use std::sync::Arc;

use api::{
    condition::Reason,
    gateway::{Gateway, Listener},
    kind::Kind,
    listener::{ProtocolType, TLSModeType},
    meta::NamespacedName,
};
use ir::{Bind, Certificate, ClientValidation, Hostname, Id, Protocol, Tls, TrustBundle};

use crate::{
    Mode,
    attach::From,
    certificates::{self, Named, Validation},
    diagnostics::Diagnostics,
    finding::{Fault, Finding, sentence},
    reader::Reader,
};

mod conflict;

use conflict::Conflict;

/// What is found about one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenerView {
    pub(crate) name: Arc<str>,
    pub(crate) port: u16,
    pub(crate) hostname: Hostname,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) from: From,
    pub(crate) accepted: Finding,
    /// Whether its hostname is its own even when it is refused: nobody else may answer for it.
    pub(crate) guards: bool,
    pub(crate) conflicted: Finding,
    pub(crate) resolved: Finding,
    /// Listeners with which TLS may be confused.
    pub(crate) overlap: Option<String>,
    /// Why no request can be answered, although the listener is accepted.
    pub(crate) fault: Option<String>,
    /// What is spoken; none when nothing of ours is.
    pub(crate) protocol: Option<Protocol>,
    pub(crate) certificates: Vec<Named<Certificate>>,
    pub(crate) trust: Vec<Named<TrustBundle>>,
    /// Where it is served.
    pub(crate) binds: Vec<Id<Bind>>,
    /// Sockets that another Gateway has.
    pub(crate) taken: Vec<String>,
}

/// Looks at all listeners of a Gateway together.
pub(crate) fn listeners(
    reader: &mut Reader<'_>,
    name: &NamespacedName,
    gateway: &Gateway,
    diagnostics: &mut Diagnostics,
) -> Vec<ListenerView> {
    let listeners = &gateway.spec.listeners;
    let hostnames: Vec<_> = listeners.iter().map(hostname).collect();
    let claims: Vec<conflict::Claim<'_>> = listeners
        .iter()
        .zip(&hostnames)
        .map(|(listener, hostname)| conflict::Claim::new(listener, hostname.as_ref().ok()))
        .collect();
    let conflicts = conflict::find(&claims);
    let overlaps = conflict::overlaps(&claims, &conflicts);
    let found = conflicts.into_iter().zip(overlaps).zip(hostnames).enumerate();
    found
        .map(|(index, ((conflict, overlap), hostname))| {
            let mut check = Check {
                reader,
                gateway: (name, gateway),
                listener: &listeners[index],
                field: format!("spec.listeners[{index}]"),
                diagnostics,
            };
            check.run(hostname, conflict, overlap)
        })
        .collect()
}

fn hostname(listener: &Listener) -> Result<Hostname, String> {
    let text = listener.hostname.as_deref().unwrap_or_default();
    Hostname::parse(text).map_err(|error| error.to_string())
}

/// One listener under examination.
struct Check<'c, 'a> {
    reader: &'c mut Reader<'a>,
    gateway: (&'c NamespacedName, &'c Gateway),
    listener: &'c Listener,
    field: String,
    diagnostics: &'c mut Diagnostics,
}

impl Check<'_, '_> {
    fn run(
        &mut self,
        hostname: Result<Hostname, String>,
        conflict: Option<Conflict>,
        overlap: Option<String>,
    ) -> ListenerView {
        let supported = self.supported();
        let from = From::new(&self.listener.allowed_routes.namespaces);
        let mut refused = self.unsupported(supported, &from, hostname.as_ref().err());
        let (kinds, mut unresolved) = self.kinds(supported);
        let mut trust = Vec::new();
        let mut fault = None;
        let mut protocol = supported.then_some(Protocol::Http);
        let mut certificates = Vec::new();
        if supported && self.listener.protocol == ProtocolType::HTTPS {
            let tls = self.https(&mut refused, &mut unresolved);
            fault = tls.fault;
            certificates = tls.certificates;
            trust = tls.trust;
            protocol = Some(Protocol::Https(tls.protocol));
        }
        if supported && kinds.is_empty() {
            fault.get_or_insert_with(|| "no kind of route that is served is allowed".to_owned());
        }
        let conflicted = match &conflict {
            None => Finding::no(Reason::NoConflicts, "no other listener is in the way"),
            Some(conflict) => Finding::yes(conflict.reason, conflict.message.as_str()),
        };
        let guards = conflict.is_none() && hostname.is_ok();
        let accepted = self.accepted(supported, conflict, &refused);
        if let (true, Some(message)) = (accepted.holds(), &fault) {
            self.diagnostics.error(self.field.as_str(), Reason::Invalid, message.as_str());
        }
        self.remark_unused();
        ListenerView {
            name: self.listener.name.as_str().into(),
            port: self.listener.port,
            hostname: hostname.unwrap_or_default(),
            kinds,
            from: from.unwrap_or(From::Nowhere),
            accepted,
            guards,
            conflicted,
            resolved: self.resolved(&unresolved),
            overlap,
            fault,
            protocol,
            certificates,
            trust,
            binds: Vec::new(),
            taken: Vec::new(),
        }
    }

    fn supported(&self) -> bool {
        matches!(self.listener.protocol, ProtocolType::HTTP | ProtocolType::HTTPS)
    }

    /// Values that we do not know or serve.
    fn unsupported(
        &self,
        supported: bool,
        from: &Option<From>,
        hostname: Option<&String>,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: String| {
            let field = format!("{}.{field}", self.field);
            faults.push(Fault { reason: Reason::UnsupportedValue, field, message });
        };
        if let Some(error) = hostname {
            fault("hostname", error.clone());
        }
        if from.is_none() {
            fault("allowedRoutes.namespaces.from", "the value is not known".to_owned());
        }
        // Skipping a filter could let in whom it keeps out (GEP-5224).
        if self.listener.filters.as_ref().is_some_and(|filters| !filters.requests.is_empty()) {
            fault("filters", "filters on listeners are not served: remove them".to_owned());
        }
        if supported && let Some(tls) = &self.listener.tls {
            match &tls.mode {
                TLSModeType::Terminate => {}
                _ if self.listener.protocol == ProtocolType::HTTP => {}
                TLSModeType::Passthrough => fault(
                    "tls.mode",
                    "an HTTPS listener ends TLS itself: use Terminate, or protocol TLS".to_owned(),
                ),
                TLSModeType::Other(mode) => fault("tls.mode", format!("{mode:?} is not known")),
            }
        }
        if self.reader.settings.mode == Mode::Cluster && RESERVED.contains(&self.listener.port) {
            let message = "the proxies need this port for probes and metrics: use another one";
            faults.push(Fault {
                reason: Reason::PortUnavailable,
                field: format!("{}.port", self.field),
                message: message.to_owned(),
            });
        }
        faults
    }

    /// The kinds of route that the listener takes, and those that it cannot.
    fn kinds(&self, supported: bool) -> (Vec<Kind>, Vec<Fault>) {
        let own: &[Kind] = if supported { &[Kind::HTTPRoute] } else { &[] };
        let wanted = &self.listener.allowed_routes.kinds;
        if wanted.is_empty() {
            return (own.to_vec(), Vec::new());
        }
        let mut kinds = Vec::new();
        let mut faults = Vec::new();
        for (index, wanted) in wanted.iter().enumerate() {
            match Kind::find(&wanted.group, &wanted.kind).filter(|kind| own.contains(kind)) {
                Some(kind) if kinds.contains(&kind) => {}
                Some(kind) => kinds.push(kind),
                None => faults.push(Fault {
                    reason: Reason::InvalidRouteKinds,
                    field: format!("{}.allowedRoutes.kinds[{index}]", self.field),
                    message: format!(
                        "a listener of protocol {} takes no {}",
                        self.listener.protocol, wanted.kind
                    ),
                }),
            }
        }
        (kinds, faults)
    }

    /// TLS of an HTTPS listener.
    fn https(&mut self, refused: &mut Vec<Fault>, unresolved: &mut Vec<Fault>) -> Https {
        let (name, gateway) = self.gateway;
        let mut https = Https::default();
        let tls = self.listener.tls.as_ref().filter(|tls| !tls.certificate_refs.is_empty());
        match tls {
            None => {
                let message = "tls.certificateRefs is missing: name the Secret (type \
                               kubernetes.io/tls) with the certificate that this HTTPS listener \
                               shows to clients";
                https.fault = Some(message.to_owned());
            }
            Some(tls) => {
                let (good, bad) = certificates::of_listener(self.reader, name, tls, &self.field);
                if good.is_empty() {
                    https.fault = Some("none of the certificates can be used".to_owned());
                }
                https.protocol.certificates = good.iter().map(|(id, _)| id.clone()).collect();
                https.certificates = good;
                unresolved.extend(bad);
            }
        }
        match certificates::validation(self.reader, name, gateway, self.listener.port) {
            Err(fault) => refused.push(fault),
            Ok(None) => {}
            Ok(Some(Validation { mode, trust, faults })) => {
                if trust.is_empty() {
                    refused.push(Fault {
                        reason: Reason::NoValidCACertificate,
                        field: "spec.tls.frontend".to_owned(),
                        message: "clients must show a certificate, and no authority that could \
                                  have signed it can be used: see ResolvedRefs"
                            .to_owned(),
                    });
                }
                let ids = trust.iter().map(|(id, _)| id.clone()).collect();
                https.protocol.client_validation = Some(ClientValidation { mode, trust: ids });
                https.trust = trust;
                unresolved.extend(faults);
            }
        }
        https
    }

    fn accepted(
        &mut self,
        supported: bool,
        conflict: Option<Conflict>,
        refused: &[Fault],
    ) -> Finding {
        let (reason, message) = if !supported {
            let protocol = &self.listener.protocol;
            let message = format!("protocol {protocol} is not served: use HTTP or HTTPS");
            (Reason::UnsupportedProtocol, message)
        } else if let Some(Conflict { reason, message }) = conflict {
            (reason, message)
        } else if let Some(first) = refused.first() {
            (first.reason, sentence(refused))
        } else {
            return Finding::yes(Reason::Accepted, "the listener is valid");
        };
        self.diagnostics.error(self.field.as_str(), reason, message.as_str());
        Finding::no(reason, message)
    }

    fn resolved(&mut self, unresolved: &[Fault]) -> Finding {
        for Fault { reason, field, message } in unresolved {
            self.diagnostics.error(field.as_str(), *reason, message.as_str());
        }
        match unresolved.first() {
            None => Finding::yes(Reason::ResolvedRefs, "all references are resolved"),
            Some(first) => Finding::no(first.reason, sentence(unresolved)),
        }
    }

    /// Fields that are there and have no effect.
    fn remark_unused(&mut self) {
        let Some(tls) = &self.listener.tls else { return };
        if self.listener.protocol == ProtocolType::HTTP {
            let message = "an HTTP listener has no TLS: use protocol HTTPS, or remove it";
            let field = format!("{}.tls", self.field);
            self.diagnostics.warning(field, Reason::UnsupportedValue, message);
        }
        for option in tls.options.keys() {
            let field = format!("{}.tls.options[{option}]", self.field);
            let message = "the option is not known and has no effect";
            self.diagnostics.warning(field, Reason::UnsupportedValue, message);
        }
    }
}

/// Ports of a proxy's own, in every pod.
const RESERVED: [u16; 2] = [15000, 15001];

/// What HTTPS adds to a listener.
struct Https {
    protocol: Tls,
    certificates: Vec<Named<Certificate>>,
    trust: Vec<Named<TrustBundle>>,
    fault: Option<String>,
}

impl Default for Https {
    fn default() -> Self {
        Self {
            protocol: Tls { certificates: Vec::new(), client_validation: None },
            certificates: Vec::new(),
            trust: Vec::new(),
            fault: None,
        }
    }
}
