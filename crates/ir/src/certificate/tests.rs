//! Pairs that belong together are taken, everything else is refused by its own reason.

use super::*;

fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["a.example".into()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn a_pair_is_taken_and_becomes_a_key_for_tls() {
    let (cert, key) = pair();
    let certificate = Certificate::parse(cert.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(certificate.chain.len(), 1);
    certificate.certified_key().unwrap();
    assert!(!format!("{certificate:?}").contains("PRIVATE"));
}

#[test]
fn each_fault_has_its_own_reason() {
    let (cert, key) = pair();
    let (_, other) = pair();
    let broken = cert.replace("MII", "AAA");
    for (chain, key, reason) in [
        ("", key.as_str(), CertificateError::NoCertificate),
        (cert.as_str(), "", CertificateError::NoKey),
        (cert.as_str(), other.as_str(), CertificateError::Mismatch),
        (broken.as_str(), key.as_str(), CertificateError::Malformed),
    ] {
        assert_eq!(Certificate::parse(chain.as_bytes(), key.as_bytes()), Err(reason));
    }
}

#[test]
fn trust_needs_a_certificate() {
    let (cert, key) = pair();
    assert!(TrustBundle::parse(cert.as_bytes()).is_ok());
    assert_eq!(TrustBundle::parse(key.as_bytes()), Err(CertificateError::NoCertificate));
}
