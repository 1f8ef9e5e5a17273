//! What is written can be read, what is not understood is refused, and hostile bytes do no harm.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use proptest::prelude::{any, prop_assert, proptest};
use serde::{Deserialize, Serialize};

use super::{
    samples::{pair, rule, samples},
    *,
};
use crate::{
    Certificate, Failure, Filter, HeaderName, HeaderValue, Hostname, Id, Match, Regex, Secret,
    octets::Octets,
};

fn read_back(resource: &Resource) -> Result<Resource, WireError> {
    decode(resource.kind().as_str(), &encode(resource).payload)
}

#[test]
fn every_kind_comes_back_as_it_went() {
    let samples = samples();
    for kind in Kind::ALL {
        assert!(samples.iter().any(|sample| sample.kind() == kind), "{kind:?}");
        assert_eq!(Kind::named(kind.as_str()), Some(kind));
    }
    for sample in samples {
        assert_eq!(read_back(&sample), Ok(sample));
    }
}

#[test]
fn the_hash_depends_on_kind_and_payload_and_on_nothing_else() {
    let samples = samples();
    let hashes: Vec<Hash> = samples.iter().map(|sample| encode(sample).hash).collect();
    assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), samples.len());
    assert_eq!(hashes[0], encode(&samples[0]).hash);
    assert_ne!(Hash::of("Bind", b"x"), Hash::of("Rule", b"x"));
    assert_eq!(Hash::from_bytes(&hashes[0].to_bytes()), Some(hashes[0]));
    assert_eq!(Hash::from_bytes(b"short"), None);
}

#[test]
fn secrets_are_on_the_wire_and_on_no_page() {
    let (cert, key) = pair();
    let certificate = Certificate::parse(cert.as_bytes(), key.as_bytes()).unwrap();
    let resource = Resource::Certificate(Arc::new(certificate));
    let payload = encode(&resource).payload;
    assert!(payload.windows(key.len()).any(|window| window == key.as_bytes()));
    // A format for people, whichever: JSON and YAML answer `is_human_readable` as this one does.
    let mut page = Vec::new();
    let mut people = rmp_serde::Serializer::new(&mut page).with_human_readable();
    resource.serialize(&mut people).unwrap();
    let text = String::from_utf8_lossy(&page);
    assert!(text.contains("[redacted]") && text.contains("1 certificates"), "{text}");
    assert!(!text.contains("PRIVATE KEY"), "{text}");
    let mut back = Deserializer::new(Cursor::new(&page)).with_human_readable();
    assert!(Certificate::deserialize(&mut back).is_err());
}

/// A [`Bind`] as another version might have it.
#[derive(Serialize)]
struct OtherBind {
    gateway: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
}

#[test]
fn a_field_that_is_not_known_refuses_its_resource() {
    let bytes = |bind: OtherBind| rmp_serde::to_vec_named(&bind).unwrap();
    let newer = bytes(OtherBind { gateway: "a/g", port: Some(80), mark: Some(1) });
    let reason = decode("Bind", &newer).unwrap_err().to_string();
    assert!(reason.contains("mark"), "{reason}");
    // The version before had no `address`, and the one after says nothing with `mark`.
    let older = bytes(OtherBind { gateway: "a/g", port: Some(80), mark: None });
    assert!(decode("Bind", &older).is_ok());
    let lacking = bytes(OtherBind { gateway: "a/g", port: None, mark: None });
    assert!(decode("Bind", &lacking).unwrap_err().to_string().contains("port"));
}

#[test]
fn a_variant_or_kind_that_is_not_known_is_refused() {
    #[derive(Serialize)]
    struct OtherBackend {
        protocol: &'static str,
        target: HashMap<&'static str, &'static str>,
    }
    for (protocol, target, named) in
        [("Http3", "Endpoints", "Http3"), ("Http1", "Mailbox", "Mailbox")]
    {
        let target = HashMap::from([(target, "a/e")]);
        let bytes = rmp_serde::to_vec_named(&OtherBackend { protocol, target }).unwrap();
        let reason = decode("Backend", &bytes).unwrap_err().to_string();
        assert!(reason.contains(named), "{reason}");
    }
    assert_eq!(decode("Policy", b""), Err(WireError::UnknownKind("Policy".into())));
}

