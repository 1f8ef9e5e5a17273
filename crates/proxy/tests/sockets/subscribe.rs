//! A proxy that follows a controller over the network.

use ir::{
    Snapshot,
    wire::{Hash, Step, frame::Upsert},
};
use tokio::net::{TcpListener, TcpStream};
use tonic::Status;

use crate::harness::{
    Authority, Client, Echo, Port, Rig, backend, bind,
    controller::{Controller, Conversation, Files, step},
    in_time, plain, remove, route, until,
};

/// A controller, a proxy that shall follow it, and something to serve.
struct Scene {
    authority: Authority,
    files: Files,
    /// Where the controller is, when it is there.
    at: Port,
    /// Where traffic goes in,
    port: Port,
    /// and where it goes.
    echo: Echo,
}

impl Scene {
    async fn new() -> Self {
        let authority = Authority::new();
        let files = Files::new(&authority);
        let echo = Echo::start("echo").await;
        Self { authority, files, at: Port::reserve(), port: Port::reserve(), echo }
    }

    /// A proxy that follows the controller.
    fn proxy(&self) -> Rig {
        let rig = Rig::with(|options| options.probes = Some(([127, 0, 0, 1], 0).into()));
        rig.proxy.subscribe(self.files.subscription(&self.at)).unwrap();
        rig
    }

    async fn controller(&self) -> Controller {
        Controller::start(&self.at, &self.authority).await
    }

    /// What the controller says: one route to the echo.
    fn site(&self) -> Snapshot {
        let mut site = Snapshot::default();
        backend(&mut site, "svc", &[self.echo.address]);
        plain(&mut site, "bind", &self.port);
        route(&mut site, "route", "bind", "svc");
        site
    }

    async fn status(&self) -> u16 {
        let mut client = Client::plain(self.port.address()).await.unwrap();
        client.get("any", "/").await.unwrap().status
    }
}

async fn probe(rig: &Rig, path: &str) -> (u16, String) {
    let mut client = Client::plain(rig.proxy.probe_address().unwrap()).await.unwrap();
    let response = client.get("localhost", path).await.unwrap();
    (response.status, response.text())
}

async fn is_ready(rig: &Rig) -> bool {
    probe(rig, "/ready").await.0 == 200
}

async fn metric(rig: &Rig, sample: &str) -> u64 {
    let text = probe(rig, "/metrics").await.1;
    let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{sample} is not in {text}")).parse().unwrap()
}

fn nothing() -> Snapshot {
    Snapshot::default()
}

#[tokio::test]
async fn what_the_controller_says_is_served_and_answered() {
    let scene = Scene::new().await;
    let mut controller = scene.controller().await;
    let rig = scene.proxy();
    let mut stream = controller.accept().await;
    assert_eq!(stream.token, "Bearer first");
    let hello = stream.hello().await;
    assert_eq!((hello.epoch.as_str(), hello.revision, hello.held.len()), ("", 0, 0));
    assert!(ir::wire::understands(hello.wire_version));
    assert!(!is_ready(&rig).await);
    let site = scene.site();
    let answer = stream.apply(step(7, &nothing(), &site)).await;
    assert_eq!((answer.rejected, answer.closed), (vec![], vec![]));
    assert!(is_ready(&rig).await);
    assert_eq!(scene.status().await, 200);
    assert_eq!(metric(&rig, "portcullis_stream_connected").await, 1);
    assert_eq!(metric(&rig, "portcullis_config_revision").await, 7);
    let mut next = site.clone();
    remove(&mut next, "svc");
    stream.apply(step(8, &site, &next)).await;
    assert_eq!(scene.status().await, 500);
}

