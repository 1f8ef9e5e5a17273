//! The status of a route: for each parent of ours, whether the route is accepted there and whether
//! its references are resolved. Both are always said, each for itself.

use api::{
    condition::{Condition, ConditionType, Reason},
    http_route::HTTPRoute,
    route::{RouteParentStatus, RouteStatus},
};

use crate::{
    attach::Attachment,
    finding::{Fault, Finding, sentence},
    rule::{Effect, Issue, Notes},
};

/// What holds for the route whoever the parent is.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// Why no parent accepts the route.
    pub(crate) accepted: Option<Finding>,
    pub(crate) resolved: Finding,
    /// What is not done as written, where something else is.
    pub(crate) partially_invalid: Option<Finding>,
}

/// Judges a route by what was noted about its rules.
pub(crate) fn verdict(notes: &Notes) -> Verdict {
    let resolved = resolved(&notes.unresolved);
    if let Some(Fault { reason, field, message }) = &notes.whole {
        let finding = Finding::no(*reason, format!("{field}: {message}"));
        return Verdict { accepted: Some(finding), resolved, partially_invalid: None };
    }
    if notes.issues.is_empty() {
        return Verdict { accepted: None, resolved, partially_invalid: None };
    }
    let serves = |rule: usize| {
        !notes.issues.iter().any(|issue| {
            issue.rule == rule && matches!(issue.effect, Effect::Dropped | Effect::Fails)
        })
    };
    let text = describe(&notes.issues);
    if (0..notes.rules).any(serves) {
        let finding = Finding::yes(Reason::UnsupportedValue, text);
        return Verdict { accepted: None, resolved, partially_invalid: Some(finding) };
    }
    let graver = notes.issues.iter().map(|issue| issue.fault.reason);
    let reason = match graver.clone().any(|reason| reason == Reason::IncompatibleFilters) {
        true => Reason::IncompatibleFilters,
        false => Reason::UnsupportedValue,
    };
    Verdict { accepted: Some(Finding::no(reason, text)), resolved, partially_invalid: None }
}

pub(crate) fn resolved(unresolved: &[Fault]) -> Finding {
    match unresolved.first() {
        None => Finding::yes(Reason::ResolvedRefs, "all references are resolved"),
        Some(first) => Finding::no(first.reason, sentence(unresolved)),
    }
}

/// Says by rule what becomes of it; the words `Dropped Rule` and `Fall Back` are the
/// specification's (`RouteConditionPartiallyInvalid`).
fn describe(issues: &[Issue]) -> String {
    let tell = |effect: Effect, words: &str| {
        let faults: Vec<Fault> = issues
            .iter()
            .filter(|issue| issue.effect == effect)
            .map(|issue| issue.fault.clone())
            .collect();
        (!faults.is_empty()).then(|| format!("{words}: {}", sentence(&faults)))
    };
    let told = [
        tell(Effect::Dropped, "Dropped Rule"),
        tell(Effect::Fails, "Fall Back to answer 500"),
        tell(Effect::ShareFails, "Fall Back to answer 500 for one backend"),
        tell(Effect::Ignored, "Fall Back to serve without it"),
    ];
    told.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The whole status: one entry for each parent of ours.
pub(crate) fn status(
    object: &HTTPRoute,
    attachments: &[Attachment<'_>],
    verdict: &Verdict,
    controller_name: &str,
) -> RouteStatus {
    let generation = object.metadata.generation();
    let one = |attachment: &Attachment<'_>| {
        let accepted = match (&attachment.outcome, &verdict.accepted) {
            (Err((reason, message)), _) => Finding::no(*reason, message.as_str()),
            (Ok(_), Some(refused)) => refused.clone(),
            (Ok(points), None) => {
                let idle: Vec<&str> = points
                    .iter()
                    .filter(|point| point.served.is_empty())
                    .map(|point| &*point.listener)
                    .collect();
                let message = match idle.is_empty() {
                    true => "the route is attached".to_owned(),
                    false => format!(
                        "the route is attached, but listeners {} are not served: see the \
                         Gateway's status",
                        idle.join(", ")
                    ),
                };
                Finding::yes(Reason::Accepted, message)
            }
        };
        let mut conditions = vec![
            accepted.condition(ConditionType::Accepted, generation),
            verdict.resolved.clone().condition(ConditionType::ResolvedRefs, generation),
        ];
        if let Some(finding) = &verdict.partially_invalid {
            conditions.push(finding.clone().condition(ConditionType::PartiallyInvalid, generation));
        }
        entry(attachment, conditions, controller_name)
    };
    RouteStatus { parents: attachments.iter().map(one).collect() }
}

pub(crate) fn entry(
    attachment: &Attachment<'_>,
    conditions: Vec<Condition>,
    controller_name: &str,
) -> RouteParentStatus {
    RouteParentStatus {
        conditions,
        controller_name: controller_name.to_owned(),
        parent_ref: attachment.reference.clone(),
    }
}
