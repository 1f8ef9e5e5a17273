//! How evenly a proxy's workers share connections, and what one costs that comes and goes.
//! Portcullis alone, or beside another build of it, in turns. No budget hangs on it.

use std::{fmt::Write as _, net::SocketAddr, path::Path, rc::Rc, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    args::Args,
    figures::Figure,
    load::h1::{REQUEST, exchange},
    look::{Edge, per_second},
    peer::{Running, portcullis_with},
    repeat::{Tally, repeat},
    site::{Ports, Site},
    wire,
};

/// Prints both tables.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let site = Site::open(args.programs.clone())?;
    let mut builds = vec![("this build", args.programs.portcullis.as_path())];
    builds.extend(args.beside.as_deref().map(|other| ("the other", other)));
    println!("{}{}", shares(args, &site, &builds).await?, costs(args, &site, &builds).await?);
    Ok(())
}

/// A name and a program.
type Build<'b> = (&'static str, &'b Path);

/// Connections that are opened at once and stay: those of the busiest worker over the mean.
async fn shares(args: &Args, site: &Site, builds: &[Build<'_>]) -> anyhow::Result<String> {
    let trials = if args.quick { 10 } else { 100 };
    let mut text = format!(
        "### The busiest worker over the mean, {trials} trials\n\n\
         | workers | connections | | mean | worst |\n|---|---|---|---|---|\n"
    );
    for workers in [2, 4] {
        let mut proxies = Vec::new();
        for (name, program) in builds {
            proxies.push((name, Proxy::start(site, program, workers).await?));
        }
        for connections in [4, 8, 16, 64, 256] {
            eprintln!("bench: {connections} connections on {workers} workers");
            for (name, proxy) in &proxies {
                let (mut sum, mut worst) = (0.0, 0.0_f64);
                for _ in 0..trials {
                    let most = proxy.most_of(connections).await?;
                    let skew = (most * workers) as f64 / connections as f64;
                    sum += skew;
                    worst = worst.max(skew);
                }
                let mean = sum / f64::from(trials);
                let _ = writeln!(
                    text,
                    "| {workers} | {connections} | {name} | {mean:.2} | {worst:.2} |"
                );
            }
        }
    }
    Ok(text)
}

/// Connections of one request each, by so many clients at once.
async fn costs(args: &Args, site: &Site, builds: &[Build<'_>]) -> anyhow::Result<String> {
    let mut text = String::from(
        "\n### Connections of one request each, two workers on one core\n\n\
         | clients | | CPU for each, µs | connections/s | handed over |\n|---|---|---|---|---|\n",
    );
    let mut proxies = Vec::new();
    for (name, program) in builds {
        proxies.push((name, Proxy::start(site, program, 2).await?));
    }
    for clients in [1, 16] {
        eprintln!("bench: short connections of {clients} clients");
        let mut figures = vec![[Vec::new(), Vec::new(), Vec::new()]; proxies.len()];
        for _ in 0..args.rounds {
            for ((_, proxy), figures) in proxies.iter().zip(&mut figures) {
                let found = proxy.short(args, site, clients).await?;
                figures.iter_mut().zip(found).for_each(|(figures, value)| figures.push(value));
            }
        }
        for ((name, _), figures) in proxies.iter().zip(&figures) {
            let _ = write!(text, "| {clients} | {name} |");
            for (values, unit) in figures.iter().zip(["", "", " %"]) {
                let figure = Figure::of(values).context("no round")?;
                let _ = write!(text, " {:.1}{unit} ±{:.0} % |", figure.median, figure.spread());
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// One that serves, with its counts.
struct Proxy {
    running: Running,
    admin: SocketAddr,
}

impl Proxy {
    async fn start(site: &Site, program: &Path, workers: usize) -> anyhow::Result<Self> {
        let admin = Ports::free()?.plain;
        let (workers, at) = (workers.to_string(), admin.to_string());
        let args = ["--workers", &workers, "--admin", &at];
        Ok(Self { running: portcullis_with(site, program, &args).await?, admin })
    }

    /// Opens connections, closes them, and says how many the busiest worker had.
    async fn most_of(&self, connections: usize) -> anyhow::Result<usize> {
        let mut opening = JoinSet::new();
        for _ in 0..connections {
            let address = self.running.ports.plain;
            opening.spawn_local(async move {
                let (wire, mut reader) = wire::connect(address, None).await?;
                exchange(&wire, &mut reader, REQUEST, 0).await?;
                Ok::<_, std::io::Error>((wire, reader))
            });
        }
        let open: Vec<_> = opening.join_all().await.into_iter().collect::<Result<_, _>>()?;
        let counts = self.sample(ACTIVE).await?;
        let sum: usize = counts.iter().sum();
        ensure!(sum == connections, "{connections} are open, and {counts:?} are counted");
        drop(open);
        let gone = async {
            while self.sample(ACTIVE).await?.iter().sum::<usize>() > 0 {
                sleep(PAUSE).await;
            }
            anyhow::Ok(())
        };
        timeout(END_TIME_MAX, gone).await.context("connections do not end")??;
        counts.into_iter().max().context("there is no worker")
    }

    /// CPU for each in microseconds, connections per second, and how many of a hundred were handed
    /// over.
    async fn short(&self, args: &Args, site: &Site, clients: usize) -> anyhow::Result<[f64; 3]> {
        let address = self.running.ports.plain;
        let before: usize = self.sample(HANDED_OVER).await?.iter().sum();
        let opened: usize = self.sample(TOTAL).await?.iter().sum();
        let work = |tally: Rc<Tally>| async move {
            loop {
                let (wire, mut reader) = wire::connect(address, None).await?;
                exchange(&wire, &mut reader, REQUEST, 0).await?;
                if !tally.count() {
                    return Ok(());
                }
            }
        };
        let look = || Edge::look(site, &self.running);
        let window = repeat(args.times().short, clients, work, look).await?;
        let (used, _) = window.used();
        let micros = used.as_secs_f64() * 1e6 / window.answered as f64;
        let given = self.sample(HANDED_OVER).await?.iter().sum::<usize>() - before;
        let opened = self.sample(TOTAL).await?.iter().sum::<usize>() - opened;
        Ok([micros, per_second(&window), 100.0 * given as f64 / opened as f64])
    }

    /// All values of a metric.
    async fn sample(&self, name: &str) -> anyhow::Result<Vec<usize>> {
        let mut stream = TcpStream::connect(self.admin).await?;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        let lines = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        let values = lines.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse()?));
        let values: Vec<usize> = values.collect::<anyhow::Result<_>>()?;
        ensure!(!values.is_empty(), "there is no {name}");
        Ok(values)
    }
}

const ACTIVE: &str = "portcullis_worker_connections_active";
const HANDED_OVER: &str = "portcullis_connections_handed_over_total";
const TOTAL: &str = "portcullis_connections_total";

const PAUSE: Duration = Duration::from_millis(1);
const END_TIME_MAX: Duration = Duration::from_secs(10);
