//! A thousand proxies on one controller: what they cost it when they come, when something is
//! edited, and when they all come again. Prints a table; asserts no time.
//!
//! `cargo bench -p portcullis-controller --bench streams`
//!
//! The proxies are streams over real TLS sockets on loopback and serve nothing. They run, with the
//! API server that reviews their tokens, in a process of their own, so that the figures are the
//! controller's alone. It has no Kubernetes to read: the state is made up.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and may end")]
#![expect(clippy::expect_used, clippy::panic, reason = "as do the parts of tests that it uses")]

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use ir::wire::Hello;
use kube::Client;
use portcullis_controller::{
    lead::Lead,
    mailbox::Mailbox,
    publish::{
        admission::{AUDIENCE, Admission},
        authority::{Authority, Place},
        hub::{Hub, ProxyAnswer},
        server::{Figures, Limits, Server},
    },
};
use tokio::{net::TcpListener, sync::watch};

use api_server::{ApiServer, LONG, TokenUser};
use proxy::{Target, trusting};
use world::{World, account, gateway};

#[path = "../tests/api_server/api_server.rs"]
mod api_server;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../tests/streams/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../tests/streams/world.rs"]
mod world;

const ROUTES: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match &arguments[1..] {
        [mode, gateways, each] if mode == "proxies" => {
            runtime.block_on(proxies(gateways.parse().unwrap(), each.parse().unwrap()));
        }
        [mode, gateways, each] if mode == "controller" => {
            runtime.block_on(controller(gateways.parse().unwrap(), each.parse().unwrap()));
        }
        _ => {
            println!(
                "{:<22} {:<16} {:>9} {:>9} {:>9} {:>11}",
                "proxies", "what", "seconds", "CPU s", "RSS MiB", "peak MiB"
            );
            // Memory that one run frees must not stand in the figures of the next.
            for (gateways, each) in [("1", "1000"), ("100", "10")] {
                let this = std::env::current_exe().unwrap();
                let run = Command::new(this).args(["controller", gateways, each]).status();
                assert!(run.unwrap().success());
            }
        }
    }
}

/// The side that is measured.
async fn controller(gateways: usize, each: usize) {
    let mut crowd = Crowd::start(gateways, each);
    let (hub, answers) = Hub::new();
    let mut world = World::new(hub.clone());
    world.build(gateways, ROUTES);
    let config = kube::Config::new(crowd.line().parse().unwrap());
    let client = Client::try_from(config).unwrap();
    let lead = watch::Sender::new(Lead::Leader);
    let synced = watch::Sender::new(true);
    let known = (0..gateways).map(|index| (account(index), gateway(index))).collect();
    let accounts = watch::Sender::new(Arc::new(known));
    let place = Place {
        // What the proxies call it by.
        namespace: "portcullis-system".into(),
        secret: "portcullis-authority".into(),
        service: "portcullis".into(),
        cluster_domain: "cluster.local".into(),
    };
    let authority =
        Authority::start(client.clone(), place, lead.subscribe(), Mailbox::default()).unwrap();
    let mut bundle = authority.bundle();
    let pem = bundle.wait_for(|bundle| !bundle.is_empty()).await.unwrap().clone();
    let server = Server {
        hub,
        admission: Admission::new(client, accounts.subscribe()),
        lead: lead.subscribe(),
        synced: synced.subscribe(),
        limits: Limits::default(),
        figures: Arc::<Figures>::default(),
    };
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(server.serve(socket, authority.tls(), std::future::pending()));
    let mut served = Served { answers, revisions: HashMap::new() };
    let (total, title) = (gateways * each, format!("{gateways} Gateways × {each}"));

    row(&title, "nobody", Instant::now(), cpu());
    let (start, before) = (Instant::now(), cpu());
    crowd.say(&format!("{address}\n{}\n.", pem.trim()));
    served.until(total, 1).await;
    row(&title, "all come", start, before);

    let mut revision = 1;
    let (start, before) = (Instant::now(), cpu());
    for index in 0..gateways {
        world.edit(index, 0, 8080);
        revision += 1;
    }
    // Each Gateway hears of its own edit only; the last comes last.
    served.each(total, |index| 2 + index as u64).await;
    row(&title, if gateways == 1 { "one edit" } else { "100 edits" }, start, before);

    let (start, before) = (Instant::now(), cpu());
    tokio::time::sleep(Duration::from_secs(10)).await;
    row(&title, "10 s of nothing", start, before);

    served.revisions.clear();
    let (start, before) = (Instant::now(), cpu());
    lead.send_replace(Lead::Follower { address: None });
    while !served.is_empty_after_leaving(total).await {}
    lead.send_replace(Lead::Leader);
    served.until(total, revision).await;
    row(&title, "all come again", start, before);
}

