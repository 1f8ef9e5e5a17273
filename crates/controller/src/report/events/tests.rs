//! What is told, how often, and what an Event looks like.

use api::kind::Kind;
use tokio::task::JoinHandle;

use super::*;
use crate::api_server::{ApiServer, Fault};

fn gateway() -> ObjectKey {
    ObjectKey { kind: Kind::Gateway, name: NamespacedName::new("default", "gw") }
}

fn notice(note: &str) -> Notice {
    Notice::warning("NotProgrammed", "Program", note)
}

fn key() -> NoticeKey {
    NoticeKey::of(&gateway(), "NotProgrammed")
}

#[test]
fn a_notice_is_told_once_while_it_is_true() {
    let mut board = Board::default();
    let now = Instant::now();
    board.post(key(), Some(notice("a")), now);
    let (_, told) = board.take_due(now, true).unwrap();
    board.told(key(), told);
    board.post(key(), Some(notice("a")), now);
    assert_eq!(board.next(now, true), None, "it is known");
    board.post(key(), Some(notice("b")), now);
    assert_eq!(board.next(now, true), Some(now + AGAIN_MIN), "another note, but not at once");
    board.post(key(), Some(notice("a")), now);
    assert_eq!(board.next(now, true), None, "back to what was told");
    board.post(key(), None, now);
    board.post(key(), Some(notice("a")), now);
    let (_, again) = board.take_due(now + AGAIN_MIN, true).unwrap();
    assert_eq!(again.times, 1, "the second of a series");
}

#[test]
fn what_mends_itself_in_time_is_never_told() {
    let mut board = Board::default();
    let now = Instant::now();
    let patient = Notice { patience: Duration::from_secs(9), ..notice("a") };
    board.post(key(), Some(patient.clone()), now);
    let later = now + Duration::from_secs(5);
    board.post(key(), Some(Notice { note: "b".into(), ..patient }), later);
    assert_eq!(
        board.next(later, true),
        Some(now + Duration::from_secs(9)),
        "counted from the first"
    );
    assert!(board.take_due(later, true).is_none());
    board.post(key(), None, later);
    assert_eq!(board.next(later, true), None);
}

#[test]
fn what_is_over_is_forgotten() {
    let mut board = Board::default();
    let now = Instant::now();
    board.post(key(), Some(notice("a")), now);
    let (_, told) = board.take_due(now, true).unwrap();
    board.told(key(), told);
    board.next(now + FORGOTTEN * 2, true);
    assert_eq!(board.told.len(), 1, "still true");
    board.post(key(), None, now);
    board.next(now + FORGOTTEN * 2, true);
    assert_eq!(board.told.len(), 0);
}

struct Stage {
    server: ApiServer,
    notices: Notices,
    silences: Silences,
    lead: watch::Sender<Lead>,
    task: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn stage() -> Stage {
    let server = ApiServer::start().await;
    let live = LiveObjects::default();
    live.put(&gateway(), "v1", br#"{"metadata": {"uid": "u-1", "resourceVersion": "5"}}"#);
    let (notices, silences) = (Notices::default(), Silences::default());
    let lead = watch::Sender::new(Lead::Leader);
    let writer = EventWriter {
        client: server.client(),
        own: server.client(),
        controller_name: "portcullis.dev/gateway-controller".into(),
        pod: NamespacedName::new("default", "portcullis-0"),
        pod_uid: Some("u-pod".into()),
        live,
        notices: notices.clone(),
        silences: silences.clone(),
        lead: lead.subscribe(),
    };
    Stage { server, notices, silences, lead, task: tokio::spawn(writer.run()) }
}

impl Stage {
    async fn until_events(&self, count: usize) -> Vec<Value> {
        let what = format!("{count} events");
        self.server.until(&what, |server| server.objects("events").len() >= count).await;
        let events = self.server.objects("events");
        assert_eq!(events.len(), count, "{events:#?}");
        events
    }
}

#[tokio::test]
async fn an_event_says_who_what_and_about_which_object() {
    let stage = stage().await;
    raise(&stage.notices, &gateway(), notice(&"é".repeat(1000)));
    let event = stage.until_events(1).await.remove(0);
    assert_eq!(event["metadata"]["namespace"], "default");
    let expected = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "name": "gw",
        "namespace": "default", "uid": "u-1", "resourceVersion": "5",
    });
    assert_eq!(event["regarding"], expected);
    assert_eq!(event["reportingController"], "portcullis.dev/gateway-controller");
    assert_eq!(event["reportingInstance"], "portcullis-0");
    assert_eq!((&event["type"], &event["reason"]), (&json!("Warning"), &json!("NotProgrammed")));
    assert_eq!(event["action"], "Program");
    assert_eq!(event["note"].as_str().unwrap().len(), 1024);
    // The same from elsewhere, and one about a class, which has no namespace.
    raise(&stage.notices, &gateway(), notice(&"é".repeat(1000)));
    let class = ObjectKey { kind: Kind::GatewayClass, name: NamespacedName::new("", "c") };
    raise(&stage.notices, &class, notice("x"));
    stage.until_events(2).await;
}

