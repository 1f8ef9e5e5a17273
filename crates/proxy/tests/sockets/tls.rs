//! TLS at listeners: which certificate, which listener, which protocol, and who may come in.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use ir::{Kind, ValidationMode};
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection, pki_types::ServerName,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{
    Authority, Client, DEADLINE, Echo, Port, Rig,
    authority::{certificate, https, mutual},
    backend, bind, in_time, listener, route,
};

const H1: &[&[u8]] = &[b"http/1.1"];

/// Whether a client with this configuration gets an answer. TLS 1.3 clients learn only from the
/// first read that the server refused their certificate.
async fn answers(port: &Port, name: &str, config: &Arc<ClientConfig>) -> io::Result<u16> {
    let mut client = Client::tls(port.address(), name, config).await?;
    Ok(client.get(name, "/").await?.status)
}

#[tokio::test]
async fn the_name_chooses_the_listener_and_among_its_certificates() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let identities = [
        ("default", authority.issue(&["default.test"])),
        ("wild", authority.issue(&["*.wild.test"])),
        ("exact", authority.issue(&["exact.wild.test"])),
        ("own", authority.issue(&["own.test", "sub.own.test"])),
    ];
    let echo = Echo::start("echo").await;
    let mut rig = Rig::start();
    rig.serve(|to| {
        identities.iter().for_each(|(id, identity)| certificate(to, id, identity));
        bind(to, "bind", &port);
        listener(to, "any", "bind", "*", https(&["default", "wild", "exact"]));
        listener(to, "own", "bind", "*.own.test", https(&["own"]));
        backend(to, "echo", &[echo.address]);
        route(to, "any", "any", "echo");
        route(to, "own", "own", "echo");
    })
    .await;
    for (name, expected) in [
        ("default.test", "default"),
        ("a.wild.test", "wild"),
        ("A.WILD.test", "wild"),
        ("exact.wild.test", "exact"),
        ("sub.own.test", "own"),
    ] {
        let client = Client::tls(port.address(), name, &authority.client(None, H1)).await.unwrap();
        let which = identities.iter().find(|(_, i)| *i.der == *client.certificate).unwrap().0;
        assert_eq!(which, expected, "{name}");
    }
    // Nobody's name, and a wildcard is for one label only: the first certificate comes, which this
    // client does not take.
    for name in ["unknown.test", "a.b.wild.test", "wild.test"] {
        let error = Client::tls(port.address(), name, &authority.client(None, H1)).await.err();
        assert!(error.unwrap().to_string().contains("not valid for name"), "{name}");
    }
}

#[tokio::test]
async fn a_name_without_a_listener_gets_not_one_byte() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let mut rig = Rig::start();
    rig.serve(|to| {
        certificate(to, "cert", &authority.issue(&["here.test"]));
        bind(to, "bind", &port);
        listener(to, "here", "bind", "here.test", https(&["cert"]));
    })
    .await;
    for name in ["elsewhere.test", "sub.here.test"] {
        let hello = client_hello(name).await;
        let mut stream = TcpStream::connect(port.address()).await.unwrap();
        stream.write_all(&hello).await.unwrap();
        let mut answer = Vec::new();
        let _ = in_time("the end", stream.read_to_end(&mut answer)).await;
        assert_eq!(answer, b"", "{name}");
    }
    assert!(Client::tls(port.address(), "here.test", &authority.client(None, H1)).await.is_ok());
}

