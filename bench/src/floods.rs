//! What each known flood costs Portcullis, on the real binary: memory before, at its peak and
//! after, beside the stated bound; time on a core; how many connections it was worth.
//!
//! The proxy's tests say that each flood ends as it should. Here is how much it weighs.

use std::{
    cell::Cell,
    io::{Read as _, Write as _},
    net::SocketAddr,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::{spawn_blocking, spawn_local},
    time::{sleep, timeout},
};

use crate::{
    args::Programs,
    peer::Peer,
    process::Process,
    strict::{page::replace, setup::Proxy},
};

mod attacks;
mod backend;

use attacks::{ALL, After, Attack};

/// Runs every attack for so long; whether each stayed within its bound.
pub(crate) async fn run(
    programs: &Programs,
    time: Duration,
    page: Option<&Path>,
) -> anyhow::Result<bool> {
    let seconds = time.as_secs_f64();
    println!("{CONNECTIONS} connections at once, {WAVES} times for {seconds} s; memory in MB\n");
    println!("{HEAD}");
    let (mut held, mut rows) = (true, format!("{HEAD}\n"));
    for attack in ALL {
        let figures = measure(programs, attack, time).await?;
        let row = figures.row(attack);
        println!("{row}");
        rows.push_str(&format!("{row}\n"));
        held &= figures.within(attack);
    }
    println!("\n{}", if held { "each stayed within its bound" } else { "a bound was passed" });
    if let Some(page) = page {
        let version = Peer::Portcullis.version(programs)?;
        let today = jiff::Timestamp::now().strftime("%-d %B %Y");
        let how = format!(
            "Written by `cargo xtask floods` on {today}: Portcullis {version}, {CONNECTIONS} \
             connections at once, {WAVES} times for {seconds} s, memory in MB.\n\n"
        );
        replace(page, "floods", &format!("{how}{rows}"))?;
    }
    Ok(held)
}

const HEAD: &str = "\
| attack | known from | opened | ended | counted | MB sent | CPU s | before | peak | bound | after \
| grown | others wait |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// The first fills what is kept for later, the others show that it does not grow.
const WAVES: u32 = 3;
/// As many as one machine with a grudge opens.
const CONNECTIONS: u64 = 32;

/// What one attack did.
struct Figures {
    opened: u64,
    ended: u64,
    counted: u64,
    bytes: u64,
    cpu: Duration,
    before: u64,
    peak: u64,
    after: u64,
    /// How much more is held after the last wave than after the one before: a leak would show.
    grown: u64,
    slowest: Duration,
    others: bool,
}

impl Figures {
    fn bound(attack: &Attack) -> u64 {
        PROCESS_BYTES + CONNECTIONS * attack.connection_bytes
    }

    fn within(&self, attack: &Attack) -> bool {
        let ended = attack.after == After::Held || self.ended > 0;
        let counted = attack.after != After::EndedAndCounted || self.counted > 0;
        let bounded = self.peak.saturating_sub(self.before) <= Self::bound(attack);
        self.others
            && ended
            && counted
            && bounded
            && self.grown <= PROCESS_BYTES / 2 + Self::bound(attack) / 10
    }

    fn row(&self, attack: &Attack) -> String {
        let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
        format!(
            "| {} | {} | {} | {} | {} | {} | {:.2} | {} | {} | {} | {} | {} | {}{:.1} ms |",
            attack.name,
            attack.origin,
            self.opened,
            self.ended,
            self.counted,
            megabytes(self.bytes),
            self.cpu.as_secs_f64(),
            megabytes(self.before),
            megabytes(self.peak),
            megabytes(self.before + Self::bound(attack)),
            megabytes(self.after),
            megabytes(self.grown),
            if self.others { "" } else { "NOT SERVED, " },
            self.slowest.as_secs_f64() * 1e3,
        )
    }
}

/// What the allocator keeps of what was freed, and all that does not grow with connections.
const PROCESS_BYTES: u64 = 8 << 20;

async fn measure(
    programs: &Programs,
    attack: &'static Attack,
    time: Duration,
) -> anyhow::Result<Figures> {
    let backend = backend::start()?;
    let mut proxy = Proxy::start(programs, Peer::Portcullis, backend).await?;
    let address = proxy.address;
    spawn_blocking(move || others(address, Instant::now(), WARM_REQUESTS)).await?;
    let before = proxy.process.memory()?;
    let used = proxy.process.usage()?;
    let tally = Rc::new(Tally::default());
    let others = spawn_blocking(move || others(address, Instant::now() + WAVES * time, 0));
    let (mut peak, mut after, mut grown) = (before, before, 0);
    for _ in 0..WAVES {
        peak = peak.max(wave(&proxy, attack, time, &tally).await?);
        let now = settled(&mut proxy.process).await?;
        (grown, after) = (now.saturating_sub(after), now);
    }
    let (cpu, _) = proxy.process.usage()?.since(&used);
    let slowest = others.await?;
    Ok(Figures {
        opened: tally.opened.get(),
        ended: tally.ended.get(),
        counted: counted(&proxy).await?,
        bytes: tally.bytes.get(),
        cpu,
        before,
        peak,
        after,
        grown,
        slowest: slowest.unwrap_or_default(),
        others: slowest.is_some(),
    })
}

