//! The loop on a scripted cluster, with the test in the place of provider, proxies and writers.

use api::manifest;
use ir::Ack;
use tokio::time::timeout;

use super::*;
use crate::publish::hub::{Subscriber, Subscription};

struct Stage {
    events: mpsc::Sender<Event>,
    hub: Hub,
    outlets: Outlets,
    wanted: watch::Receiver<BTreeSet<ObjectKey>>,
    progress: watch::Receiver<Progress>,
}

impl Stage {
    fn new() -> Self {
        let (stage, event_loop, incoming) = Self::at_rest();
        tokio::spawn(event_loop.run(incoming));
        stage
    }

    /// One whose loop does not run.
    fn at_rest() -> (Self, EventLoop, mpsc::Receiver<Event>) {
        let (events, incoming) = mpsc::channel(8);
        let (hub, answers) = Hub::new();
        let (told, progress) = watch::channel(Progress::default());
        let (wants, wanted) = watch::channel(BTreeSet::new());
        let outlets = Outlets::new(wants, LiveObjects::default());
        let around = Surroundings {
            hub: hub.clone(),
            answers,
            progress: told,
            metrics: Arc::default(),
            echo: None,
            outlets: Some(outlets.clone()),
        };
        let event_loop = EventLoop::new(Settings::cluster(), around);
        (Self { events, hub, outlets, wanted, progress }, event_loop, incoming)
    }

    /// One that has read these objects.
    async fn synced(manifests: &[&str]) -> Self {
        let mut stage = Self::new();
        for manifest in manifests {
            stage.change(manifest).await;
        }
        stage.send(Event::Synced(false)).await;
        timeout(DEADLINE, stage.wanted.changed()).await.unwrap().unwrap();
        stage.send(Event::Synced(true)).await;
        stage
    }

    async fn send(&self, event: Event) {
        self.events.send(event).await.unwrap();
    }

    async fn change(&self, manifest: &str) {
        self.send(Event::Objects(changes(manifest))).await;
    }

    /// Everything before this was taken in.
    async fn report(&self) -> Report {
        let (ask, answer) = oneshot::channel();
        self.send(Event::Report(ask)).await;
        timeout(DEADLINE, answer).await.unwrap().unwrap()
    }

    fn proxy(&self, pod: &str) -> Subscription {
        let gateway = Some(NamespacedName::new("ns", "gw"));
        self.hub.subscribe(Subscriber { gateway, pod: pod.into() })
    }

    /// What the Gateway is told about being programmed, when that is handed on next.
    async fn programmed(&self) -> String {
        loop {
            let told = timeout(DEADLINE, self.outlets.status.take()).await.unwrap();
            if let Some(Some(ObjectStatus::Gateway(status))) = told.get(&gateway()) {
                let conditions = serde_json::to_value(&status.conditions).unwrap();
                let conditions = conditions.as_array().unwrap();
                let found = conditions.iter().find(|found| found["type"] == "Programmed").unwrap();
                return format!(
                    "{} {}",
                    found["reason"].as_str().unwrap(),
                    found["observedGeneration"]
                );
            }
        }
    }
}

fn changes(text: &str) -> Vec<Change> {
    let parsed = manifest::parse("test", text);
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let objects = parsed.objects.into_iter().map(|located| located.value);
    objects.map(|object| Change { key: object.key(), object: Some(object) }).collect()
}

fn gateway() -> ObjectKey {
    ObjectKey { kind: Kind::Gateway, name: NamespacedName::new("ns", "gw") }
}

async fn ack(subscription: &mut Subscription) {
    let batch = timeout(DEADLINE, subscription.next()).await.unwrap().unwrap();
    subscription.answered(Ack { revision: batch.revision, ..Ack::default() });
}

