//! The controller's one loop: everything that may wake it is an [`Event`], or an answer of a proxy.
//!
//! It takes in what waits, translates what that touches, publishes the difference, hands on what is
//! to be written, and goes back to sleep. It waits for nobody: whoever it tells something gets the
//! latest state when it has time for that. No I/O happens here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use api::{
    core::endpoint_slice::EndpointSlice,
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
    object::Object,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout_at},
};
use translate::{Infra, Installed, ObjectStatus, Observations, Settings, Translator};

use crate::{
    lead::Lead,
    mailbox::Mailbox,
    metrics::Metrics,
    provider::{
        echo::Lonely,
        file::Content,
        kubernetes::{Live, LiveObjects},
    },
    publish::{
        admission::Accounts,
        hub::{Hub, ProxyAnswer},
    },
    report::{
        self, Problem, Report,
        events::{self, Notice, Notices},
    },
    store::Store,
};

mod proxies;

use proxies::Proxies;

/// What may wake the loop.
#[derive(Debug)]
pub enum Event {
    /// Files are new, changed, gone or unreadable.
    Files(BTreeMap<PathBuf, Content>),
    /// The echoes that stand now.
    Echo(Vec<EndpointSlice>),
    /// Objects of a cluster are new, changed or gone.
    Objects(Vec<Change>),
    /// A cluster's objects have all been listed; `true`: and those that are fetched by name were.
    Synced(bool),
    /// Which release of the Gateway API the cluster has.
    Installed(Installed),
    /// Who leads now.
    Lead(Lead),
    /// What the API server says against the infrastructure of Gateways; none when it was mended.
    Faults(BTreeMap<NamespacedName, Option<String>>),
    /// Everything that is wrong with the way to the cluster now.
    ProviderProblems(Vec<Problem>),
    /// Somebody wants to see the state.
    Report(oneshot::Sender<Report>),
}

/// What became of an object of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The last revision that every proxy serves.
    pub served: u64,
}

/// What is known of what a Gateway needs in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// This.
    Infra(Box<Infra>),
    /// Nothing: it is there, and of another controller's class, which is there too.
    Nothing,
    /// Nobody can tell: the Gateway or its class is gone or cannot be read, or another Gateway has
    /// its names. What is there stays; with a Gateway that is deleted it goes by its owner.
    Unknown,
}

/// Where a cluster is told what was found out. What is handed on is the whole truth about its key:
/// who reads it compares it with what is there. A follower hands on as well, so that it is warm.
#[derive(Clone)]
pub struct Outlets {
    /// What each object is told; none when that is nothing of ours (any more).
    pub status: Mailbox<ObjectKey, Option<ObjectStatus>>,
    /// What each Gateway needs.
    pub infra: Mailbox<NamespacedName, Need>,
    /// Proxies, by Gateway and name, that are left out because they are silent, or are not any
    /// more.
    pub silent: Mailbox<(NamespacedName, Arc<str>), bool>,
    /// What an operator has to know.
    pub notices: Notices,
    /// Secrets and ConfigMaps that are looked up.
    pub wanted: watch::Sender<BTreeSet<ObjectKey>>,
    /// Whose token lets a proxy have which Gateway.
    pub accounts: watch::Sender<Arc<Accounts>>,
    /// Whether the whole cluster was read, and everything of it has been handed on once.
    pub complete: watch::Sender<bool>,
    /// Who leads; this replica not before it has handed on what a leader says.
    pub lead: watch::Sender<Lead>,
    /// What the cluster itself says of the objects.
    pub live: LiveObjects,
}

impl Outlets {
    /// New ones, in which nothing waits.
    pub fn new(wanted: watch::Sender<BTreeSet<ObjectKey>>, live: LiveObjects) -> Self {
        Self {
            status: Mailbox::default(),
            infra: Mailbox::default(),
            silent: Mailbox::default(),
            notices: Notices::default(),
            wanted,
            accounts: watch::Sender::default(),
            complete: watch::Sender::default(),
            lead: watch::Sender::default(),
            live,
        }
    }
}

