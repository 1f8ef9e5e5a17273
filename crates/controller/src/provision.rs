//! Makes what a Gateway needs in the cluster, and keeps it as it should be.
//!
//! One task. What is wanted comes through a mailbox, what is there through watches of our own
//! objects; where the two differ something is written, and nothing else ever is. Only the leader
//! watches and writes. What the API server says against it goes back as an observation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use api::meta::NamespacedName;
use kube::Client;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use translate::Infra;

use self::{
    fault::Patience,
    owned::{Owned, Seen},
    plan::Step,
    work::Outcome,
};
use crate::{
    event_loop::{Event, Need},
    lead::Lead,
    mailbox::Mailbox,
};

mod agree;
mod canonical;
mod defaults;
mod fault;
mod merge;
mod owned;
mod plan;
mod render;
#[cfg(test)]
mod samples;
mod work;

pub use render::{RenderError, render};

/// What an installation puts into everything that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// The image of the proxies.
    pub image: String,
    /// When nodes pull it: `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
    /// Where proxies get their configuration: `host:port`.
    pub stream: String,
    /// For whom the tokens of proxies are made out.
    pub audience: String,
    /// The namespace of the controllers; tells the objects of one installation from another's.
    pub installation: String,
    /// The authorities that proxies trust, in PEM. Nothing is made before there is one.
    pub ca: Arc<str>,
}

/// What [`Provision`] listens to.
pub struct Inlets {
    /// What each Gateway needs. What is there of one that nothing is said of is left alone.
    pub infra: Mailbox<NamespacedName, Need>,
    /// Whether this replica writes.
    pub lead: watch::Receiver<Lead>,
    /// The authorities that proxies trust now.
    pub ca: watch::Receiver<Arc<str>>,
}

/// The task that makes infrastructure.
pub struct Provision {
    client: Client,
    install: Install,
    inlets: Inlets,
    events: mpsc::Sender<Event>,
    wanted: BTreeMap<NamespacedName, Infra>,
    /// Gateways that need nothing of ours.
    released: BTreeSet<NamespacedName>,
    /// What was told to the event loop.
    faults: BTreeMap<NamespacedName, String>,
}

impl Provision {
    /// Everything it needs. Nothing happens before [`Provision::run`].
    pub fn new(
        client: Client,
        install: Install,
        inlets: Inlets,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let (wanted, released, faults) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { client, install, inlets, events, wanted, released, faults }
    }

    /// Runs until one of the inlets or the event loop is gone.
    pub async fn run(mut self) {
        while self.follow().await.is_some() && self.rule().await.is_some() {}
    }

    /// Only keeps in mind what is wanted, until this replica leads.
    async fn follow(&mut self) -> Option<()> {
        while !self.inlets.lead.borrow_and_update().is_leader() {
            tokio::select! {
                changed = self.inlets.lead.changed() => changed.ok()?,
                news = self.inlets.infra.take() => drop(self.take(news)),
            }
        }
        // What a leader makes was put there before this replica was called the leader.
        let news = self.inlets.infra.try_take();
        self.take(news);
        Some(())
    }

    /// Takes in what is wanted; gives the Gateways concerned.
    fn take(&mut self, news: BTreeMap<NamespacedName, Need>) -> Vec<NamespacedName> {
        let gateways = news.keys().cloned().collect();
        for (gateway, need) in news {
            self.released.remove(&gateway);
            match need {
                Need::Infra(infra) => drop(self.wanted.insert(gateway, *infra)),
                Need::Nothing => {
                    self.wanted.remove(&gateway);
                    self.released.insert(gateway);
                }
                Need::Unknown => drop(self.wanted.remove(&gateway)),
            }
        }
        gateways
    }

    /// Brings what is there in line with what is wanted, until this replica leads no more.
    async fn rule(&mut self) -> Option<()> {
        let mut term = Term::new(self.client.clone());
        self.inlets.ca.mark_changed();
        loop {
            self.start(&mut term);
            let due = term.retries.values().filter_map(|patience| patience.until).min();
            tokio::select! {
                changed = self.inlets.lead.changed() => {
                    changed.ok()?;
                    if !self.inlets.lead.borrow_and_update().is_leader() {
                        return Some(());
                    }
                }
                news = self.inlets.infra.take() => {
                    for gateway in self.take(news) {
                        term.retries.remove(&gateway);
                        term.dirty.insert(gateway);
                    }
                }
                changed = self.inlets.ca.changed() => {
                    changed.ok()?;
                    self.install.ca = self.inlets.ca.borrow_and_update().clone();
                    term.dirty.extend(self.wanted.keys().cloned());
                }
                Some(seen) = term.watches.recv() => term.dirty.extend(term.owned.take(seen)),
                Some(Ok((gateway, outcome))) = term.work.join_next() => {
                    self.finish(&mut term, gateway, outcome).await?;
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    term.wake(Instant::now());
                }
            }
        }
    }