#[tokio::test]
async fn a_route_without_a_gateway_of_ours_is_nothing_for_the_log() {
    let (_stage, mut event_loop, _incoming) = Stage::at_rest();
    let route = |gateway: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
             metadata: {{name: r, namespace: ns, uid: r, generation: 1}}\n\
             spec: {{parentRefs: [{{name: {gateway}}}], \
             rules: [{{backendRefs: [{{name: none-such, port: 1}}]}}]}}"
        )
    };
    let mut told = |objects: Vec<Change>| {
        let mut touched = Touched::default();
        event_loop.take(Event::Objects(objects), &mut touched);
        event_loop.take(Event::Synced(false), &mut touched);
        event_loop.turn(&mut touched, Instant::now());
        let found = event_loop.problems().filter(|found| found.object.is_some()).count();
        (event_loop.told.keys().filter(|told| told.object.is_some()).count(), found)
    };
    assert_eq!(told([changes(CLASS), changes(GATEWAY)].concat()), (0, 0));
    assert_eq!(told(changes(&route("elsewhere"))), (0, 1), "whoever asks is told");
    assert_eq!(told(changes(&route("gw"))), (1, 1), "its backend is missing");
    assert_eq!(told(changes(&route("elsewhere"))), (0, 1));
}

#[tokio::test]
async fn nothing_leaves_before_the_whole_cluster_was_read() {
    let mut stage = Stage::new();
    let mut proxy = stage.proxy("a");
    stage.send(Event::Lead(Lead::Leader)).await;
    stage.change(CLASS).await;
    stage.change(&with_tls(1)).await;
    assert!(stage.report().await.output.status.iter().next().is_none(), "a part was translated");
    stage.send(Event::Synced(false)).await;
    timeout(DEADLINE, stage.wanted.changed()).await.unwrap().unwrap();
    assert_eq!(*stage.wanted.borrow(), BTreeSet::from([secret()]));
    assert!(stage.report().await.output.status.get(&gateway()).is_some());
    assert!(
        stage.outlets.status.try_take().is_empty() && stage.outlets.infra.try_take().is_empty()
    );
    assert_eq!(stage.progress.borrow().published, 0);
    stage.send(Event::Synced(true)).await;
    timeout(DEADLINE, proxy.next()).await.unwrap().unwrap();
    assert!(timeout(DEADLINE, stage.outlets.status.take()).await.unwrap().contains_key(&gateway()));
}

#[tokio::test]
async fn a_cluster_with_nothing_in_it_is_a_state_like_any_other() {
    let stage = Stage::synced(&[]).await;
    let mut proxy = stage.proxy("a");
    assert!(timeout(DEADLINE, proxy.next()).await.unwrap().unwrap().upserts.is_empty());
}

