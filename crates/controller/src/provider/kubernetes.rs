//! Objects from the API server of a cluster, as they are now.
//!
//! Each kind that the server has is followed by a task of its own; CRDs may come and go. What the
//! server says last goes on to hold while it cannot be read. No decision about traffic is made
//! here, and nothing is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use api::kind::{Kind, ObjectKey};
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::{Instant, sleep_until},
};
use translate::Installed;

use crate::event_loop::{Change, Event};

mod connect;
mod discovery;
mod fault;
mod follow;
mod live;
mod named;
mod problems;
mod reflect;
mod request;
mod snapshot;

pub use connect::{ConnectError, connect};
pub use live::{Live, LiveObjects};
pub use snapshot::{Cluster, ReadError, read};

use discovery::{Discovery, Served};
use fault::{Backoff, Fault, REFUSALS};
use named::{Reached, Wishes};
use problems::{Problems, Subject};
use request::{Server, Target};

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks at which kinds there are.
    pub discovery: Duration,
    /// Until the server begins to answer, and between two pieces of an answer.
    pub answer: Duration,
    /// Between two words of a watch. Servers send a bookmark each minute.
    pub silence: Duration,
    /// A watch that held for this long is a good one.
    pub steady: Duration,
    /// Waits between attempts: the first, and the longest.
    pub retry: (Duration, Duration),
    /// Between two attempts at what the server refuses.
    pub refused: Duration,
    /// Until a name that is wanted counts as not there, while the server does not say.
    pub name: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            discovery: Duration::from_secs(2),
            answer: Duration::from_secs(30),
            silence: Duration::from_secs(90),
            steady: Duration::from_secs(3),
            retry: (Duration::from_millis(200), Duration::from_secs(5)),
            refused: Duration::from_secs(30),
            name: Duration::from_secs(1),
        }
    }
}

/// Starts to follow the cluster, on the runtime of the caller, until nobody takes events any more.
/// Of Secrets and ConfigMaps only the `wanted` are fetched.
///
/// `Event::Synced(false)` comes once, behind the objects of all kinds but those two, and is to be
/// answered by a word on `wanted`, be it the same as before; `Event::Synced(true)` comes once these
/// are fetched too. Each key that is wanted later is answered by a change before long, also where
/// nothing is there.
pub fn start(
    client: kube::Client,
    pace: Pace,
    wanted: watch::Receiver<BTreeSet<ObjectKey>>,
    events: mpsc::Sender<Event>,
) -> LiveObjects {
    let live = LiveObjects::default();
    let outlet =
        Outlet { events, live: live.clone(), problems: Problems::default(), turn: Arc::default() };
    let (settled, settling) = mpsc::channel(SETTLED_MAX);
    let (reached, reaching) = mpsc::channel(SETTLED_MAX);
    let provider = Provider {
        server: Server { client, pace },
        outlet,
        discovery: Discovery::default(),
        backoff: Backoff::new(pace),
        running: BTreeMap::new(),
        absences: BTreeMap::new(),
        complete: false,
        installed: None,
        release_at: Instant::now(),
        settled,
        reached,
        unsettled: NAMED.into(),
        stage: Stage::Listing,
        wishes: watch::Sender::default(),
    };
    tokio::spawn(async move {
        // It fails when nobody takes events, which is its end.
        let _ = provider.run(wanted, settling, reaching).await;
    });
    live
}

/// Nobody takes events any more.
#[derive(Debug)]
pub(crate) struct Closed;

/// Where everything goes that is found out.
#[derive(Clone)]
pub(crate) struct Outlet {
    events: mpsc::Sender<Event>,
    live: LiveObjects,
    problems: Problems,
    /// Held while problems are sent, so that an older state never comes behind a newer one.
    turn: Arc<Mutex<()>>,
}

impl Outlet {
    /// Sends changes, and what is wrong if that is new.
    async fn send(&self, changes: Vec<Change>) -> Result<(), Closed> {
        if !changes.is_empty() {
            self.event(Event::Objects(changes)).await?;
        }
        let _turn = self.turn.lock().await;
        match self.problems.news() {
            Some(all) => self.event(Event::ProviderProblems(all)).await,
            None => Ok(()),
        }
    }

