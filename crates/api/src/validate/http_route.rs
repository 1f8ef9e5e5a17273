//! HTTPRoute: the bounds of its schema and the rules that tie matches, filters and backends
//! together. Whether a regular expression is one is left to whoever compiles it, as upstream.

use crate::duration::Duration;
use crate::http_route::{
    HTTPCORSFilter, HTTPMethod, HTTPPathMatch, HTTPPathModifier, HTTPPathModifierType,
    HTTPRequestRedirectFilter, HTTPRouteFilter, HTTPRouteFilterType, HTTPRouteMatch,
    HTTPRouteRetry, HTTPRouteRule, HTTPRouteSpec, HTTPRouteTimeouts, HTTPURLRewriteFilter,
    PathMatchType, ValueMatchType,
};
use crate::path::Path;
use crate::validate::text::{
    Form, HEADER_NAME, HEADER_VALUE, ORIGIN, PATH, PATH_VALUE, PRECISE_HOSTNAME, QUERY_VALUE,
    SECTION_NAME,
};
use crate::validate::{Violations, filter, reference, route};

pub(super) fn check(spec: &HTTPRouteSpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    route::parents(path, &spec.parent_refs, spec.use_default_gateways.as_ref(), out);
    route::hostnames(path.key("hostnames"), &spec.hostnames, 16, out);
    let path = path.key("rules");
    out.items(path, spec.rules.len(), 1, 16);
    route::rule_names(path, spec.rules.iter().map(|rule| rule.name.as_ref()), out);
    route::total_matches(path, spec.rules.iter().map(|rule| rule.matches.len()).sum(), out);
    for (index, rule) in spec.rules.iter().enumerate() {
        check_rule(path.index(index), rule, out);
    }
}

fn check_rule(path: Path<'_>, rule: &HTTPRouteRule, out: &mut Violations) {
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
    if let Some(limits) = &rule.timeouts {
        timeouts(path.key("timeouts"), limits, out);
    }
    if let Some(rules) = &rule.retry {
        retry(path.key("retry"), rules, out);
    }
    combinations(path, rule, out);
}

/// The rules that tie filters, backends and matches of a rule together.
fn combinations(path: Path<'_>, rule: &HTTPRouteRule, out: &mut Violations) {
    let redirects = rule.filters.iter().any(|filter| filter.request_redirect.is_some());
    let message = "a RequestRedirect filter must not be used together with backendRefs";
    out.rule(path, rule.backend_refs.is_empty() || !redirects, message);
    let one_prefix = match rule.matches.as_slice() {
        [only] => only.path.type_ == PathMatchType::PathPrefix,
        _ => false,
    };
    if one_prefix {
        return;
    }
    // The upstream rules apply when exactly one filter, or one backend, replaces the prefix.
    let redirect = |filters: &[HTTPRouteFilter]| {
        filters.iter().filter(|filter| replaces_prefix(redirect_path(filter))).count() == 1
    };
    let rewrite = |filters: &[HTTPRouteFilter]| {
        filters.iter().filter(|filter| replaces_prefix(rewrite_path(filter))).count() == 1
    };
    let one_backend = |replaces: &dyn Fn(&[HTTPRouteFilter]) -> bool| {
        rule.backend_refs.iter().filter(|backend| replaces(&backend.filters)).count() == 1
    };
    for (broken, place, name) in [
        (redirect(&rule.filters), "", "RequestRedirect"),
        (rewrite(&rule.filters), "", "URLRewrite"),
        (one_backend(&redirect), "within backendRefs, ", "RequestRedirect"),
        (one_backend(&rewrite), "within backendRefs, ", "URLRewrite"),
    ] {
        let message = format!(
            "{place}when using a {name} filter with path.replacePrefixMatch, exactly one \
             PathPrefix match must be specified"
        );
        out.rule(path, !broken, &message);
    }
}

fn redirect_path(filter: &HTTPRouteFilter) -> Option<&HTTPPathModifier> {
    filter.request_redirect.as_ref()?.path.as_ref()
}

fn rewrite_path(filter: &HTTPRouteFilter) -> Option<&HTTPPathModifier> {
    filter.url_rewrite.as_ref()?.path.as_ref()
}

fn replaces_prefix(path: Option<&HTTPPathModifier>) -> bool {
    path.is_some_and(|path| {
        path.type_ == HTTPPathModifierType::ReplacePrefixMatch
            && path.replace_prefix_match.is_some()
    })
}

fn check_match(path: Path<'_>, match_: &HTTPRouteMatch, out: &mut Violations) {
    let HTTPRouteMatch { headers, method, path: path_match, query_params } = match_;
    check_path(path.key("path"), path_match, out);
    let list = path.key("headers");
    out.items(list, headers.len(), 0, 16);
    for (index, header) in headers.iter().enumerate() {
        let parts = (header.name.as_str(), &header.type_, header.value.as_str());
        value_match(list.index(index), parts, &HEADER_VALUE, out);
    }
    out.unique(list, headers.iter().map(|header| &header.name));
    let list = path.key("queryParams");
    out.items(list, query_params.len(), 0, 16);
    for (index, param) in query_params.iter().enumerate() {
        let parts = (param.name.as_str(), &param.type_, param.value.as_str());
        value_match(list.index(index), parts, &QUERY_VALUE, out);
    }
    out.unique(list, query_params.iter().map(|param| &param.name));
    if let Some(HTTPMethod::Other(value)) = method {
        out.unsupported(path.key("method"), value, &METHODS[..9]);
    }
}

