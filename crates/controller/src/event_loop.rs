//! The controller's one loop: everything that may wake it is an [`Event`].
//!
//! It takes in what waits, translates what that touches, publishes the difference, and goes back to
//! sleep. One delta is under way at a time; what changes meanwhile goes into the next, so that a
//! slow proxy gets the latest state and never a backlog. No I/O happens here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use api::{
    core::endpoint_slice::EndpointSlice, kind::ObjectKey, meta::NamespacedName, object::Object,
};
use ir::{Ack, Delta, Rejection, Snapshot};
use tokio::sync::{mpsc, oneshot, watch};
use translate::{Observations, Published, Settings, Translator};

use crate::{
    provider::{echo::Lonely, file::Content},
    report::{self, Problem, Report},
    store::Store,
};

/// What may wake the loop.
#[derive(Debug)]
pub enum Event {
    /// Files are new, changed, gone or unreadable.
    Files(BTreeMap<PathBuf, Content>),
    /// The echoes that stand now.
    Echo(Vec<EndpointSlice>),
    /// A proxy answered.
    Acked(Ack),
    /// Objects of a cluster are new, changed or gone.
    Objects(Vec<Change>),
    /// A cluster's objects have all been listed; `true`: and those that are fetched by name were.
    Synced(bool),
    /// This replica leads now, or does no more.
    Lead(bool),
    /// What the API server says against the infrastructure of Gateways; none when it was mended.
    Faults(BTreeMap<NamespacedName, Option<String>>),
    /// Everything that is wrong with the way to the cluster now.
    ProviderProblems(Vec<Problem>),
    /// Somebody wants to see the state.
    Report(oneshot::Sender<Report>),
}

/// What became of an object of a cluster.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which.
    pub key: ObjectKey,
    /// As it is now; none when it is not there.
    pub object: Option<Object>,
}

/// How far things are, for whoever waits for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Changes of input that were translated.
    pub steps: u64,
    /// The last revision that was published.
    pub published: u64,
    /// The last revision that the proxy serves.
    pub served: u64,
}

/// The state between two events.
pub(crate) struct EventLoop {
    store: Store,
    /// Whether the echoes are not yet in line with the Services; translation waits for them.
    awaits_echo: bool,
    settings: Settings,
    translator: Translator,
    observations: Observations,
    published: Snapshot,
    /// Keys that changed since the last delta.
    pending: BTreeSet<ir::Key>,
    /// The revision that the proxy has not answered yet, and what it holds.
    under_way: Option<(u64, Published)>,
    /// What the proxy serves, and its last word about that.
    served: (Published, Ack),
    /// What was said already, by what it is about.
    told: BTreeMap<Problem, Problem>,
    refused: Vec<Rejection>,
    progress: watch::Sender<Progress>,
    deltas: mpsc::Sender<Delta>,
    echo: Option<watch::Sender<Lonely>>,
}

impl EventLoop {
    pub(crate) fn new(
        settings: Settings,
        deltas: mpsc::Sender<Delta>,
        echo: Option<watch::Sender<Lonely>>,
        progress: watch::Sender<Progress>,
    ) -> Self {
        Self {
            store: Store::default(),
            awaits_echo: false,
            translator: Translator::new(settings.clone()),
            settings,
            observations: Observations::default(),
            published: Snapshot::default(),
            pending: BTreeSet::new(),
            under_way: None,
            served: Default::default(),
            told: BTreeMap::new(),
            refused: Vec::new(),
            progress,
            deltas,
            echo,
        }
    }

