//! A proxy with one route, and both of its ends in the hands of the test: what a client says and
//! what a backend answers, byte for byte.

use std::{future::poll_fn, net::SocketAddr, sync::Arc, task::Poll, time::Duration};

use ir::{Id, Resource, Rule};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Port, Rig, backend, in_time, plain, route};

/// A proxy that sends everything to the endpoints of one backend.
pub(crate) struct Stage {
    pub(crate) rig: Rig,
    pub(crate) port: Port,
    /// The endpoints, which the test accepts connections of.
    pub(crate) endpoints: Vec<TcpListener>,
    /// The ports of all that ever listened: where a test lets go of one, nobody is to be there, and
    /// not the backend of another test.
    held: Vec<Port>,
}

impl Stage {
    /// With one endpoint.
    pub(crate) async fn new() -> Self {
        Self::with(1, |_| {}).await
    }

    /// With so many endpoints and an edited rule.
    pub(crate) async fn with(endpoints: usize, edit: impl FnOnce(&mut Rule)) -> Self {
        let (rig, port) = (Rig::start(), Port::reserve());
        let mut stage = Self { rig, port, endpoints: Vec::new(), held: Vec::new() };
        for _ in 0..endpoints {
            let endpoint = stage.listen().await;
            stage.endpoints.push(endpoint);
        }
        let at: Vec<_> = stage.endpoints.iter().map(address).collect();
        let port = &stage.port;
        stage
            .rig
            .serve(|to| {
                backend(to, "backend", &at);
                plain(to, "bind", port);
                route(to, "route", "bind", "backend");
                let id = Id::<Rule>::new("route/0");
                let mut rule = to.rules[&id].as_ref().clone();
                edit(&mut rule);
                to.insert("route/0", Resource::Rule(Arc::new(rule)));
            })
            .await;
        stage
    }

    /// One more backend that can be told to the proxy.
    pub(crate) async fn listen(&mut self) -> TcpListener {
        let port = Port::reserve();
        let listener = TcpListener::bind(port.address()).await.unwrap();
        self.held.push(port);
        listener
    }

    /// A client's connection.
    pub(crate) async fn client(&self) -> Peer {
        Peer::connect(self.port.address()).await
    }

    /// The next connection to the first endpoint.
    pub(crate) async fn accept(&self) -> Peer {
        accept(&self.endpoints[0]).await
    }

    /// Whether no connection waits at the first endpoint.
    pub(crate) async fn is_quiet(&self) -> bool {
        poll_fn(|cx| Poll::Ready(self.endpoints[0].poll_accept(cx).is_pending())).await
    }
}

/// The next connection to an endpoint.
pub(crate) async fn accept(endpoint: &TcpListener) -> Peer {
    let (stream, _) = in_time("a connection to the backend", endpoint.accept()).await.unwrap();
    Peer::new(stream)
}

pub(crate) fn address(endpoint: &TcpListener) -> SocketAddr {
    endpoint.local_addr().unwrap()
}

/// One end of a connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    pub(crate) async fn connect(at: SocketAddr) -> Self {
        Self::new(in_time("connect", TcpStream::connect(at)).await.unwrap())
    }

    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        in_time("sending", self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Reads up to and with a mark; less, if the other side ends before.
    pub(crate) async fn until(&mut self, mark: &str) -> String {
        in_time(mark, super::raw::read_to(&mut self.stream, mark)).await
    }

    /// Reads a head.
    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Reads so many bytes.
    pub(crate) async fn exactly(&mut self, n: usize) -> String {
        let mut bytes = vec![0; n];
        in_time("bytes", self.stream.read_exact(&mut bytes)).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Reads to the end of the connection, in order or not.
    pub(crate) async fn end(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = in_time("the end of a connection", self.stream.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads to the orderly end of the connection.
    pub(crate) async fn orderly_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let end = in_time("the end of a connection", self.stream.read_to_end(&mut bytes)).await;
        end.unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Breaks the connection.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// The value of the first field of a name in the text of a head.
pub(crate) fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).next()
}

/// A GET of that path.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n")
}

/// A response with that body, and the date that the proxy would add.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What a client gets of it.
pub(crate) fn got(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nDate: today\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
