//! Secrets and ConfigMaps: only those that are wanted, and these as they are now.

use std::time::Duration;

use api::{
    kind::{Kind, ObjectKey},
    object::Object,
};

use crate::{
    api_server::{ApiServer, Fault},
    world::{Told, World, key, route, secret, service},
};

fn value(told: &Told, key: &ObjectKey) -> Option<Vec<u8>> {
    match told.objects.get(key) {
        Some(Object::Secret(secret)) => Some(secret.data["key"].expose().to_owned()),
        _ => None,
    }
}

#[tokio::test]
async fn only_what_is_wanted_is_ever_fetched() {
    let server = ApiServer::start().await;
    for name in ["wanted", "other", "third"] {
        server.put(secret(name, "b25l"));
    }
    server.put(route("a", "a.example"));
    let wanted = key(Kind::Secret, "wanted");
    let missing = key(Kind::ConfigMap, "missing");
    let world = World::synced(server, &[&wanted, &missing]).await;
    assert_eq!(value(&world.told, &wanted).as_deref(), Some(&b"one"[..]));
    assert_eq!(world.told.removals, [missing], "an answer, though there is nothing");
    for call in world.server.journal() {
        let named = call.resource == "secrets" || call.resource == "configmaps";
        match call.verb {
            "get" if named => assert!(["wanted", "missing"].contains(&&*call.name), "{call:?}"),
            "list" | "watch" if named => assert!(call.accept.contains("Metadata"), "{call:?}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_is_wanted_is_followed() {
    let server = ApiServer::start().await;
    server.put(secret("a", "b25l"));
    server.put(secret("b", "b25l"));
    let (a, b) = (key(Kind::Secret, "a"), key(Kind::Secret, "b"));
    let mut world = World::synced(server, &[&a]).await;
    world.server.put(secret("a", "dHdv"));
    world.until("it is another", |told| value(told, &a).as_deref() == Some(b"two")).await;
    world.want(&[&a, &b]);
    world.until_there(&b).await;
    world.server.remove("secrets", "default", "a");
    world.until_gone(&a).await;
    world.server.put(secret("a", "dHdv"));
    world.until_there(&a).await;
    world.want(&[&b]);
    world.until_gone(&a).await;
    // What happened while nobody looked.
    world.server.down(true);
    world.server.put(secret("b", "dHdv"));
    world.server.expire("secrets");
    world.server.down(false);
    world.until("it is another", |told| value(told, &b).as_deref() == Some(b"two")).await;
    world.server.down(true);
    world.server.remove("secrets", "default", "b");
    world.server.expire("secrets");
    world.server.down(false);
    world.until_gone(&b).await;
}

#[tokio::test]
async fn a_name_that_cannot_be_fetched_is_answered_and_comes_later() {
    let server = ApiServer::start().await;
    server.put(secret("a", "b25l"));
    let mut world = World::synced(server, &[]).await;
    let a = key(Kind::Secret, "a");
    let (fault, hold) = Fault::hold();
    world.server.fault(fault.verb("get").on("secrets"));
    world.want(&[&a]);
    world.until("there is an answer", |told| told.removals.contains(&a)).await;
    world.server.mend();
    hold.release();
    world.until_there(&a).await;
    assert_eq!(world.told.removals, [a], "said once");
}

#[tokio::test]
async fn nothing_counts_as_read_while_a_wanted_name_is_not() {
    let server = ApiServer::start().await;
    server.put(secret("a", "b25l"));
    server.fault(Fault::internal().verb("get").on("secrets"));
    let mut world = World::start(server);
    world.until("all is listed", |told| told.listed).await;
    let a = key(Kind::Secret, "a");
    world.want(&[&a]);
    // Long enough for an answer that says nothing but that there is none yet.
    world.until("there is an answer", |told| told.removals.contains(&a)).await;
    let asked = |server: &ApiServer| server.journal().iter().filter(|c| c.verb == "get").count();
    world.server.until("it is asked again", |server| asked(server) > 4).await;
    assert!(!world.told.synced);
    world.server.mend();
    world.until("all is read", |told| told.synced).await;
    assert!(world.told.objects.contains_key(&a));
}

#[tokio::test]
async fn rights_to_names_alone_are_enough() {
    let server = ApiServer::start().await;
    server.put(secret("a", "b25l"));
    server.put(secret("b", "b25l"));
    server.fault(Fault::forbidden().verb("list").on("secrets"));
    server.fault(Fault::forbidden().verb("get").on("secrets").named("b"));
    let (a, b) = (key(Kind::Secret, "a"), key(Kind::Secret, "b"));
    let mut world = World::synced(server, &[&a, &b]).await;
    assert!(world.told.objects.contains_key(&a) && !world.told.objects.contains_key(&b));
    world.until_said(&["secrets", "list and watch", "by name"]).await;
    world.until_said(&["Secret default/b", "verb get on secrets"]).await;
    // Asked for again and again, changes are seen all the same.
    world.server.put(secret("a", "dHdv"));
    world.until("it is another", |told| value(told, &a).as_deref() == Some(b"two")).await;
    world.server.mend();
    world.until_there(&b).await;
    world.until_mended().await;
    // And others are not held up.
    world.server.put(service("web"));
    tokio::time::timeout(Duration::from_secs(10), world.until_there(&key(Kind::Service, "web")))
        .await
        .expect("at once");
}

#[tokio::test]
async fn where_no_secret_may_be_read_none_is_taken_for_missing_at_the_start() {
    let server = ApiServer::start().await;
    server.put(secret("a", "b25l"));
    server.put(secret("b", "b25l"));
    server.fault(Fault::forbidden().verb("get").on("secrets"));
    let (a, b) = (key(Kind::Secret, "a"), key(Kind::Secret, "b"));
    let mut world = World::start(server);
    world.until("all is listed", |told| told.listed).await;
    world.want(&[&a, &b]);
    world.until_said(&["any of the secrets", "nothing is published, written or removed"]).await;
    let gets = |server: &ApiServer| {
        let calls = server.journal();
        calls.iter().filter(|c| c.verb == "get" && c.resource == "secrets").count()
    };
    world.server.until("they are asked for again", |server| gets(server) > 4).await;
    world.server.put(service("marker"));
    world.until_there(&key(Kind::Service, "marker")).await;
    assert!(!world.told.synced, "every certificate would be taken for missing");
    // One that may be read shows that the others are forbidden on purpose.
    world.server.mend();
    world.server.fault(Fault::forbidden().verb("get").on("secrets").named("b"));
    world.until("all is read", |told| told.synced).await;
    assert!(world.told.objects.contains_key(&a) && !world.told.objects.contains_key(&b));
}
