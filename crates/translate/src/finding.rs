//! A condition before it has a type and a generation: whether, why, and a sentence.

use api::condition::{Condition, ConditionStatus, ConditionType, Reason};

/// What is found about one aspect of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) status: ConditionStatus,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn yes(reason: Reason, message: impl Into<String>) -> Self {
        Self { status: ConditionStatus::True, reason, message: message.into() }
    }

    pub(crate) fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self { status: ConditionStatus::False, reason, message: message.into() }
    }

    pub(crate) fn holds(&self) -> bool {
        self.status == ConditionStatus::True
    }

    pub(crate) fn condition(self, type_: ConditionType, generation: i64) -> Condition {
        Condition::new(type_, self.status, self.reason, self.message, generation)
    }
}

/// Something wrong at a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) field: String,
    pub(crate) message: String,
}

/// The sentence of a condition about several faults: the first ones in full, the rest counted, so
/// that it stays within the 32768 characters that a condition may have.
pub(crate) fn sentence(faults: &[Fault]) -> String {
    let told = faults.iter().take(FAULTS_TOLD);
    let mut text = told
        .map(|fault| format!("{}: {}", fault.field, fault.message))
        .collect::<Vec<_>>()
        .join("; ");
    if let Some(more) = faults.len().checked_sub(FAULTS_TOLD).filter(|more| *more > 0) {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

const FAULTS_TOLD: usize = 4;
