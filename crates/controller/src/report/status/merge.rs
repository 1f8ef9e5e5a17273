//! What a write to a status has to say: our own part put into what stands there, and nothing when
//! that changes nothing. Pure; the time is given.
//!
//! Ours are the entries under our controller's name, and in them and in the status of our classes,
//! Gateways and listeners the condition types that we know. Everything else is carried over as it
//! was read, as the Gateway API asks of everybody who shares a list (`RouteStatus.Parents`,
//! `PolicyStatus.Ancestors`).

use api::{condition::ConditionType, meta::Timestamp, names};
use serde_json::{Map, Value};
use translate::ObjectStatus;

/// What became of two statuses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Merged {
    /// The difference, if there is one.
    pub(crate) change: Option<Change>,
    /// Whether entries of ours found no room beside foreign ones.
    pub(crate) left_out: bool,
}

/// A difference that is worth a write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// The fields of the status that change, whole; null takes one away.
    pub(crate) fields: Map<String, Value>,
    /// Nothing but numbers of attached routes differs.
    pub(crate) counts_only: bool,
}

/// The difference between `status`, as it stands there, and `wanted`. Without `wanted` the object
/// is not ours (any more), and no entry of ours may stay; a status without entries, as a Gateway's,
/// is its next controller's to write.
pub(crate) fn merge(
    status: &Value,
    wanted: Option<&ObjectStatus>,
    controller: &str,
    now: &str,
) -> Merged {
    let mut merged = Merging { status, fields: Map::new(), left_out: false, controller, now };
    match wanted.map(|wanted| (wanted, serde_json::to_value(wanted).unwrap_or_default())) {
        None => {
            merged.entries(PARENTS, &[]);
            merged.entries(ANCESTORS, &[]);
        }
        Some((ObjectStatus::Route(_), ours)) => merged.entries(PARENTS, items(&ours, "parents")),
        Some((ObjectStatus::Policy(_), ours)) => {
            merged.entries(ANCESTORS, items(&ours, "ancestors"));
        }
        Some((ObjectStatus::GatewayClass(_), ours)) => {
            merged.conditions(&ours);
            merged.whole("supportedFeatures", &ours);
        }
        Some((ObjectStatus::Gateway(_), ours)) => {
            merged.conditions(&ours);
            merged.listeners(&ours);
            merged.whole("addresses", &ours);
            merged.whole("attachedListenerSets", &ours);
        }
        Some((ObjectStatus::ListenerSet(_), ours)) => {
            merged.conditions(&ours);
            merged.listeners(&ours);
        }
    }
    let Merging { fields, left_out, .. } = merged;
    let counts_only = fields.len() == 1
        && fields.get("listeners").is_some_and(|after| {
            uncounted(after.as_array()) == uncounted(status["listeners"].as_array())
        });
    Merged { change: (!fields.is_empty()).then_some(Change { fields, counts_only }), left_out }
}

/// The generation that our part of a status speaks of; the highest of all its findings.
pub(crate) fn generation(status: &Value, controller: &str) -> Option<i64> {
    let entries = [PARENTS, ANCESTORS].into_iter().flat_map(|list| items(status, list.field));
    let own = entries.filter(|entry| entry["controllerName"] == controller);
    let listeners = items(status, "listeners").iter();
    let holders = own.chain(listeners).chain([status]);
    let conditions = holders.flat_map(|holder| items(holder, "conditions"));
    let own = conditions.filter(|condition| is_known(condition));
    own.filter_map(|condition| condition["observedGeneration"].as_i64()).max()
}

/// A list with one entry for each parent and controller.
#[derive(Clone, Copy)]
struct Entries {
    field: &'static str,
    reference: &'static str,
    /// More are refused by the API server (`RouteStatus.Parents`, `PolicyStatus.Ancestors`).
    max: usize,
}

const PARENTS: Entries = Entries { field: "parents", reference: "parentRef", max: 32 };
const ANCESTORS: Entries = Entries { field: "ancestors", reference: "ancestorRef", max: 16 };

/// The longest message that the API server takes (`metav1.Condition`).
const MESSAGE_BYTES_MAX: usize = 32768;

struct Merging<'a> {
    status: &'a Value,
    fields: Map<String, Value>,
    left_out: bool,
    controller: &'a str,
    now: &'a str,
}