#[tokio::test]
async fn probes_tell_nothing_of_the_configuration() {
    let scene = Scene::new().await;
    let rig = scene.proxy();
    let not_yet = (503, "not ready: no configuration yet\n".to_owned());
    assert_eq!(probe(&rig, "/ready").await, not_yet);
    assert_eq!(probe(&rig, "/live").await.0, 200);
    for path in ["/", "/config", "/status"] {
        assert_eq!(probe(&rig, path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_step_that_is_cut_off_changes_nothing() {
    let scene = Scene::new().await;
    let mut controller = scene.controller().await;
    let _rig = scene.proxy();
    let mut stream = controller.accept().await;
    stream.hello().await;
    let site = scene.site();
    stream.apply(step(1, &nothing(), &site)).await;
    let mut next = site.clone();
    remove(&mut next, "svc");
    let mut parts = step(2, &site, &next).into_parts();
    parts[0].more = true;
    stream.part(parts.remove(0));
    // However long the rest takes, what was served is served.
    assert_eq!(scene.status().await, 200);
    drop(stream);
    let mut stream = controller.accept().await;
    let hello = stream.hello().await;
    assert_eq!((hello.epoch.as_str(), hello.revision), ("epoch", 1));
    assert_eq!(hello.held.len(), site.keys().count());
    assert_eq!(scene.status().await, 200);
    stream.apply(step(2, &site, &next)).await;
    assert_eq!(scene.status().await, 500);
}

#[tokio::test]
async fn without_a_controller_the_last_good_state_is_served_and_the_next_one_sends_the_rest() {
    let scene = Scene::new().await;
    let mut controller = scene.controller().await;
    let rig = scene.proxy();
    let mut stream = controller.accept().await;
    stream.hello().await;
    let site = scene.site();
    stream.apply(step(1, &nothing(), &site)).await;
    drop(stream);
    controller.stop().await;
    until("that is noticed", async || metric(&rig, "portcullis_stream_connected").await == 0).await;
    let failed = "portcullis_stream_connects_total{result=\"failed\"}";
    until("it is tried again", async || metric(&rig, failed).await > 2).await;
    assert_eq!(scene.status().await, 200);
    assert!(is_ready(&rig).await);
    scene.files.token("second");
    let mut controller = scene.controller().await;
    let mut stream = controller.accept().await;
    assert_eq!(stream.token, "Bearer second", "it is read again");
    let held = stream.hello().await.held;
    for key in site.keys() {
        assert_eq!(held.get(&key), Some(&ir::wire::encode(&site.get(&key).unwrap()).hash));
    }
    // Another life of the controller counts from 1 again.
    let step = Step { epoch: "another".into(), revision: 1, ..Step::default() };
    stream.apply(step).await;
    assert_eq!(scene.status().await, 200);
}

#[tokio::test]
async fn a_restart_without_a_controller_serves_what_was_kept() {
    let scene = Scene::new().await;
    let mut controller = scene.controller().await;
    let rig = scene.proxy();
    let mut stream = controller.accept().await;
    stream.hello().await;
    let mut first = step(3, &nothing(), &scene.site());
    first.upserts.push(Upsert { kind: "Policy".into(), name: "p".into(), ..Upsert::default() });
    stream.apply(first).await;
    until("it is kept", async || scene.files.state().join("state").exists()).await;
    drop(stream);
    controller.stop().await;
    drop(rig);
    let rig = scene.proxy();
    until("it is ready", async || is_ready(&rig).await).await;
    assert_eq!(scene.status().await, 200);
    assert_eq!(metric(&rig, "portcullis_stream_rejected_resources").await, 1);
    let mut controller = scene.controller().await;
    let hello = controller.accept().await.hello().await;
    assert_eq!((hello.epoch.as_str(), hello.revision), ("epoch", 3));
    assert_eq!(hello.held.len(), scene.site().keys().count());
}

#[tokio::test]
async fn a_state_that_is_broken_is_as_none() {
    let scene = Scene::new().await;
    std::fs::write(scene.files.state().join("state"), "portcullis state 1\nnonsense").unwrap();
    let mut controller = scene.controller().await;
    let rig = scene.proxy();
    let mut stream = controller.accept().await;
    assert!(stream.hello().await.held.is_empty());
    assert!(!is_ready(&rig).await);
    stream.apply(step(1, &nothing(), &scene.site())).await;
    assert!(is_ready(&rig).await);
}

#[tokio::test]
async fn a_controller_of_another_authority_is_not_believed() {
    let scene = Scene::new().await;
    let other = Authority::new();
    scene.files.trust(&[&other]);
    let mut controller = scene.controller().await;
    let rig = scene.proxy();
    let failed = "portcullis_stream_connects_total{result=\"failed\"}";
    until("it is refused", async || metric(&rig, failed).await > 1).await;
    assert!(!is_ready(&rig).await);
    // The file is read again, and may hold several, as it does while one takes over from another.
    scene.files.trust(&[&other, &scene.authority]);
    let mut stream = controller.accept().await;
    stream.hello().await;
    stream.apply(step(1, &nothing(), &scene.site())).await;
    assert!(is_ready(&rig).await);
}

#[tokio::test]
async fn a_redirect_leads_to_the_one_that_leads() {
    let scene = Scene::new().await;
    let (mut follower, elsewhere) = (scene.controller().await, Port::reserve());
    let mut leader = Controller::start(&elsewhere, &scene.authority).await;
    let rig = scene.proxy();
    let mut stream = follower.accept().await;
    stream.hello().await;
    stream.redirect(&elsewhere);
    let mut stream = leader.accept().await;
    stream.hello().await;
    stream.apply(step(1, &nothing(), &scene.site())).await;
    assert_eq!(metric(&rig, "portcullis_stream_connects_total{result=\"redirected\"}").await, 1);
    // When the leader has gone, the name is asked again.
    drop(stream);
    leader.stop().await;
    follower.accept().await.hello().await;
}

#[tokio::test]
async fn redirects_in_a_circle_are_given_time() {
    let scene = Scene::new().await;
    let mut controller = scene.controller().await;
    let rig = scene.proxy();
    for _ in 0..8 {
        let mut stream = controller.accept().await;
        stream.hello().await;
        stream.redirect(&scene.at);
    }
    // Three, then a pause and the way from the start: not one after the other for ever.
    let redirected = "portcullis_stream_connects_total{result=\"redirected\"}";
    assert_eq!(metric(&rig, redirected).await, 6);
}

#[tokio::test]
async fn what_is_not_understood_is_rejected_alone() {
    let scene = Scene::new().await;
    let mut controller = scene.controller().await;
    let rig = scene.proxy();
    let mut stream = controller.accept().await;
    stream.hello().await;
    let mut first = step(1, &nothing(), &scene.site());
    let upsert = |kind: &str, payload: &'static [u8]| Upsert {
        kind: kind.into(),
        name: "new".into(),
        hash: Hash::of(kind, payload).to_bytes(),
        payload: payload.into(),
    };
    // A kind of tomorrow, and a protocol of tomorrow.
    first.upserts.insert(0, upsert("Policy", b"\x80"));
    first.upserts.insert(0, upsert("Backend", b"\x81\xa8protocol\xa5Http9"));
    let answer = stream.apply(first).await;
    let names: Vec<_> = answer.rejected.iter().map(|of| (&*of.kind, &*of.name)).collect();
    assert_eq!(names, [("Backend", "new"), ("Policy", "new")]);
    assert!(answer.rejected[0].reason.contains("Http9"), "{}", answer.rejected[0].reason);
    assert_eq!(scene.status().await, 200);
    assert_eq!(metric(&rig, "portcullis_stream_rejected_resources").await, 2);
}

#[tokio::test]
async fn a_bind_that_opens_later_is_answered_later() {
    let scene = Scene::new().await;
    let mut controller = scene.controller().await;
    let _rig = scene.proxy();
    // Somebody else has the port, and does not share it.
    let thief = Port::reserve();
    let taken = std::net::TcpListener::bind(thief.address()).unwrap();
    let mut stream = controller.accept().await;
    stream.hello().await;
    let mut site = scene.site();
    bind(&mut site, "second", &thief);
    let answer = stream.apply(step(1, &nothing(), &site)).await;
    let closed: Vec<_> = answer.closed.iter().map(|of| (&*of.bind, &*of.fault)).collect();
    assert_eq!(closed, [("second", "InUse")]);
    drop(taken);
    let later = stream.answer().await;
    assert_eq!((later.revision, later.closed), (1, vec![]));
}

#[tokio::test]
async fn a_refusal_is_tried_again_and_harms_nothing() {
    let scene = Scene::new().await;
    let mut controller = scene.controller().await;
    let rig = scene.proxy();
    for _ in 0..2 {
        controller.accept().await.refuse(Status::failed_precondition("too old"));
    }
    let mut stream: Conversation = controller.accept().await;
    stream.hello().await;
    stream.apply(step(1, &nothing(), &scene.site())).await;
    assert!(is_ready(&rig).await);
}

/// The network between the two is dead: nothing comes, and nobody says that nothing will.
#[tokio::test]
async fn a_controller_that_falls_silent_is_noticed() {
    let scene = Scene::new().await;
    let (behind, mut freeze) = (Port::reserve(), tokio::sync::watch::channel(false));
    let mut controller = Controller::start(&behind, &scene.authority).await;
    let front = TcpListener::bind(scene.at.address()).await.unwrap();
    let frozen = freeze.1.clone();
    let relay = tokio::spawn(async move {
        let mut kept = tokio::task::JoinSet::new();
        while let Ok((mut here, _)) = front.accept().await {
            let mut frozen = frozen.clone();
            frozen.mark_unchanged();
            let mut there = TcpStream::connect(behind.address()).await.unwrap();
            kept.spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                    _ = frozen.changed() => std::future::pending().await,
                }
            });
        }
    });
    let rig = scene.proxy();
    let mut stream = controller.accept().await;
    stream.hello().await;
    stream.apply(step(1, &nothing(), &scene.site())).await;
    freeze.0.send_replace(true);
    let noticed = tokio::time::timeout(std::time::Duration::from_secs(60), controller.accept());
    let mut stream = noticed.await.unwrap();
    assert_eq!(stream.hello().await.revision, 1);
    assert_eq!(scene.status().await, 200);
    freeze.1.mark_unchanged();
    drop(rig);
    relay.abort();
    in_time("the end of the relay", async { drop(relay.await) }).await;
}