/// What the loop talks to.
pub(crate) struct Surroundings {
    pub(crate) hub: Hub,
    pub(crate) answers: Mailbox<u64, ProxyAnswer>,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) metrics: Arc<Metrics>,
    /// Who stands in for Services without an address.
    pub(crate) echo: Option<watch::Sender<Lonely>>,
    /// The cluster, if it is one that this is about.
    pub(crate) outlets: Option<Outlets>,
}

/// The state between two events.
pub(crate) struct EventLoop {
    around: Surroundings,
    store: Store,
    settings: Settings,
    translator: Translator,
    observations: Observations,
    proxies: Proxies,
    gate: Gate,
    lead: Lead,
    /// What changed and was not handed on yet.
    pending: Pending,
    provider_problems: Vec<Problem>,
    /// What was said already, by what it is about.
    told: BTreeMap<Problem, Problem>,
}

/// What must be there before anything is handed on.
#[derive(Default)]
struct Gate {
    /// Echoes that are not yet in line with the Services, which would be looked up by name in vain.
    echo: bool,
    /// Objects of the cluster that were not listed yet: there is nothing to translate.
    listing: bool,
    /// Objects of the cluster that were not read yet: removing what hangs on them would be wrong.
    objects: bool,
    /// Objects that are looked up since, and when they must have come.
    named: BTreeSet<ObjectKey>,
    until: Option<Instant>,
}

#[derive(Default)]
struct Pending {
    keys: BTreeSet<ir::Key>,
    status: BTreeSet<ObjectKey>,
    infra: BTreeSet<NamespacedName>,
}

impl EventLoop {
    pub(crate) fn new(settings: Settings, around: Surroundings) -> Self {
        let cluster = around.outlets.is_some();
        let gate = Gate { listing: cluster, objects: cluster, ..Gate::default() };
        Self {
            around,
            store: Store::default(),
            translator: Translator::new(settings.clone()),
            settings,
            observations: Observations::default(),
            proxies: Proxies::default(),
            gate,
            lead: Lead::default(),
            pending: Pending::default(),
            provider_problems: Vec::new(),
            told: BTreeMap::new(),
        }
    }

