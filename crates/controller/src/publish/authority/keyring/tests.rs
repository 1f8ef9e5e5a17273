//! Keys over the years: who trusts whom at each turn, by a clock that the test sets.

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

use super::*;

#[test]
fn at_every_hour_of_two_years_everybody_trusts_whoever_signs() {
    let mut now = start();
    let mut keyring = Keyring::new(now).unwrap();
    // What a proxy knows that hears of a bundle half an hour late, and what a replica presents
    // that does not take the step.
    let mut known = keyring.bundle();
    let mut signers = vec![keyring.signing().pem.clone()];
    let mut leaf = keyring.signing().issue(&["portcullis".to_owned()], now).unwrap();
    for hour in 0..2 * 365 * 24 {
        if hour % 16 == 0 {
            leaf = keyring.signing().issue(&["portcullis".to_owned()], now).unwrap();
        }
        now += SignedDuration::from_mins(30);
        keyring = keyring.due(now).unwrap();
        let fresh = keyring.bundle();
        for bundle in [&known, &fresh] {
            assert!(bundle.contains(&keyring.signing().pem), "{now}: not known yet");
        }
        known = fresh;
        if !signers.contains(&keyring.signing().pem) {
            signers.push(keyring.signing().pem.clone());
            assert!(trusts(&keyring.bundle(), &leaf.certified_key().cert[0], now));
        }
        now += SignedDuration::from_mins(30);
    }
    assert_eq!(signers.len(), 5, "one for every half year");
}

#[test]
fn a_secret_gives_back_what_was_put_in() {
    let mut now = start();
    let mut keyring = Keyring::new(now).unwrap();
    let mut seen = Vec::new();
    for hours in [0, 180 * 24, 1, 48] {
        now += SignedDuration::from_hours(hours);
        keyring = keyring.due(now).unwrap();
        let secret = keyring.write(None, "portcullis-authority");
        assert!(Keyring::read(&secret, now).unwrap() == keyring);
        assert_eq!(secret, keyring.write(Some(&secret), "portcullis-authority"));
        seen.push(secret.data.unwrap().into_keys().collect::<Vec<_>>().join(" "));
    }
    assert_eq!(
        seen,
        [
            "ca.crt signing.crt signing.key",
            "ca.crt next.crt next.key signing.crt signing.key",
            "ca.crt previous.crt signing.crt signing.key",
            "ca.crt signing.crt signing.key",
        ]
    );
}

#[test]
fn what_others_wrote_on_the_secret_stays() {
    let mut secret = Keyring::new(start()).unwrap().write(None, "portcullis-authority");
    let annotations = secret.metadata.annotations.as_mut().unwrap();
    annotations.insert("team".to_owned(), "platform".to_owned());
    let keyring = Keyring::read(&secret, start()).unwrap();
    assert_eq!(keyring.write(Some(&secret), "portcullis-authority"), secret);
}

#[test]
fn a_spoilt_secret_is_told() {
    let now = start();
    let good = Keyring::new(now).unwrap().write(None, "portcullis-authority");
    let other = Keyring::new(now).unwrap().write(None, "portcullis-authority");
    let mut mixed = good.clone();
    let key = other.data.as_ref().unwrap()["signing.key"].clone();
    mixed.data.as_mut().unwrap().insert("signing.key".to_owned(), key);
    assert!(Keyring::read(&mixed, now).is_err());
    let mut empty = good.clone();
    empty.data = None;
    assert!(Keyring::read(&empty, now).is_err());
    let mut previous = good;
    previous.data.as_mut().unwrap().insert("previous.crt".to_owned(), ByteString(b"x".to_vec()));
    assert!(Keyring::read(&previous, now).is_err());
}

#[test]
fn an_authority_that_nobody_renewed_for_a_year_is_replaced_at_once() {
    let keyring = Keyring::new(start()).unwrap();
    let old = keyring.signing().pem.clone();
    let later = start() + SignedDuration::from_hours(364 * 24);
    let keyring = keyring.due(later).unwrap();
    assert_ne!(keyring.signing().pem, old);
    assert!(keyring.bundle().contains(&old));
}

#[test]
fn a_leaf_is_verified_by_its_names_its_signer_and_its_time() {
    let now = start();
    let keyring = Keyring::new(now).unwrap();
    let names = ["portcullis.portcullis-system.svc".to_owned()];
    let leaf = keyring.signing().issue(&names, now).unwrap();
    let leaf = &leaf.certified_key().cert[0];
    assert!(trusts_as(&keyring.bundle(), leaf, now, &names[0]));
    assert!(!trusts_as(&keyring.bundle(), leaf, now, "other.portcullis-system.svc"));
    assert!(!trusts_as(&Keyring::new(now).unwrap().bundle(), leaf, now, &names[0]));
    let later = now + SignedDuration::from_hours(25);
    assert!(!trusts_as(&keyring.bundle(), leaf, later, &names[0]));
}

fn trusts(bundle: &str, leaf: &CertificateDer<'_>, now: Timestamp) -> bool {
    trusts_as(bundle, leaf, now, "portcullis")
}

fn trusts_as(bundle: &str, leaf: &CertificateDer<'_>, now: Timestamp, name: &str) -> bool {
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider().into();
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
    let now = std::time::Duration::from_secs(now.as_second().unsigned_abs());
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let now = UnixTime::since_unix_epoch(now);
    verifier.build().unwrap().verify_server_cert(leaf, &[], &name, &[], now).is_ok()
}

fn start() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}
