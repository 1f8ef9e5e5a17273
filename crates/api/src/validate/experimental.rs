//! The experimental kinds.

use crate::duration::Duration;
use crate::experimental::backend::{
    BackendProtocol, BackendSpec, BackendTLS, BackendTLSMode, BackendType,
};
use crate::experimental::backend_traffic_policy::{BackendTrafficPolicySpec, RetryConstraint};
use crate::experimental::telemetry_policy::{
    Attribute, AttributeSourceType, TelemetryMode, TelemetryPolicySpec, TracingConfig,
};
use crate::path::Path;
use crate::validate::text::{
    ATTRIBUTE_KEY, ATTRIBUTE_NAME, HEADER_NAME, LABEL_VALUE, LITERAL_VALUE, PRECISE_HOSTNAME,
    SERVICE_NAME, SPAN_NAME, is_qualified_name,
};
use crate::validate::{Violations, backend_tls_policy, filter, reference, route};

pub(super) fn backend(spec: &BackendSpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    if let BackendType::Other(value) = &spec.type_ {
        out.unsupported(path.key("type"), value, &["ExternalHostname", "EndpointSelector"]);
    }
    if let Some(BackendProtocol::Other(value)) = &spec.protocol {
        out.unsupported(path.key("protocol"), value, &PROTOCOLS);
    }
    out.properties(path.key("port"), usize::from(spec.port.number.is_some()), 1, 1);
    if let Some(outside) = &spec.external_hostname {
        let path = path.key("externalHostname");
        let path = path.key("hostname");
        out.text(path, &outside.hostname, &PRECISE_HOSTNAME);
        let inside = outside.hostname.ends_with(".cluster.local");
        out.rule(path, !inside, "hostname must not end with .cluster.local");
    }
    if let Some(selector) = &spec.endpoint_selector {
        let path = path.key("endpointSelector");
        let path = path.key("matchLabels");
        out.properties(path, selector.match_labels.len(), 1, 64);
        for (key, value) in &selector.match_labels {
            out.text(path.key(key), value, &LABEL_VALUE);
        }
        let fits = selector.match_labels.keys().all(|key| is_qualified_name(key));
        let message = "keys must be an optional DNS subdomain as a prefix, then a name of up to 63 \
                       characters";
        out.rule(path, fits, message);
    }
    if let Some(session) = &spec.session_persistence {
        route::session(path.key("sessionPersistence"), session, out);
        let selects = spec.type_ == BackendType::EndpointSelector;
        let message = "sessionPersistence can only be set when type is EndpointSelector";
        out.rule(path, selects, message);
    }
    let outside = spec.type_ == BackendType::ExternalHostname;
    let there = spec.external_hostname.is_some();
    route::member(path, "externalHostname", "ExternalHostname", there, outside, out);
    let inside = spec.type_ == BackendType::EndpointSelector;
    let there = spec.endpoint_selector.is_some();
    route::member(path, "endpointSelector", "EndpointSelector", there, inside, out);
    backend_tls(path, spec, out);
}

fn backend_tls(spec_path: Path<'_>, spec: &BackendSpec, out: &mut Violations) {
    let path = spec_path.key("tls");
    let BackendTLS { client_certificate_ref, mode, validation } = &spec.tls;
    if let BackendTLSMode::Other(value) = mode {
        out.unsupported(path.key("mode"), value, &["None", "ServerOnly", "ClientAndServer"]);
    }
    if let Some(reference) = client_certificate_ref {
        reference::secret(path.key("clientCertificateRef"), reference, out);
    }
    if let Some(checks) = validation {
        backend_tls_policy::validation(path.key("validation"), checks, out);
    }
    let off = *mode == BackendTLSMode::None;
    let both = *mode == BackendTLSMode::ClientAndServer;
    let message = "clientCertificateRef must be set if and only if mode is ClientAndServer";
    out.rule(path, both == client_certificate_ref.is_some(), message);
    let message = "validation must be set if and only if mode is ClientAndServer or ServerOnly";
    out.rule(path, off != validation.is_some(), message);
    let (holds, message) = match &spec.protocol {
        Some(BackendProtocol::H2C) => (off, "tls must be disabled when protocol is H2C"),
        Some(BackendProtocol::HTTP2) => (!off, "tls must be enabled when protocol is HTTP2"),
        Some(BackendProtocol::WSS) => (!off, "tls must be enabled when protocol is WSS"),
        _ => return,
    };
    out.rule(spec_path, holds, message);
}

