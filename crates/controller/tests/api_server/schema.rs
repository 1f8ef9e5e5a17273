//! The few rules of the real schemas that a status writer can break.

use serde_json::Value;

use super::storage::{Place, Refusal};

/// Refuses what the CRDs of the Gateway API refuse in a status.
pub(super) fn check(place: &Place, object: &Value) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    if place.name.is_empty() {
        faults.push("metadata.name: Required value".to_owned());
    }
    if place.resource.group.starts_with("gateway.networking") {
        let status = &object["status"];
        conditions("status", &status["conditions"], &mut faults);
        lists(status, &mut faults);
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Refusal::new(
            422,
            "Invalid",
            format!("{} \"{}\" is invalid: {}", place.resource.kind, place.name, faults.join(", ")),
        )),
    }
}

fn lists(status: &Value, faults: &mut Vec<String>) {
    let rules = [("parents", 32), ("ancestors", 16), ("listeners", 64), ("addresses", 16)];
    for (field, most) in rules {
        let Some(list) = status[field].as_array() else { continue };
        if list.len() > most {
            faults.push(format!("status.{field}: Too many: must have at most {most} items"));
        }
        for (at, entry) in list.iter().enumerate().filter(|_| field != "addresses") {
            let path = format!("status.{field}[{at}]");
            conditions(&path, &entry["conditions"], faults);
            let name = if field == "listeners" { "name" } else { "controllerName" };
            if entry[name].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{path}.{name}: Required value"));
            }
        }
    }
}

fn conditions(path: &str, conditions: &Value, faults: &mut Vec<String>) {
    let Some(list) = conditions.as_array() else { return };
    if list.len() > 8 {
        faults.push(format!("{path}.conditions: Too many: must have at most 8 items"));
    }
    for (at, condition) in list.iter().enumerate() {
        let path = format!("{path}.conditions[{at}]");
        for field in ["type", "status", "reason", "message", "lastTransitionTime"] {
            let text = condition[field].as_str();
            let good = match field {
                "message" => text.is_some_and(|text| text.len() <= 32768),
                "lastTransitionTime" => text.is_some_and(is_time),
                _ => text.is_some_and(|text| !text.is_empty()),
            };
            if !good {
                faults.push(format!("{path}.{field}: Invalid value: {}", condition[field]));
            }
        }
        if list[..at].iter().any(|other| other["type"] == condition["type"]) {
            faults.push(format!("{path}: Duplicate value"));
        }
    }
}

/// RFC 3339 in whole seconds, as `metav1.Time` prints it.
fn is_time(text: &str) -> bool {
    text.len() == 20 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}