#[tokio::test]
async fn a_secret_that_is_wanted_since_now_is_waited_for() {
    let mut stage = Stage::synced(&[CLASS, GATEWAY, SERVICE]).await;
    stage.send(Event::Lead(Lead::Leader)).await;
    stage.programmed().await;
    stage.change(&with_tls(2)).await;
    timeout(DEADLINE, stage.wanted.wait_for(|wanted| wanted.contains(&secret())))
        .await
        .unwrap()
        .unwrap();
    stage.report().await;
    assert!(stage.outlets.status.try_take().is_empty(), "told without having looked");
    // There is none; that is an answer as well.
    stage.send(Event::Objects(vec![Change { key: secret(), object: None }])).await;
    assert!(stage.programmed().await.ends_with(" 2"));
    stage.change(GATEWAY).await;
    let unwanted = stage.wanted.wait_for(BTreeSet::is_empty);
    timeout(DEADLINE, unwanted).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_gateway_is_programmed_when_its_proxies_say_so_and_a_route_changes_nothing() {
    let stage = Stage::synced(&[CLASS, GATEWAY, SERVICE]).await;
    stage.send(Event::Lead(Lead::Leader)).await;
    assert_ne!(stage.programmed().await, "Programmed 1");
    let (mut a, mut b) = (stage.proxy("a"), stage.proxy("b"));
    ack(&mut a).await;
    ack(&mut b).await;
    assert_eq!(stage.programmed().await, "Programmed 1");
    stage.change(ROUTE).await;
    // The count of routes is news, and nothing else is.
    assert_eq!(stage.programmed().await, "Programmed 1");
    ack(&mut a).await;
    stage.report().await;
    let told = stage.outlets.status.try_take();
    assert!(!told.contains_key(&gateway()), "{told:?}");
}

#[tokio::test]
async fn a_follower_is_warm_and_leads_once_it_has_said_what_a_leader_says() {
    let stage = Stage::synced(&[CLASS, GATEWAY, SERVICE, ROUTE]).await;
    let told = timeout(DEADLINE, stage.outlets.status.take()).await.unwrap();
    let kinds: Vec<Kind> = told.keys().map(|key| key.kind).collect();
    assert_eq!(kinds, [Kind::GatewayClass, Kind::Gateway, Kind::HTTPRoute]);
    assert!(*stage.outlets.complete.borrow());
    assert!(stage.outlets.infra.try_take().values().all(|need| matches!(need, Need::Infra(_))));
    let accounts = stage.outlets.accounts.borrow().clone();
    let account = NamespacedName::new("ns", "gw-portcullis");
    assert_eq!(accounts.get(&account), Some(&gateway().name));
    stage.send(Event::Lead(Lead::Follower { address: None })).await;
    stage.report().await;
    assert_eq!(*stage.outlets.lead.borrow(), Lead::Follower { address: None });
    stage.outlets.live.put(&gateway(), "v1", live(1).as_bytes());
    let mut lead = stage.outlets.lead.subscribe();
    stage.send(Event::Lead(Lead::Leader)).await;
    timeout(DEADLINE, lead.wait_for(|lead| lead.is_leader())).await.unwrap().unwrap();
    let told = stage.outlets.status.try_take();
    assert!(told.keys().eq([&gateway()]), "handed on before, and nothing else is new: {told:?}");
    stage.send(Event::Objects(vec![Change { key: gateway(), object: None }])).await;
    stage.report().await;
    assert_eq!(stage.outlets.status.try_take().get(&gateway()), Some(&None));
    assert!(stage.outlets.infra.try_take().values().eq([&Need::Unknown]));
    assert!(stage.outlets.accounts.borrow().is_empty());
}

#[tokio::test]
async fn a_class_that_is_gone_holds_while_a_gateway_names_it() {
    let stage = Stage::synced(&[CLASS, GATEWAY, SERVICE, ROUTE]).await;
    stage.report().await;
    let gone = |kind, name| Change { key: ObjectKey { kind, name }, object: None };
    let class = || gone(Kind::GatewayClass, NamespacedName::new("", "portcullis"));
    let published = stage.progress.borrow().published;
    let accounts = stage.outlets.accounts.borrow().clone();
    stage.outlets.infra.try_take();
    stage.outlets.status.try_take();
    stage.send(Event::Objects(vec![class()])).await;
    let report = stage.report().await;
    assert_eq!(report.problems.iter().filter(|problem| problem.reason == "Gone").count(), 1);
    assert_eq!(stage.progress.borrow().published, published, "nothing is taken from proxies");
    assert!(stage.outlets.infra.try_take().is_empty());
    assert!(stage.outlets.status.try_take().is_empty());
    assert_eq!(*stage.outlets.accounts.borrow(), accounts);
    assert!(!accounts.is_empty());
    // Another controller takes the name: that is a word.
    stage.change(&CLASS.replace("portcullis.dev/", "example.com/")).await;
    assert!(stage.report().await.problems.iter().all(|problem| problem.reason != "Gone"));
    assert!(stage.outlets.infra.try_take().values().eq([&Need::Nothing]));
    assert!(stage.outlets.accounts.borrow().is_empty());
    // It goes with the last Gateway that names it.
    stage.send(Event::Objects(vec![class(), gone(Kind::Gateway, gateway().name)])).await;
    let report = stage.report().await;
    assert_eq!(report.resources.gateway_classes.iter().count(), 0);
    assert!(stage.outlets.infra.try_take().values().eq([&Need::Unknown]));
}

#[test]
fn an_account_of_two_gateways_gets_nothing() {
    let infra = |gateway: &str, class: &str| Infra {
        gateway: NamespacedName::new("ns", gateway),
        uid: String::new(),
        class: class.to_owned(),
        ports: Vec::new(),
        labels: Default::default(),
        annotations: Default::default(),
        address: None,
        frozen: false,
        parameters: None,
    };
    let all = [infra("a", "b-c"), infra("a-b", "c"), infra("web", "c")];
    let accounts = accounts(all.iter());
    let web = NamespacedName::new("ns", "web-c");
    assert!(accounts.keys().eq([&web]), "{accounts:?}");
}

/// As the API server shows the Gateway, which was programmed in this generation.
fn live(generation: i64) -> String {
    let conditions = serde_json::json!([
        {"type": "Accepted", "status": "True", "observedGeneration": generation},
        {"type": "Programmed", "status": "True", "observedGeneration": generation},
    ]);
    let live = serde_json::json!({
        "metadata": {"uid": "u", "resourceVersion": "1", "generation": 1},
        "status": {"conditions": conditions},
    });
    live.to_string()
}

#[tokio::test]
async fn what_the_cluster_calls_programmed_stays_so_when_the_leader_changes() {
    for (generation, seen) in [(1, "Programmed 1"), (2, "Pending 1")] {
        let stage = Stage::synced(&[CLASS, GATEWAY, SERVICE]).await;
        stage.outlets.live.put(&gateway(), "v1", live(generation).as_bytes());
        let mut lead = stage.outlets.lead.subscribe();
        stage.send(Event::Lead(Lead::Leader)).await;
        timeout(DEADLINE, lead.wait_for(|lead| lead.is_leader())).await.unwrap().unwrap();
        assert_eq!(stage.programmed().await, seen);
    }
}

#[tokio::test]
async fn what_cannot_be_provided_is_told() {
    let stage = Stage::synced(&[CLASS, GATEWAY, SERVICE]).await;
    stage.send(Event::Lead(Lead::Leader)).await;
    stage.programmed().await;
    let fault =
        |text: Option<&str>| Event::Faults([(gateway().name, text.map(ToOwned::to_owned))].into());
    stage.send(fault(Some("the quota is used up"))).await;
    assert_eq!(stage.programmed().await, "NoResources 1");
    stage.send(fault(None)).await;
    assert_ne!(stage.programmed().await, "NoResources 1");
}

#[tokio::test]
async fn a_burst_is_few_translations() {
    let stage = Stage::synced(&[CLASS, GATEWAY, SERVICE]).await;
    stage.report().await;
    let before = stage.progress.borrow().steps;
    for index in 0..2000 {
        stage.change(&ROUTE.replace("name: route", &format!("name: route-{index}"))).await;
    }
    let report = stage.report().await;
    let routes = report.output.status.iter().filter(|(key, _)| key.kind == Kind::HTTPRoute);
    assert_eq!(routes.count(), 2000);
    let steps = stage.progress.borrow().steps - before;
    assert!(steps < 400, "{steps} translations for 2000 changes one by one");
}

fn secret() -> ObjectKey {
    ObjectKey { kind: Kind::Secret, name: NamespacedName::new("ns", "cert") }
}

fn with_tls(generation: u32) -> String {
    format!(
        "{}    - {{name: https, port: 443, protocol: HTTPS, \
         tls: {{certificateRefs: [{{name: cert}}]}}}}\n",
        GATEWAY.replace("generation: 1", &format!("generation: {generation}"))
    )
}

const CLASS: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: portcullis, generation: 1}
spec: {controllerName: portcullis.dev/gateway-controller}
";
const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: ns, uid: u, generation: 1}
spec:
  gatewayClassName: portcullis
  listeners:
    - {name: http, port: 80, protocol: HTTP}
