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
    /// All of its objects that are read by name.
    Names(Kind),
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

/// What it costs that a kind may not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It was read before.
    News,
    /// It was not, and has to be.
    Start,
    /// It was not, and the rest does without.
    Kind,
    /// Its objects are read by name all the same.
    Names,
}

impl Cost {
    fn as_str(self) -> &'static str {
        match self {
            Self::News => "what was last read of them keeps serving",
            Self::Start => NOTHING_HAPPENS,
            Self::Kind => "they have no effect",
            Self::Names => "those that something refers to are asked for by name, and late",
        }
    }
}

/// What a fault means for a kind; none if it will pass by itself before long.
pub(crate) fn of_fault(target: Target, fault: &Fault, believed: bool, cost: Cost) -> Vec<Problem> {
    let (reason, message) = match fault {
        Fault::Refused(_) if !believed => return Vec::new(),
        Fault::Refused(said) => (
            "Forbidden",
            format!(
                "the API server refuses to let us read {target}: {}: give our ServiceAccount the \
                 verbs get, list and watch on {target}. It is asked again every half a minute; \
                 the API server says: {said}",
                cost.as_str()
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

/// Fields that have no effect.
pub(crate) fn of_ignored(key: &ObjectKey, found: Vec<Violation>) -> Vec<Problem> {
    let found = found.into_iter().map(|Violation { field, reason, message }| Problem {
        object: Some(key.to_string()),
        field: field.to_string(),
        severity: Severity::Warning.as_str(),
        ..problem(&reason.to_string(), message + ": the API server knows it, and we do not")
    });
    found.collect()
}

/// What it means that no name of a kind may be read, while some are referred to.
pub(crate) fn refused_names(target: Target) -> Vec<Problem> {
    let message = format!(
        "the API server refuses to let us read any of the {target} that something refers to: \
         give our ServiceAccount the verb get on {target}. When a controller starts: \
         {NOTHING_HAPPENS}"
    );
    vec![problem("Forbidden", message)]
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

const NOTHING_HAPPENS: &str =
    "until we may, nothing is published, written or removed, and proxies serve what they have";
/// Problems that are told; further ones say nothing new.
const PROBLEMS_MAX: usize = 1000;
