//! GRPCRoute: the bounds of its schema and its rules. It leaves out what HTTPRoute shares with it.

use crate::grpc_route::{
    GRPCMethodMatch, GRPCRouteFilter, GRPCRouteFilterType, GRPCRouteMatch, GRPCRouteRule,
    GRPCRouteSpec,
};
use crate::http_route::ValueMatchType;
use crate::path::Path;
use crate::validate::http_route::{match_type, value_match};
use crate::validate::text::{
    GRPC_EXPRESSION, GRPC_HEADER_VALUE, GRPC_METHOD, GRPC_SERVICE, SECTION_NAME,
};
use crate::validate::{Violations, filter, reference, route};

pub(super) fn check(spec: &GRPCRouteSpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    route::parents(path, &spec.parent_refs, spec.use_default_gateways.as_ref(), out);
    route::hostnames(path.key("hostnames"), &spec.hostnames, 16, out);
    let path = path.key("rules");
    out.items(path, spec.rules.len(), 0, 16);
    route::rule_names(path, spec.rules.iter().map(|rule| rule.name.as_ref()), out);
    route::total_matches(path, spec.rules.iter().map(|rule| rule.matches.len()).sum(), out);
    for (index, rule) in spec.rules.iter().enumerate() {
        check_rule(path.index(index), rule, out);
    }
}

fn check_rule(path: Path<'_>, rule: &GRPCRouteRule, out: &mut Violations) {
    out.optional(path.key("name"), rule.name.as_ref(), &SECTION_NAME);
    let matches = path.key("matches");
    out.items(matches, rule.matches.len(), 0, 64);
    for (index, match_) in rule.matches.iter().enumerate() {
        check_match(matches.index(index), match_, out);
    }
    filters(path.key("filters"), &rule.filters, out);
    let backends = path.key("backendRefs");
    out.items(backends, rule.backend_refs.len(), 0, 16);
    for (index, backend) in rule.backend_refs.iter().enumerate() {
        let path = backends.index(index);
        route::backend_ref(path, &backend.backend_ref, out);
        filters(path.key("filters"), &backend.filters, out);
    }
    if let Some(session) = &rule.session_persistence {
        route::session(path.key("sessionPersistence"), session, out);
    }
}

fn check_match(path: Path<'_>, match_: &GRPCRouteMatch, out: &mut Violations) {
    let list = path.key("headers");
    out.items(list, match_.headers.len(), 0, 16);
    for (index, header) in match_.headers.iter().enumerate() {
        let parts = (header.name.as_str(), &header.type_, header.value.as_str());
        value_match(list.index(index), parts, &GRPC_HEADER_VALUE, out);
    }
    out.unique(list, match_.headers.iter().map(|header| &header.name));
    if let Some(method) = &match_.method {
        check_method(path.key("method"), method, out);
    }
}

fn check_method(path: Path<'_>, match_: &GRPCMethodMatch, out: &mut Violations) {
    let GRPCMethodMatch { method, service, type_ } = match_;
    match_type(path.key("type"), type_, out);
    let there = service.is_some() || method.is_some();
    out.rule(path, there, "one or both of service and method must be specified");
    for (name, value, form) in
        [("service", service, &GRPC_SERVICE), ("method", method, &GRPC_METHOD)]
    {
        out.optional(path.key(name), value.as_ref(), &GRPC_EXPRESSION);
        let fits = value.as_ref().is_none_or(|value| (form.matches)(value));
        if *type_ == ValueMatchType::Exact && !fits {
            let pattern = form.pattern;
            let message = format!("{name} must only contain valid characters (matching {pattern})");
            out.rule(path, false, &message);
        }
    }
}

fn filters(path: Path<'_>, filters: &[GRPCRouteFilter], out: &mut Violations) {
    use GRPCRouteFilterType::{RequestHeaderModifier, ResponseHeaderModifier};
    out.items(path, filters.len(), 0, 16);
    for (type_, name) in [
        (RequestHeaderModifier, "RequestHeaderModifier"),
        (ResponseHeaderModifier, "ResponseHeaderModifier"),
    ] {
        if filters.iter().filter(|filter| filter.type_ == type_).count() > 1 {
            out.rule(path, false, &format!("a {name} filter cannot be repeated"));
        }
    }
    for (index, filter) in filters.iter().enumerate() {
        check_filter(path.index(index), filter, out);
    }
}

fn check_filter(path: Path<'_>, filter: &GRPCRouteFilter, out: &mut Violations) {
    use GRPCRouteFilterType as Type;
    let request = filter.request_header_modifier.as_ref();
    let response = filter.response_header_modifier.as_ref();
    if let Type::Other(value) = &filter.type_ {
        out.unsupported(path.key("type"), value, &FILTER_TYPES);
    }
    if let Some(modifier) = request {
        filter::header_modifier(path.key("requestHeaderModifier"), modifier, out);
    }
    if let Some(modifier) = response {
        filter::header_modifier(path.key("responseHeaderModifier"), modifier, out);
    }
    if let Some(mirror) = &filter.request_mirror {
        filter::mirror(path.key("requestMirror"), mirror, out);
    }
    if let Some(reference) = &filter.extension_ref {
        reference::local(path.key("extensionRef"), reference, out);
    }
    for (name, type_name, there, type_) in [
        (
            "requestHeaderModifier",
            "RequestHeaderModifier",
            request.is_some(),
            Type::RequestHeaderModifier,
        ),
        (
            "responseHeaderModifier",
            "ResponseHeaderModifier",
            response.is_some(),
            Type::ResponseHeaderModifier,
        ),
        ("requestMirror", "RequestMirror", filter.request_mirror.is_some(), Type::RequestMirror),
        ("extensionRef", "ExtensionRef", filter.extension_ref.is_some(), Type::ExtensionRef),
    ] {
        route::member(path, name, type_name, there, filter.type_ == type_, out);
    }
}

const FILTER_TYPES: [&str; 4] =
    ["ResponseHeaderModifier", "RequestHeaderModifier", "RequestMirror", "ExtensionRef"];