#[tokio::test]
async fn a_client_hello_may_come_in_any_pieces_but_not_without_end() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let mut rig = Rig::start();
    rig.serve(|to| {
        certificate(to, "cert", &authority.issue(&["here.test"]));
        bind(to, "bind", &port);
        listener(to, "here", "bind", "here.test", https(&["cert"]));
    })
    .await;
    let hello = client_hello("here.test").await;
    let mut stream = TcpStream::connect(port.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in &hello {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut first = [0; 5];
    in_time("a ServerHello", stream.read_exact(&mut first)).await.unwrap();
    assert_eq!(first[0], 22, "a handshake record");

    // In many small records, as some clients send it to get past filters.
    let mut stream = TcpStream::connect(port.address()).await.unwrap();
    for piece in hello[5..].chunks(7) {
        let record = [&[22, 3, 1, 0, piece.len() as u8], piece].concat();
        stream.write_all(&record).await.unwrap();
    }
    in_time("a ServerHello", stream.read_exact(&mut first)).await.unwrap();
    assert_eq!(first[0], 22, "a handshake record");

    // A message that says it has 60,000 bytes is not waited for beyond the bound.
    let mut endless = vec![22, 3, 1, 0x3f, 0xff, 1, 0, 0xea, 0x60];
    endless.resize(17 * 1024, 0);
    for (what, bytes) in [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: here.test\r\n\r\n".to_vec()),
        ("zeroes", vec![0; 64]),
        ("an endless ClientHello", endless),
        ("an alert", vec![21, 3, 1, 0, 2, 1, 0]),
    ] {
        let mut stream = TcpStream::connect(port.address()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut rest = Vec::new();
        let _ = in_time(what, stream.read_to_end(&mut rest)).await;
        assert_eq!(rest, b"", "{what}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_at_once_and_old_connections_live_on() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let (first, second) = (authority.issue(&["here.test"]), authority.issue(&["here.test"]));
    let echo = Echo::start("echo").await;
    let mut rig = Rig::start();
    rig.serve(|to| {
        certificate(to, "cert", &first);
        bind(to, "bind", &port);
        listener(to, "here", "bind", "*", https(&["cert"]));
        backend(to, "echo", &[echo.address]);
        route(to, "route", "here", "echo");
    })
    .await;
    let config = authority.client(None, H1);
    let mut old = Client::tls(port.address(), "here.test", &config).await.unwrap();
    assert_eq!(old.certificate, *first.der);
    assert_eq!(old.get("here.test", "/").await.unwrap().status, 200);
    rig.serve(|to| certificate(to, "cert", &second)).await;
    for _ in 0..8 {
        let config = authority.client(None, H1);
        let new = Client::tls(port.address(), "here.test", &config).await.unwrap();
        assert_eq!(new.certificate, *second.der, "every worker shows it");
    }
    assert_eq!(old.get("here.test", "/").await.unwrap().status, 200);
}

#[tokio::test]
async fn an_edit_elsewhere_keeps_sessions_and_a_new_trust_ends_them() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let echo = Echo::start("echo").await;
    let mut rig = Rig::start();
    rig.serve(|to| {
        certificate(to, "cert", &authority.issue(&["here.test"]));
        bind(to, "bind", &port);
        listener(to, "here", "bind", "*", https(&["cert"]));
        backend(to, "echo", &[echo.address]);
        route(to, "route", "here", "echo");
    })
    .await;
    let config = authority.client(None, H1);
    let resumed = async || {
        let mut client = Client::tls(port.address(), "here.test", &config).await.unwrap();
        assert_eq!(client.get("here.test", "/").await.unwrap().status, 200);
        client.resumed
    };
    assert!(!resumed().await);
    assert!(resumed().await);
    rig.serve(|to| route(to, "other", "here", "echo")).await;
    assert!(resumed().await);
    // A listener that now asks for a certificate takes up no session that never showed one.
    rig.serve(|to| {
        authority.trust(to, "trust");
        let protocol = mutual("cert", ValidationMode::AllowValidOnly, &["trust"]);
        listener(to, "here", "bind", "*", protocol);
    })
    .await;
    assert!(answers(&port, "here.test", &config).await.is_err());
}

#[tokio::test]
async fn client_certificates_are_demanded_or_only_asked_for() {
    let (authority, stranger, port) = (Authority::new(), Authority::new(), Port::reserve());
    let (known, unknown) = (authority.issue(&["client"]), stranger.issue(&["client"]));
    let echo = Echo::start("echo").await;
    let mut rig = Rig::start();
    rig.serve(|to| {
        certificate(to, "cert", &authority.issue(&["strict.test", "loose.test"]));
        authority.trust(to, "trust");
        bind(to, "bind", &port);
        let strict = mutual("cert", ValidationMode::AllowValidOnly, &["trust"]);
        let loose = mutual("cert", ValidationMode::AllowInsecureFallback, &["trust"]);
        listener(to, "strict", "bind", "strict.test", strict);
        listener(to, "loose", "bind", "loose.test", loose);
        backend(to, "echo", &[echo.address]);
        route(to, "one", "strict", "echo");
        route(to, "two", "loose", "echo");
    })
    .await;
    for (name, who, identity, welcome) in [
        ("strict.test", "known", Some(&known), true),
        ("strict.test", "unknown", Some(&unknown), false),
        ("strict.test", "nobody", None, false),
        ("loose.test", "known", Some(&known), true),
        ("loose.test", "unknown", Some(&unknown), true),
        ("loose.test", "nobody", None, true),
    ] {
        let answer = answers(&port, name, &authority.client(identity, H1)).await;
        assert_eq!(answer.ok(), welcome.then_some(200), "{who} at {name}");
    }
}

#[tokio::test]
async fn who_came_in_under_an_older_trust_has_to_come_in_again() {
    let (authority, stranger, port) = (Authority::new(), Authority::new(), Port::reserve());
    let identity = authority.issue(&["client"]);
    let echo = Echo::start("echo").await;
    let mut rig = Rig::start();
    let strict = |trust: &str| mutual("cert", ValidationMode::AllowValidOnly, &[trust]);
    rig.serve(|to| {
        certificate(to, "cert", &authority.issue(&["here.test"]));
        authority.trust(to, "known");
        stranger.trust(to, "other");
        bind(to, "bind", &port);
        listener(to, "here", "bind", "*", https(&["cert"]));
        backend(to, "echo", &[echo.address]);
        route(to, "route", "here", "echo");
    })
    .await;
    let come_in = async |identity| {
        let config = authority.client(identity, H1);
        Client::tls(port.address(), "here.test", &config).await.unwrap()
    };
    let mut nobody = come_in(None).await;
    assert_eq!(nobody.get("here.test", "/").await.unwrap().status, 200);
    rig.serve(|to| listener(to, "here", "bind", "*", strict("known"))).await;
    assert_eq!(nobody.get("here.test", "/").await.unwrap().status, 421, "never showed who it is");
    let mut known = come_in(Some(&identity)).await;
    assert_eq!(known.get("here.test", "/").await.unwrap().status, 200);
    rig.serve(|to| certificate(to, "cert", &authority.issue(&["here.test"]))).await;
    assert_eq!(known.get("here.test", "/").await.unwrap().status, 200, "rotation is no new trust");
    rig.serve(|to| listener(to, "here", "bind", "*", strict("other"))).await;
    assert_eq!(known.get("here.test", "/").await.unwrap().status, 421, "no longer known");
}

#[tokio::test]
async fn a_listener_that_cannot_be_served_is_told_and_spoils_no_other() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let mut rig = Rig::start();
    let ack = rig
        .edit(|to| {
            certificate(to, "cert", &authority.issue(&["good.test"]));
            bind(to, "bind", &port);
            listener(to, "good", "bind", "good.test", https(&["cert"]));
            listener(to, "bare", "bind", "bare.test", https(&["missing"]));
            let open = mutual("cert", ValidationMode::AllowValidOnly, &["missing"]);
            listener(to, "open", "bind", "open.test", open);
        })
        .await;
    let rejected: Vec<_> = ack.rejected.iter().map(|r| (r.key.kind, &*r.key.name)).collect();
    assert_eq!(rejected, [(Kind::Listener, "bare"), (Kind::Listener, "open")]);
    let config = authority.client(None, H1);
    assert!(Client::tls(port.address(), "good.test", &config).await.is_ok());
    for name in ["bare.test", "open.test"] {
        assert!(Client::tls(port.address(), name, &config).await.is_err(), "{name}");
    }
    rig.serve(|to| {
        certificate(to, "missing", &authority.issue(&["bare.test"]));
        authority.trust(to, "missing");
    })
    .await;
    assert!(Client::tls(port.address(), "bare.test", &config).await.is_ok());
}

#[tokio::test]
async fn alpn_chooses_http2_before_http1() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let mut rig = Rig::start();
    rig.serve(|to| {
        certificate(to, "cert", &authority.issue(&["here.test"]));
        bind(to, "bind", &port);
        listener(to, "here", "bind", "*", https(&["cert"]));
    })
    .await;
    for (offered, chosen) in [
        (&[b"http/1.1".as_slice(), b"h2"][..], Some(b"h2".as_slice())),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let config = authority.client(None, offered);
        let client = Client::tls(port.address(), "here.test", &config).await.unwrap();
        assert_eq!(client.alpn.as_deref(), chosen);
    }
    let config = authority.client(None, &[b"smtp"]);
    assert!(Client::tls(port.address(), "here.test", &config).await.is_err());
}

#[tokio::test]
async fn early_data_for_another_server_is_skipped_and_its_sender_served() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let (identity, echo) = (authority.issue(&["here.test"]), Echo::start("echo").await);
    let mut rig = Rig::start();
    rig.serve(|to| {
        certificate(to, "cert", &identity);
        bind(to, "bind", &port);
        listener(to, "here", "bind", "*", https(&["cert"]));
        backend(to, "echo", &[echo.address]);
        route(to, "route", "here", "echo");
    })
    .await;
    let mut config = ClientConfig::clone(&authority.client(None, H1));
    config.enable_early_data = true;
    let config = Arc::new(config);
    let mut before = identity.server(H1);
    before.max_early_data_size = 16 * 1024;
    let (before, at) = (Arc::new(before), port.address());
    let sends = move || send_early_data(&config, before, at);
    let (went_ahead, answer) = tokio::task::spawn_blocking(sends).await.unwrap();
    assert!(went_ahead, "the request went ahead of the handshake");
    assert_eq!(answer, *b"HTTP/1.1 200");
}

