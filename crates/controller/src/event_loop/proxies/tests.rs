//! Answers of proxies, and what they come to.

use ir::{Bind, BindFailure, BindFault, Id};
use translate::Contents;

use super::*;
use crate::publish::hub::Subscriber;

/// The loop's part, with a clock that is set by hand.
struct Stage {
    proxies: Proxies,
    observations: Observations,
    now: Instant,
}

fn name() -> NamespacedName {
    NamespacedName::new("ns", "gw")
}

impl Stage {
    fn new() -> Self {
        let observations = Observations::default();
        Self { proxies: Proxies::default(), observations, now: Instant::now() }
    }

    /// Publishes the Gateway in this generation; `touched`: with something for its proxies.
    fn publish(&mut self, revision: u64, generation: i64, touched: bool) {
        let gateways = touched.then(|| Arc::from("ns/gw")).into_iter().collect();
        let contents = Contents { generation, binds: [Id::new("bind")].into() };
        let publication = Publication { revision, gateways };
        let published = Published::from_iter([(name(), contents)]);
        self.proxies.published(&publication, &published, [name()].into_iter(), self.now);
    }

    fn answer(&mut self, id: u64, ack: Option<Ack>) {
        let subscriber = Subscriber { gateway: Some(name()), pod: format!("pod-{id}").into() };
        self.proxies.answered(id, ProxyAnswer { subscriber, ack }, self.now);
    }

    fn ack(&mut self, id: u64, revision: u64) {
        self.answer(id, Some(Ack { revision, ..Ack::default() }));
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// The generation that is served; 0 for none.
    fn served(&mut self) -> i64 {
        self.proxies.observe(&mut self.observations, self.now);
        let gateway = self.proxies.gateways.get(&name());
        gateway.and_then(|gateway| gateway.served.as_ref()).map_or(0, |served| served.generation)
    }

    fn silent(&mut self) -> Vec<(String, bool)> {
        let notices = self.proxies.notices().into_iter();
        notices.map(|((_, pod), silent)| (pod.to_string(), silent)).collect()
    }
}

#[test]
fn the_slowest_proxy_that_ever_answered_decides() {
    let mut stage = Stage::new();
    stage.publish(1, 1, true);
    assert_eq!(stage.served(), 0);
    stage.ack(1, 1);
    assert_eq!(stage.served(), 1);
    stage.publish(2, 2, true);
    stage.publish(3, 3, true);
    stage.ack(1, 3);
    assert_eq!(stage.served(), 3);
    // A newcomer that begins with less takes nothing back.
    stage.ack(2, 1);
    assert_eq!(stage.served(), 3);
    stage.ack(2, 3);
    assert_eq!(stage.served(), 3);
    stage.publish(4, 4, true);
    stage.ack(1, 4);
    assert_eq!(stage.served(), 3);
    stage.answer(2, None);
    assert_eq!(stage.served(), 4, "whoever is gone does not");
}

#[test]
fn a_generation_that_changes_nothing_for_proxies_needs_no_answer() {
    let mut stage = Stage::new();
    stage.publish(1, 1, true);
    stage.ack(1, 1);
    stage.publish(1, 2, false);
    assert_eq!(stage.served(), 2);
    // Nor does a revision that is about others.
    stage.publish(9, 3, false);
    assert_eq!(stage.served(), 3);
    assert_eq!(stage.proxies.served(), Some(9), "nothing of it is missing");
}

#[test]
fn a_route_edit_under_way_takes_nothing_back() {
    let mut stage = Stage::new();
    stage.publish(1, 1, true);
    stage.ack(1, 1);
    assert_eq!(stage.served(), 1);
    stage.publish(2, 1, true);
    assert_eq!(stage.served(), 1);
    stage.pass(SILENCE * 2);
    assert_eq!(stage.served(), 1, "nor does it when the only proxy is silent");
    assert_eq!(stage.silent(), [("pod-1".to_owned(), true)]);
}

#[test]
fn whoever_is_silent_is_left_out_and_told_until_it_answers() {
    let mut stage = Stage::new();
    stage.publish(1, 1, true);
    (1..=2).for_each(|id| stage.ack(id, 1));
    stage.publish(2, 2, true);
    stage.ack(1, 2);
    assert_eq!((stage.served(), stage.silent()), (1, Vec::new()));
    assert_eq!(stage.proxies.deadline(), Some(stage.now + SILENCE));
    stage.pass(SILENCE);
    assert_eq!((stage.served(), stage.silent()), (2, vec![("pod-2".to_owned(), true)]));
    assert_eq!((stage.served(), stage.silent()), (2, Vec::new()), "said once");
    assert_eq!(stage.proxies.deadline(), None);
    stage.ack(2, 2);
    assert_eq!((stage.served(), stage.silent()), (2, vec![("pod-2".to_owned(), false)]));
    // With nothing under way nobody has to speak.
    stage.pass(SILENCE * 9);
    assert_eq!((stage.served(), stage.silent()), (2, Vec::new()));
}

#[test]
fn what_one_proxy_cannot_open_is_told_until_it_can() {
    let mut stage = Stage::new();
    stage.publish(1, 1, true);
    let bind = Id::<Bind>::new("bind");
    let fault = BindFault::InUse;
    let failure = BindFailure { bind, fault, message: String::new() };
    stage.ack(1, 1);
    stage.answer(2, Some(Ack { revision: 1, closed: vec![failure], ..Ack::default() }));
    stage.served();
    let closed = |stage: &Stage| {
        stage.proxies.gateways[&name()].served.as_ref().map(|served| served.closed.len())
    };
    assert_eq!(closed(&stage), Some(1));
    stage.ack(2, 1);
    stage.served();
    assert_eq!(closed(&stage), Some(0));
}

#[test]
fn a_new_leader_trusts_what_was_seen_until_the_proxies_had_time() {
    let mut stage = Stage::new();
    stage.publish(1, 5, true);
    stage.proxies.trust(&name(), stage.now);
    assert_eq!(stage.served(), 5);
    stage.pass(GRACE / 2);
    stage.ack(1, 1);
    stage.pass(GRACE);
    assert_eq!(stage.served(), 5);
    stage.answer(1, None);
    assert_eq!(stage.served(), 5, "it may come back");
    assert_eq!(stage.proxies.deadline(), Some(stage.now + GRACE));
    stage.pass(GRACE);
    assert_eq!(stage.served(), 0);
}

#[test]
fn a_gateway_that_is_gone_leaves_nothing() {
    let mut stage = Stage::new();
    stage.publish(1, 1, true);
    stage.ack(1, 1);
    let publication = Publication { revision: 2, gateways: [Arc::from("ns/gw")].into() };
    let nothing = Published::default();
    stage.proxies.published(&publication, &nothing, [name()].into_iter(), stage.now);
    assert_eq!(stage.served(), 0);
    stage.answer(1, None);
    stage.served();
    assert!(stage.proxies.gateways.is_empty() && stage.proxies.deadline().is_none());
    assert_eq!(stage.observations, Observations::default());
}

#[test]
fn a_stuck_proxy_does_not_pile_up_what_it_missed() {
    let mut stage = Stage::new();
    stage.publish(1, 1, true);
    stage.ack(1, 1);
    for step in 2..100 {
        stage.publish(step, i64::try_from(step).unwrap(), true);
        stage.served();
    }
    assert!(stage.proxies.gateways[&name()].contents.len() <= CONTENTS_MAX);
    assert_eq!(stage.served(), 1);
    stage.ack(1, 99);
    assert_eq!(stage.served(), 99);
}