pub(super) fn value_match(
    path: Path<'_>,
    (name, type_, value): (&str, &ValueMatchType, &str),
    form: &Form,
    out: &mut Violations,
) {
    out.text(path.key("name"), name, &HEADER_NAME);
    out.text(path.key("value"), value, form);
    match_type(path.key("type"), type_, out);
}

pub(super) fn match_type(path: Path<'_>, type_: &ValueMatchType, out: &mut Violations) {
    if let ValueMatchType::Other(value) = type_ {
        out.unsupported(path, value, &["Exact", "RegularExpression"]);
    }
}

fn check_path(path: Path<'_>, match_: &HTTPPathMatch, out: &mut Violations) {
    let HTTPPathMatch { type_, value } = match_;
    out.text(path.key("value"), value, &PATH_VALUE);
    match type_ {
        PathMatchType::RegularExpression => return,
        PathMatchType::Other(type_) => {
            let allowed = ["Exact", "PathPrefix", "RegularExpression"];
            out.unsupported(path.key("type"), type_, &allowed);
            return;
        }
        PathMatchType::Exact | PathMatchType::PathPrefix => {}
    }
    let message =
        "value must be an absolute path and start with '/' for types Exact and PathPrefix";
    out.rule(path, value.starts_with('/'), message);
    for part in ["//", "/./", "/../", "%2f", "%2F", "#"] {
        if value.contains(part) {
            let message = format!("value must not contain '{part}' for types Exact and PathPrefix");
            out.rule(path, false, &message);
        }
    }
    for end in ["/..", "/."] {
        if value.ends_with(end) {
            let message = format!("value must not end with '{end}' for types Exact and PathPrefix");
            out.rule(path, false, &message);
        }
    }
    if !(PATH.matches)(value) {
        let message = format!(
            "value must only contain valid characters (matching {}) for types Exact and PathPrefix",
            PATH.pattern
        );
        out.rule(path, false, &message);
    }
}

fn filters(path: Path<'_>, filters: &[HTTPRouteFilter], out: &mut Violations) {
    use HTTPRouteFilterType::{
        CORS, RequestHeaderModifier, RequestRedirect, ResponseHeaderModifier, URLRewrite,
    };
    out.items(path, filters.len(), 0, 16);
    let count = |type_: &HTTPRouteFilterType| {
        filters.iter().filter(|filter| filter.type_ == *type_).count()
    };
    let both = count(&RequestRedirect) > 0 && count(&URLRewrite) > 0;
    out.rule(path, !both, "may specify either RequestRedirect or URLRewrite, but not both");
    for (type_, name) in [
        (CORS, "CORS"),
        (RequestHeaderModifier, "RequestHeaderModifier"),
        (ResponseHeaderModifier, "ResponseHeaderModifier"),
        (RequestRedirect, "RequestRedirect"),
        (URLRewrite, "URLRewrite"),
    ] {
        if count(&type_) > 1 {
            out.rule(path, false, &format!("a {name} filter cannot be repeated"));
        }
    }
    for (index, filter) in filters.iter().enumerate() {
        check_filter(path.index(index), filter, out);
    }
}

fn check_filter(path: Path<'_>, filter: &HTTPRouteFilter, out: &mut Violations) {
    use HTTPRouteFilterType as Type;
    if let Type::Other(value) = &filter.type_ {
        out.unsupported(path.key("type"), value, &FILTER_TYPES);
    }
    if let Some(modifier) = &filter.request_header_modifier {
        filter::header_modifier(path.key("requestHeaderModifier"), modifier, out);
    }
    if let Some(modifier) = &filter.response_header_modifier {
        filter::header_modifier(path.key("responseHeaderModifier"), modifier, out);
    }
    if let Some(mirror) = &filter.request_mirror {
        filter::mirror(path.key("requestMirror"), mirror, out);
    }
    if let Some(reference) = &filter.extension_ref {
        reference::local(path.key("extensionRef"), reference, out);
    }
    if let Some(auth) = &filter.external_auth {
        filter::external_auth(path.key("externalAuth"), auth, out);
    }
    if let Some(target) = &filter.request_redirect {
        redirect(path.key("requestRedirect"), target, out);
    }
    if let Some(HTTPURLRewriteFilter { hostname, path: modifier }) = &filter.url_rewrite {
        let path = path.key("urlRewrite");
        out.optional(path.key("hostname"), hostname.as_ref(), &PRECISE_HOSTNAME);
        path_modifier(path.key("path"), modifier.as_ref(), out);
    }
    if let Some(rules) = &filter.cors {
        cors(path.key("cors"), rules, out);
    }
    for (name, type_name, there, type_) in [
        ("cors", "CORS", filter.cors.is_some(), Type::CORS),
        (
            "requestHeaderModifier",
            "RequestHeaderModifier",
            filter.request_header_modifier.is_some(),
            Type::RequestHeaderModifier,
        ),
        (
            "responseHeaderModifier",
            "ResponseHeaderModifier",
            filter.response_header_modifier.is_some(),
            Type::ResponseHeaderModifier,
        ),
        ("requestMirror", "RequestMirror", filter.request_mirror.is_some(), Type::RequestMirror),
        (
            "requestRedirect",
            "RequestRedirect",
            filter.request_redirect.is_some(),
            Type::RequestRedirect,
        ),
        ("urlRewrite", "URLRewrite", filter.url_rewrite.is_some(), Type::URLRewrite),
        ("extensionRef", "ExtensionRef", filter.extension_ref.is_some(), Type::ExtensionRef),
        ("externalAuth", "ExternalAuth", filter.external_auth.is_some(), Type::ExternalAuth),
    ] {
        route::member(path, name, type_name, there, filter.type_ == type_, out);
    }
}

