//! Steps with resources that are not understood: what is served, said and kept.

use std::sync::Arc;

use ir::{
    Backend, Failure, Filter, Match, PathMatch, Rule, Target, Timeouts, UpstreamProtocol,
    wire::frame::Upsert as Sent,
};

use super::*;

/// A proxy that applies what it is told.
#[derive(Default)]
struct Applied {
    held: Held,
    served: Snapshot,
}

impl Applied {
    fn take(&mut self, upserts: Vec<Sent>, removals: &[(&str, &str)]) -> Delta {
        let name = |(kind, name): &(&str, &str)| Name {
            kind: (*kind).to_owned(),
            name: (*name).to_owned(),
        };
        let removals = removals.iter().map(name).collect();
        let revision = self.held.revision() + 1;
        let step = Step { epoch: "e".into(), revision, upserts, removals };
        let delta = self.held.take(step, &self.served, false);
        self.served.apply(&delta);
        delta
    }

    /// Kinds and names of what is answered as rejected.
    fn rejected(&self) -> Vec<(String, String)> {
        let answer = self.held.answer(&Ack::default());
        answer.rejected.into_iter().map(|refusal| (refusal.kind, refusal.name)).collect()
    }

    fn rule(&self, name: &str) -> Option<&Rule> {
        self.served.rules.get(&Id::new(name)).map(|rule| &**rule)
    }
}

fn sent(name: &str, resource: Resource) -> Sent {
    let wire::Encoded { hash, payload } = wire::encode(&resource);
    let kind = resource.kind().as_str().to_owned();
    Sent { kind, name: name.to_owned(), hash: hash.to_bytes(), payload }
}

/// As a newer controller would send it: with a field that is not known here.
fn newer(name: &str, resource: Resource) -> Sent {
    let mut sent = sent(name, resource);
    let mut payload = sent.payload.to_vec();
    // The head of a short map counts its fields: one more, `"zz": 1`, comes at the end.
    assert_eq!(payload[0] & 0xf0, 0x80, "a short map");
    payload[0] += 1;
    payload.extend_from_slice(&[0xa2, b'z', b'z', 1]);
    sent.hash = Hash::of(&sent.kind, &payload).to_bytes();
    sent.payload = payload.into();
    sent
}

fn rule(path: &str) -> Resource {
    let path = PathMatch::Prefix(path.into());
    Resource::Rule(Arc::new(Rule {
        route: Id::new("r"),
        index: 0,
        name: None,
        matches: vec![Match { path, method: None, headers: Vec::new(), query: Vec::new() }],
        filters: Vec::new(),
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    }))
}

fn listener(host: &str, protocol: Protocol) -> Resource {
    let hostname = Hostname::parse(host).unwrap();
    Resource::Listener(Arc::new(Listener { bind: Id::new("b"), hostname, protocol }))
}

#[test]
fn one_resource_that_is_not_understood_is_refused_alone() {
    let target = Target::Dns { host: "a.example".into(), port: 80 };
    let backend = Resource::Backend(Arc::new(Backend { protocol: UpstreamProtocol::H2c, target }));
    let stranger = Sent { kind: "Policy".into(), name: "p".into(), ..Sent::default() };
    let mut applied = Applied::default();
    applied.take(vec![newer("x", backend.clone()), stranger, sent("y", backend)], &[]);
    let names: Vec<_> = applied.served.backends.keys().map(Id::as_str).collect();
    assert_eq!(names, ["y"]);
    let both = [("Backend".into(), "x".into()), ("Policy".into(), "p".into())];
    assert_eq!(applied.rejected(), both);
    let held: Vec<_> = applied.held.hello().held.into_keys().map(|key| key.name).collect();
    assert_eq!(held, ["y".into()], "what is refused is sent again after a reconnect");
    applied.take(Vec::new(), &[("Policy", "p"), ("Backend", "x")]);
    assert_eq!(applied.rejected(), []);
}

