//! Elections on a paused clock: every wait is exact, and none is waited for.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::json;
use tokio::time::Instant;

use self::lease_server::LeaseServer;
use super::*;

mod lease_server;

const ONE: &str = "one";
const TWO: &str = "two";
const THREE: &str = "three";

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_others_know_where() {
    let server = LeaseServer::new();
    let replicas = [ONE, TWO, THREE].map(|name| stand(&server, name));
    let [first, second, third] = replicas.each_ref();
    let mut leads: Vec<watch::Receiver<Lead>> =
        [first, second, third].iter().map(|of| of.lead()).collect();
    for lead in &mut leads {
        lead.wait_for(|lead| *lead != Lead::Unknown && *lead != free()).await.unwrap();
    }
    pass(Duration::from_secs(300)).await;
    let leaders = leads.iter().filter(|lead| lead.borrow().is_leader()).count();
    assert_eq!(leaders, 1);
    let holder = server.lease()["spec"]["holderIdentity"].as_str().unwrap().to_owned();
    let address = address(&holder);
    assert!(address.is_some());
    for lead in leads.iter().filter(|lead| !lead.borrow().is_leader()) {
        assert_eq!(*lead.borrow(), Lead::Follower { address });
    }
    assert_eq!(server.lease()["spec"]["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_clean_exit_hands_over_at_once() {
    let server = LeaseServer::new();
    let (one, two) = pair(&server).await;
    let mut left = one.lead();
    let start = Instant::now();
    one.resign().await;
    leads(&two).await;
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert!(!left.borrow_and_update().is_leader());
    assert_eq!(server.lease()["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_noticed_in_time_and_never_early() {
    for run in 0..20 {
        let server = LeaseServer::new();
        let (one, two) = pair(&server).await;
        pass(Duration::from_millis(100 * run)).await;
        let start = Instant::now();
        drop(one);
        leads(&two).await;
        let after = start.elapsed();
        assert!(after > HOLD - RENEW.mul_f64(1.2) && after < Duration::from_secs(15), "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_steps_down_before_another_leads() {
    for run in 0..20 {
        let server = LeaseServer::new();
        let (one, two) = pair(&server).await;
        pass(Duration::from_millis(100 * run)).await;
        server.cut(ONE);
        let (mut before, mut after) = (one.lead(), two.lead());
        let start = Instant::now();
        let fall = async {
            before.wait_for(|lead| !lead.is_leader()).await.unwrap();
            start.elapsed()
        };
        let rise = async {
            after.wait_for(|lead| lead.is_leader()).await.unwrap();
            start.elapsed()
        };
        let (fell, rose) = tokio::join!(fall, rise);
        assert!(fell + Duration::from_secs(1) < rose, "{fell:?} {rose:?}");
        assert!(rose < Duration::from_secs(15), "{rose:?}");
        // What it sent before may still arrive; it changes nothing.
        server.mend(ONE);
        pass(Duration::from_secs(60)).await;
        assert_eq!(*one.lead().borrow(), follows(TWO));
        assert!(two.lead().borrow().is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn no_write_begins_when_the_time_of_its_leader_is_over() {
    let server = LeaseServer::new();
    let (one, two) = pair(&server).await;
    // Its way to what it writes is open all the time, and it never looks at who leads.
    let (client, writes) = counted();
    let write = || async {
        let (client, before) = (one.fenced(&client), writes.load(Ordering::Relaxed));
        let read = client.send(request(Method::GET)).await;
        assert!(read.is_ok(), "reading is everybody's");
        let written = client.send(request(Method::PATCH)).await.is_ok();
        assert_eq!(writes.load(Ordering::Relaxed) > before, written);
        written
    };
    for _ in 0..100 {
        pass(Duration::from_secs(1)).await;
        assert!(write().await, "it leads");
    }
    server.cut(ONE);
    let start = Instant::now();
    let mut last = start;
    while start.elapsed() < Duration::from_secs(30) {
        if write().await {
            last = Instant::now();
        }
        assert!(!two.lead().borrow().is_leader() || last + LEASE - HOLD <= Instant::now());
        pass(Duration::from_millis(50)).await;
    }
    assert!(two.lead().borrow().is_leader());
    assert!(last > start && last <= start + HOLD, "{:?}", last - start);
    // The process itself stood still, so that it is not told before it goes on.
    let (until, of) = watch::channel(Some(Instant::now() + Duration::from_secs(1)));
    let client = fence::fenced(&client, of);
    assert!(client.send(request(Method::POST)).await.is_ok());
    tokio::time::advance(Duration::from_secs(1)).await;
    let before = writes.load(Ordering::Relaxed);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let error = client.send(request(method)).await.unwrap_err();
        assert!(error.to_string().contains("leads no more"), "{error}");
    }
    assert_eq!(writes.load(Ordering::Relaxed), before);
    until.send_replace(Some(Instant::now() + Duration::from_secs(1)));
    assert!(client.send(request(Method::DELETE)).await.is_ok(), "it leads again");
}

#[tokio::test(start_paused = true)]
async fn who_resigns_or_crashes_writes_nothing_any_more() {
    let server = LeaseServer::new();
    let (client, writes) = counted();
    for crash in [false, true] {
        let one = stand(&server, ONE);
        leads(&one).await;
        let fenced = one.fenced(&client);
        assert!(fenced.send(request(Method::PATCH)).await.is_ok());
        match crash {
            true => drop(one),
            false => one.resign().await,
        }
        tokio::task::yield_now().await;
        let before = writes.load(Ordering::Relaxed);
        assert!(fenced.send(request(Method::PATCH)).await.is_err());
        assert_eq!(writes.load(Ordering::Relaxed), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_alone_returns_as_soon_as_the_api_server_does() {
    let server = LeaseServer::new();
    let one = stand(&server, ONE);
    leads(&one).await;
    server.cut(ONE);
    one.lead().wait_for(|lead| *lead == free()).await.unwrap();
    pass(Duration::from_secs(120)).await;
    server.mend(ONE);
    let start = Instant::now();
    leads(&one).await;
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_clocks_of_others_decide_nothing() {
    for wrong in ["1970-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"] {
        let server = LeaseServer::new();
        let hold = |turn: u32| {
            json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": "portcullis", "namespace": "default"},
                "spec": {
                    "holderIdentity": "10.0.0.9:15010/other", "leaseDurationSeconds": 10,
                    "acquireTime": wrong, "renewTime": wrong, "leaseTransitions": turn,
                },
            })
        };
        server.put(hold(0));
        let one = stand(&server, ONE);
        for turn in 0..30 {
            pass(Duration::from_secs(2)).await;
            server.put(hold(turn));
            tokio::task::yield_now().await;
            assert_eq!(
                *one.lead().borrow(),
                Lead::Follower { address: address("10.0.0.9:15010/") }
            );
        }
        let start = Instant::now();
        leads(&one).await;
        let after = start.elapsed();
        assert!(after >= LEASE && after < Duration::from_secs(15), "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_edits_or_deletes_stays_with_its_holder() {
    let server = LeaseServer::new();
    let (one, two) = pair(&server).await;
    let (mut before, mut after) = (one.lead(), two.lead());
    before.mark_unchanged();
    for turn in 0..20 {
        match turn % 2 {
            0 => server
                .edit(|lease| lease["metadata"]["labels"] = json!({"turn": format!("{turn}")})),
            _ => server.delete(),
        }
        pass(Duration::from_secs(4)).await;
        assert_eq!(server.lease()["spec"]["holderIdentity"], identity(ONE));
    }
    assert!(!before.has_changed().unwrap());
    assert_eq!(*after.borrow_and_update(), follows(ONE));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_one_took_is_let_go() {
    let server = LeaseServer::new();
    let one = stand(&server, ONE);
    leads(&one).await;
    server.edit(|lease| lease["spec"]["holderIdentity"] = json!(identity(TWO)));
    one.lead().wait_for(|lead| *lead == follows(TWO)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_container_that_starts_again_in_its_pod_leads_at_once() {
    let server = LeaseServer::new();
    let (one, _two) = pair(&server).await;
    drop(one);
    let start = Instant::now();
    let one = stand(&server, ONE);
    leads(&one).await;
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

/// A client of a server that takes everything, and the number of writes that it took.
fn counted() -> (Client, Arc<AtomicU32>) {
    let writes = Arc::new(AtomicU32::new(0));
    let count = writes.clone();
    let answer = move |request: Request<Body>| {
        if request.method() != Method::GET {
            count.fetch_add(1, Ordering::Relaxed);
        }
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    };
    (Client::new(tower::service_fn(answer), "default"), writes)
}

fn request(method: Method) -> Request<Body> {
    Request::builder().method(method).uri("/api/v1/services").body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_written_is_told_until_it_can() {
    let (server, notices) = (LeaseServer::new(), Notices::default());
    let told = || {
        let told = notices.try_take().into_iter().map(|(key, notice)| {
            assert_eq!((key.object, key.reason), (None, "LeaseUnusable"));
            notice.map_or("mended".to_owned(), |notice| notice.note)
        });
        told.collect::<Vec<_>>()
    };
    server.read_only(true);
    let one = Election::start(server.client(ONE), candidate(ONE), notices.clone());
    pass(Duration::from_secs(60)).await;
    let [note] = &told()[..] else { panic!("one notice") };
    assert!(note.starts_with("Lease portcullis cannot be written: "), "{note}");
    server.read_only(false);
    leads(&one).await;
    assert_eq!(told(), ["mended"]);
    pass(Duration::from_secs(60)).await;
    assert!(told().is_empty(), "what is well is no news");
    server.read_only(true);
    pass(RENEW * 2).await;
    let [note] = &told()[..] else { panic!("one notice") };
    assert!(note.starts_with("Lease portcullis cannot be renewed: "), "{note}");
    // Another replica that has the rights leads; this one follows it.
    server.read_only(false);
    let two = stand(&server, TWO);
    drop(one);
    leads(&two).await;
    let one = Election::start(server.client(ONE), candidate(ONE), notices.clone());
    one.lead().wait_for(|lead| *lead == follows(TWO)).await.unwrap();
}

/// Two replicas, of which the first leads.
async fn pair(server: &LeaseServer) -> (Election, Election) {
    let one = stand(server, ONE);
    leads(&one).await;
    let two = stand(server, TWO);
    two.lead().wait_for(|lead| *lead == follows(ONE)).await.unwrap();
    (one, two)
}

fn stand(server: &LeaseServer, name: &'static str) -> Election {
    Election::start(server.client(name), candidate(name), Notices::default())
}

async fn leads(election: &Election) {
    let wait = Duration::from_secs(60);
    let mut lead = election.lead();
    tokio::time::timeout(wait, lead.wait_for(|lead| lead.is_leader())).await.unwrap().unwrap();
}

fn candidate(name: &str) -> Candidate {
    let host = [ONE, TWO, THREE].iter().position(|known| *known == name).unwrap();
    Candidate {
        namespace: "default".into(),
        lease: "portcullis".into(),
        address: format!("10.0.0.{}:15010", host + 1).parse().unwrap(),
        pod: name.to_owned(),
    }
}

fn identity(name: &str) -> String {
    candidate(name).identity()
}

fn follows(name: &str) -> Lead {
    Lead::Follower { address: Some(candidate(name).address) }
}

fn free() -> Lead {
    Lead::Follower { address: None }
}

/// Lets time pass on the paused clock: nobody waits for it.
async fn pass(time: Duration) {
    // tidy: allow sleep: the clock is paused, so that this is a condition and no wait
    tokio::time::sleep(time).await;
}
