//! What comes back to people: the state of everything at one moment, and in a cluster the statuses
//! and the Events.

use std::fmt;

use api::{
    diagnostic::{self, Severity, Source},
    kind::ObjectKey,
    manifest::Ignored,
    resources::Resources,
};
use serde::Serialize;
use translate::{Output, Settings};

use crate::store::Store;

pub(crate) mod clock;
pub mod events;
pub mod status;

/// What was asked, what became of it, and what is wrong.
#[derive(Clone, Debug)]
pub struct Report {
    /// The objects that count.
    pub resources: Resources,
    /// What the proxy is told, and the status of each object.
    pub output: Output,
    /// How it was translated.
    pub settings: Settings,
    /// Everything that somebody should mend or know, files first.
    pub problems: Vec<Problem>,
    /// Objects of kinds that are not read.
    pub ignored: Vec<Ignored>,
}

/// One thing to tell the author of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `file:line:column`, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// `warning` or `error`.
    pub severity: &'static str,
    /// Kind, namespace and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The field; empty for the object as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// A word for machines.
    pub reason: String,
    /// A sentence for people: what is wrong and what to do.
    pub message: String,
}

impl Report {
    pub(crate) fn new(store: &Store, output: &Output, settings: &Settings) -> Self {
        Self {
            resources: store.resources().clone(),
            output: output.clone(),
            settings: settings.clone(),
            problems: problems(store, output),
            ignored: store.ignored().cloned().collect(),
        }
    }

    /// Whether something is not served as its author wants it.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }
}

/// Everything that is wrong with the files and with what they say.
pub(crate) fn problems(store: &Store, output: &Output) -> Vec<Problem> {
    let texts = store.diagnostics().map(|found| Problem::of_text(&found));
    let meanings = output
        .diagnostics
        .iter()
        .map(|found| Problem::of_meaning(found, store.place(&found.object)));
    let lost = store.lost().map(Problem::of_lost);
    texts.chain(meanings).chain(lost).collect()
}

impl Problem {
    /// Whether something is not served as its author wants it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error.as_str()
    }

    /// What it is about: the same after its object moved to another line or file.
    pub(crate) fn subject(&self) -> Self {
        let place = self.place.clone().filter(|_| self.object.is_none());
        Self { place, ..self.clone() }
    }

    fn of_text(found: &diagnostic::Diagnostic) -> Self {
        Self {
            place: Some(found.source.to_string()),
            severity: found.severity.as_str(),
            object: found.object.as_ref().map(ToString::to_string),
            field: found.field.to_string(),
            reason: found.reason.to_string(),
            message: found.message.clone(),
        }
    }

    fn of_lost(class: &ObjectKey) -> Self {
        let message = "it is gone, and Gateways name it: they are served as before for as long as \
                       a controller remembers it; create it again, or give them another class";
        Self {
            place: None,
            severity: Severity::Error.as_str(),
            object: Some(class.to_string()),
            field: String::new(),
            reason: "Gone".to_owned(),
            message: message.to_owned(),
        }
    }

    pub(crate) fn of_meaning(found: &translate::Diagnostic, place: Option<&Source>) -> Self {
        Self {
            place: place.map(ToString::to_string),
            severity: found.severity.as_str(),
            object: Some(found.object.to_string()),
            field: found.field.clone(),
            reason: found.reason.to_string(),
            message: found.message.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.place.as_deref(), self.object.as_deref(), Some(&*self.field)];
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_that_moves_is_the_same_one() {
        let at = |place: &str, object: Option<&str>| Problem {
            place: Some(place.to_owned()),
            severity: "error",
            object: object.map(ToOwned::to_owned),
            field: "spec".to_owned(),
            reason: "Invalid".to_owned(),
            message: "wrong".to_owned(),
        };
        let object = Some("HTTPRoute ns/a");
        assert_eq!(at("a.yaml:3:1", object).subject(), at("a.yaml:9:1", object).subject());
        assert_ne!(at("a.yaml:3:1", None).subject(), at("a.yaml:9:1", None).subject());
    }
}
