//! TLSRoute, TCPRoute and UDPRoute. Version v1alpha2 allows several rules, and a TLSRoute without
//! host names.

use std::net::IpAddr;

use crate::l4_route::{L4RouteRule, L4RouteSpec};
use crate::path::Path;
use crate::tls_route::TLSRouteSpec;
use crate::validate::text::SECTION_NAME;
use crate::validate::{Violations, route};

pub(super) fn l4(spec: &L4RouteSpec, version: &str, out: &mut Violations) {
    let path = Path::Root.key("spec");
    route::parents(path, &spec.parent_refs, spec.use_default_gateways.as_ref(), out);
    rules(path.key("rules"), &spec.rules, version, out);
}

pub(super) fn tls(spec: &TLSRouteSpec, version: &str, out: &mut Violations) {
    let path = Path::Root.key("spec");
    route::parents(path, &spec.parent_refs, spec.use_default_gateways.as_ref(), out);
    rules(path.key("rules"), &spec.rules, version, out);
    let path = path.key("hostnames");
    route::hostnames(path, &spec.hostnames, 1024, out);
    if version != OLD {
        out.required(path, !spec.hostnames.is_empty());
        let address = |name: &String| name.parse::<IpAddr>().is_ok();
        out.rule(path, !spec.hostnames.iter().any(address), "hostnames cannot contain an IP");
    }
}

fn rules(path: Path<'_>, rules: &[L4RouteRule], version: &str, out: &mut Violations) {
    let max = if version == OLD { 16 } else { 1 };
    out.items(path, rules.len(), 1, max);
    route::rule_names(path, rules.iter().map(|rule| rule.name.as_ref()), out);
    for (index, rule) in rules.iter().enumerate() {
        let path = path.index(index);
        out.optional(path.key("name"), rule.name.as_ref(), &SECTION_NAME);
        let path = path.key("backendRefs");
        out.items(path, rule.backend_refs.len(), 1, 16);
        for (index, backend) in rule.backend_refs.iter().enumerate() {
            route::backend_ref(path.index(index), backend, out);
        }
    }
}

const OLD: &str = "v1alpha2";
