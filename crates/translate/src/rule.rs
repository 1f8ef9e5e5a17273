//! The rules of an HTTPRoute.
//!
//! What cannot be done as written fails closed: the requests that the rule takes get 500. A match
//! whose path cannot be compared takes no request, so it is dropped, and the rule with it if no
//! other match is left; a header or parameter whose value cannot be compared counts as matching
//! when it is there at all, so that nothing which the user meant to catch slips past.

use std::{collections::BTreeSet, num::NonZeroU16, sync::Arc, time::Duration};

use api::{
    condition::Reason,
    http_route::{
        HTTPBackendRef, HTTPMethod, HTTPPathMatch, HTTPRoute, HTTPRouteMatch, HTTPRouteRetry,
        HTTPRouteRule, HTTPRouteTimeouts, PathMatchType, ValueMatchType,
    },
    kind::Kind,
    meta::NamespacedName,
    reference::BackendObjectReference,
};
use ir::{
    BackendChoice, Failure, Filter, HeaderMatch, HeaderName, Id, Match, PathMatch, QueryMatch,
    Regex, Resource, Retry, Rule, Timeouts, ValueMatch, WeightedBackend,
};

use crate::{
    backend::{self, BackendKey},
    diagnostics::Diagnostics,
    filter::{self, Place},
    finding::Fault,
    reader::Reader,
};

/// What is noted about a route while its rules are translated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// What is wrong with the route as a whole.
    pub(crate) whole: Option<Fault>,
    /// References that lead nowhere.
    pub(crate) unresolved: Vec<Fault>,
    /// What is not done as written.
    pub(crate) issues: Vec<Issue>,
    /// How many rules there are.
    pub(crate) rules: usize,
    pub(crate) backends: BTreeSet<BackendKey>,
    pub(crate) services: BTreeSet<NamespacedName>,
}

/// Something that is not done as written.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub(crate) rule: usize,
    pub(crate) effect: Effect,
    pub(crate) fault: Fault,
}

/// What that means for requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The rule takes no request.
    Dropped,
    /// The rule answers 500.
    Fails,
    /// Requests to one of its backends get 500.
    ShareFails,
    /// The field has no effect.
    Ignored,
}

impl Notes {
    pub(crate) fn report(&self, diagnostics: &mut Diagnostics) {
        let issues = self.issues.iter().map(|issue| (&issue.fault, issue.effect));
        let faults = self.whole.iter().chain(&self.unresolved).map(|fault| (fault, Effect::Fails));
        for (Fault { reason, field, message }, effect) in faults.chain(issues) {
            match effect {
                Effect::Ignored => diagnostics.warning(field.as_str(), *reason, message.as_str()),
                _ => diagnostics.error(field.as_str(), *reason, message.as_str()),
            }
        }
    }
}

/// The rules that take requests.
pub(crate) fn rules(
    reader: &mut Reader<'_>,
    object: &HTTPRoute,
    route: &Id<ir::Route>,
    notes: &mut Notes,
) -> Vec<(Arc<str>, Resource)> {
    notes.rules = object.spec.rules.len();
    let mut rules = Vec::new();
    for (index, rule) in object.spec.rules.iter().enumerate() {
        let namespace = &*object.metadata.namespace;
        let mut scope = Scope { reader, notes, namespace, index };
        let Some(rule) = scope.rule(rule, route) else { continue };
        rules.push((format!("{route}/{index}").into(), Resource::Rule(Arc::new(rule))));
    }
    rules
}

/// One rule under translation.
pub(crate) struct Scope<'s, 'a> {
    reader: &'s mut Reader<'a>,
    notes: &'s mut Notes,
    namespace: &'s str,
    index: usize,
}

impl Scope<'_, '_> {
    /// Notes an issue of this rule.
    pub(crate) fn issue(
        &mut self,
        effect: Effect,
        reason: Reason,
        field: String,
        message: impl Into<String>,
    ) {
        let fault = Fault { reason, field, message: message.into() };
        self.notes.issues.push(Issue { rule: self.index, effect, fault });
    }

    pub(crate) fn unresolved(&mut self, reason: Reason, field: String, message: String) {
        self.notes.unresolved.push(Fault { reason, field, message });
    }

