//! Clients that do not say what they want, and such that come late. The clock is the runtime's own
//! and moves on as soon as nothing else does.

use ir::{Hostname, Protocol, Resource, Snapshot, Tls};
use router::Table;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::{Builder, LocalOptions},
};

use super::*;
use crate::{
    Shared, defaults,
    live::{BindLive, Live},
};

/// What a client gets of a bind that is at that stage, and when its connection ends.
async fn ending(secure: bool, stage: Stage, says: &[u8]) -> (Vec<u8>, u64) {
    let local = Local::new(0, Shared::of(live(secure)));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
    let (stream, remote) = socket.accept().await.unwrap();
    // As a worker gets one from another: nothing is known of it yet.
    let stream = TcpStream::from_std(stream.into_std().unwrap()).unwrap();
    let start = Instant::now();
    let closing = Rc::new(Closing::default());
    closing.advance(stage);
    client.write_all(says).await.unwrap();
    let admission = local.shared.roster.admit(0).unwrap();
    enter(&local, admission, Id::new("bind"), &closing, stream, remote);
    let mut told = Vec::new();
    client.read_to_end(&mut told).await.unwrap();
    local.idle().await;
    assert_eq!(local.shared.roster.open(), 0);
    (told, start.elapsed().as_secs())
}

fn live(secure: bool) -> Live {
    let mut snapshot = Snapshot::default();
    let bind = Bind { gateway: "a/b".into(), address: None, port: 443 };
    snapshot.insert("bind", Resource::Bind(Arc::new(bind)));
    let protocol = if secure {
        Protocol::Https(Tls { certificates: vec![], client_validation: None })
    } else {
        Protocol::Http
    };
    let listener = Listener { bind: Id::new("bind"), hostname: Hostname::Any, protocol };
    snapshot.insert("listener", Resource::Listener(Arc::new(listener)));
    let table = Arc::new(Table::compile(&snapshot, &Table::default(), None));
    let id = Id::new("bind");
    let bind = BindLive { table: table.bind(&id).unwrap().clone(), secure };
    Live { binds: [(id, bind)].into(), table, ..Live::empty() }
}

fn on_a_worker<T>(test: impl Future<Output = T>) -> T {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build_local(LocalOptions::default());
    runtime.unwrap().block_on(test)
}

#[test]
fn a_silent_client_is_let_go_without_a_word() {
    // A record that announces 512 bytes of a ClientHello, and its beginning.
    const HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    let table: [(bool, &[u8]); 4] =
        [(false, b""), (false, b"PRI * HTTP"), (true, b""), (true, HELLO)];
    for (secure, says) in table {
        let ended = on_a_worker(ending(secure, Stage::Open, says));
        assert_eq!(ended, (vec![], defaults::PREAMBLE_TIME.as_secs()), "{says:?}");
    }
}

#[test]
fn a_request_that_came_before_its_connection_was_closed_is_answered() {
    let (told, _) = on_a_worker(ending(false, Stage::Close, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    let told = String::from_utf8(told).unwrap();
    assert!(
        told.starts_with("HTTP/1.1 404 ") && told.contains("\r\nconnection: close\r\n"),
        "{told}"
    );
    assert_eq!(on_a_worker(ending(false, Stage::Close, b"")), (vec![], 0));
}
