//! Which conditions are worth an Event: those that an operator of classes and Gateways has to act
//! on. What a route's author has to mend stands in the route's status alone.

use std::time::Duration;

use api::{
    condition::{Condition, ConditionStatus, ConditionType, Reason},
    listener::ListenerStatus,
};
use translate::ObjectStatus;

use super::Notice;

/// For each reason that can be told of such an object: the notice, or none when it is not true.
/// An object without status is not ours, and nothing is true of it.
pub fn of_status(status: Option<&ObjectStatus>) -> Vec<(&'static str, Option<Notice>)> {
    let (conditions, listeners): (&[Condition], &[ListenerStatus]) = match status {
        None => (&[], &[]),
        Some(ObjectStatus::GatewayClass(status)) => (&status.conditions, &[]),
        Some(ObjectStatus::Gateway(status)) => (&status.conditions, &status.listeners),
        Some(ObjectStatus::ListenerSet(status)) => (&status.conditions, &status.listeners),
        Some(ObjectStatus::Route(_) | ObjectStatus::Policy(_)) => return Vec::new(),
    };
    vec![
        (NOT_ACCEPTED, not_accepted(conditions)),
        (NOT_PROGRAMMED, not_programmed(conditions)),
        (LISTENER_REFUSED, listener(listeners, LISTENER_REFUSED, ConditionType::Accepted)),
        (
            LISTENER_UNRESOLVED,
            listener(listeners, LISTENER_UNRESOLVED, ConditionType::ResolvedRefs),
        ),
    ]
}

fn not_accepted(conditions: &[Condition]) -> Option<Notice> {
    let found = failing(conditions, ConditionType::Accepted)?;
    // Its listeners tell more.
    let of_listeners = found.reason == Reason::ListenersNotValid.as_str();
    (!of_listeners).then(|| notice(NOT_ACCEPTED, "Accept", said(found), BRIEF))
}

fn not_programmed(conditions: &[Condition]) -> Option<Notice> {
    if failing(conditions, ConditionType::Accepted).is_some() {
        return None;
    }
    let found = failing(conditions, ConditionType::Programmed)?;
    let patience = match found.reason.as_str() {
        reason if reason == Reason::Pending.as_str() => PENDING,
        // Load balancers take their time.
        reason if reason == Reason::AddressNotAssigned.as_str() => PENDING,
        _ => BRIEF,
    };
    Some(notice(NOT_PROGRAMMED, "Program", said(found), patience))
}

fn listener(
    listeners: &[ListenerStatus],
    reason: &'static str,
    type_: ConditionType,
) -> Option<Notice> {
    let told: Vec<String> = listeners
        .iter()
        .filter_map(|listener| {
            let found = failing(&listener.conditions, type_)?;
            Some(format!("listener {}: {}", listener.name, said(found)))
        })
        .collect();
    // A Secret that is still being issued is no news.
    let patience = if reason == LISTENER_UNRESOLVED { PENDING } else { BRIEF };
    (!told.is_empty()).then(|| notice(reason, "AcceptListener", told.join("; "), patience))
}

fn failing(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| {
        condition.type_ == type_.as_str() && condition.status == ConditionStatus::False
    })
}

fn said(condition: &Condition) -> String {
    format!("{}: {}", condition.reason, condition.message)
}

fn notice(reason: &'static str, action: &'static str, note: String, patience: Duration) -> Notice {
    Notice { patience, ..Notice::warning(reason, action, note) }
}

const NOT_ACCEPTED: &str = "NotAccepted";
const NOT_PROGRAMMED: &str = "NotProgrammed";
const LISTENER_REFUSED: &str = "ListenerRefused";
const LISTENER_UNRESOLVED: &str = "ListenerUnresolved";
/// Objects that belong together are seldom applied at one instant.
const BRIEF: Duration = Duration::from_secs(2);
const PENDING: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_has_to_act_on_is_told_and_cleared() {
        let condition = |type_, status, reason| Condition::new(type_, status, reason, "why", 1);
        let gateway = |conditions: Vec<Condition>, listener: Vec<Condition>| {
            ObjectStatus::Gateway(api::gateway::GatewayStatus {
                conditions,
                listeners: vec![ListenerStatus {
                    attached_routes: 0,
                    conditions: listener,
                    name: "http".to_owned(),
                    supported_kinds: Vec::new(),
                }],
                ..Default::default()
            })
        };
        use ConditionStatus::{False, True};
        use ConditionType::{Accepted, Programmed, ResolvedRefs};
        let cases = [
            (vec![condition(Accepted, True, Reason::Accepted)], vec![], &[][..]),
            (
                vec![condition(Accepted, False, Reason::InvalidParameters)],
                vec![],
                &["NotAccepted InvalidParameters: why"][..],
            ),
            (
                vec![
                    condition(Accepted, False, Reason::ListenersNotValid),
                    condition(Programmed, False, Reason::Invalid),
                ],
                vec![condition(Accepted, False, Reason::PortUnavailable)],
                &["ListenerRefused listener http: PortUnavailable: why"][..],
            ),
            (
                vec![condition(Programmed, False, Reason::NoResources)],
                vec![condition(ResolvedRefs, False, Reason::InvalidCertificateRef)],
                &[
                    "NotProgrammed NoResources: why",
                    "ListenerUnresolved listener http: InvalidCertificateRef: why",
                ][..],
            ),
        ];
        for (conditions, listener, expected) in cases {
            let found = of_status(Some(&gateway(conditions, listener)));
            let told: Vec<String> = found
                .iter()
                .filter_map(|(reason, notice)| Some(format!("{reason} {}", notice.as_ref()?.note)))
                .collect();
            assert_eq!(told, expected);
            assert_eq!(found.len(), of_status(None).len(), "what is not true is cleared");
        }
    }
}
