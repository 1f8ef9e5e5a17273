//! Reviews of tokens and of rights, answered as the test scripted.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{State, journal::Call};

/// Who a token stands for.
#[derive(Clone, Debug)]
pub(crate) struct TokenUser {
    /// `system:serviceaccount:NAMESPACE:NAME` for a pod.
    pub(crate) username: String,
    pub(crate) uid: String,
    /// Whom the token may be shown to.
    pub(crate) audiences: Vec<String>,
    /// The pod that it is bound to.
    pub(crate) pod: Option<String>,
}

impl TokenUser {
    /// A ServiceAccount's.
    pub(crate) fn service_account(namespace: &str, name: &str, audience: &str) -> Self {
        Self {
            username: format!("system:serviceaccount:{namespace}:{name}"),
            uid: format!("uid-of-{namespace}-{name}"),
            audiences: vec![audience.to_owned()],
            pod: None,
        }
    }

    /// The token that it has until then, in seconds since 1970. Reviews do not look into it.
    pub(crate) fn token(&self, until: u64) -> String {
        let claims = json!({
            "aud": self.audiences, "exp": until, "sub": self.username,
            "kubernetes.io": {"pod": {"name": self.pod}},
        });
        format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    /// The same, bound to a pod.
    pub(crate) fn of_pod(self, name: &str) -> Self {
        Self { pod: Some(name.to_owned()), ..self }
    }
}

pub(super) type Tokens = BTreeMap<String, TokenUser>;

/// The answer to a review of this resource, if it is one.
pub(super) fn answer(state: &State, call: &Call) -> Option<Value> {
    let mut review = call.body.clone();
    review["status"] = match (call.verb, call.resource.as_str()) {
        ("create", "tokenreviews") => token(&state.tokens, &call.body["spec"]),
        ("create", "selfsubjectaccessreviews" | "subjectaccessreviews") => {
            json!({"allowed": may(state, &call.body["spec"]["resourceAttributes"])})
        }
        _ => return None,
    };
    Some(review)
}

fn token(tokens: &Tokens, spec: &Value) -> Value {
    let Some(user) = spec["token"].as_str().and_then(|token| tokens.get(token)) else {
        return json!({"authenticated": false, "error": "invalid bearer token"});
    };
    let asked: Vec<&str> =
        spec["audiences"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let shared: Vec<&String> =
        user.audiences.iter().filter(|one| asked.contains(&one.as_str())).collect();
    if !asked.is_empty() && shared.is_empty() {
        return json!({"authenticated": false, "error": "token audiences do not match"});
    }
    json!({
        "authenticated": true,
        "audiences": shared,
        "user": {
            "username": user.username,
            "uid": user.uid,
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "extra": user.pod.iter()
                .map(|pod| ("authentication.kubernetes.io/pod-name".to_owned(), json!([pod])))
                .collect::<serde_json::Map<String, Value>>(),
        },
    })
}

/// Allowed unless a fault forbids it.
fn may(state: &State, attributes: &Value) -> bool {
    let text = |field: &str| attributes[field].as_str().unwrap_or("").to_owned();
    let verb = match text("verb").as_str() {
        "get" => "get",
        "list" => "list",
        "watch" => "watch",
        "create" => "create",
        "update" => "update",
        "patch" => "patch",
        _ => "delete",
    };
    let call = Call {
        verb,
        resource: text("resource"),
        subresource: text("subresource"),
        name: text("name"),
        ..Call::default()
    };
    let mut faults = state.faults.clone();
    !faults.iter_mut().any(|fault| fault.forbids() && fault.strikes(&call))
}

/// The end of a token that does not end in a test: the year 2100.
pub(crate) const LONG: u64 = 4_102_444_800;
