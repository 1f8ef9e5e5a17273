//! What the schemas of all routes share.

use std::collections::HashSet;

use crate::path::Path;
use crate::reference::ParentReference;
use crate::route::{
    BackendRef, CookieLifetimeType, GatewayDefaultScope, SessionPersistence, SessionPersistenceType,
};
use crate::validate::text::{HEADER_NAME, HOSTNAME, PATH_VALUE};
use crate::validate::{Violations, reference};

pub(super) fn parents(
    spec: Path<'_>,
    parents: &[ParentReference],
    scope: Option<&GatewayDefaultScope>,
    out: &mut Violations,
) {
    let path = spec.key("parentRefs");
    out.items(path, parents.len(), 0, 32);
    for (index, parent) in parents.iter().enumerate() {
        reference::parent(path.index(index), parent, out);
    }
    distinct_parents(path, parents, out);
    if let Some(GatewayDefaultScope::Other(value)) = scope {
        out.unsupported(spec.key("useDefaultGateways"), value, &["All", "None"]);
    }
}

/// References to one parent must all say section and port, or none, and no two the same. An own
/// namespace spelled out counts as another parent, as in the schema.
fn distinct_parents(path: Path<'_>, parents: &[ParentReference], out: &mut Violations) {
    let same = |a: &ParentReference, b: &ParentReference| {
        let key = |p: &ParentReference| (p.namespace.clone().unwrap_or_default(), p.name.clone());
        a.group == b.group && a.kind == b.kind && key(a) == key(b)
    };
    let form = |p: &ParentReference| (section(p).is_some(), p.port.is_some());
    let mut uniform = true;
    let mut unique = true;
    for (index, parent) in parents.iter().enumerate() {
        for other in parents[..index].iter().filter(|other| same(parent, other)) {
            uniform &= form(parent) == form(other);
            unique &= section(parent) != section(other) || parent.port != other.port;
        }
    }
    let message = "sectionName or port must be specified when parentRefs refer to the same parent \
                   twice or more";
    out.rule(path, uniform, message);
    let message = "sectionName or port must be unique when parentRefs refer to the same parent \
                   twice or more";
    out.rule(path, unique, message);
}

fn section(parent: &ParentReference) -> Option<&str> {
    parent.section_name.as_deref().filter(|name| !name.is_empty())
}

pub(super) fn hostnames(path: Path<'_>, names: &[String], max: usize, out: &mut Violations) {
    out.items(path, names.len(), 0, max);
    for (index, name) in names.iter().enumerate() {
        out.text(path.index(index), name, &HOSTNAME);
    }
}

pub(super) fn rule_names<'a>(
    path: Path<'_>,
    names: impl Iterator<Item = Option<&'a String>>,
    out: &mut Violations,
) {
    let mut seen = HashSet::new();
    let unique = names.flatten().all(|name| seen.insert(name));
    out.rule(path, unique, "rule names must be unique within the route");
}

pub(super) fn backend_ref(path: Path<'_>, backend: &BackendRef, out: &mut Violations) {
    reference::backend(path, &backend.object, out);
    out.range(path.key("weight"), backend.weight, 0, 1_000_000);
}

/// The sum over all rules. The text of the upstream rule says "less than" and means "at most".
pub(super) fn total_matches(path: Path<'_>, total: usize, out: &mut Violations) {
    let message = "the total number of matches across all rules must be at most 128";
    out.rule(path, total <= 128, message);
}

pub(super) fn session(path: Path<'_>, session: &SessionPersistence, out: &mut Violations) {
    let SessionPersistence { absolute_timeout, cookie, header, type_ } = session;
    if let Some(cookie) = cookie {
        let path = path.key("cookie");
        out.optional(path.key("name"), cookie.name.as_ref(), &HEADER_NAME);
        out.text(path.key("path"), &cookie.path, &PATH_VALUE);
        if let CookieLifetimeType::Other(value) = &cookie.lifetime_type {
            out.unsupported(path.key("lifetimeType"), value, &["Permanent", "Session"]);
        }
    }
    if let Some(header) = header {
        out.text(path.key("header").key("name"), &header.name, &HEADER_NAME);
    }
    if let SessionPersistenceType::Other(value) = type_ {
        out.unsupported(path.key("type"), value, &["Cookie", "Header"]);
    }
    let permanent =
        cookie.as_ref().is_some_and(|cookie| cookie.lifetime_type == CookieLifetimeType::Permanent);
    let message = "absoluteTimeout must be specified when the cookie's lifetimeType is Permanent";
    out.rule(path, !permanent || absolute_timeout.is_some(), message);
    let is_cookie = *type_ == SessionPersistenceType::Cookie;
    member(path, "cookie", "Cookie", cookie.is_some(), is_cookie, out);
    let is_header = *type_ == SessionPersistenceType::Header;
    member(path, "header", "Header", header.is_some(), is_header, out);
}

/// A union's member must be set exactly if the union's type names it.
pub(super) fn member(
    path: Path<'_>,
    name: &str,
    type_name: &str,
    there: bool,
    named: bool,
    out: &mut Violations,
) {
    if there && !named {
        out.rule(path, false, &format!("{name} must not be set if type is not {type_name}"));
    } else if named && !there {
        out.rule(path, false, &format!("{name} must be specified for type {type_name}"));
    }
}