#[tokio::test]
async fn a_silent_proxy_is_named_beside_its_gateway() {
    let stage = stage().await;
    stage.silences.put((gateway().name, "pod-1".into()), true);
    stage.silences.put((gateway().name, "pod-2".into()), true);
    let events = stage.until_events(2).await;
    let mut pods: Vec<&str> =
        events.iter().filter_map(|event| event["related"]["name"].as_str()).collect();
    pods.sort_unstable();
    assert_eq!(pods, ["pod-1", "pod-2"]);
    assert!(events.iter().all(|event| event["regarding"]["kind"] == "Gateway"));
}

#[tokio::test]
async fn a_follower_tells_of_itself_alone_and_a_new_leader_nothing_twice() {
    let stage = stage().await;
    stage.lead.send_replace(Lead::Follower { address: None });
    raise(&stage.notices, &gateway(), notice("a"));
    raise_own(&stage.notices, notice("own"));
    let event = stage.until_events(1).await.remove(0);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "name": "portcullis-0", "namespace": "default",
        "uid": "u-pod",
    });
    assert_eq!(event["regarding"], pod);
    stage.lead.send_replace(Lead::Leader);
    stage.until_events(2).await;
    // Another replica that knows nothing of what was told.
    let other = EventWriter {
        client: stage.server.client(),
        own: stage.server.client(),
        controller_name: "portcullis.dev/gateway-controller".into(),
        pod: NamespacedName::new("default", "portcullis-1"),
        pod_uid: None,
        live: LiveObjects::default(),
        notices: Notices::default(),
        silences: Silences::default(),
        lead: stage.lead.subscribe(),
    };
    other.live.put(&gateway(), "v1", br#"{"metadata": {"uid": "u-1", "resourceVersion": "9"}}"#);
    let notices = other.notices.clone();
    let writing = tokio::spawn(other.run());
    raise(&notices, &gateway(), notice("a"));
    let refused = |server: &ApiServer| server.writes().iter().any(|call| call.code == 409);
    stage.server.until("the same Event is refused", refused).await;
    assert_eq!(stage.server.objects("events").len(), 2);
    writing.abort();
}

#[tokio::test]
async fn the_same_again_counts() {
    let stage = stage().await;
    let notice = notice("a");
    let event = Event {
        regarding: json!({"kind": "Gateway", "name": "gw", "namespace": "default"}),
        related: None,
        reporter: "r",
        instance: "i",
        notice: &notice,
    };
    let client = stage.server.client();
    for times in 0..3 {
        event.send(&client, times).await.unwrap();
    }
    let events = stage.until_events(1).await;
    assert_eq!(events[0]["series"]["count"], 3);
    // Gone after its hour: it begins anew.
    let name = events[0]["metadata"]["name"].as_str().unwrap();
    stage.server.remove("events", "default", name);
    event.send(&client, 3).await.unwrap();
    stage.until_events(1).await;
}

#[tokio::test]
async fn a_refused_event_is_not_tried_for_ever_and_a_lost_one_is() {
    let stage = stage().await;
    stage.server.fault(Fault::forbidden().on("events").times(1));
    raise(&stage.notices, &gateway(), notice("a"));
    let refused = |server: &ApiServer| server.writes().len() == 1;
    stage.server.until("an answer", refused).await;
    raise_own(&stage.notices, notice("b"));
    stage.until_events(1).await;
    stage.server.fault(Fault::internal().on("events").times(1));
    raise_own(&stage.notices, Notice { reason: "Other", ..notice("c") });
    stage.until_events(2).await;
    assert_eq!(stage.server.writes().len(), 4);
}