#[test]
fn a_change_that_is_not_understood_leaves_what_was_served() {
    let mut applied = Applied::default();
    applied.take(vec![sent("r/0", rule("/old"))], &[]);
    let before = applied.held.hello().held;
    let delta = applied.take(vec![newer("r/0", rule("/new"))], &[]);
    assert!(delta.is_empty());
    assert_eq!(applied.rejected(), [("Rule".into(), "r/0".into())]);
    assert_eq!(applied.held.hello().held, before, "with the hash of what is served");
    applied.take(vec![sent("r/0", rule("/newer"))], &[]);
    assert_eq!(applied.rejected(), []);
    assert_eq!(applied.rule("r/0").unwrap().matches[0].path, PathMatch::Prefix("/newer".into()));
}

#[test]
fn a_new_rule_that_is_not_understood_answers_500_until_it_is_or_goes() {
    let mut applied = Applied::default();
    applied.take(vec![newer("r/0", rule("/x")), newer("r/1", rule("/y"))], &[]);
    let closed = applied.rule("r/0").unwrap();
    assert_eq!(closed.filters, [Filter::Fail(Failure::NotUnderstood)]);
    assert_eq!(closed.matches[0].path, PathMatch::Prefix("/x".into()));
    assert!(applied.held.hello().held.is_empty());
    assert_eq!(applied.take(Vec::new(), &[]).upserts, [], "once is enough");
    applied.take(vec![sent("r/0", rule("/x"))], &[("Rule", "r/1")]);
    assert_eq!(applied.rule("r/0").unwrap().filters, []);
    assert_eq!(applied.rule("r/1"), None);
}

#[test]
fn a_new_listener_that_is_not_understood_takes_its_hosts_and_serves_nothing() {
    let https = |certificate: &str| {
        let certificates = vec![Id::new(certificate)];
        Protocol::Https(Tls { certificates, client_validation: None })
    };
    for (neighbour, expected) in [
        (Protocol::Http, Protocol::Http),
        (https("c"), Protocol::Https(Tls { certificates: vec![], client_validation: None })),
    ] {
        let mut applied = Applied::default();
        applied.take(vec![newer("special", listener("a.example", https("s")))], &[]);
        assert!(applied.served.listeners.is_empty(), "nothing there takes its hosts");
        // A less specific one comes, which would.
        applied.take(vec![sent("any", listener("*", neighbour))], &[]);
        let stand_in = Id::new("special (not understood)");
        let listener = applied.served.listeners.get(&stand_in).expect("a stand-in").clone();
        assert_eq!(listener.hostname, Hostname::parse("a.example").unwrap());
        assert_eq!(listener.protocol, expected);
        // That it has no certificates is not the controller's affair.
        let rejection = ir::Rejection { key: stand_in.key(), reason: "no certificate".into() };
        let ack = Ack { rejected: vec![rejection], ..Ack::default() };
        let names: Vec<_> = applied.held.answer(&ack).rejected;
        assert_eq!(names.iter().map(|of| &*of.name).collect::<Vec<_>>(), ["special"]);
        applied.take(Vec::new(), &[("Listener", "special")]);
        assert_eq!(applied.served.listeners.len(), 1);
    }
}

#[test]
fn bytes_that_were_changed_on_the_way_are_refused() {
    let mut changed = sent("r/0", rule("/x"));
    changed.payload = sent("r/0", rule("/y")).payload;
    let mut applied = Applied::default();
    applied.take(vec![changed], &[]);
    assert_eq!(applied.rejected(), [("Rule".into(), "r/0".into())]);
}

#[test]
fn what_is_kept_restores_what_was_held_and_refused() {
    let mut applied = Applied::default();
    applied.take(vec![sent("r/0", rule("/a")), newer("r/1", rule("/b"))], &[]);
    let step = applied.held.to_step(&applied.served);
    let mut restored = Applied::default();
    let delta = restored.held.take(step, &restored.served, true);
    restored.served.apply(&delta);
    assert_eq!(restored.served, applied.served);
    assert_eq!(restored.held.hello(), applied.held.hello());
    assert_eq!(restored.rejected(), applied.rejected());
}