";
/// What the Gateway's own Service would be, once somebody gave it an address.
const SERVICE: &str = "apiVersion: v1
kind: Service
metadata:
  name: gw-portcullis
  namespace: ns
  ownerReferences: [{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, name: gw, uid: u}]
spec: {type: LoadBalancer, clusterIP: 10.96.0.7, ports: [{name: http, port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.7}]}}
";
const ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, namespace: ns, generation: 1}
spec:
  parentRefs: [{name: gw}]
  rules: [{backendRefs: [{name: app, port: 80}]}]
";
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_keeps_a_cluster_from_being_read_is_for_its_operator() {
    let stage = Stage::new();
    let problem = |object: Option<&str>| Problem {
        place: None,
        severity: "error",
        object: object.map(ToOwned::to_owned),
        field: String::new(),
        reason: "Forbidden".to_owned(),
        message: "httproutes are forbidden".to_owned(),
    };
    stage.send(Event::ProviderProblems(vec![problem(Some("Secret ns/a"))])).await;
    stage.report().await;
    let told: Vec<_> = stage.outlets.notices.try_take().into_values().collect();
    assert_eq!(told, [None], "an object's own fault is its author's");
    let both = vec![problem(None), problem(Some("Secret ns/a"))];
    stage.send(Event::ProviderProblems(both)).await;
    stage.report().await;
    let (about, told) = stage.outlets.notices.try_take().pop_first().unwrap();
    assert_eq!((about.object, about.reason), (None, "ClusterUnreadable"));
    assert_eq!(told.unwrap().note, "httproutes are forbidden");
}