    /// Follows a reference to a backend.
    pub(crate) fn backend(
        &mut self,
        reference: &BackendObjectReference,
        field: String,
    ) -> BackendChoice {
        let namespace = reference.namespace.as_deref().unwrap_or(self.namespace);
        match backend::resolve(self.reader, Kind::HTTPRoute, self.namespace, reference) {
            Ok(key) => {
                let id = key.id();
                self.notes.services.insert(key.service.clone());
                self.notes.backends.insert(key);
                BackendChoice::Valid(id)
            }
            Err(fault) => {
                if fault.choice == ir::InvalidBackend::Tls {
                    let service = NamespacedName::new(namespace, reference.name.as_str());
                    self.notes.services.insert(service);
                }
                self.unresolved(fault.reason, field, fault.message);
                BackendChoice::Invalid(fault.choice)
            }
        }
    }

    fn rule(&mut self, rule: &HTTPRouteRule, route: &Id<ir::Route>) -> Option<Rule> {
        let field = format!("spec.rules[{}]", self.index);
        let (matches, fails) = self.matches(rule, &field);
        let mut filters = filter::filters(
            self,
            Place::Rule,
            &rule.filters,
            &rule.matches,
            &format!("{field}.filters"),
        );
        if fails {
            filters = vec![Filter::Fail(Failure::InvalidValue)];
        }
        let refs = rule.backend_refs.iter().enumerate();
        let backends = refs
            .map(|(place, reference)| {
                self.weighted(reference, &rule.matches, format!("{field}.backendRefs[{place}]"))
            })
            .collect();
        if rule.session_persistence.is_some() {
            let message = "sessionPersistence is not served yet: requests of one client go to any \
                           endpoint";
            let field = format!("{field}.sessionPersistence");
            self.issue(Effect::Ignored, Reason::UnsupportedValue, field, message);
        }
        if matches.is_empty() {
            return None;
        }
        Some(Rule {
            route: route.clone(),
            index: u32::try_from(self.index).unwrap_or(u32::MAX),
            name: rule.name.as_deref().map(Into::into),
            matches,
            filters,
            backends,
            timeouts: rule.timeouts.as_ref().map(timeouts).unwrap_or_default(),
            retry: rule.retry.as_ref().map(retry),
        })
    }

    fn weighted(
        &mut self,
        reference: &HTTPBackendRef,
        matches: &[HTTPRouteMatch],
        field: String,
    ) -> WeightedBackend {
        let filters = format!("{field}.filters");
        let backend = self.backend(&reference.backend_ref.object, field);
        WeightedBackend {
            backend,
            weight: reference.backend_ref.weight,
            filters: filter::filters(self, Place::Backend, &reference.filters, matches, &filters),
        }
    }

    /// The matches, and whether requests that they take must get 500.
    fn matches(&mut self, rule: &HTTPRouteRule, field: &str) -> (Vec<Match>, bool) {
        if rule.matches.is_empty() {
            return (vec![everything()], false);
        }
        let mut fails = false;
        let mut matches = Vec::with_capacity(rule.matches.len());
        let mut dropped = Vec::new();
        for (place, wanted) in rule.matches.iter().enumerate() {
            let field = format!("{field}.matches[{place}]");
            let headers = self.headers(wanted, &field, &mut fails);
            let query = self.query(wanted, &field, &mut fails);
            if wanted.method == Some(HTTPMethod::Connect) {
                let message = "CONNECT is answered with 405 before any rule is looked at, so the \
                               match takes no request";
                let field = format!("{field}.method");
                self.issue(Effect::Ignored, Reason::UnsupportedValue, field, message);
            }
            let method = wanted.method.as_ref().map(|method| method_name(method).into());
            match path(&wanted.path) {
                Ok(path) => matches.push(Match { path, method, headers, query }),
                Err((member, message)) => dropped.push((format!("{field}.path.{member}"), message)),
            }
        }
        let effect = if matches.is_empty() { Effect::Dropped } else { Effect::Fails };
        for (field, message) in dropped {
            fails = true;
            self.issue(effect, Reason::UnsupportedValue, field, message);
        }
        (matches, fails)
    }