    /// Runs until every sender of events is gone, or nobody takes deltas any more.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let mut touched = Touched::default();
        while let Some(first) = events.recv().await {
            self.take(first, &mut touched);
            while let Ok(next) = events.try_recv() {
                self.take(next, &mut touched);
            }
            let reports = std::mem::take(&mut touched.reports);
            if !self.awaits_echo && !touched.nothing() {
                let Touched { objects, input, .. } = std::mem::take(&mut touched);
                self.translate(&objects);
                self.tell(input);
            }
            // Before that a proxy has nothing to serve, and is not ready.
            let translated = self.progress.borrow().steps > 0;
            if translated && self.publish().await.is_err() {
                return;
            }
            for answer in reports {
                // Whoever asked may have gone.
                let _ = answer.send(self.report());
            }
        }
    }

    fn take(&mut self, event: Event, touched: &mut Touched) {
        match event {
            Event::Files(files) => {
                touched.input = true;
                touched.objects.extend(self.store.take(files));
                if let Some(echo) = &self.echo {
                    let lonely = self.store.lonely();
                    // Until the echoes stand, those Services would be looked up by name in vain.
                    self.awaits_echo |= echo.send_if_modified(|now| {
                        let changed = *now != lonely;
                        *now = lonely;
                        changed
                    });
                }
            }
            Event::Echo(slices) => {
                self.awaits_echo = false;
                touched.objects.extend(self.store.take_echoes(slices));
            }
            Event::Acked(ack) => touched.observed |= self.observe(&ack),
            Event::Objects(_)
            | Event::Synced(_)
            | Event::Lead(_)
            | Event::Faults(_)
            | Event::ProviderProblems(_) => {}
            Event::Report(answer) => touched.reports.push(answer),
        }
    }

    /// Takes an answer in. Whether it says anything that a translation would read.
    fn observe(&mut self, ack: &Ack) -> bool {
        // Every answer repeats what is still refused; that is said once.
        for rejection in ack.rejected.iter().filter(|rejection| !self.refused.contains(rejection)) {
            tracing::error!(key = %rejection.key, reason = %rejection.reason, "the proxy refused");
        }
        self.refused.clone_from(&ack.rejected);
        self.progress.send_modify(|progress| progress.served = ack.revision);
        if let Some((_, published)) =
            self.under_way.take_if(|(revision, _)| *revision <= ack.revision)
        {
            self.served.0 = published;
        }
        self.served.1.clone_from(ack);
        self.serve()
    }

    /// Tells the translation what the proxy serves. Whether that is news.
    fn serve(&mut self) -> bool {
        let (published, ack) = &self.served;
        let known = self.observations.gateways().cloned();
        let gateways: BTreeSet<_> = known.chain(published.gateways().cloned()).collect();
        let mut news = false;
        for name in gateways {
            let mut served = published.served(&name);
            if let Some(served) = &mut served {
                served.complain(ack);
            }
            news |= self.observations.gateway(name, served);
        }
        news
    }

    fn translate(&mut self, objects: &BTreeSet<ObjectKey>) {
        let step = self.translator.update(self.store.resources(), &self.observations, objects);
        self.pending.extend(step.changed_keys);
        self.progress.send_modify(|progress| progress.steps += 1);
    }

    /// Sends the difference to what was published, unless a delta is still under way.
    async fn publish(&mut self) -> Result<(), mpsc::error::SendError<Delta>> {
        if self.under_way.is_some() {
            return Ok(());
        }
        let revision = self.progress.borrow().published + 1;
        let keys = std::mem::take(&mut self.pending);
        let delta = ir::diff(revision, &self.published, &self.translator.output().ir, Some(&keys));
        let published = self.translator.output().published();
        if delta.is_empty() && revision > 1 {
            self.served.0 = published;
            if self.serve() {
                self.translate(&BTreeSet::new());
            }
            return Ok(());
        }
        self.published.apply(&delta);
        self.under_way = Some((revision, published));
        self.progress.send_modify(|progress| progress.published = revision);
        self.deltas.send(delta).await
    }

    /// Says once what is new among the diagnostics, and what was mended.
    fn tell(&mut self, input: bool) {
        if !input {
            return;
        }
        let problems = report::problems(&self.store, self.translator.output());
        let now = problems.into_iter().map(|problem| (problem.subject(), problem)).collect();
        for problem in only(&now, &self.told) {
            if problem.is_error() {
                tracing::error!("{problem}");
            } else {
                tracing::warn!("{problem}");
            }
        }
        for problem in only(&self.told, &now) {
            tracing::info!("mended: {problem}");
        }
        self.told = now;
    }

    fn report(&self) -> Report {
        Report::new(&self.store, self.translator.output(), &self.settings)
    }
}

/// The problems of one state that another does not have.
fn only<'p>(
    of: &'p BTreeMap<Problem, Problem>,
    other: &BTreeMap<Problem, Problem>,
) -> impl Iterator<Item = &'p Problem> {
    of.iter().filter(|(subject, _)| !other.contains_key(subject)).map(|(_, problem)| problem)
}

/// What a batch of events touched.
#[derive(Default)]
struct Touched {
    objects: BTreeSet<ObjectKey>,
    input: bool,
    observed: bool,
    reports: Vec<oneshot::Sender<Report>>,
}

impl Touched {
    fn nothing(&self) -> bool {
        self.objects.is_empty() && !self.input && !self.observed
    }
}
