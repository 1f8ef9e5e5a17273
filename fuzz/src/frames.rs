//! What controllers and proxies say to each other: no bytes make a panic, and a resource that is
//! read is written and read again alike. The first byte says what the rest is.

use ir::wire::{
    self, Collector, Hello, Step,
    frame::{ControllerWord, FromController, FromProxy, ProxyWord},
};
use prost::Message as _;

use crate::routes;

pub(crate) fn run(bytes: &[u8]) {
    let Some((what, bytes)) = bytes.split_first() else { return };
    match what {
        b'p' => from_proxy(bytes),
        b'c' => from_controller(bytes),
        kind => {
            let kind = KINDS[usize::from(*kind) % KINDS.len()];
            resource(kind, bytes);
        }
    }
}

fn from_proxy(bytes: &[u8]) {
    match FromProxy::decode(bytes).map(|frame| frame.word) {
        Ok(Some(ProxyWord::Hello(part))) => {
            if let Ok((mut hello, true)) = Hello::begin(part.clone()) {
                let _ = hello.add(part);
            }
        }
        Ok(Some(ProxyWord::Answer(answer))) => {
            if let Ok(ack) = ir::Ack::try_from(answer) {
                assert_eq!(ir::Ack::try_from(wire::frame::Answer::from(&ack)), Ok(ack));
            }
        }
        _ => {}
    }
}

fn from_controller(bytes: &[u8]) {
    if let Ok(Some(ControllerWord::Part(part))) =
        FromController::decode(bytes).map(|frame| frame.word)
        && let Ok(Some(step)) = Collector::default().add(part)
    {
        for upsert in &step.upserts {
            resource(&upsert.kind, &upsert.payload);
        }
        assert!(!step.into_parts().is_empty());
    }
}

fn resource(kind: &str, payload: &[u8]) {
    let _ = wire::outline(kind, payload);
    if let Ok(resource) = wire::decode(kind, payload) {
        let encoded = wire::encode(&resource);
        assert_eq!(wire::decode(kind, &encoded.payload), Ok(resource));
    }
}

/// Resources one by one, and a step and a greeting of all of them.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let snapshot = routes::ground();
    let (mut seeds, mut step) = (Vec::new(), Step::default());
    let mut held = std::collections::HashMap::new();
    for key in snapshot.keys() {
        let Some(resource) = snapshot.get(&key) else { continue };
        let encoded = wire::encode(&resource);
        step.upsert(&key, &encoded);
        held.insert(key.clone(), encoded.hash);
        if let Some(kind) = KINDS.iter().position(|kind| *kind == key.kind.as_str()) {
            seeds.push([&[kind as u8][..], &encoded.payload].concat());
        }
    }
    let controller = |part| FromController::from(ControllerWord::Part(part)).encode_to_vec();
    seeds.extend(step.into_parts().into_iter().map(|part| [b"c", &controller(part)[..]].concat()));
    let proxy = |part| FromProxy::from(ProxyWord::Hello(part)).encode_to_vec();
    let parts = Hello::new("epoch".into(), 7, held).into_parts();
    seeds.extend(parts.into_iter().map(|part| [b"p", &proxy(part)[..]].concat()));
    seeds
}

const KINDS: [&str; 8] =
    ["Bind", "Listener", "Route", "Rule", "Backend", "Endpoints", "Certificate", "TrustBundle"];
