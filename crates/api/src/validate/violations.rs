//! Where broken rules are collected, and the rules that every schema knows: lengths, ranges, enums,
//! uniqueness. Messages say what an API server says, without the value: its place is known, and it
//! may be confidential.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use crate::diagnostic::Reason;
use crate::limits::FINDINGS_MAX;
use crate::path::{FieldPath, Path};
use crate::validate::text::Form;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field.
    pub field: FieldPath,
    /// A word for machines: why.
    pub reason: Reason,
    /// A sentence for people.
    pub message: String,
}

/// The broken rules of one object.
#[derive(Default)]
pub(super) struct Violations(pub(super) Vec<Violation>);

impl Violations {
    pub(super) fn add(&mut self, path: Path<'_>, reason: Reason, message: impl Into<String>) {
        if self.0.len() < FINDINGS_MAX {
            let (field, message) = (path.to_field(), message.into());
            self.0.push(Violation { field, reason, message });
        }
    }

    /// A rule that ties several values together.
    pub(super) fn rule(&mut self, path: Path<'_>, holds: bool, message: &str) {
        if !holds {
            self.add(path, Reason::Invalid, message);
        }
    }

    pub(super) fn required(&mut self, path: Path<'_>, there: bool) {
        if !there {
            self.add(path, Reason::Required, "required value");
        }
    }

    pub(super) fn text(&mut self, path: Path<'_>, text: &str, form: &Form) {
        // Bytes bound characters from above, so that counting is seldom needed.
        let short = text.len() < form.min || text.len() > form.max;
        let chars = if short { text.chars().count() } else { text.len() };
        if chars < form.min {
            let message = format!("should be at least {} chars long", form.min);
            self.add(path, Reason::Invalid, message);
        }
        if chars > form.max {
            let message = format!("may not be more than {} characters long", form.max);
            self.add(path, Reason::TooLong, message);
        }
        if chars >= form.min && !(form.matches)(text) {
            self.add(path, Reason::Invalid, format!("should match '{}'", form.pattern));
        }
    }

    pub(super) fn optional(&mut self, path: Path<'_>, text: Option<&String>, form: &Form) {
        if let Some(text) = text {
            self.text(path, text, form);
        }
    }

    pub(super) fn items(&mut self, path: Path<'_>, count: usize, min: usize, max: usize) {
        if count < min {
            self.add(path, Reason::Invalid, format!("should have at least {min} items"));
        }
        if count > max {
            let message = format!("must have at most {max} items, has {count}");
            self.add(path, Reason::TooMany, message);
        }
    }

    pub(super) fn properties(&mut self, path: Path<'_>, count: usize, min: usize, max: usize) {
        if count < min {
            self.add(path, Reason::Invalid, format!("should have at least {min} properties"));
        }
        if count > max {
            let message = format!("must have at most {max} properties, has {count}");
            self.add(path, Reason::TooMany, message);
        }
    }

    pub(super) fn range(&mut self, path: Path<'_>, value: impl Into<i64>, min: i64, max: i64) {
        let value = value.into();
        if value < min {
            let message = format!("should be greater than or equal to {min}");
            self.add(path, Reason::Invalid, message);
        }
        if value > max {
            self.add(path, Reason::Invalid, format!("should be less than or equal to {max}"));
        }
    }

    /// A value that is none of those allowed. Decoding has told it from the allowed ones.
    pub(super) fn unsupported(&mut self, path: Path<'_>, value: &str, allowed: &[&str]) {
        let allowed: Vec<_> = allowed.iter().map(|value| format!("{value:?}")).collect();
        let allowed = allowed.join(", ");
        let value: String = value.chars().take(SHOWN_MAX).collect();
        let message = format!("unsupported value {value:?}: supported values: {allowed}");
        self.add(path, Reason::NotSupported, message);
    }

    pub(super) fn one_of(&mut self, path: Path<'_>, value: &str, allowed: &[&str]) {
        if !allowed.contains(&value) {
            self.unsupported(path, value, allowed);
        }
    }

    /// Items, or their keys, that may stand there only once.
    pub(super) fn unique<K: Hash + Eq + fmt::Debug>(
        &mut self,
        path: Path<'_>,
        keys: impl ExactSizeIterator<Item = K>,
    ) {
        if keys.len() < 2 {
            return;
        }
        let mut seen = HashSet::with_capacity(keys.len());
        for (index, key) in keys.enumerate() {
            if seen.contains(&key) {
                self.add(path.index(index), Reason::Duplicate, format!("duplicate value {key:?}"));
            }
            seen.insert(key);
        }
    }
}

/// Characters of a value that a message shows.
const SHOWN_MAX: usize = 64;