/// What the proxies answered last.
struct Served {
    answers: Mailbox<u64, ProxyAnswer>,
    revisions: HashMap<u64, (usize, u64)>,
}

impl Served {
    async fn take(&mut self) -> usize {
        let mut gone = 0;
        for (id, answer) in self.answers.take().await {
            let name = answer.subscriber.gateway.unwrap().name;
            let index = name.rsplit('-').next().unwrap().parse().unwrap();
            match answer.ack {
                Some(ack) => drop(self.revisions.insert(id, (index, ack.revision))),
                None => {
                    gone += 1;
                    self.revisions.remove(&id);
                }
            }
        }
        gone
    }

    async fn until(&mut self, total: usize, revision: u64) {
        self.each(total, |_| revision).await;
    }

    /// Until all are there and at the revision that is wanted of their Gateway.
    async fn each(&mut self, total: usize, wanted: impl Fn(usize) -> u64) {
        let reached = |(index, revision): &&(usize, u64)| *revision >= wanted(*index);
        while self.revisions.values().filter(reached).count() < total {
            self.take().await;
        }
    }

    /// Whether everybody has left; waits for some to do so.
    async fn is_empty_after_leaving(&mut self, total: usize) -> bool {
        let mut gone = 0;
        while gone < total {
            gone += self.take().await;
        }
        self.revisions.is_empty()
    }
}

/// The process of the proxies.
struct Crowd {
    child: Child,
    to: ChildStdin,
    from: BufReader<std::process::ChildStdout>,
}

impl Crowd {
    fn start(gateways: usize, each: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["proxies", &gateways.to_string(), &each.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to, from: BufReader::new(from) }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn say(&mut self, text: &str) {
        writeln!(self.to, "{text}").unwrap();
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The side that is not measured.
async fn proxies(gateways: usize, each: usize) {
    let api = ApiServer::start().await;
    api.put(serde_json::json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "portcullis-system"},
    }));
    for index in 0..gateways {
        for pod in 0..each {
            api.issue(user(index, pod));
        }
    }
    println!("{}", api.url());
    // The API server goes on meanwhile.
    let told = tokio::task::spawn_blocking(|| {
        std::io::stdin().lines().map(Result::unwrap).take_while(|line| line != ".").collect()
    });
    let told: Vec<String> = told.await.unwrap();
    let address: SocketAddr = told[0].parse().unwrap();
    let target = Target { address, tls: trusting(&told[1..].join("\n")), narrow: false };
    for index in 0..gateways {
        for pod in 0..each {
            tokio::spawn(live(target.clone(), user(index, pod).token(LONG)));
        }
    }
    std::future::pending().await
}

/// One proxy: comes, takes in what it is told, and comes again when the stream ends.
async fn live(target: Target, token: String) {
    let mut held = HashMap::new();
    loop {
        let hello = Hello::new(String::new(), 0, held.clone());
        if let Ok(mut proxy) = target.greet(&token, hello).await {
            loop {
                // Silence is no end: nothing changes most of the time.
                let Ok(step) = proxy.step_or_end().await else { break };
                proxy.answer(step.revision).await;
            }
            held = std::mem::take(&mut proxy.held);
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..200))).await;
    }
}

fn user(index: usize, pod: usize) -> TokenUser {
    let user = TokenUser::service_account("edge", &account(index).name, AUDIENCE);
    user.of_pod(&format!("{index}-{pod}"))
}

fn row(title: &str, what: &str, start: Instant, before: f64) {
    let (seconds, spent) = (start.elapsed().as_secs_f64(), cpu() - before);
    let (now, peak) = (memory("VmRSS:"), memory("VmHWM:"));
    println!("{title:<22} {what:<16} {seconds:>9.2} {spent:>9.2} {now:>9.1} {peak:>11.1}");
}

/// Seconds that this process has run on a core.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name, which may hold anything: user and system time are the 12th and 13th there.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// A line of this process's memory, in MiB.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
