//! Backends that are known by name, against a DNS server of our own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ir::{Backend, Resource, Snapshot, Target, UpstreamProtocol};
use parking_lot::Mutex;
use tokio::{net::UdpSocket, task::JoinHandle};

use crate::harness::{Client, Echo, Port, Rig, plain, route, until};

/// Answers every question for an IPv4 address in the same way.
struct Server {
    address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    questions: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
enum Answer {
    Addresses(Vec<Ipv4Addr>),
    NoSuchName,
    Failure,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (answer, questions) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let task = tokio::spawn(serve(socket, answer.clone(), questions.clone()));
        Self { address, answer, questions, task }
    }

    fn answer(&self, answer: Answer) {
        *self.answer.lock() = answer;
    }

    /// Waits until it has been asked twice more, so that the first answer has been taken in.
    async fn asked_again(&self) {
        let before = self.questions.load(Ordering::SeqCst);
        until("it is asked again", || async {
            self.questions.load(Ordering::SeqCst) >= before + 2
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, answer: Arc<Mutex<Answer>>, questions: Arc<AtomicUsize>) {
    let mut buffer = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let reply = reply(&buffer[..length], &answer.lock().clone());
        questions.fetch_add(1, Ordering::SeqCst);
        let _ = socket.send_to(&reply, from).await;
    }
}

/// A reply in the form of RFC 1035 §4, with a time to live of 1 s.
fn reply(question: &[u8], answer: &Answer) -> Vec<u8> {
    let name = question[12..].iter().position(|byte| *byte == 0).unwrap();
    let end = 12 + name + 5;
    let wants_ipv4 = question[end - 4..end - 2] == [0, 1];
    let (code, addresses) = match answer {
        Answer::Addresses(addresses) if wants_ipv4 => (0, addresses.as_slice()),
        Answer::Addresses(_) => (0, &[][..]),
        Answer::Failure => (2, &[][..]),
        Answer::NoSuchName => (3, &[][..]),
    };
    let mut reply = question[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    reply.extend(&question[12..end]);
    for address in addresses {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        reply.extend(address.octets());
    }
    reply
}

fn named(snapshot: &mut Snapshot, id: &str, host: &str, port: u16) {
    let target = Target::Dns { host: host.into(), port };
    let backend = Backend { protocol: UpstreamProtocol::Http1, target };
    snapshot.insert(id, Resource::Backend(Arc::new(backend)));
}

async fn answered_by(port: &Port) -> Option<String> {
    let mut client = Client::plain(port.address()).await.unwrap();
    let response = client.get("any", "/").await.unwrap();
    (response.status == 200).then(|| response.text().lines().next().unwrap_or_default().into())
}

#[tokio::test]
async fn a_name_is_followed_to_where_it_leads() {
    // Two addresses with one port, as a name's addresses have.
    let one = Echo::start_at("one", ([127, 0, 0, 1], 0).into()).await;
    let at = one.address.port();
    let two = Echo::start_at("two", ([127, 0, 0, 2], at).into()).await;
    let server = Server::start(Answer::Failure).await;
    let port = Port::reserve();
    let mut rig = Rig::with(|options| options.resolver = Some(server.address));
    rig.serve(|to| {
        named(to, "backend", "backend.test", at);
        plain(to, "bind", &port);
        route(to, "route", "bind", "backend");
    })
    .await;
    let answers = async |name: Option<&str>| answered_by(&port).await.as_deref() == name;
    assert!(answers(None).await, "503 before the first answer");
    for (address, name) in [(one.address, "one"), (two.address, "two"), (one.address, "one")] {
        let SocketAddr::V4(address) = address else { panic!("IPv4") };
        server.answer(Answer::Addresses(vec![*address.ip()]));
        until(name, || answers(Some(name))).await;
    }
    server.answer(Answer::Failure);
    server.asked_again().await;
    assert!(answers(Some("one")).await, "a failure keeps what was known");
    server.answer(Answer::NoSuchName);
    until("nobody is left", || answers(None)).await;
    drop(two);
}

#[tokio::test]
async fn localhost_needs_no_server() {
    let (echo, port) = (Echo::start("echo").await, Port::reserve());
    let server = Server::start(Answer::NoSuchName).await;
    let mut rig = Rig::with(|options| options.resolver = Some(server.address));
    rig.serve(|to| {
        named(to, "backend", "localhost", echo.address.port());
        plain(to, "bind", &port);
        route(to, "route", "bind", "backend");
    })
    .await;
    until("localhost answers", || async { answered_by(&port).await.as_deref() == Some("echo") })
        .await;
    assert_eq!(server.questions.load(Ordering::SeqCst), 0);
}

/// As in a pod, where that would be the proxy's own admin page, or what the node tells.
#[tokio::test]
async fn a_name_that_means_the_proxy_itself_leads_nowhere() {
    let (echo, port) = (Echo::start("echo").await, Port::reserve());
    let server = Server::start(Answer::Addresses(vec![Ipv4Addr::LOCALHOST])).await;
    let mut rig = Rig::with(|options| {
        options.resolver = Some(server.address);
        options.local_backends = false;
    });
    let at = echo.address.port();
    rig.serve(|to| {
        named(to, "backend", "backend.test", at);
        plain(to, "bind", &port);
        route(to, "route", "bind", "backend");
    })
    .await;
    for address in [[127, 0, 0, 1], [169, 254, 169, 254], [0, 0, 0, 0]] {
        server.answer(Answer::Addresses(vec![address.into()]));
        server.asked_again().await;
        assert_eq!(answered_by(&port).await, None, "{address:?}");
    }
}
