//! Listeners, as Gateways and ListenerSets have them.

use std::collections::HashSet;

use crate::gateway::FromNamespaces;
use crate::listener::{
    AllowedRoutes, ListenerEntry, ListenerRequestFilter, ListenerRequestFilterType,
    ListenerTLSConfig, ProtocolType, TLSModeType,
};
use crate::listener_set::ListenerSetSpec;
use crate::path::Path;
use crate::validate::text::{ANNOTATION_VALUE, GROUP, HOSTNAME, KIND, PROTOCOL, SECTION_NAME};
use crate::validate::{Violations, filter, reference, route};

pub(super) fn set(spec: &ListenerSetSpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    reference::parent_gateway(path.key("parentRef"), &spec.parent_ref, out);
    listeners(path.key("listeners"), &spec.listeners, out);
}

pub(super) fn listeners(path: Path<'_>, listeners: &[ListenerEntry], out: &mut Violations) {
    out.items(path, listeners.len(), 1, 64);
    out.unique(path, listeners.iter().map(|listener| &listener.name));
    for (index, listener) in listeners.iter().enumerate() {
        check(path.index(index), listener, out);
    }
    let all = |holds: fn(&ListenerEntry) -> bool| listeners.iter().all(holds);
    let holds = all(|listener| listener.tls.is_none() || !is_plain(&listener.protocol));
    out.rule(path, holds, "tls must not be specified for protocols HTTP, TCP and UDP");
    let holds = all(|listener| {
        let tls = listener.tls.as_ref().filter(|_| listener.protocol == ProtocolType::HTTPS);
        tls.is_none_or(|tls| tls.mode == TLSModeType::Terminate)
    });
    out.rule(path, holds, "tls mode must be Terminate for protocol HTTPS");
    let holds = all(|listener| listener.protocol != ProtocolType::TLS || listener.tls.is_some());
    out.rule(path, holds, "tls mode must be set for protocol TLS");
    let holds = all(|listener| {
        let nameless = matches!(listener.protocol, ProtocolType::TCP | ProtocolType::UDP);
        !nameless || listener.hostname.as_ref().is_none_or(String::is_empty)
    });
    out.rule(path, holds, "hostname must not be specified for protocols TCP and UDP");
    let mut seen = HashSet::new();
    let unique = listeners.iter().all(|listener| {
        seen.insert((listener.port, &listener.protocol, listener.hostname.as_deref()))
    });
    let message = "the combination of port, protocol and hostname must be unique for each listener";
    out.rule(path, unique, message);
}

fn is_plain(protocol: &ProtocolType) -> bool {
    matches!(protocol, ProtocolType::HTTP | ProtocolType::TCP | ProtocolType::UDP)
}

fn check(path: Path<'_>, listener: &ListenerEntry, out: &mut Violations) {
    out.text(path.key("name"), &listener.name, &SECTION_NAME);
    out.optional(path.key("hostname"), listener.hostname.as_ref(), &HOSTNAME);
    out.text(path.key("protocol"), listener.protocol.as_str(), &PROTOCOL);
    allowed_routes(path.key("allowedRoutes"), &listener.allowed_routes, out);
    if let Some(config) = &listener.tls {
        tls(path.key("tls"), config, out);
    }
    if let Some(filters) = &listener.filters {
        // The schema of ListenerSets lacks this rule; the API's text has it for both.
        let http = matches!(listener.protocol, ProtocolType::HTTP | ProtocolType::HTTPS);
        out.rule(path, http, "filters may only be set when protocol is HTTP or HTTPS");
        let path = path.key("filters");
        let path = path.key("requests");
        out.items(path, filters.requests.len(), 0, 16);
        for (index, filter) in filters.requests.iter().enumerate() {
            request_filter(path.index(index), filter, out);
        }
    }
}

fn allowed_routes(path: Path<'_>, allowed: &AllowedRoutes, out: &mut Violations) {
    let kinds = path.key("kinds");
    out.items(kinds, allowed.kinds.len(), 0, 8);
    for (index, kind) in allowed.kinds.iter().enumerate() {
        let path = kinds.index(index);
        out.text(path.key("group"), &kind.group, &GROUP);
        out.text(path.key("kind"), &kind.kind, &KIND);
    }
    let from = match &allowed.namespaces.from {
        FromNamespaces::None => "None",
        FromNamespaces::Other(value) => value,
        FromNamespaces::All | FromNamespaces::Selector | FromNamespaces::Same => return,
    };
    out.unsupported(path.key("namespaces").key("from"), from, &["All", "Selector", "Same"]);
}

fn tls(path: Path<'_>, tls: &ListenerTLSConfig, out: &mut Violations) {
    if let TLSModeType::Other(value) = &tls.mode {
        out.unsupported(path.key("mode"), value, &["Terminate", "Passthrough"]);
    }
    let refs = path.key("certificateRefs");
    out.items(refs, tls.certificate_refs.len(), 0, 64);
    for (index, reference) in tls.certificate_refs.iter().enumerate() {
        reference::secret(refs.index(index), reference, out);
    }
    let options = path.key("options");
    out.properties(options, tls.options.len(), 0, 16);
    for (key, value) in &tls.options {
        out.text(options.key(key), value, &ANNOTATION_VALUE);
    }
    let bare = tls.certificate_refs.is_empty() && tls.options.is_empty();
    let message = "certificateRefs or options must be specified when mode is Terminate";
    out.rule(path, tls.mode != TLSModeType::Terminate || !bare, message);
}

fn request_filter(path: Path<'_>, filter: &ListenerRequestFilter, out: &mut Violations) {
    use ListenerRequestFilterType as Type;
    let ListenerRequestFilter { extension_ref, external_auth, type_ } = filter;
    if let Type::Other(value) = type_ {
        out.unsupported(path.key("type"), value, &["ExternalAuth", "ExtensionRef"]);
    }
    if let Some(reference) = extension_ref {
        reference::local(path.key("extensionRef"), reference, out);
    }
    if let Some(auth) = external_auth {
        filter::external_auth(path.key("externalAuth"), auth, out);
    }
    let (auth, named) = (external_auth.is_some(), *type_ == Type::ExternalAuth);
    route::member(path, "externalAuth", "ExternalAuth", auth, named, out);
    let (reference, named) = (extension_ref.is_some(), *type_ == Type::ExtensionRef);
    route::member(path, "extensionRef", "ExtensionRef", reference, named, out);
}
