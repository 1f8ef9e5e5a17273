//! Filters that several kinds share.

use crate::filter::{
    Fraction, HTTPExternalAuthFilter, HTTPHeader, HTTPHeaderFilter, HTTPRequestMirrorFilter,
    HTTPRouteExternalAuthProtocol,
};
use crate::path::Path;
use crate::validate::text::{HEADER_NAME, HEADER_VALUE, PATH};
use crate::validate::{Violations, reference};

pub(super) fn header_modifier(path: Path<'_>, filter: &HTTPHeaderFilter, out: &mut Violations) {
    headers(path.key("add"), &filter.add, out);
    headers(path.key("set"), &filter.set, out);
    let path = path.key("remove");
    out.items(path, filter.remove.len(), 0, 16);
    out.unique(path, filter.remove.iter());
}

pub(super) fn headers(path: Path<'_>, headers: &[HTTPHeader], out: &mut Violations) {
    out.items(path, headers.len(), 0, 16);
    for (index, header) in headers.iter().enumerate() {
        let path = path.index(index);
        out.text(path.key("name"), &header.name, &HEADER_NAME);
        out.text(path.key("value"), &header.value, &HEADER_VALUE);
    }
    out.unique(path, headers.iter().map(|header| &header.name));
}

pub(super) fn mirror(path: Path<'_>, filter: &HTTPRequestMirrorFilter, out: &mut Violations) {
    reference::backend(path.key("backendRef"), &filter.backend_ref, out);
    if let Some(percent) = filter.percent {
        out.range(path.key("percent"), percent, 0, 100);
    }
    if let Some(share) = &filter.fraction {
        fraction(path.key("fraction"), share, out);
    }
    let both = filter.percent.is_some() && filter.fraction.is_some();
    out.rule(path, !both, "only one of percent or fraction may be specified");
}

pub(super) fn fraction(path: Path<'_>, fraction: &Fraction, out: &mut Violations) {
    out.range(path.key("denominator"), fraction.denominator, 1, i32::MAX.into());
    let holds = fraction.numerator <= fraction.denominator;
    out.rule(path, holds, "numerator must be less than or equal to denominator");
}

pub(super) fn external_auth(path: Path<'_>, filter: &HTTPExternalAuthFilter, out: &mut Violations) {
    reference::backend(path.key("backendRef"), &filter.backend_ref, out);
    if let HTTPRouteExternalAuthProtocol::Other(value) = &filter.protocol {
        out.unsupported(path.key("protocol"), value, &["HTTP", "GRPC"]);
    }
    if let Some(grpc) = &filter.grpc {
        set(path.key("grpc").key("allowedHeaders"), &grpc.allowed_request_headers, out);
    }
    if let Some(http) = &filter.http {
        let path = path.key("http");
        set(path.key("allowedHeaders"), &http.allowed_request_headers, out);
        set(path.key("allowedResponseHeaders"), &http.allowed_response_headers, out);
        out.optional(path.key("path"), http.path.as_ref(), &PATH);
    }
    let is_grpc = filter.protocol == HTTPRouteExternalAuthProtocol::GRPC;
    protocol_member(path, "grpc", "GRPC", filter.grpc.is_some(), is_grpc, out);
    let is_http = filter.protocol == HTTPRouteExternalAuthProtocol::HTTP;
    protocol_member(path, "http", "HTTP", filter.http.is_some(), is_http, out);
}

fn protocol_member(
    path: Path<'_>,
    name: &str,
    protocol: &str,
    there: bool,
    named: bool,
    out: &mut Violations,
) {
    if named && !there {
        out.rule(path, false, &format!("{name} must be specified when protocol is '{protocol}'"));
    } else if there && !named {
        out.rule(path, false, &format!("protocol must be '{protocol}' when {name} is set"));
    }
}

fn set(path: Path<'_>, names: &[String], out: &mut Violations) {
    out.items(path, names.len(), 0, 64);
    out.unique(path, names.iter());
}
