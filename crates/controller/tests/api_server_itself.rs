//! The scripted API server, held against a real client: what other tests rely on.

#![cfg(test)]

use std::pin::pin;

use futures_util::StreamExt;
use kube::{
    Api, Client, Discovery, Error,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    runtime::watcher::{self, Event},
};
use serde_json::{Value, json};

#[path = "api_server/api_server.rs"]
mod api_server;

use api_server::{ApiServer, Fault, TokenUser};

fn routes(client: Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    Api::namespaced_with(client, "default", &ApiResource::from_gvk_with_plural(&kind, "httproutes"))
}

fn route(name: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "default", "labels": {"own": name}},
        "spec": {"hostnames": ["a.example"]},
    })
}

fn code(error: &Error) -> u16 {
    match error {
        Error::Api(status) => status.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_ways_of_discovery_find_the_same() {
    let server = ApiServer::start_without(&["gateway.networking.x-k8s.io", "tlsroutes"]).await;
    let plain = Discovery::new(server.client()).run().await.unwrap();
    let aggregated = Discovery::new(server.client()).run_aggregated().await.unwrap();
    for found in [plain, aggregated] {
        let route = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
        assert_eq!(found.resolve_gvk(&route).unwrap().0.plural, "httproutes");
        let class = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "GatewayClass");
        assert_eq!(found.resolve_gvk(&class).unwrap().0.plural, "gatewayclasses");
        let absent = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "TLSRoute");
        assert!(found.resolve_gvk(&absent).is_none());
        assert!(!found.has_group("gateway.networking.x-k8s.io"));
        assert!(found.resolve_gvk(&GroupVersionKind::gvk("", "v1", "Secret")).is_some());
    }
}

#[tokio::test]
async fn writes_count_generations_and_conflict() {
    let server = ApiServer::start().await;
    let api = routes(server.client());
    let object: DynamicObject = serde_json::from_value(route("a")).unwrap();
    let made = api.create(&PostParams::default(), &object).await.unwrap();
    assert_eq!(made.metadata.generation, Some(1));
    assert_eq!(code(&api.create(&PostParams::default(), &object).await.unwrap_err()), 409);

    let params = PatchParams::default();
    let status = |version: &Option<String>| {
        Patch::Merge(json!({
            "metadata": {"resourceVersion": version}, "spec": null, "status": {"parents": []},
        }))
    };
    let first = made.metadata.resource_version;
    let told = api.patch_status("a", &params, &status(&first)).await.unwrap();
    assert_eq!(told.metadata.generation, Some(1), "status is no edit");
    assert_eq!(told.data["spec"], route("a")["spec"], "status leaves the rest alone");
    let stale = api.patch_status("a", &params, &status(&first)).await.unwrap_err();
    assert_eq!(code(&stale), 409);
    let again = api.patch_status("a", &params, &status(&None)).await.unwrap();
    assert_eq!(again.metadata.resource_version, told.metadata.resource_version, "nothing new");

    let edit = Patch::Merge(json!({"spec": {"hostnames": ["b.example"]}, "status": null}));
    let edited = api.patch("a", &params, &edit).await.unwrap();
    assert_eq!(edited.metadata.generation, Some(2));
    assert_eq!(edited.data["status"], json!({"parents": []}));
    let absent = api.patch_status("b", &params, &status(&None)).await.unwrap_err();
    assert_eq!(code(&absent), 404);
    let bad = json!({"status": {"parents": [{"controllerName": "x", "conditions": [{}]}]}});
    let refused = api.patch_status("a", &params, &Patch::Merge(bad)).await.unwrap_err();
    assert_eq!(code(&refused), 422);
    let writes: Vec<(&str, u16)> =
        server.writes().iter().map(|call| (call.verb, call.code)).collect();
    let expected = [
        ("create", 201),
        ("create", 409),
        ("patch", 200),
        ("patch", 409),
        ("patch", 200),
        ("patch", 200),
        ("patch", 404),
        ("patch", 422),
    ];
    assert_eq!(writes, expected);
}

#[tokio::test]
async fn lists_come_in_pages_and_as_metadata() {
    let server = ApiServer::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        server.put(route(name));
    }
    let api = routes(server.client());
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    let token = first.metadata.continue_.unwrap();
    let second = api.list(&ListParams::default().limit(2).continue_token(&token)).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&second.items).map(|o| &o.metadata.name).collect();
    assert_eq!(names, ["a", "b", "c", "d"].map(|name| Some(name.to_owned())).each_ref());
    server.expire("httproutes");
    let late = api.list(&ListParams::default().continue_token(&token)).await.unwrap_err();
    assert_eq!(code(&late), 410);
    let one = api.list_metadata(&ListParams::default().labels("own=c")).await.unwrap();
    assert_eq!(one.items.len(), 1);
    let named = api.list(&ListParams::default().fields("metadata.name=e")).await.unwrap();
    assert_eq!(named.items.len(), 1);
}

