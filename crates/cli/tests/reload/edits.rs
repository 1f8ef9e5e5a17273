//! The edits: routes, certificates and listeners, each followed until it is served.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    load::{Guest, Tally},
    stage::{answer::find, certificate::Certificate, http1::Http1, tls::Secured, wait},
    town::{Extra, STEADY, Town},
};

/// Makes so many edits at an even pace and waits for each before the next. Those who
/// use the new listeners, which are gone again at the end, count in `tallies`.
pub(crate) async fn edit(town: &mut Town, edits: usize, times: &mut Times, tallies: &Guests) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut probe = Http1::connect(town.http.address()).await.expect("open");
    let mut guests: Vec<(Guest, Extra)> = Vec::new();
    for number in 1..=edits {
        pace.tick().await;
        times.edits.push(edit_route(town, &mut probe, number).await);
        if number.is_multiple_of(EDITS_PER_ROTATION) {
            times.rotations.push(rotate(town).await);
        }
        if number.is_multiple_of(EDITS_PER_LISTENER) {
            let at_loaded_port = times.added.len().is_multiple_of(2);
            if guests.len() == GUESTS_MAX {
                let (guest, extra) = guests.remove(0);
                leave(town, guest, extra).await;
                times.removed += 1;
            }
            let extra = town.extra(at_loaded_port);
            let edited = Instant::now();
            town.add(&extra);
            programmed(town, &extra).await;
            times.added.push(edited.elapsed());
            let tally = if at_loaded_port { &tallies.listener } else { &tallies.port };
            guests.push((Guest::enter(town, &extra, tally.clone()), extra));
        }
    }
    for (guest, extra) in guests {
        leave(town, guest, extra).await;
        times.removed += 1;
    }
}

/// What those met who used a listener that came and went.
pub(crate) struct Guests {
    pub(crate) listener: Arc<Tally>,
    pub(crate) port: Arc<Tally>,
}

impl Guests {
    pub(crate) fn expected() -> Self {
        Self { listener: Tally::new("a listener more"), port: Tally::new("a port more") }
    }
}

/// Changes the route that everybody uses, each time in another way, and waits until the change is
/// served. The connection that looks is never replaced.
async fn edit_route(town: &Town, probe: &mut Http1, number: usize) -> Duration {
    let (host, wanted) = town.edit(number);
    let edited = Instant::now();
    loop {
        let answer = probe.get(&host, "/").await.expect("the probe is answered");
        let found = match answer.status {
            200 => find(&answer.headers, "x-edit").map(str::to_owned),
            404 => None,
            _ => panic!("{answer:?}"),
        };
        if found == wanted {
            return edited.elapsed();
        }
        assert!(edited.elapsed() < wait::PATIENCE, "edit {number} of {host} is not served");
        tokio::task::yield_now().await;
    }
}

/// Replaces the certificate and waits until a new handshake shows it.
async fn rotate(town: &Town) -> Duration {
    let next = Certificate::of(&[STEADY]);
    town.rotate(&next);
    let edited = Instant::now();
    wait::until("the new certificate", async || {
        let secured = Secured::connect(town.https.address(), STEADY, &["h2", "http/1.1"]).await;
        (secured.expect("every handshake succeeds").certificate() == next.der).then_some(())
    })
    .await;
    edited.elapsed()
}

async fn programmed(town: &Town, extra: &Extra) {
    wait::until(&format!("Programmed=True of {}", extra.name), async || {
        let found = town.running.admin.listener(Town::GATEWAY, &extra.name, "Programmed").await?;
        (found.status == "True").then_some(())
    })
    .await;
}

/// Removes a listener while its guest asks on.
async fn leave(town: &mut Town, guest: Guest, extra: Extra) {
    guest.last_orders();
    town.remove(&extra);
    wait::until(&format!("the end of {}", extra.name), async || {
        let found = town.running.admin.listener(Town::GATEWAY, &extra.name, "Programmed").await;
        found.is_none().then_some(())
    })
    .await;
    guest.gone().await;
}

/// How long things took.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) edits: Vec<Duration>,
    pub(crate) rotations: Vec<Duration>,
    pub(crate) added: Vec<Duration>,
    pub(crate) removed: usize,
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:<22} {:>9} {:>9} {:>11}", "until served", "median", "worst", "count")?;
        let rows = [
            ("route edits", &self.edits),
            ("certificates", &self.rotations),
            ("listeners programmed", &self.added),
        ];
        for (name, times) in rows {
            let mut sorted = times.clone();
            sorted.sort();
            let at = |place: usize| {
                let time = sorted.get(place).copied().unwrap_or_default();
                format!("{:.1} ms", time.as_secs_f64() * 1000.0)
            };
            let (median, worst) = (at(sorted.len() / 2), at(sorted.len().saturating_sub(1)));
            writeln!(f, "{name:<22} {median:>9} {worst:>9} {:>11}", sorted.len())?;
        }
        write!(f, "listeners removed: {}", self.removed)
    }
}

/// Between two edits of the route that everybody uses: two hundred make a minute.
pub(crate) const PACE: Duration = Duration::from_millis(300);
/// Every so many edits the certificate is another one.
pub(crate) const EDITS_PER_ROTATION: usize = 10;
/// Every so many edits there is a listener more.
pub(crate) const EDITS_PER_LISTENER: usize = 5;
/// Listeners that are there at the same time, beside the steady ones.
const GUESTS_MAX: usize = 4;