    /// Starts work on the Gateways that something happened to, a few at once.
    fn start(&self, term: &mut Term) {
        if !term.owned.is_complete() || self.install.ca.is_empty() {
            return;
        }
        let waits = |gateway: &NamespacedName| {
            term.retries.get(gateway).is_some_and(|patience| patience.until.is_some())
        };
        let ready: Vec<_> = term
            .dirty
            .iter()
            .filter(|gateway| !term.busy.contains(*gateway) && !waits(gateway))
            .take(WORK_MAX.saturating_sub(term.work.len()))
            .cloned()
            .collect();
        for gateway in ready {
            term.dirty.remove(&gateway);
            let steps = self.plan(term, &gateway);
            // A plan without steps says that all is well, which may mend a fault.
            if steps.as_ref().is_ok_and(Vec::is_empty) && !term.is_faulty(&gateway, &self.faults) {
                continue;
            }
            term.busy.insert(gateway.clone());
            let client = self.client.clone();
            term.work.spawn(async move {
                let outcome = match steps {
                    Ok(steps) => work::execute(&client, steps).await,
                    Err(fault) => Outcome::refused(fault),
                };
                (gateway, outcome)
            });
        }
    }

    fn plan(&self, term: &Term, gateway: &NamespacedName) -> Result<Vec<Step>, fault::Fault> {
        let there = term.owned.of(gateway);
        match self.wanted.get(gateway) {
            Some(infra) if infra.frozen => Ok(plan::trust(infra, &self.install, there)),
            Some(infra) => plan::plan(infra, &self.install, there),
            // Only what is known to be another controller's goes; that something is not found can
            // have many reasons.
            None if self.released.contains(gateway) => {
                Ok(plan::remove(&self.install.installation, there))
            }
            None => Ok(Vec::new()),
        }
    }

    /// Takes in what became of a Gateway's work. None when nobody listens any more.
    async fn finish(
        &mut self,
        term: &mut Term,
        gateway: NamespacedName,
        outcome: Outcome,
    ) -> Option<()> {
        term.busy.remove(&gateway);
        let worked = !outcome.seen.is_empty();
        for seen in outcome.seen {
            term.owned.take(seen);
        }
        if outcome.surprised {
            term.dirty.insert(gateway.clone());
        }
        let fault = match outcome.fault {
            None => {
                term.retries.remove(&gateway);
                if worked && term.is_contended(&gateway, Instant::now()) {
                    tracing::warn!(%gateway, "something else keeps changing what is applied");
                    term.retries.entry(gateway.clone()).or_default().pause();
                }
                // Pods that cannot be made are no fault of a request: the workload says so itself.
                term.owned.of(&gateway).iter().find_map(Owned::fault)
            }
            Some(fault) => {
                let patience = term.retries.entry(gateway.clone()).or_default();
                patience.wait(&fault);
                tracing::warn!(%gateway, tries = patience.tries, "not provisioned: {fault}");
                term.dirty.insert(gateway.clone());
                patience.tell(&fault)
            }
        };
        let fault = fault.filter(|_| self.wanted.contains_key(&gateway));
        if self.faults.get(&gateway) == fault.as_ref() {
            return Some(());
        }
        match &fault {
            Some(fault) => self.faults.insert(gateway.clone(), fault.clone()),
            None => self.faults.remove(&gateway),
        };
        self.events.send(Event::Faults(BTreeMap::from([(gateway, fault)]))).await.ok()
    }
}

/// What lasts only while this replica leads.
struct Term {
    watches: mpsc::Receiver<Seen>,
    owned: owned::All,
    /// Gateways to look at.
    dirty: BTreeSet<NamespacedName>,
    /// Gateways that are worked on.
    busy: BTreeSet<NamespacedName>,
    retries: BTreeMap<NamespacedName, Patience>,
    /// Since when, and how often, each Gateway was written for without a quiet time between.
    recent: BTreeMap<NamespacedName, (Instant, u32)>,
    work: JoinSet<(NamespacedName, Outcome)>,
    /// Ends with the term.
    _watchers: JoinSet<()>,
}

impl Term {
    fn new(client: Client) -> Self {
        let (_watchers, watches) = owned::watch(&client);
        Self {
            watches,
            owned: owned::All::default(),
            dirty: BTreeSet::new(),
            busy: BTreeSet::new(),
            retries: BTreeMap::new(),
            recent: BTreeMap::new(),
            work: JoinSet::new(),
            _watchers,
        }
    }

    /// Looks again at what was put off until now.
    fn wake(&mut self, now: Instant) {
        for (gateway, patience) in &mut self.retries {
            if patience.is_due(now) {
                self.dirty.insert(gateway.clone());
            }
        }
    }

    /// Counts a write; says whether there are more of them than people and rollouts make.
    fn is_contended(&mut self, gateway: &NamespacedName, now: Instant) -> bool {
        self.recent.retain(|_, (last, _)| now.duration_since(*last) < QUIET);
        let (last, count) = self.recent.entry(gateway.clone()).or_insert((now, 0));
        *last = now;
        *count += 1;
        *count > WRITES_MAX
    }

    /// Whether what was told of a Gateway differs from what its objects say.
    fn is_faulty(&self, gateway: &NamespacedName, told: &BTreeMap<NamespacedName, String>) -> bool {
        let fault = self.owned.of(gateway).iter().find_map(Owned::fault);
        fault.as_ref() != told.get(gateway)
    }
}

/// Gateways that are worked on at once: a start with many must not crowd the API server.
const WORK_MAX: usize = 8;
/// Writes in a row for one Gateway that are nothing strange.
const WRITES_MAX: u32 = 20;
/// What ends such a row.
const QUIET: Duration = Duration::from_secs(5);
