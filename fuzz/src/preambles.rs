//! The first bytes of a connection with TLS: any bytes, in any pieces, give the same verdict.

use std::sync::Arc;

use proxy::fuzzing::preamble;
use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};

use crate::pieces;

pub(crate) fn run(bytes: &[u8]) {
    let [whole, others @ ..] = pieces::ways(bytes);
    let expected = preamble(&whole);
    for pieces in others {
        assert_eq!(preamble(&pieces), expected, "the pieces matter");
    }
}

/// What a client of today begins with, once in one record and once in many.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let hello = |name: &'static str, fragment| {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().ok()?;
        let mut config =
            config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.max_fragment_size = fragment;
        let name = ServerName::try_from(name).ok()?;
        let mut client = ClientConnection::new(Arc::new(config), name).ok()?;
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).ok()?;
        }
        Some(bytes)
    };
    let hellos = [("a.test", None), ("b.a.test", Some(64)), ("127.0.0.1", Some(500))];
    hellos.into_iter().filter_map(|(name, fragment)| hello(name, fragment)).collect()
}