    async fn event(&self, event: Event) -> Result<(), Closed> {
        self.events.send(event).await.map_err(|_| Closed)
    }
}

struct Provider {
    server: Server,
    outlet: Outlet,
    discovery: Discovery,
    backoff: Backoff,
    /// What is followed; each task ends when it is told that its kind is gone.
    running: BTreeMap<Kind, watch::Sender<Option<Target>>>,
    /// Looks in a row that did not find a kind which is followed.
    absences: BTreeMap<Kind, u32>,
    /// Whether all kinds are known to be there or not.
    complete: bool,
    installed: Option<Installed>,
    /// When to look again which release is installed.
    release_at: Instant,
    settled: mpsc::Sender<Kind>,
    reached: mpsc::Sender<Reached>,
    /// Kinds that have not been read to the end.
    unsettled: BTreeSet<Kind>,
    stage: Stage,
    wishes: watch::Sender<Wishes>,
}

/// How far the first reading of everything is.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Kinds are being listed.
    Listing,
    /// Everything is listed; which names are wanted is not known.
    Asking,
    /// Kinds whose names of this round are still being fetched.
    Fetching(u64, BTreeSet<Kind>),
    Done,
}

impl Provider {
    async fn run(
        mut self,
        mut wanted: watch::Receiver<BTreeSet<ObjectKey>>,
        mut settling: mpsc::Receiver<Kind>,
        mut reaching: mpsc::Receiver<Reached>,
    ) -> Result<(), Closed> {
        for kind in NAMED {
            let target = Target::new(kind, kind.versions()[0]);
            let (server, outlet) = (self.server.clone(), self.outlet.clone());
            let (wishes, reached) = (self.wishes.subscribe(), self.reached.clone());
            tokio::spawn(named::follow_named(server, target, wishes, outlet, reached));
        }
        let events = self.outlet.events.clone();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = sleep_until(next) => next = Instant::now() + self.look().await?,
                Some(kind) = settling.recv() => drop(self.unsettled.remove(&kind)),
                Some(reached) = reaching.recv() => match reached {
                    Reached::Listed(kind) => drop(self.unsettled.remove(&kind)),
                    Reached::Fetched(kind, round) => {
                        if let Stage::Fetching(of, left) = &mut self.stage && *of <= round {
                            left.remove(&kind);
                        }
                    }
                },
                changed = wanted.changed() => {
                    changed.map_err(|_| Closed)?;
                    let keys = Arc::new(wanted.borrow_and_update().clone());
                    self.wishes.send_modify(|wishes| {
                        *wishes = Wishes { round: wishes.round + 1, keys };
                    });
                    if self.stage == Stage::Asking {
                        let round = self.wishes.borrow().round;
                        self.stage = Stage::Fetching(round, NAMED.into());
                    }
                }
                () = events.closed() => return Err(Closed),
            }
            self.advance().await?;
        }
    }

    /// Says how far things are, where that is new.
    async fn advance(&mut self) -> Result<(), Closed> {
        match &self.stage {
            Stage::Listing if self.complete && self.unsettled.is_empty() => {
                self.stage = Stage::Asking;
                self.outlet.event(Event::Synced(false)).await
            }
            Stage::Fetching(_, left) if left.is_empty() => {
                self.stage = Stage::Done;
                self.outlet.event(Event::Synced(true)).await
            }
            _ => Ok(()),
        }
    }

    /// Looks which kinds there are; when to look again.
    async fn look(&mut self) -> Result<Duration, Closed> {
        let served = match self.discovery.look(&self.server).await {
            Ok(served) => served.clone(),
            Err(fault) => return self.blind(&fault).await,
        };
        self.start_new(&served);
        let looked = match self.settle_absent(&served).await {
            Ok(()) => self.look_at_release().await,
            Err(fault) => Err(fault),
        };
        match looked {
            Ok(news) => {
                if let Some(installed) = news {
                    self.outlet.event(Event::Installed(installed)).await?;
                }
                self.backoff.reset();
                self.outlet.problems.clear(Subject::Discovery);
                self.outlet.send(Vec::new()).await?;
                self.complete = true;
                Ok(self.server.pace.discovery)
            }
            Err(fault) => self.blind(&fault).await,
        }
    }

    /// Follows kinds that are new, or there in another version.
    fn start_new(&mut self, served: &Served) {
        for (kind, target) in served.iter().filter(|(kind, _)| !NAMED.contains(kind)) {
            self.absences.remove(kind);
            if let Some(running) = self.running.get(kind) {
                running.send_if_modified(|now| now.replace(*target) != Some(*target));
                continue;
            }
            tracing::debug!(%target, version = target.version, "is followed");
            let (tell, told) = watch::channel(Some(*target));
            self.running.insert(*kind, tell);
            if self.stage == Stage::Listing {
                self.unsettled.insert(*kind);
            }
            let (server, outlet) = (self.server.clone(), self.outlet.clone());
            tokio::spawn(reflect::reflect(server, told, outlet, self.settled.clone()));
        }
    }

    /// Finds out whether kinds that are not served are really not there.
    async fn settle_absent(&mut self, served: &Served) -> Result<(), Fault> {
        if !self.complete {
            // To begin with, a kind that is overlooked would cost what others still serve of it.
            for kind in Kind::ALL.into_iter().filter(|kind| !served.contains_key(kind)) {
                match discovery::is_absent(&self.server, kind).await {
                    Ok(true) => {}
                    Ok(false) => {
                        let message = format!("it has {kind}, and says it has not");
                        return Err(Fault::Malformed(message));
                    }
                    // Who may not read a kind cannot tell it from one that is not there.
                    Err(Fault::Refused(_)) if self.backoff.failures() >= REFUSALS => {}
                    Err(fault) => return Err(fault),
                }
            }
        }
        let lost: Vec<Kind> =
            self.running.keys().filter(|kind| !served.contains_key(kind)).copied().collect();
        for kind in lost {
            let absences = self.absences.entry(kind).or_default();
            *absences += 1;
            // A server that restarts forgets its CRDs for a moment.
            if *absences < ABSENCES {
                continue;
            }
            let absent = match discovery::is_absent(&self.server, kind).await {
                Err(Fault::Refused(_)) => *absences >= ABSENCES_REFUSED,
                answer => answer?,
            };
            if absent {
                tracing::info!(%kind, "the API server has this kind no more");
                self.absences.remove(&kind);
                self.unsettled.remove(&kind);
                if let Some(running) = self.running.remove(&kind) {
                    running.send_replace(None);
                }
            }
        }
        Ok(())
    }

    /// Looks which release of the Gateway API is installed, if it is time to; gives what is new.
    async fn look_at_release(&mut self) -> Result<Option<Installed>, Fault> {
        if self.release_at > Instant::now() {
            return Ok(None);
        }
        let installed = match self.server.release().await {
            Ok(release) => Installed::Release(release),
            // What is known goes on to hold.
            Err(_) if self.installed.is_some() => {
                self.release_at = Instant::now() + RELEASE;
                return Ok(None);
            }
            Err(Fault::Refused(_)) if self.backoff.failures() >= REFUSALS => Installed::Unreadable,
            Err(fault) => return Err(fault),
        };
        self.release_at = Instant::now() + RELEASE;
        let news = self.installed.replace(installed.clone()) != Some(installed.clone());
        Ok(news.then_some(installed))
    }

    /// What to do when the server does not say: everything stays as it is.
    async fn blind(&mut self, fault: &Fault) -> Result<Duration, Closed> {
        let wait = self.backoff.next(fault);
        if self.backoff.failures() > 2 {
            let found = problems::problem("Unreachable", problems::unreachable(fault));
            self.outlet.problems.set(Subject::Discovery, vec![found]);
            self.outlet.send(Vec::new()).await?;
        }
        Ok(wait)
    }
}

/// Kinds of which only what is looked up by name is fetched.
const NAMED: [Kind; 2] = [Kind::Secret, Kind::ConfigMap];
/// Between two looks at which release is installed.
const RELEASE: Duration = Duration::from_secs(60);
/// Looks that must miss a kind until it may be gone.
const ABSENCES: u32 = 3;
/// The same where the server refuses to confirm it, as one does that has not read its roles yet.
const ABSENCES_REFUSED: u32 = 30;
/// Words of tasks that wait to be heard.
const SETTLED_MAX: usize = 64;
