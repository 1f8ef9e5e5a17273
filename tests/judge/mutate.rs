//! An object that breaks one rule of a schema: one that is good, changed in one place.
//!
//! Rules in CEL tie fields together. For those that stand in many places, `cel.yaml` says what to
//! put there; for the others there are cases in the validation tests.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Value, json};

use crate::rules::{Check, Rule};

/// The good object that reaches the rule's field, changed there. None when no object reaches it.
pub(crate) fn break_rule(rule: &Rule, good: &[&Value]) -> Option<Value> {
    let instead = match &rule.check {
        Check::Cel(message) => Some(INSTEAD.get(message.as_str())?),
        _ => None,
    };
    let of_kind = good.iter().filter(|object| {
        let version = object["apiVersion"].as_str().and_then(|text| text.rsplit('/').next());
        object["kind"] == rule.kind && version == Some(&rule.version)
    });
    of_kind.into_iter().find_map(|object| {
        let place = find(object, &rule.path)?;
        let mut object = (*object).clone();
        match instead {
            Some(value) => *child_at(&mut object, &place)? = value.clone(),
            None => change(&mut object, &place, &rule.check)?,
        }
        Some(object)
    })
}

/// The first place that fits a path.
fn find(object: &Value, path: &[String]) -> Option<Vec<String>> {
    let Some((step, rest)) = path.split_first() else { return Some(Vec::new()) };
    let children: Vec<(String, &Value)> = match (step.as_str(), object) {
        ("[]", Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        ("{}", Value::Object(members)) => {
            members.iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        (key, Value::Object(members)) => {
            members.get(key).map(|value| (key.to_owned(), value)).into_iter().collect()
        }
        _ => Vec::new(),
    };
    children.into_iter().filter(|(_, child)| !child.is_null()).find_map(|(step, child)| {
        let mut place = vec![step];
        place.extend(find(child, rest)?);
        Some(place)
    })
}

fn child_at<'v>(object: &'v mut Value, place: &[String]) -> Option<&'v mut Value> {
    place.iter().try_fold(object, |value, step| child(value, step))
}

fn change(object: &mut Value, place: &[String], check: &Check) -> Option<()> {
    let (last, parents) = place.split_last()?;
    let parent = child_at(object, parents)?;
    if let Check::Required = check {
        return parent.as_object_mut()?.remove(last).map(drop);
    }
    let value = child(parent, last)?;
    let list = |value: &Value, count: u64| {
        let item = value.as_array()?.first()?.clone();
        Some(Value::Array((0..count).map(|_| item.clone()).collect()))
    };
    *value = match check {
        Check::Type(type_) if type_ == "string" => json!(7),
        Check::Type(_) => json!("x"),
        Check::Format(format) if format == "int32" => json!(1_i64 << 31),
        Check::Format(_) | Check::Enum => json!("None-of-These"),
        Check::Pattern => json!("!! ü"),
        Check::MinLength(min) => json!("x".repeat(usize::try_from(*min).ok()? - 1)),
        Check::MaxLength(max) => json!("x".repeat(usize::try_from(*max).ok()? + 1)),
        Check::Minimum(min) => json!(min - 1),
        Check::Maximum(max) => json!(max + 1),
        Check::MinItems => json!([]),
        Check::MinProperties => json!({}),
        Check::MaxItems(max) => list(value, max + 1)?,
        Check::Unique => {
            let count = value.as_array()?.len() as u64;
            let mut doubled = value.as_array()?.clone();
            doubled.push(list(value, count)?[0].clone());
            Value::Array(doubled)
        }
        Check::MaxProperties(max) => {
            let members = value.as_object_mut()?;
            let one = members.values().next()?.clone();
            members.extend((0..=*max).map(|index| (format!("k{index}"), one.clone())));
            value.clone()
        }
        Check::Required | Check::Cel(_) => return None,
    };
    Some(())
}

fn child<'v>(value: &'v mut Value, step: &str) -> Option<&'v mut Value> {
    match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        Value::Object(members) => members.get_mut(step),
        _ => None,
    }
}

/// What breaks a rule in CEL, by what the server says about it.
static INSTEAD: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("cel.yaml")).expect("cel.yaml is a mapping")
});