    /// Of several conditions on one header, only the first counts.
    fn headers(
        &mut self,
        wanted: &HTTPRouteMatch,
        field: &str,
        fails: &mut bool,
    ) -> Vec<HeaderMatch> {
        let mut headers: Vec<HeaderMatch> = Vec::new();
        for (place, header) in wanted.headers.iter().enumerate() {
            let field = format!("{field}.headers[{place}]");
            let name = match HeaderName::parse(&header.name) {
                Ok(name) => name,
                Err(error) => {
                    *fails = true;
                    let field = format!("{field}.name");
                    let message = error.to_string();
                    self.issue(Effect::Fails, Reason::UnsupportedValue, field, message);
                    continue;
                }
            };
            if headers.iter().all(|known| known.name != name) {
                let value = self.value(&header.type_, &header.value, &field, fails);
                headers.push(HeaderMatch { name, value });
            }
        }
        headers
    }

    fn query(&mut self, wanted: &HTTPRouteMatch, field: &str, fails: &mut bool) -> Vec<QueryMatch> {
        let mut query: Vec<QueryMatch> = Vec::new();
        for (place, parameter) in wanted.query_params.iter().enumerate() {
            if query.iter().all(|known| *known.name != *parameter.name) {
                let field = format!("{field}.queryParams[{place}]");
                let value = self.value(&parameter.type_, &parameter.value, &field, fails);
                query.push(QueryMatch { name: parameter.name.as_str().into(), value });
            }
        }
        query
    }

    fn value(
        &mut self,
        type_: &ValueMatchType,
        value: &str,
        field: &str,
        fails: &mut bool,
    ) -> ValueMatch {
        let (member, message) = match type_ {
            ValueMatchType::Exact => return ValueMatch::Exact(value.into()),
            ValueMatchType::RegularExpression => match Regex::parse(value) {
                Ok(regex) => return ValueMatch::Regex(regex),
                Err(error) => ("value", error.to_string()),
            },
            ValueMatchType::Other(type_) => ("type", format!("{type_:?} is not known")),
        };
        *fails = true;
        self.issue(Effect::Fails, Reason::UnsupportedValue, format!("{field}.{member}"), message);
        anything()
    }
}

fn everything() -> Match {
    let path = PathMatch::Prefix("/".into());
    Match { path, method: None, headers: Vec::new(), query: Vec::new() }
}

/// Takes every value, as long as there is one.
fn anything() -> ValueMatch {
    // The expression is fixed and parses; were it not to, no value would match.
    Regex::parse("(?s).*").map_or_else(|_| ValueMatch::Exact("".into()), ValueMatch::Regex)
}

fn path(wanted: &HTTPPathMatch) -> Result<PathMatch, (&'static str, String)> {
    match &wanted.type_ {
        PathMatchType::Exact => Ok(PathMatch::Exact(wanted.value.as_str().into())),
        PathMatchType::PathPrefix => Ok(match wanted.value.trim_end_matches('/') {
            "" => PathMatch::Prefix("/".into()),
            prefix => PathMatch::Prefix(prefix.into()),
        }),
        PathMatchType::RegularExpression => match Regex::parse(&wanted.value) {
            Ok(regex) => Ok(PathMatch::Regex(regex)),
            Err(error) => Err(("value", error.to_string())),
        },
        PathMatchType::Other(type_) => Err(("type", format!("{type_:?} is not known"))),
    }
}

fn method_name(method: &HTTPMethod) -> &str {
    match method {
        HTTPMethod::Get => "GET",
        HTTPMethod::Head => "HEAD",
        HTTPMethod::Post => "POST",
        HTTPMethod::Put => "PUT",
        HTTPMethod::Delete => "DELETE",
        HTTPMethod::Connect => "CONNECT",
        HTTPMethod::Options => "OPTIONS",
        HTTPMethod::Trace => "TRACE",
        HTTPMethod::Patch => "PATCH",
        HTTPMethod::Other(name) => name,
    }
}

/// Zero switches a bound off.
fn timeouts(wanted: &HTTPRouteTimeouts) -> Timeouts {
    let bound = |time: Option<api::duration::Duration>| {
        time.map(api::duration::Duration::get).filter(|time| *time != Duration::ZERO)
    };
    Timeouts { request: bound(wanted.request), backend_request: bound(wanted.backend_request) }
}

fn retry(wanted: &HTTPRouteRetry) -> Retry {
    let codes: BTreeSet<NonZeroU16> =
        wanted.codes.iter().filter_map(|code| NonZeroU16::new(*code)).collect();
    Retry {
        attempts: wanted.attempts,
        codes: codes.into_iter().collect(),
        backoff: wanted.backoff.map(api::duration::Duration::get),
    }
}
