//! From a request to its answer: which verb on which resource.

use serde_json::{Value, json};

use super::{
    Shared, State,
    catalog::Resource,
    discovery,
    journal::Call,
    review,
    select::Selection,
    storage::{Place, Refusal},
    watching::Watch,
    write,
};

/// An answer before it is HTTP.
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) retry_after: Option<u32>,
    pub(super) body: Value,
    /// What follows in place of the body.
    pub(super) watch: Option<Watch>,
}

impl Answer {
    pub(super) fn of(code: u16, body: Value) -> Self {
        Self { code, retry_after: None, body, watch: None }
    }

    pub(super) fn refusal(
        code: u16,
        reason: &str,
        message: &str,
        retry_after: Option<u32>,
    ) -> Self {
        Self { retry_after, ..Self::of(code, status(code, reason, message)) }
    }
}

/// A `Status` object that says no.
pub(super) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {},
        "status": "Failure", "code": code, "reason": reason, "message": message,
    })
}

pub(super) fn answer(shared: &Shared, call: &Call, path: &str) -> Answer {
    let result = match call.verb {
        "discover" => discovery::answer(&shared.state.lock().catalog, path, &call.accept),
        "get" | "list" | "watch" => read(&shared.state.lock(), call),
        _ => shared.change(|state| change(state, call)),
    };
    result.unwrap_or_else(|refusal| {
        Answer::refusal(refusal.code, refusal.reason, &refusal.message, None)
    })
}

fn resource(state: &State, call: &Call) -> Result<Resource, Refusal> {
    let unknown = || {
        let message = "the server could not find the requested resource";
        Refusal::new(404, "NotFound", message)
    };
    let found = state.catalog.find(&call.group, &call.version, &call.resource);
    let resource = found.ok_or_else(unknown)?;
    match call.subresource.as_str() {
        "" => Ok(resource),
        "status" if resource.status => Ok(resource),
        _ => Err(unknown()),
    }
}

fn read(state: &State, call: &Call) -> Result<Answer, Refusal> {
    let resource = resource(state, call)?;
    let selection = Selection::new(resource, call);
    // A real one is as strict about what metadata are asked for.
    let as_list = call.accept.contains("as=PartialObjectMetadataList");
    if selection.is_metadata() && as_list != (call.verb == "list") {
        let message = format!("{:?} is no form of what was asked for", call.accept);
        return Err(Refusal::new(406, "NotAcceptable", &message));
    }
    match call.verb {
        "get" => {
            let place = Place::new(resource, &call.namespace, &call.name);
            let object = state.storage.get(&place).ok_or_else(|| Refusal::not_found(&place))?;
            Ok(Answer::of(200, selection.show(object)))
        }
        "list" => list(state, call, &selection),
        _ => {
            let watch = Watch::new(state, call, selection)?;
            Ok(Answer { watch: Some(watch), ..Answer::of(200, Value::Null) })
        }
    }
}

/// A page begins behind the place that `continue` names.
fn list(state: &State, call: &Call, selection: &Selection) -> Result<Answer, Refusal> {
    let limit = call.query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let (version, skip) = match call.query.get("continue").filter(|token| !token.is_empty()) {
        None => (state.storage.version, 0),
        Some(token) => token
            .split_once(':')
            .and_then(|(version, skip)| Some((version.parse().ok()?, skip.parse().ok()?)))
            .ok_or_else(|| Refusal::new(400, "BadRequest", "continue key is not valid"))?,
    };
    if version < state.storage.expired(selection.resource).0 {
        let message = "The provided continue parameter is too old";
        return Err(Refusal::new(410, "Expired", message));
    }
    let mut found = state
        .storage
        .list(selection.resource, None)
        .map(|(_, object)| object)
        .filter(|object| selection.holds(object))
        .skip(skip);
    let items: Vec<Value> =
        found.by_ref().take(limit).map(|object| selection.show(object)).collect();
    let left = found.count();
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if left > 0 {
        metadata["continue"] = format!("{version}:{}", skip + items.len()).into();
        metadata["remainingItemCount"] = left.into();
    }
    let (api_version, kind) = selection.list_kind();
    let body =
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "items": items});
    Ok(Answer::of(200, body))
}

fn change(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    if let Some(review) = review::answer(state, call) {
        return Ok(Answer::of(201, review));
    }
    let resource = resource(state, call)?;
    if resource.namespaced && !call.namespace.is_empty() && call.verb != "delete" {
        let namespace = state.catalog.place("namespaces", "", &call.namespace);
        if state.storage.get(&namespace).is_none() {
            return Err(Refusal::not_found(&namespace));
        }
    }
    let (code, object) = write::write(&mut state.storage, resource, call)?;
    Ok(Answer::of(code, Selection::new(resource, call).show(&object)))
}