/// Attacks once, on many connections, and says how much memory that took at most.
async fn wave(
    proxy: &Proxy,
    attack: &'static Attack,
    time: Duration,
    tally: &Rc<Tally>,
) -> anyhow::Result<u64> {
    let end = Instant::now() + time;
    let attackers: Vec<_> = (0..CONNECTIONS)
        .map(|_| spawn_local(attack_until(end, proxy.address, attack, tally.clone())))
        .collect();
    let mut peak = 0;
    while Instant::now() < end {
        peak = peak.max(proxy.process.memory()?);
        sleep(LOOK).await;
    }
    for attacker in attackers {
        attacker.await?;
        peak = peak.max(proxy.process.memory()?);
    }
    Ok(peak)
}

/// A client that means well, beside all that, on a thread of its own: its slowest answer. None when
/// it was not served.
fn others(at: SocketAddr, end: Instant, least: usize) -> Option<Duration> {
    let mut stream = std::net::TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(OTHERS_TIME)).ok()?;
    let (mut slowest, mut asked) = (Duration::ZERO, 0);
    while asked < least || Instant::now() < end {
        let begun = Instant::now();
        stream.write_all(b"GET /small HTTP/1.1\r\nHost: a.test\r\n\r\n").ok()?;
        let (mut read, mut piece) = (Vec::new(), [0; 1024]);
        while !read.ends_with(backend::SMALL) {
            match stream.read(&mut piece) {
                Ok(n @ 1..) => read.extend_from_slice(&piece[..n]),
                Ok(0) | Err(_) => return None,
            }
        }
        slowest = slowest.max(begun.elapsed());
        asked += 1;
        if least == 0 {
            std::thread::sleep(LOOK);
        }
    }
    Some(slowest)
}

/// How many connections it says that it ended for what their clients did.
async fn counted(proxy: &Proxy) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(proxy.admin).await?;
    let ask = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(ask).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let samples =
        text.lines().filter(|line| line.starts_with("portcullis_connections_ended_total{"));
    Ok(samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum())
}

/// What is held once all connections are gone.
async fn settled(process: &mut Process) -> anyhow::Result<u64> {
    let deadline = Instant::now() + SETTLE_TIME;
    let mut least = process.memory()?;
    while Instant::now() < deadline {
        sleep(LOOK).await;
        least = least.min(process.memory()?);
    }
    process.ensure_alive()?;
    Ok(least)
}

#[derive(Default)]
struct Tally {
    opened: Cell<u64>,
    ended: Cell<u64>,
    bytes: Cell<u64>,
}

/// Attacks on one connection after the other.
async fn attack_until(end: Instant, at: SocketAddr, attack: &'static Attack, tally: Rc<Tally>) {
    while Instant::now() < end {
        let Ok(stream) = TcpStream::connect(at).await else { continue };
        tally.opened.set(tally.opened.get() + 1);
        let left = end.saturating_duration_since(Instant::now());
        // It may hold the connection until the end.
        if timeout(left, attack_once(stream, attack, &tally)).await.is_ok() {
            tally.ended.set(tally.ended.get() + 1);
        }
    }
}

/// Returns when the other side has ended the connection.
async fn attack_once(stream: TcpStream, attack: &'static Attack, tally: &Tally) {
    let (mut from, mut to) = stream.into_split();
    let reader = spawn_local(async move {
        let mut piece = vec![0; 64 * 1024];
        while attack.reads && matches!(from.read(&mut piece).await, Ok(1..)) {}
        from
    });
    let mut bytes = (attack.first)();
    let mut round = 0;
    while to.write_all(&bytes).await.is_ok() {
        tally.bytes.set(tally.bytes.get() + bytes.len() as u64);
        if round >= attack.rounds {
            // All that it has to say. Whether the other side minds is its own affair.
            let mut byte = [0];
            if let Ok(mut from) = reader.await {
                while matches!(from.read(&mut byte).await, Ok(1..)) {}
            }
            return;
        }
        let batch = BATCH.min(attack.rounds - round);
        bytes = (round..round + batch).flat_map(attack.round).collect();
        round += batch;
    }
}

const BATCH: u32 = 64;
const WARM_REQUESTS: usize = 500;
const LOOK: Duration = Duration::from_millis(20);
const OTHERS_TIME: Duration = Duration::from_secs(5);
const SETTLE_TIME: Duration = Duration::from_millis(500);