/// Gets a session from a server `before`, and takes it up at the proxy with early data. Whether
/// there was early data to send, and how the answer to the same request begins, sent once more.
fn send_early_data(
    config: &Arc<ClientConfig>,
    before: Arc<ServerConfig>,
    at: std::net::SocketAddr,
) -> (bool, [u8; 12]) {
    let name = ServerName::try_from("here.test").unwrap();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut tcp = std::net::TcpStream::connect(socket.local_addr().unwrap()).unwrap();
    let server = std::thread::spawn(move || {
        let mut tcp = socket.accept().unwrap().0;
        let mut session = ServerConnection::new(before).unwrap();
        session.writer().write_all(b"!").unwrap();
        rustls::Stream::new(&mut session, &mut tcp).flush().unwrap();
    });
    let mut session = ClientConnection::new(config.clone(), name.clone()).unwrap();
    rustls::Stream::new(&mut session, &mut tcp).read_exact(&mut [0]).unwrap();
    server.join().unwrap();

    let mut tcp = std::net::TcpStream::connect(at).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut session = ClientConnection::new(config.clone(), name).unwrap();
    let padding = "x".repeat(6000);
    let request = format!("GET / HTTP/1.1\r\nHost: here.test\r\nX-Padding: {padding}\r\n\r\n");
    let ahead = session.early_data().map(|mut early| early.write(request.as_bytes()).unwrap());
    session.complete_io(&mut tcp).unwrap();
    assert!(!session.is_early_data_accepted());
    let mut stream = rustls::Stream::new(&mut session, &mut tcp);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    (ahead == Some(request.len()), answer)
}

/// The first bytes that a real client sends.
async fn client_hello(name: &'static str) -> Vec<u8> {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let config = Authority::new().client(None, H1);
    let client = tokio::spawn(async move { Client::tls_over(near, name, &config).await.is_ok() });
    let mut bytes = vec![0; 5];
    far.read_exact(&mut bytes).await.unwrap();
    let length = usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
    bytes.resize(5 + length, 0);
    far.read_exact(&mut bytes[5..]).await.unwrap();
    client.abort();
    bytes
}