pub(super) fn traffic_policy(spec: &BackendTrafficPolicySpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    let targets = path.key("targetRefs");
    out.items(targets, spec.target_refs.len(), 1, 16);
    out.unique(targets, spec.target_refs.iter());
    for (index, target) in spec.target_refs.iter().enumerate() {
        reference::local(targets.index(index), target, out);
    }
    if let Some(session) = &spec.session_persistence {
        route::session(path.key("sessionPersistence"), session, out);
    }
    if let Some(RetryConstraint { budget, min_retry_rate }) = &spec.retry_constraint {
        let path = path.key("retryConstraint");
        let (share, floor) = (path.key("budget"), path.key("minRetryRate"));
        out.range(share.key("percent"), budget.percent, 0, 100);
        let hour = Duration::from_secs(3600);
        let fits = (Duration::from_secs(1)..=hour).contains(&budget.interval);
        let message = "interval cannot be greater than one hour or less than one second";
        out.rule(share.key("interval"), fits, message);
        if let Some(count) = min_retry_rate.count {
            out.range(floor.key("count"), count, 1, 1_000_000);
        }
        if let Some(interval) = min_retry_rate.interval {
            let fits = interval != Duration::ZERO && interval <= hour;
            let message = "interval cannot be zero or greater than one hour";
            out.rule(floor.key("interval"), fits, message);
        }
    }
}

pub(super) fn telemetry(spec: &TelemetryPolicySpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    let targets = path.key("targetRefs");
    out.items(targets, spec.target_refs.len(), 1, 16);
    for (index, target) in spec.target_refs.iter().enumerate() {
        reference::local(targets.index(index), target, out);
    }
    out.rule(path, spec.tracing.is_some(), "tracing must be set");
    if let Some(config) = &spec.tracing {
        tracing(path.key("tracing"), config, out);
    }
}

fn tracing(path: Path<'_>, config: &TracingConfig, out: &mut Violations) {
    mode(path.key("mode"), &config.mode, out);
    let enabled = config.mode == TelemetryMode::Enabled;
    let message = "provider is required when mode is Enabled, and must be empty otherwise";
    out.rule(path, enabled == config.provider.is_some(), message);
    for (name, there) in [
        ("samplingRate", config.sampling_rate.is_some()),
        ("parentBasedSampling", config.parent_based_sampling.is_some()),
        ("serviceName", config.service_name.is_some()),
        ("spanName", config.span_name.is_some()),
        ("attributes", config.attributes.is_some()),
    ] {
        let message = format!("{name} can only be set when mode is Enabled");
        out.rule(path, enabled || !there, &message);
    }
    if let Some(provider) = &config.provider {
        let path = path.key("provider");
        reference::backend(path.key("backendRef"), &provider.backend_ref, out);
        filter::headers(path.key("headers"), &provider.headers, out);
    }
    if let Some(rate) = &config.sampling_rate {
        filter::fraction(path.key("samplingRate"), rate, out);
    }
    if let Some(parent) = &config.parent_based_sampling {
        let path = path.key("parentBasedSampling");
        mode(path.key("mode"), &parent.mode, out);
        if let Some(rate) = &parent.sampling_rate {
            filter::fraction(path.key("samplingRate"), rate, out);
            let enabled = parent.mode == TelemetryMode::Enabled;
            out.rule(path, enabled, "samplingRate can only be set when mode is Enabled");
        }
    }
    out.optional(path.key("serviceName"), config.service_name.as_ref(), &SERVICE_NAME);
    out.optional(path.key("spanName"), config.span_name.as_ref(), &SPAN_NAME);
    let attributes = config.attributes.as_deref().unwrap_or_default();
    let path = path.key("attributes");
    out.unique(path, attributes.iter().map(|attribute| &attribute.name));
    for (index, item) in attributes.iter().enumerate() {
        attribute(path.index(index), item, out);
    }
}

fn mode(path: Path<'_>, mode: &TelemetryMode, out: &mut Violations) {
    if let TelemetryMode::Other(value) = mode {
        out.unsupported(path, value, &["Enabled", "Disabled", "ImplementationDefault"]);
    }
}

fn attribute(path: Path<'_>, attribute: &Attribute, out: &mut Violations) {
    use AttributeSourceType as Type;
    let Attribute { attribute_key, header_name, literal_value, name, source_type } = attribute;
    out.text(path.key("name"), name, &ATTRIBUTE_NAME);
    if let Type::Other(value) = source_type {
        out.unsupported(path.key("sourceType"), value, &["Header", "Literal", "Attribute"]);
    }
    for (member, value, form, type_, type_name) in [
        ("headerName", header_name, &HEADER_NAME, Type::Header, "Header"),
        ("literalValue", literal_value, &LITERAL_VALUE, Type::Literal, "Literal"),
        ("attributeKey", attribute_key, &ATTRIBUTE_KEY, Type::Attribute, "Attribute"),
    ] {
        out.optional(path.key(member), value.as_ref(), form);
        let message = format!(
            "{member} is required when sourceType is {type_name}, and must be empty otherwise"
        );
        out.rule(path, (*source_type == type_) == value.is_some(), &message);
    }
}

const PROTOCOLS: [&str; 8] = ["TCP", "HTTP", "HTTP2", "HTTP11", "H2C", "MCP", "GRPC", "WSS"];