impl Merging<'_> {
    /// Entries keep their places, so that foreign ones are not moved either.
    fn entries(&mut self, list: Entries, ours: &[Value]) {
        let before = items(self.status, list.field);
        let mut left: Vec<&Value> = ours.iter().collect();
        let mut after = Vec::with_capacity(before.len() + left.len());
        for entry in before {
            if entry["controllerName"] != self.controller {
                after.push(entry.clone());
                continue;
            }
            let reference = referred(&entry[list.reference]);
            let same = left.iter().position(|own| referred(&own[list.reference]) == reference);
            after.extend(same.map(|at| self.entry(entry, left.remove(at))));
        }
        let room = list.max.saturating_sub(after.len());
        self.left_out |= left.len() > room;
        after.extend(left.into_iter().take(room).map(|own| self.entry(&Value::Null, own)));
        if after != before {
            self.fields.insert(list.field.to_owned(), Value::Array(after));
        }
    }

    /// What a whole status of ours says in its conditions.
    fn conditions(&mut self, ours: &Value) {
        let before = items(self.status, "conditions");
        let after = conditions(before, items(ours, "conditions"), self.now);
        if after != before {
            self.fields.insert("conditions".to_owned(), Value::Array(after));
        }
    }

    fn listeners(&mut self, ours: &Value) {
        let before = items(self.status, "listeners");
        let after: Vec<Value> = items(ours, "listeners")
            .iter()
            .map(|own| {
                let same = before.iter().find(|listener| listener["name"] == own["name"]);
                self.entry(same.unwrap_or(&Value::Null), own)
            })
            .collect();
        if after != before {
            self.fields.insert("listeners".to_owned(), Value::Array(after));
        }
    }

    /// A field that nobody else writes.
    fn whole(&mut self, field: &str, ours: &Value) {
        let (before, after) = (&self.status[field], &ours[field]);
        let nothing =
            |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if before != after && !(nothing(before) && nothing(after)) {
            self.fields.insert(field.to_owned(), after.clone());
        }
    }

    /// One entry of ours over the one that stands there, or over nothing.
    fn entry(&self, before: &Value, ours: &Value) -> Value {
        let mut after = before.as_object().cloned().unwrap_or_default();
        for (field, value) in ours.as_object().into_iter().flatten() {
            let value = match field.as_str() {
                "conditions" => {
                    let before = items(before, "conditions");
                    Value::Array(conditions(before, items(ours, "conditions"), self.now))
                }
                "parentRef" | "ancestorRef" if !before.is_null() => continue,
                _ => value.clone(),
            };
            after.insert(field.clone(), value);
        }
        if ours["supportedKinds"].is_null() {
            after.shift_remove("supportedKinds");
        }
        Value::Object(after)
    }
}

/// Ours over those that stand there: by type, in their places, foreign types untouched.
fn conditions(before: &[Value], ours: &[Value], now: &str) -> Vec<Value> {
    let mut left: Vec<&Value> = ours.iter().collect();
    let mut after = Vec::with_capacity(before.len().max(ours.len()));
    for condition in before {
        match left.iter().position(|own| own["type"] == condition["type"]) {
            Some(at) => after.push(self::condition(condition, left.remove(at), now)),
            None if is_known(condition) => {}
            None => after.push(condition.clone()),
        }
    }
    after.extend(left.into_iter().map(|own| condition(&Value::Null, own, now)));
    after
}

/// The time moves when the status does (`metav1.Condition.lastTransitionTime`), and no other.
fn condition(before: &Value, ours: &Value, now: &str) -> Value {
    let mut after = ours.clone();
    if let Some(message) = after["message"].as_str().filter(|text| text.len() > MESSAGE_BYTES_MAX) {
        let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
        after["message"] = message[..end].into();
    }
    let since = before["lastTransitionTime"].as_str();
    let known = since.filter(|since| since.parse::<Timestamp>().is_ok());
    let kept = known.filter(|_| before["status"] == ours["status"]);
    after["lastTransitionTime"] = kept.unwrap_or(now).into();
    // What is equal stays as it is written there, bytes and all.
    if after == *before { before.clone() } else { after }
}

fn is_known(condition: &Value) -> bool {
    condition["type"].as_str().is_some_and(|type_| ConditionType::find(type_).is_some())
}

/// A reference with what the API server fills in.
fn referred(reference: &Value) -> Value {
    let mut reference = reference.clone();
    for (field, default) in [("group", names::GATEWAY_GROUP), ("kind", "Gateway")] {
        if let (true, Some(object)) = (reference[field].is_null(), reference.as_object_mut()) {
            object.insert(field.to_owned(), default.into());
        }
    }
    reference
}

fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn uncounted(listeners: Option<&Vec<Value>>) -> Vec<Value> {
    let mut listeners = listeners.cloned().unwrap_or_default();
    for listener in &mut listeners {
        listener["attachedRoutes"] = Value::Null;
    }
    listeners
}

#[cfg(test)]
mod tests;
