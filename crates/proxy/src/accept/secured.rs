//! The first bytes of a connection with TLS: the ClientHello says which name it is for, the name
//! says which listener, and the listener says how the handshake goes on.
//!
//! The ClientHello is read into our own bounded buffer, in any fragmentation, because what comes of
//! it is not always a handshake here: nobody answers for an unknown name.

use ir::{Id, Listener};
use rustls::{
    HandshakeKind, ServerConnection,
    server::{Accepted, Acceptor},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{StartHandshake, server::TlsStream};

use super::{Arrival, Connection, Version};
use crate::{
    io::Io,
    limits,
    live::Live,
    local::Local,
    telemetry::{Handshake, Refusal},
    tls,
};

/// Does the handshake. No bytes are sent to a client that no listener is there for.
pub(super) async fn read(
    local: &Local,
    arrival: Arrival,
    deadline: Instant,
) -> Result<(Version, Connection), Option<Refusal>> {
    let Arrival { bind, closing, mut stream, remote } = arrival;
    let hello = timeout_at(deadline, hello(&mut stream)).await;
    let Hello { accepted, rest } = hello.map_err(|_| Some(Refusal::Silent))??;
    let server_name = server_name(&accepted);
    let (listener, tls::Config { server, trust }) = {
        let live = local.live();
        choose(&live, &bind, server_name.as_deref()).map_err(Some)?
    };
    let handshake = StartHandshake::from_parts(accepted, stream);
    let handshake = handshake.into_stream_with(server, |session| feed(session, &rest));
    let stream = match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, %remote, %listener, "a TLS handshake failed");
            local.telemetry.handshake(Handshake::Failed);
            return Err(None);
        }
        Err(_) => {
            local.telemetry.handshake(Handshake::TimedOut);
            return Err(None);
        }
    };
    local.telemetry.handshake(outcome(&stream));
    let version = match stream.get_ref().1.alpn_protocol() {
        Some(tls::H2) => Version::Http2,
        _ => Version::Http1,
    };
    let (io, listener) = (Io::tls(stream), Some(listener));
    Ok((version, Connection { io, remote, bind, listener, trust, server_name, closing }))
}

/// A ClientHello, and what came with it.
struct Hello {
    accepted: Accepted,
    rest: Vec<u8>,
}

/// Reads a ClientHello, whatever pieces it comes in.
async fn hello(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, Option<Refusal>> {
    let mut acceptor = Acceptor::default();
    let mut bytes = Vec::with_capacity(HELLO_BYTES);
    let mut fed = 0;
    loop {
        let room = limits::CLIENT_HELLO_BYTES_MAX - bytes.len();
        let mut limited = (&mut *stream).take(room as u64);
        match limited.read_buf(&mut bytes).await {
            Ok(0) if bytes.is_empty() => return Err(None),
            Ok(0) | Err(_) => return Err(Some(Refusal::Preamble)),
            Ok(_) => {}
        }
        while fed < bytes.len() {
            let mut rest = &bytes[fed..];
            fed += acceptor.read_tls(&mut rest).map_err(|_| Some(Refusal::Preamble))?;
            match acceptor.accept() {
                Ok(Some(accepted)) => return Ok(Hello { accepted, rest: bytes.split_off(fed) }),
                Ok(None) => {}
                Err(_) => return Err(Some(Refusal::Preamble)),
            }
        }
    }
}

/// The name that a ClientHello asks for.
#[cfg(feature = "fuzzing")]
pub(crate) async fn read_server_name(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<Box<str>>, Option<Refusal>> {
    Ok(server_name(&hello(stream).await?.accepted))
}

/// Hands on what came behind a ClientHello: early data for a session of another server, say of the
/// one that this proxy replaced. The handshake skips it (RFC 8446 §4.2.10).
fn feed(session: &mut ServerConnection, mut rest: &[u8]) {
    // Reading nothing would mean the end of the connection.
    while !rest.is_empty() && matches!(session.read_tls(&mut rest), Ok(1..)) {}
}

/// The name that is asked for, as listeners are looked up.
fn server_name(accepted: &Accepted) -> Option<Box<str>> {
    let name = accepted.client_hello().server_name()?.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    (!name.is_empty()).then(|| name.into())
}

/// The most specific listener for a name, and how TLS ends there.
fn choose(
    live: &Live,
    bind: &Id<ir::Bind>,
    server_name: Option<&str>,
) -> Result<(Id<Listener>, tls::Config), Refusal> {
    let bind = live.binds.get(bind).ok_or(Refusal::NoListener)?;
    let host = server_name.unwrap_or_default().as_bytes();
    let listener = bind.table.listener(host).ok_or(Refusal::NoListener)?;
    let config = live.tls.get(&listener.id).ok_or(Refusal::NoCertificate)?;
    Ok((listener.id.clone(), config.clone()))
}

fn outcome(stream: &TlsStream<TcpStream>) -> Handshake {
    match stream.get_ref().1.handshake_kind() {
        Some(HandshakeKind::Resumed) => Handshake::Resumed,
        _ => Handshake::Full,
    }
}

/// Holds the ClientHello of most clients, that of a post-quantum key share too.
const HELLO_BYTES: usize = 2048;