#[test]
fn texts_pass_their_constructors() {
    #[derive(Serialize)]
    struct OtherRoute {
        listeners: [&'static str; 0],
        hostnames: [&'static str; 1],
        created: i64,
        namespace: &'static str,
        name: &'static str,
    }
    let route = |hostname| {
        let route = OtherRoute {
            listeners: [],
            hostnames: [hostname],
            created: 0,
            namespace: "a",
            name: "r",
        };
        decode("Route", &rmp_serde::to_vec_named(&route).unwrap())
    };
    assert!(route("A.example").is_ok());
    assert!(route("a..b").unwrap_err().to_string().contains("no hostname"));
    let text = |text: &str| rmp_serde::to_vec(text).unwrap();
    assert!(read::<HeaderName>(&text("x y")).is_err());
    assert!(read::<HeaderValue>(&text("a\r\nb: c")).is_err());
    assert!(read::<Regex>(&text("(")).is_err());
    assert!(read::<Regex>(&text("a+")).is_ok());
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    #[derive(Serialize)]
    struct Pair(Vec<Octets<'static>>, Secret);
    let ((cert, key), (_, other)) = (pair(), pair());
    let chain = Certificate::parse(cert.as_bytes(), key.as_bytes()).unwrap().chain;
    let bytes = |key: &str, chain: &'static [u8]| {
        let chain = vec![Octets::from(chain)];
        rmp_serde::to_vec(&Pair(chain, Secret::new(key.as_bytes()))).unwrap()
    };
    let chain: &'static [u8] = chain[0].clone().leak();
    assert!(decode("Certificate", &bytes(&key, chain)).is_ok());
    let reason = decode("Certificate", &bytes(&other, chain)).unwrap_err().to_string();
    assert!(reason.contains("does not belong"), "{reason}");
    assert!(!reason.contains("PRIVATE"), "{reason}");
}

#[test]
fn of_what_is_refused_one_can_tell_whom_it_concerns() {
    #[derive(Serialize)]
    struct OtherRule {
        route: &'static str,
        index: u32,
        matches: Vec<Match>,
        filters: [HashMap<&'static str, u8>; 1],
    }
    let matches = rule().matches;
    let filters = [HashMap::from([("Teleport", 1)])];
    let other = OtherRule { route: "a/r", index: 3, matches: matches.clone(), filters };
    let bytes = rmp_serde::to_vec_named(&other).unwrap();
    assert!(decode("Rule", &bytes).unwrap_err().to_string().contains("Teleport"));
    let Some(Outline::Rule(closed)) = outline("Rule", &bytes) else { panic!("no outline") };
    assert_eq!((closed.matches, closed.index), (matches, 3));
    assert_eq!(closed.filters, [Filter::Fail(Failure::NotUnderstood)]);

    #[derive(Serialize)]
    struct OtherListener {
        bind: &'static str,
        hostname: &'static str,
        protocol: &'static str,
    }
    let other = OtherListener { bind: "a/g/80", hostname: "*.a.example", protocol: "Morse" };
    let bytes = rmp_serde::to_vec_named(&other).unwrap();
    assert!(decode("Listener", &bytes).is_err());
    let hostname = Hostname::parse("*.a.example").unwrap();
    let expected = Outline::Listener { bind: Id::new("a/g/80"), hostname };
    assert_eq!(outline("Listener", &bytes), Some(expected));
    assert_eq!(outline("Listener", b"\x80"), None);
    assert_eq!(outline("Policy", &bytes), None);
}

#[test]
fn hostile_bytes_are_errors() {
    let whole = encode(&Resource::Rule(Arc::new(rule()))).payload;
    for end in 0..whole.len() {
        assert!(decode("Rule", &whole[..end]).is_err(), "{end}");
    }
    let mut twice = whole.to_vec();
    twice.extend_from_slice(&whole);
    assert!(decode("Rule", &twice).is_err());
    // A map whose first key is unknown and whose value nests without end.
    let mut deep = vec![0x81, 0xa1, b'x'];
    deep.extend(std::iter::repeat_n(0x91, 1 << 20));
    assert!(decode("Bind", &deep).is_err());
    // Lengths that promise gigabytes.
    for kind in Kind::ALL {
        for huge in [[0xdd_u8, 0xff, 0xff, 0xff, 0xff], [0xdf, 0xff, 0xff, 0xff, 0xff]] {
            assert!(decode(kind.as_str(), &huge).is_err());
        }
    }
    let mut promise = vec![0x81, 0xa9];
    promise.extend_from_slice(b"endpoints");
    promise.extend_from_slice(&[0xdd, 0xff, 0xff, 0xff, 0xff]);
    assert!(decode("Endpoints", &promise).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic(kind in 0usize..8, bytes in any::<Vec<u8>>()) {
        let _ = decode(Kind::ALL[kind].as_str(), &bytes);
    }

    #[test]
    fn no_changed_byte_panics(sample in 0usize..13, place in any::<u16>(), byte in any::<u8>()) {
        let sample = &samples_once()[sample];
        let mut payload = encode(sample).payload.to_vec();
        let place = usize::from(place) % payload.len();
        payload[place] = byte;
        if let Ok(read) = decode(sample.kind().as_str(), &payload) {
            prop_assert!(read_back(&read) == Ok(read));
        }
    }
}

/// Without the certificates, which are slow to make.
fn samples_once() -> &'static [Resource] {
    static SAMPLES: OnceLock<Vec<Resource>> = OnceLock::new();
    SAMPLES.get_or_init(samples)
}

#[test]
fn the_versions_next_to_this_one_are_understood() {
    for (theirs, expected) in
        [(VERSION - 2, false), (VERSION - 1, true), (VERSION, true), (VERSION + 1, true)]
    {
        assert_eq!(understands(theirs), expected, "{theirs}");
    }
    assert!(!understands(VERSION + 2));
}