    /// Runs until every sender of events is gone.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let mut touched = Touched::default();
        let answers = self.around.answers.clone();
        let mut settle = SETTLE_MAX;
        loop {
            let deadline = self.proxies.deadline().into_iter().chain(self.gate.until).min();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.take(event, &mut touched),
                    None => break,
                },
                answers = answers.take() => self.answered(answers),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
            }
            self.drain(&mut events, &mut touched, settle).await;
            self.answered(answers.try_take());
            let started = Instant::now();
            self.turn(&mut touched, started);
            // A burst takes as long again at most, and is few translations.
            settle = started.elapsed().clamp(SETTLE_MAX, SETTLE_LIMIT);
        }
        self.around.hub.close();
    }

    /// Takes what waits. Where a cluster begins to talk, more is about to come.
    async fn drain(
        &mut self,
        events: &mut mpsc::Receiver<Event>,
        touched: &mut Touched,
        settle: Duration,
    ) {
        let end = Instant::now() + settle;
        loop {
            while let Ok(event) = events.try_recv() {
                self.take(event, touched);
            }
            if !touched.cluster || Instant::now() >= end {
                return;
            }
            let quiet = end.min(Instant::now() + SETTLE);
            let Ok(Some(event)) = timeout_at(quiet, events.recv()).await else { return };
            self.take(event, touched);
        }
    }

    fn take(&mut self, event: Event, touched: &mut Touched) {
        match event {
            Event::Files(files) => {
                touched.input = true;
                touched.objects.extend(self.store.take(files));
                if let Some(echo) = &self.around.echo {
                    let lonely = self.store.lonely();
                    self.gate.echo |= echo.send_if_modified(|now| {
                        let changed = *now != lonely;
                        *now = lonely;
                        changed
                    });
                }
            }
            Event::Echo(slices) => {
                self.gate.echo = false;
                touched.objects.extend(self.store.take_echoes(slices));
            }
            Event::Objects(changes) => {
                touched.cluster = true;
                for change in &changes {
                    self.gate.named.remove(&change.key);
                }
                let changed = self.store.take_changes(changes);
                touched.input |= !changed.is_empty();
                touched.objects.extend(changed);
            }
            Event::Synced(whole) => {
                touched.input = true;
                touched.listed = true;
                self.gate.listing = false;
                if whole {
                    self.gate.objects = false;
                    self.gate.named.clear();
                }
            }
            Event::Installed(installed) => {
                touched.observed |= self.observations.install(installed);
            }
            Event::Lead(lead) => {
                self.lead = lead;
                // Whoever does not lead any more learns that at once.
                if let (Some(outlets), false) = (&self.around.outlets, lead.is_leader()) {
                    outlets.lead.send_replace(lead);
                }
            }
            Event::Faults(faults) => {
                for (gateway, fault) in faults {
                    touched.observed |= self.observations.provision_fault(gateway, fault);
                }
            }
            Event::ProviderProblems(problems) => {
                self.warn_of_provider(&problems);
                self.provider_problems = problems;
                // It may be the reason why there is nothing to translate.
                self.tell();
            }
            Event::Report(answer) => touched.reports.push(answer),
        }
    }

    /// What of the cluster cannot be read is for its operator; what objects say is not.
    fn warn_of_provider(&self, problems: &[Problem]) {
        const REASON: &str = "ClusterUnreadable";
        let Some(outlets) = &self.around.outlets else { return };
        let of_cluster = problems.iter().filter(|problem| problem.object.is_none());
        let told: Vec<&str> = of_cluster.map(|problem| &*problem.message).collect();
        if told.is_empty() {
            return events::clear_own(&outlets.notices, REASON);
        }
        let notice = Notice::warning(REASON, "ReadCluster", told.join("; "));
        // An API server that restarts is no news.
        events::raise_own(&outlets.notices, Notice { patience: UNREADABLE_PATIENCE, ..notice });
    }

    fn answered(&mut self, answers: BTreeMap<u64, ProxyAnswer>) {
        for (id, answer) in answers {
            let pod = answer.subscriber.pod.clone();
            // Every answer repeats what is still refused; that is said once.
            for rejection in self.proxies.answered(id, answer, Instant::now()) {
                let reason = &rejection.reason;
                tracing::error!(%pod, key = %rejection.key, %reason, "the proxy refused");
            }
        }
    }

    /// From what was touched to everybody whom it concerns.
    fn turn(&mut self, touched: &mut Touched, now: Instant) {
        touched.cluster = false;
        // In a part of what was asked, the rest looks as if it were not there.
        if !self.gate.echo && !self.gate.listing && touched.anything() {
            let Touched { objects, input, listed, observed, .. } = touched.take();
            if input || observed {
                self.translate(&objects);
            }
            self.want(listed, now);
            if input {
                self.tell();
            }
        }
        // An answer, or what is published, may be news to status; that is news to nothing else.
        if self.is_open(now) {
            self.publish(now);
            self.succeed(now);
            while self.proxies.observe(&mut self.observations, now) {
                self.translate(&BTreeSet::new());
                self.publish(now);
            }
            self.hand_out();
        }
        if let Some(served) = self.proxies.served() {
            self.around.progress.send_if_modified(|progress| {
                std::mem::replace(&mut progress.served, served) != served
            });
        }
        for answer in std::mem::take(&mut touched.reports) {
            // Whoever asked may have gone.
            let _ = answer.send(self.report());
        }
    }

    /// Whether what is known is whole, so that it may be handed on.
    fn is_open(&mut self, now: Instant) -> bool {
        if self.gate.named.is_empty() || self.gate.until.is_some_and(|until| until <= now) {
            self.gate.named.clear();
            self.gate.until = None;
        }
        let translated = self.around.progress.borrow().steps > 0;
        translated && !self.gate.echo && !self.gate.objects && self.gate.named.is_empty()
    }

    fn translate(&mut self, objects: &BTreeSet<ObjectKey>) {
        let started = Instant::now();
        let step = self.translator.update(self.store.resources(), &self.observations, objects);
        self.pending.keys.extend(step.changed_keys);
        self.pending.status.extend(step.changed_status);
        self.pending.infra.extend(step.changed_infra);
        self.gate.named.extend(step.changed_wanted);
        self.around.progress.send_modify(|progress| progress.steps += 1);
        self.around.metrics.translated(started.elapsed(), self.store.counts());
    }

    /// Says which objects are looked up, and waits for those that are new: without them, what names
    /// them would seem to be wrong. `anyhow` says it even if nothing changed.
    fn want(&mut self, anyhow: bool, now: Instant) {
        let Some(outlets) = &self.around.outlets else {
            self.gate.named.clear();
            return;
        };
        let translator = &self.translator;
        outlets.wanted.send_if_modified(|wanted| {
            let mut changed = anyhow;
            for key in &self.gate.named {
                changed |= match translator.wants(key) {
                    true => wanted.insert(key.clone()),
                    false => wanted.remove(key),
                };
            }
            changed
        });
        // What was read before may still be here.
        let missing =
            |key: &ObjectKey| translator.wants(key) && self.store.resources().get(key).is_none();
        self.gate.named.retain(missing);
        if !self.gate.named.is_empty() {
            self.gate.until.get_or_insert(now + NAMED_MAX);
        }
    }

    fn publish(&mut self, now: Instant) {
        let keys = std::mem::take(&mut self.pending.keys);
        let output = self.translator.output();
        let publication = self.around.hub.publish(&keys, &output.ir);
        self.around.metrics.published(publication.revision);
        self.around.progress.send_modify(|progress| progress.published = publication.revision);
        let gateways = self.pending.status.iter().filter(|key| key.kind == Kind::Gateway);
        let gateways = gateways.map(|key| key.name.clone());
        self.proxies.published(&publication, &output.gateways, gateways, now);
    }

    /// A new leader takes it from the cluster which Gateways were served under the one before,
    /// until their proxies have had time to come here.
    fn succeed(&mut self, now: Instant) {
        let Some(outlets) = &self.around.outlets else { return };
        if !self.lead.is_leader() || outlets.lead.borrow().is_leader() {
            return;
        }
        for name in self.translator.output().gateways.gateways() {
            let key = ObjectKey { kind: Kind::Gateway, name: name.clone() };
            if outlets.live.get(&key).is_some_and(|live| was_programmed(&live)) {
                self.proxies.trust(name, now);
            }
        }
    }

    /// Hands on what may be written.
    fn hand_out(&mut self) {
        let Pending { status, infra, .. } = std::mem::take(&mut self.pending);
        let silent = self.proxies.notices();
        let Some(outlets) = &self.around.outlets else { return };
        let output = self.translator.output();
        for key in status {
            let value = output.status.get(&key).cloned();
            outlets.status.put(key, value);
        }
        if !infra.is_empty() {
            let accounts = Arc::new(accounts(output.infra.values()));
            outlets.accounts.send_if_modified(|before| {
                let news = *before != accounts;
                *before = accounts;
                news
            });
        }
        for name in infra {
            let need = match output.infra.get(&name) {
                Some(infra) => Need::Infra(Box::new(infra.clone())),
                None if output.released.contains(&name) => Need::Nothing,
                None => Need::Unknown,
            };
            outlets.infra.put(name, need);
        }
        for (who, silent) in silent {
            outlets.silent.put(who, silent);
        }
        outlets.complete.send_if_modified(|before| !std::mem::replace(before, true));
        let lead = self.lead;
        outlets.lead.send_if_modified(|before| std::mem::replace(before, lead) != lead);
    }

    /// Says once what is new among the diagnostics, and what was mended.
    fn tell(&mut self) {
        let foreign = self.foreign();
        let ours = |problem: &Problem| {
            problem.object.as_ref().is_none_or(|object| !foreign.contains(object))
        };
        let now = self.problems().filter(ours).map(|problem| (problem.subject(), problem));
        let now = now.collect();
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

    /// What hangs on no Gateway of ours: in a cluster it is another controller's, or waits for its
    /// Gateway. Files are all ours.
    fn foreign(&self) -> BTreeSet<String> {
        let output = self.translator.output();
        let objects = output.diagnostics.iter().map(|found| &found.object);
        let attached = |object: &&ObjectKey| ATTACHED.contains(&object.kind);
        let objects = objects.filter(attached).filter(|_| self.around.outlets.is_some());
        let foreign = objects.filter(|object| output.status.get(object).is_none());
        foreign.map(ToString::to_string).collect()
    }

    fn problems(&self) -> impl Iterator<Item = Problem> {
        let found = report::problems(&self.store, self.translator.output());
        self.provider_problems.iter().cloned().chain(found)
    }

    fn report(&self) -> Report {
        let report = Report::new(&self.store, self.translator.output(), &self.settings);
        Report { problems: self.problems().collect(), ..report }
    }
}