#[tokio::test]
async fn a_watcher_sees_every_change_through_cuts_and_expiry() {
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let server = ApiServer::start().await;
        server.put(route("a"));
        let mut events = pin!(watcher::watcher(routes(server.client()), config));
        let mut next = async |wanted: &str| loop {
            match events.next().await.unwrap() {
                Ok(Event::Apply(o) | Event::InitApply(o))
                    if o.metadata.name.as_deref() == Some(wanted) =>
                {
                    return "there";
                }
                Ok(Event::Delete(o)) if o.metadata.name.as_deref() == Some(wanted) => return "gone",
                // A cut shows as an error, and is mended by the next poll.
                _ => {}
            }
        };
        assert_eq!(next("a").await, "there");
        server.put(route("b"));
        assert_eq!(next("b").await, "there");
        server.cut();
        server.put(route("c"));
        assert_eq!(next("c").await, "there");
        server.expire("httproutes");
        server.put(route("d"));
        assert_eq!(next("d").await, "there");
        server.remove("httproutes", "default", "d");
        assert_eq!(next("d").await, "gone");
    }
}

#[tokio::test]
async fn apply_prunes_conflicts_and_creates() {
    let server = ApiServer::start().await;
    let api = routes(server.client());
    let params = PatchParams::apply("one");
    let wish = |spec: Value| {
        Patch::Apply(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "a"}, "spec": spec,
        }))
    };
    let first = api.patch("a", &params, &wish(json!({"x": 1, "y": {"z": 2}}))).await.unwrap();
    assert_eq!(first.data["spec"], json!({"x": 1, "y": {"z": 2}}));
    let pruned = api.patch("a", &params, &wish(json!({"x": 1}))).await.unwrap();
    assert_eq!(pruned.data["spec"]["y"].get("z"), None);
    let edit = Patch::Merge(json!({"spec": {"x": 3, "own": true}}));
    api.patch("a", &PatchParams { field_manager: Some("two".into()), ..Default::default() }, &edit)
        .await
        .unwrap();
    let refused = api.patch("a", &params, &wish(json!({"x": 1}))).await.unwrap_err();
    assert_eq!(code(&refused), 409);
    let forced = api.patch("a", &params.clone().force(), &wish(json!({"x": 1}))).await.unwrap();
    assert_eq!((&forced.data["spec"]["x"], &forced.data["spec"]["own"]), (&json!(1), &json!(true)));
}

#[tokio::test]
async fn owned_objects_go_with_their_owner() {
    let server = ApiServer::start().await;
    let owner = server.put(route("owner"));
    let mut owned = route("owned");
    owned["metadata"]["ownerReferences"] = json!([{"uid": owner["metadata"]["uid"]}]);
    server.put(owned);
    routes(server.client()).delete("owner", &DeleteParams::default()).await.unwrap();
    assert!(server.objects("httproutes").is_empty());
}

#[tokio::test]
async fn faults_strike_as_often_as_they_say() {
    let server = ApiServer::start().await;
    server.put(route("a"));
    let api = routes(server.client());
    server.fault(Fault::forbidden().on("httproutes").verb("get").times(1));
    assert_eq!(code(&api.get("a").await.unwrap_err()), 403);
    api.get("a").await.unwrap();
    server.fault(Fault::too_many(1).on("httproutes").times(1));
    assert_eq!(code(&api.get("a").await.unwrap_err()), 429);
    server.fault(Fault::cut().times(1));
    assert!(!matches!(api.get("a").await.unwrap_err(), Error::Api(_)));
    server.fault(Fault::lose_answer().verb("delete").times(1));
    assert!(api.delete("a", &DeleteParams::default()).await.is_err());
    assert!(server.objects("httproutes").is_empty(), "it was done all the same");
    let (fault, hold) = Fault::hold();
    server.fault(fault.verb("list"));
    let params = ListParams::default();
    let mut listing = pin!(api.list(&params));
    assert!(futures_util::poll!(listing.as_mut()).is_pending());
    hold.release();
    assert!(listing.await.unwrap().items.is_empty());
}

#[tokio::test]
async fn tokens_are_reviewed_as_scripted() {
    let server = ApiServer::start().await;
    server.know_token("good", TokenUser::service_account("ns", "proxy", "portcullis.dev/proxy"));
    let kind = GroupVersionKind::gvk("authentication.k8s.io", "v1", "TokenReview");
    let api: Api<DynamicObject> =
        Api::all_with(server.client(), &ApiResource::from_gvk_with_plural(&kind, "tokenreviews"));
    let cases = [
        ("good", "portcullis.dev/proxy", true),
        ("good", "somebody-else", false),
        ("forged", "portcullis.dev/proxy", false),
    ];
    for (token, audience, expected) in cases {
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {},
            "spec": {"token": token, "audiences": [audience]},
        });
        let review: DynamicObject = serde_json::from_value(review).unwrap();
        let answer = api.create(&PostParams::default(), &review).await.unwrap();
        assert_eq!(answer.data["status"]["authenticated"], expected, "{token} {audience}");
    }
}
