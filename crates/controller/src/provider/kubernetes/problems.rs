//! What of the cluster cannot be read, and what that costs, for people.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::{
    diagnostic::Severity,
    kind::{Kind, ObjectKey},
    validate::Violation,
};
use parking_lot::Mutex;

use super::{fault::Fault, request::Target};
use crate::report::Problem;

/// All that is wrong now. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Problems(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    all: BTreeMap<Subject, Vec<Problem>>,
    changed: bool,
}

/// What a problem is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// Which kinds there are.
    Discovery,
    Kind(Kind),
    Object(ObjectKey),
}

impl Problems {
    /// Puts what is wrong with a subject in the place of what was wrong with it.
    pub(crate) fn set(&self, subject: Subject, problems: Vec<Problem>) {
        let mut state = self.0.lock();
        let old = match problems.is_empty() {
            true => state.all.remove(&subject),
            false => state.all.insert(subject.clone(), problems),
        };
        state.changed |= old.as_ref() != state.all.get(&subject);
    }

    pub(crate) fn clear(&self, subject: Subject) {
        self.set(subject, Vec::new());
    }

    /// Everything, if it changed since the last call. What concerns all kinds is there once.
    pub(crate) fn news(&self) -> Option<Vec<Problem>> {
        let mut state = self.0.lock();
        std::mem::take(&mut state.changed).then(|| {
            let all = state.all.values().flatten().take(PROBLEMS_MAX).cloned();
            all.collect::<BTreeSet<_>>().into_iter().collect()
        })
    }
}

/// What a fault means for a kind; none if it will pass by itself before long.
pub(crate) fn of_fault(target: Target, fault: &Fault, believed: bool) -> Vec<Problem> {
    let (reason, message) = match fault {
        Fault::Refused(_) if !believed => return Vec::new(),
        Fault::Refused(said) => (
            "Forbidden",
            format!(
                "the API server refuses to let us read {target}: {}: give our ServiceAccount the \
                 verbs get, list and watch on {target}. It is asked again every half a minute; \
                 the API server says: {said}",
                cost(target.kind)
            ),
        ),
        Fault::Absent => return Vec::new(),
        fault => ("Unreachable", unreachable(fault)),
    };
    vec![problem(reason, message)]
}

/// The same words for all kinds, so that they are said once.
pub(crate) fn unreachable(fault: &Fault) -> String {
    format!("the API server cannot be read: {fault}; what was last read keeps serving")
}

/// What is wrong with an object that the API server holds and that cannot be used.
pub(crate) fn of_object(key: &ObjectKey, found: Vec<Violation>, kept: bool) -> Vec<Problem> {
    let kept = if kept { "; what was last read of it keeps serving" } else { "" };
    let found = found.into_iter().map(|Violation { field, reason, message }| Problem {
        object: Some(key.to_string()),
        field: field.to_string(),
        ..problem(&reason.to_string(), message + kept)
    });
    found.collect()
}

/// What it means that one object may not be read.
pub(crate) fn refused_object(key: &ObjectKey, target: Target, said: &str) -> Vec<Problem> {
    let message = format!(
        "the API server refuses to let us read it: give our ServiceAccount the verb get on \
         {target}; the API server says: {said}"
    );
    vec![Problem { object: Some(key.to_string()), ..problem("Forbidden", message) }]
}

pub(crate) fn problem(reason: &str, message: String) -> Problem {
    Problem {
        place: None,
        severity: Severity::Error.as_str(),
        object: None,
        field: String::new(),
        reason: reason.to_owned(),
        message,
    }
}

/// What does not work without a kind.
fn cost(kind: Kind) -> &'static str {
    match kind {
        Kind::GatewayClass => "no Gateway is known to be ours",
        Kind::Gateway => "no Gateway is served",
        Kind::ReferenceGrant => "no reference into another namespace is allowed",
        Kind::Service | Kind::EndpointSlice => "backends have no endpoints",
        Kind::Secret => "no listener has its certificate",
        Kind::ConfigMap => "authorities of client and backend certificates are not known",
        Kind::Namespace => "selectors of namespaces see no labels but the name",
        _ => "objects of that kind have no effect",
    }
}

/// Problems that are told; further ones say nothing new.
const PROBLEMS_MAX: usize = 1000;