/// Which Gateway's configuration each account gets. One that two Gateways would have gets nothing:
/// translation lets no two have one name, and if it did, each would be shown the other's keys.
fn accounts<'i>(infra: impl Iterator<Item = &'i Infra>) -> Accounts {
    let mut accounts = Accounts::new();
    let mut shared = BTreeSet::new();
    for infra in infra {
        let account = NamespacedName::new(infra.gateway.namespace.clone(), infra.name());
        if let Some(other) = accounts.insert(account.clone(), infra.gateway.clone()) {
            let gateway = &infra.gateway;
            tracing::error!(%account, %gateway, %other, "an account of two Gateways gets nothing");
            shared.insert(account);
        }
    }
    accounts.retain(|account, _| !shared.contains(account));
    accounts
}

/// The problems of one state that another does not have.
fn only<'p>(
    of: &'p BTreeMap<Problem, Problem>,
    other: &BTreeMap<Problem, Problem>,
) -> impl Iterator<Item = &'p Problem> {
    of.iter().filter(|(subject, _)| !other.contains_key(subject)).map(|(_, problem)| problem)
}

/// Whether a Gateway was said to be served as it is now.
fn was_programmed(live: &Live) -> bool {
    let status = live.status();
    let conditions = status.get("conditions").and_then(|conditions| conditions.as_array());
    conditions.into_iter().flatten().any(|condition| {
        let says = |field: &str, value: &str| condition.get(field).is_some_and(|is| is == value);
        let generation = condition.get("observedGeneration").and_then(|seen| seen.as_i64());
        says("type", "Programmed") && says("status", "True") && generation == Some(live.generation)
    })
}