fn redirect(path: Path<'_>, filter: &HTTPRequestRedirectFilter, out: &mut Violations) {
    let HTTPRequestRedirectFilter { hostname, path: modifier, port: _, scheme, status_code } =
        filter;
    out.optional(path.key("hostname"), hostname.as_ref(), &PRECISE_HOSTNAME);
    path_modifier(path.key("path"), modifier.as_ref(), out);
    if let Some(scheme) = scheme {
        out.one_of(path.key("scheme"), scheme, &["http", "https"]);
    }
    let allowed = ["301", "302", "303", "307", "308"];
    out.one_of(path.key("statusCode"), &status_code.to_string(), &allowed);
}

fn path_modifier(path: Path<'_>, modifier: Option<&HTTPPathModifier>, out: &mut Violations) {
    let Some(HTTPPathModifier { replace_full_path, replace_prefix_match, type_ }) = modifier else {
        return;
    };
    out.optional(path.key("replaceFullPath"), replace_full_path.as_ref(), &PATH_VALUE);
    out.optional(path.key("replacePrefixMatch"), replace_prefix_match.as_ref(), &PATH_VALUE);
    if let HTTPPathModifierType::Other(value) = type_ {
        out.unsupported(path.key("type"), value, &["ReplaceFullPath", "ReplacePrefixMatch"]);
    }
    let full = *type_ == HTTPPathModifierType::ReplaceFullPath;
    let there = replace_full_path.is_some();
    route::member(path, "replaceFullPath", "ReplaceFullPath", there, full, out);
    let prefix = *type_ == HTTPPathModifierType::ReplacePrefixMatch;
    let there = replace_prefix_match.is_some();
    route::member(path, "replacePrefixMatch", "ReplacePrefixMatch", there, prefix, out);
}

fn cors(path: Path<'_>, filter: &HTTPCORSFilter, out: &mut Violations) {
    let lists = [
        ("allowHeaders", &filter.allow_headers, 64, true),
        ("allowMethods", &filter.allow_methods, 9, true),
        ("allowOrigins", &filter.allow_origins, 64, true),
        ("exposeHeaders", &filter.expose_headers, 64, false),
    ];
    for (name, list, max, star_alone) in lists {
        let path = path.key(name);
        out.items(path, list.len(), 0, max);
        out.unique(path, list.iter());
        for (index, value) in list.iter().enumerate() {
            match name {
                "allowMethods" => out.one_of(path.index(index), value, &METHODS),
                "allowOrigins" => out.text(path.index(index), value, &ORIGIN),
                _ => out.text(path.index(index), value, &HEADER_NAME),
            }
        }
        let crowded = list.len() > 1 && list.iter().any(|value| value == "*");
        let message = "cannot contain '*' alongside other values";
        out.rule(path, !(star_alone && crowded), message);
    }
    out.range(path.key("maxAge"), filter.max_age, 1, i32::MAX.into());
}

fn timeouts(path: Path<'_>, timeouts: &HTTPRouteTimeouts, out: &mut Violations) {
    let longer = match (timeouts.request, timeouts.backend_request) {
        (Some(request), Some(backend)) => request != Duration::ZERO && backend > request,
        _ => false,
    };
    out.rule(path, !longer, "backendRequest timeout cannot be longer than request timeout");
}

fn retry(path: Path<'_>, retry: &HTTPRouteRetry, out: &mut Violations) {
    let path = path.key("codes");
    for (index, code) in retry.codes.iter().enumerate() {
        out.range(path.index(index), *code, 400, 599);
    }
    out.unique(path, retry.codes.iter());
}

/// Methods that CORS may allow; a match may name all but the last.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"];
const FILTER_TYPES: [&str; 8] = [
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestMirror",
    "RequestRedirect",
    "URLRewrite",
    "ExtensionRef",
    "CORS",
    "ExternalAuth",
];
