//! Backends that fail, each on a route of its own, and who asks them: a fault must be told as what
//! it is, and be over when it is over.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};

use crate::{
    load::Tally,
    stage::{
        answer::{Answer, Broken},
        http1::Http1,
        manifests,
        ports::Port,
        wait,
    },
    town::Town,
};

/// What a backend does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Refuses,
    Hangs,
    ResetsAtOnce,
    ResetsInHead,
    ResetsInBody,
    TalksGarbage,
    /// Goes away with its connections, and comes back at the same address.
    Restarts,
    /// Is taken out of its Service, and put back.
    Moves,
}

/// All of them, and their clients.
pub(crate) struct Faults {
    stop: Arc<AtomicBool>,
    tallies: Vec<Arc<Tally>>,
    clients: Vec<JoinHandle<()>>,
    backends: Vec<AbortHandle>,
}

impl Faults {
    pub(crate) async fn start(town: &Town) -> Self {
        let mut faults = Self {
            stop: Arc::default(),
            tallies: Vec::new(),
            clients: Vec::new(),
            backends: Vec::new(),
        };
        for (fault, name) in FAULTS {
            let tally = Tally::new(name);
            let host = format!("fault-{}.example.com", faults.tallies.len());
            let client = Client {
                fault: *fault,
                door: town.http.address(),
                host: host.clone(),
                tally: tally.clone(),
                stop: faults.stop.clone(),
            };
            let port = Port::free();
            let service = format!("fault-{}", faults.tallies.len());
            write(town, *fault, &service, &host, port.address());
            wait::until("the route of a fault", async || {
                let answer = client.get().await.expect("an answer");
                (answer.status != 404).then_some(())
            })
            .await;
            let folder = town.folder.path().to_owned();
            if !matches!(fault, Fault::Refuses | Fault::Restarts) {
                let socket = listen(&port);
                faults.backends.push(tokio::spawn(misbehave(*fault, socket)).abort_handle());
            }
            faults.clients.push(tokio::spawn(async move {
                match client.fault {
                    Fault::Restarts => client.through_restarts(port).await,
                    Fault::Moves => {
                        client.through_moves(folder.join(format!("{service}-slice.yaml"))).await
                    }
                    _ => client.ask_on(port).await,
                }
            }));
            faults.tallies.push(tally);
        }
        faults
    }

    pub(crate) fn tallies(&self) -> Vec<Arc<Tally>> {
        self.tallies.clone()
    }

    /// Lets every client come to its end.
    pub(crate) async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("no client gave up");
        }
        for backend in self.backends {
            backend.abort();
        }
    }
}

const FAULTS: &[(Fault, &str)] = &[
    (Fault::Refuses, "refused"),
    (Fault::Hangs, "unanswered"),
    (Fault::ResetsAtOnce, "reset at once"),
    (Fault::ResetsInHead, "reset in the head"),
    (Fault::ResetsInBody, "reset in the body"),
    (Fault::TalksGarbage, "garbage"),
    (Fault::Restarts, "restarts"),
    (Fault::Moves, "no endpoint and back"),
];

/// A route, its Service, and the address in a file of its own. Time is bounded only where nothing
/// ever comes: elsewhere a busy machine would turn one fault into another.
fn write(town: &Town, fault: Fault, service: &str, host: &str, address: SocketAddr) {
    let route = manifests::route(service, Town::GATEWAY, host, "/", service);
    let bound = format!("      timeouts: {{request: {}ms}}\n      backendRefs", BOUND.as_millis());
    let route = match fault {
        Fault::Hangs => route.replace("      backendRefs", &bound),
        _ => route,
    };
    town.folder.write(&format!("{service}.yaml"), &route);
    let both = manifests::service(service, address);
    let (head, slice) = both.split_once("---\n").expect("two documents");
    town.folder.write(&format!("{service}-service.yaml"), head);
    town.folder.write(&format!("{service}-slice.yaml"), slice);
}

struct Client {
    fault: Fault,
    door: SocketAddr,
    host: String,
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
}

impl Client {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    async fn get(&self) -> Result<Answer, Broken> {
        Http1::connect(self.door).await?.get(&self.host, "/").await
    }