/// What a batch of events touched.
#[derive(Default)]
struct Touched {
    objects: BTreeSet<ObjectKey>,
    input: bool,
    /// All objects of a cluster were listed.
    listed: bool,
    observed: bool,
    /// Objects of a cluster came in this batch.
    cluster: bool,
    reports: Vec<oneshot::Sender<Report>>,
}

impl Touched {
    fn anything(&self) -> bool {
        !self.objects.is_empty() || self.input || self.observed
    }

    /// All of it but the questions.
    fn take(&mut self) -> Self {
        let reports = std::mem::take(&mut self.reports);
        std::mem::replace(self, Self { reports, ..Self::default() })
    }
}

/// The kinds that name the Gateway which they are for.
const ATTACHED: [Kind; 6] = [
    Kind::ListenerSet,
    Kind::HTTPRoute,
    Kind::GRPCRoute,
    Kind::TLSRoute,
    Kind::TCPRoute,
    Kind::UDPRoute,
];
/// Quiet that ends a burst of a cluster's changes.
const SETTLE: Duration = Duration::from_millis(2);
/// The longest that a burst may put a translation off,
const SETTLE_MAX: Duration = Duration::from_millis(10);
/// and where translations take longer than that.
const SETTLE_LIMIT: Duration = Duration::from_millis(500);
/// How long something of the cluster may be unreadable before its operator is told.
const UNREADABLE_PATIENCE: Duration = Duration::from_secs(20);
/// How long the publication of everything waits for an object that is looked up.
const NAMED_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