    /// Asks once and holds what comes against what this fault may look like.
    async fn expect(&self, status: u16) {
        let outcome = match self.get().await {
            Ok(answer) if answer.status == status => Ok(()),
            Ok(answer) => Err(Broken::Malformed(format!(
                "{} instead of {status}: {}",
                answer.status,
                answer.text()
            ))),
            // What the backend has begun can only be cut, wherever the reset overtook it.
            Err(Broken::Ended(_) | Broken::Io(_)) if self.fault == Fault::ResetsInBody => Ok(()),
            Err(broken) => Err(broken),
        };
        self.tally.count(outcome);
    }

    /// Asks until it is this; both are in order until then.
    async fn until(&self, status: u16) {
        let deadline = Instant::now() + wait::PATIENCE;
        let mut pace = pace();
        loop {
            pace.tick().await;
            match self.get().await {
                Ok(answer) if answer.status == status => return,
                Ok(answer) if matches!(answer.status, 200 | 503) => {}
                outcome => panic!("{outcome:?}"),
            }
            assert!(Instant::now() < deadline, "it does not come to {status}");
        }
    }

    async fn ask_on(self, _port: Port) {
        let status = if self.fault == Fault::Hangs { 504 } else { 502 };
        let mut pace = pace();
        while self.goes_on() {
            pace.tick().await;
            self.expect(status).await;
        }
    }

    /// No request is under way while it restarts, so that each has one right answer.
    async fn through_restarts(self, port: Port) {
        let mut pace = pace();
        while self.goes_on() {
            let backend = tokio::spawn(misbehave(self.fault, listen(&port)));
            for _ in 0..IN_A_ROW {
                pace.tick().await;
                self.expect(200).await;
            }
            backend.abort();
            // Its end is the end of its socket and of all its connections.
            let _ = backend.await;
            for _ in 0..IN_A_ROW {
                pace.tick().await;
                self.expect(502).await;
            }
        }
    }

    async fn through_moves(self, slice: std::path::PathBuf) {
        let text = std::fs::read_to_string(&slice).expect("it was written");
        let line = text.lines().find(|line| line.starts_with("endpoints:")).expect("endpoints");
        let empty = text.replace(line, "endpoints: []");
        let mut pace = pace();
        while self.goes_on() {
            for status in [200, 503] {
                self.until(status).await;
                for _ in 0..IN_A_ROW {
                    pace.tick().await;
                    self.expect(status).await;
                }
                let next = if status == 200 { &empty } else { &text };
                std::fs::write(&slice, next).expect("it can be written");
            }
        }
    }
}

/// At an address that is held for us.
fn listen(port: &Port) -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket");
    socket.bind(port.address()).expect("it is ours");
    socket.listen(128).expect("a socket")
}

async fn misbehave(fault: Fault, socket: TcpListener) {
    // They end with the server.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = socket.accept().await {
        connections.spawn(converse(fault, stream));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(fault: Fault, mut stream: TcpStream) {
    let said = match fault {
        Fault::Refuses | Fault::Hangs | Fault::ResetsAtOnce => "",
        Fault::ResetsInHead => "HTTP/1.1 200 OK\r\ncontent-le",
        Fault::ResetsInBody => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthe beginning",
        Fault::TalksGarbage => "220 mail.example.com ESMTP\r\n\r\n",
        Fault::Restarts | Fault::Moves => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    };
    while head(&mut stream).await.is_some() {
        if stream.write_all(said.as_bytes()).await.is_err() {
            return;
        }
        match fault {
            Fault::Refuses | Fault::Hangs | Fault::Restarts | Fault::Moves => {}
            Fault::TalksGarbage => return,
            Fault::ResetsAtOnce | Fault::ResetsInHead | Fault::ResetsInBody => {
                // It is reset however it is set, because the other side has closed; or else it is
                // set.
                let _ = stream.set_zero_linger();
                return;
            }
        }
    }
}

/// Reads the head of a request; none at the end of the connection.
async fn head(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return None,
        }
    }
    Some(())
}

fn pace() -> tokio::time::Interval {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

const PACE: Duration = Duration::from_millis(50);
/// Of requests that nobody answers.
const BOUND: Duration = Duration::from_millis(300);
/// Requests between two changes.
const IN_A_ROW: usize = 10;
