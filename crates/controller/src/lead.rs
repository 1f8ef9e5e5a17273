//! Who leads: one replica at a time writes to the cluster and feeds proxies; the others stay warm.
//!
//! The election is a Lease of the API server. Only what is seen to change here, by the clock of
//! this machine that never jumps, decides whether a holder lives: the times in the Lease are for
//! people, so that clocks may differ as they like. What a leader may do is not decided here, only
//! until when it may begin to.

use std::{
    net::SocketAddr,
    pin::pin,
    time::{Duration, SystemTime},
};

use futures_util::StreamExt as _;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, utils::Backoff, watcher},
};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

use self::term::{Term, Write};
use crate::report::events::{self, Notice, Notices};

mod fence;
mod term;

/// Who leads, as far as this replica knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lead {
    /// Nothing was heard of the API server yet.
    #[default]
    Unknown,
    /// This replica does.
    Leader,
    /// Another one does, or nobody.
    Follower {
        /// Where the leader takes streams; none while nobody leads.
        address: Option<SocketAddr>,
    },
}

/// How a replica stands for election.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where the Lease lies.
    pub namespace: String,
    /// Its name.
    pub lease: String,
    /// Where this replica takes streams.
    pub address: SocketAddr,
    /// What tells it from every other replica, also those before it: its pod's name.
    pub pod: String,
}

/// A replica's part in the election. Dropping it is a crash: the others wait out the Lease.
pub struct Election {
    lead: watch::Receiver<Lead>,
    until: fence::Until,
    resign: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Election {
    /// Stands for election on the runtime of the caller.
    pub fn start(client: Client, candidate: Candidate, notices: Notices) -> Self {
        let (told, lead) = watch::channel(Lead::Unknown);
        let (resign, resigned) = oneshot::channel();
        let api = Api::namespaced(client, &candidate.namespace);
        let voter = Voter::new(api, candidate, notices, told);
        let until = voter.until.subscribe();
        Self { lead, until, resign, task: tokio::spawn(voter.run(resigned)) }
    }

    /// Who leads; the latest.
    pub fn lead(&self) -> watch::Receiver<Lead> {
        self.lead.clone()
    }

    /// A client for what only a leader writes: it begins no write once this replica's time is over,
    /// even if nobody has noticed that yet.
    pub fn fenced(&self, client: &Client) -> Client {
        fence::fenced(client, self.until.clone())
    }

    /// Lets another replica lead at once. To be called when nothing that a leader does runs any
    /// more; it takes no longer than a few seconds.
    pub async fn resign(mut self) {
        let (unused, _) = oneshot::channel();
        // A task that has ended leads nothing.
        let _ = std::mem::replace(&mut self.resign, unused).send(());
        let _ = (&mut self.task).await;
    }
}

impl Drop for Election {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Lead {
    /// Whether this replica does.
    pub fn is_leader(self) -> bool {
        self == Self::Leader
    }
}

impl Candidate {
    /// What is written into the Lease: where to find the replica, and which one it is.
    fn identity(&self) -> String {
        format!("{}/{}", self.address, self.pod)
    }
}

/// The address in an identity; none in one that something else wrote.
fn address(identity: &str) -> Option<SocketAddr> {
    identity.split_once('/')?.0.parse().ok()
}

struct Voter {
    api: Api<Lease>,
    candidate: Candidate,
    notices: Notices,
    /// Whether the Lease could not be read or written.
    troubled: bool,
    told: watch::Sender<Lead>,
    /// For writes: until when they may begin.
    until: watch::Sender<Option<Instant>>,
    /// The Lease as it was seen last; none before that.
    seen: Option<Seen>,
    leading: Option<Leading>,
    /// The last term that was asked for, whether or not the answer came.
    last: Option<Term>,
    /// No attempt to take the Lease before that.
    patience: Instant,
}

struct Seen {
    lease: Option<Lease>,
    /// Since when a live holder would have renewed it.
    free_at: Instant,
}

struct Leading {
    lease: Lease,
    term: Term,
    renew_at: Instant,
    /// Not a leader any more from then on.
    until: Instant,
}

impl Voter {
    fn new(
        api: Api<Lease>,
        candidate: Candidate,
        notices: Notices,
        told: watch::Sender<Lead>,
    ) -> Self {
        let patience = Instant::now();
        Self {
            api,
            candidate,
            notices,
            troubled: false,
            told,
            until: watch::Sender::default(),
            seen: None,
            leading: None,
            last: None,
            patience,
        }
    }

    async fn run(mut self, mut resigned: oneshot::Receiver<()>) {
        let name = self.candidate.lease.clone();
        let mut sights = pin!(watcher::watch_object(self.api.clone(), &name).backoff(Steady));
        loop {
            let next = self.next_at();
            tokio::select! {
                word = &mut resigned => match word {
                    Ok(()) => return self.resign().await,
                    Err(_) => return,
                },
                Some(sight) = sights.next() => match sight {
                    Ok(lease) => self.see(lease),
                    Err(error) => tracing::warn!(%error, "the Lease cannot be watched"),
                },
                () = tokio::time::sleep_until(next) => match self.leading {
                    Some(_) => self.renew().await,
                    None => self.take().await,
                },
            }
        }
    }

    /// When something is to be done, if nothing happens until then.
    fn next_at(&self) -> Instant {
        match (&self.leading, &self.seen) {
            (Some(leading), _) => leading.renew_at.min(leading.until),
            (None, Some(seen)) => seen.free_at.max(self.patience),
            // The watch may stay silent; a look of our own does not.
            (None, None) => self.patience + LOOK,
        }
    }

    /// Takes in how the Lease is now, or was a while ago: a watch may lag behind.
    fn see(&mut self, lease: Option<Lease>) {
        if let Some(leading) = &mut self.leading {
            // An attempt to renew tells whether that is old news.
            let ours = lease.as_ref().is_some_and(|lease| leading.term.holds(lease));
            if !ours && term::is_held(lease.as_ref()) {
                leading.renew_at = leading.renew_at.min(Instant::now());
            }
            return;
        }
        let free_at = self.free_at(lease.as_ref());
        self.seen = Some(Seen { lease, free_at });
        self.follow();
    }

    /// Until when the holder must be left alone, judged by what has changed since the last look.
    fn free_at(&self, lease: Option<&Lease>) -> Instant {
        let now = Instant::now();
        let before = self.seen.as_ref();
        let Some(lease) = lease else {
            // Somebody took the Lease away from its holder, who writes it anew.
            return before.map_or(now, |seen| seen.free_at);
        };
        let ours = match &self.last {
            Some(term) => term.holds(lease),
            // A container that starts again in its pod finds its own name.
            None => before.is_none() && term::holder(lease) == Some(&self.candidate.identity()),
        };
        if ours || !term::is_held(Some(lease)) {
            return now;
        }
        match before {
            Some(Seen { lease: Some(known), free_at }) if known.spec == lease.spec => *free_at,
            _ => now + term::duration(lease) + LATE.mul_f64(fastrand::f64()),
        }
    }

    /// Says whom this replica follows.
    fn follow(&mut self) {
        let alive = self.seen.as_ref().filter(|seen| seen.free_at > Instant::now());
        let holder = alive.and_then(|seen| seen.lease.as_ref()).and_then(term::holder);
        let (held, address) = (holder.is_some(), holder.and_then(|holder| address(holder)));
        self.tell(Lead::Follower { address });
        if held {
            self.mended();
        }
    }

    async fn take(&mut self) {
        let Some(seen) = &self.seen else { return self.look().await };
        let term = Term::new(&self.candidate, SystemTime::now());
        let (lease, sent) = (term.begin(seen.lease.as_ref()), Instant::now());
        self.last = Some(term.clone());
        self.patience = sent + RETRY.mul_f64(0.5 + fastrand::f64());
        match term::write(&self.api, &lease, REQUEST).await {
            Write::Done(lease) => self.begin(*lease, term, sent),
            Write::Conflict => self.look().await,
            Write::Failed(error) => {
                self.follow();
                tracing::warn!(%error, "nobody leads, and the Lease cannot be written");
                self.warn("written", &error);
            }
        }
    }

    fn begin(&mut self, lease: Lease, term: Term, sent: Instant) {
        tracing::info!(lease = %self.candidate.lease, "this replica leads now");
        let until = sent + HOLD;
        self.leading = Some(Leading { lease, term, renew_at: renew_at(sent), until });
        self.seen = None;
        self.until.send_replace(Some(until));
        self.mended();
        self.tell(Lead::Leader);
    }

    async fn renew(&mut self) {
        let Some(leading) = &mut self.leading else { return };
        let sent = Instant::now();
        if sent >= leading.until {
            return self.step_down("the Lease could not be renewed in time");
        }
        let lease = leading.term.renew(&leading.lease, SystemTime::now());
        match term::write(&self.api, &lease, REQUEST.min(leading.until - sent)).await {
            Write::Done(lease) => {
                leading.lease = *lease;
                leading.renew_at = renew_at(sent);
                leading.until = sent + HOLD;
                self.until.send_replace(Some(leading.until));
                self.mended();
            }
            Write::Conflict => self.dispute().await,
            Write::Failed(error) => {
                leading.renew_at = Instant::now() + RETRY.mul_f64(0.5 + fastrand::f64()) / 4;
                tracing::warn!(%error, "the Lease cannot be renewed");
                self.warn("renewed", &error);
            }
        }
    }

    /// Somebody else wrote or deleted the Lease: looks whether it is still ours.
    async fn dispute(&mut self) {
        let Some(leading) = &mut self.leading else { return };
        let left = leading.until.saturating_duration_since(Instant::now());
        let looked =
            tokio::time::timeout(REQUEST.min(left), self.api.get_opt(&self.candidate.lease));
        match looked.await {
            Ok(Ok(Some(lease))) if leading.term.holds(&lease) => leading.lease = lease,
            Ok(Ok(Some(lease))) => {
                self.step_down("another replica has the Lease");
                self.see(Some(lease));
            }
            // Deleted by somebody: nobody else may take it yet, and we write it anew.
            Ok(Ok(None)) => {
                leading.lease.metadata.resource_version = None;
                leading.lease.metadata.uid = None;
            }
            Ok(Err(_)) | Err(_) => leading.renew_at = Instant::now() + RETRY / 4,
        }
    }

    async fn look(&mut self) {
        let looked = tokio::time::timeout(REQUEST, self.api.get_opt(&self.candidate.lease)).await;
        match looked {
            Ok(Ok(lease)) => return self.see(lease),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the Lease cannot be read");
                self.warn("read", &error.to_string());
            }
            Err(_) => {
                tracing::warn!("the Lease cannot be read: the API server does not answer");
                self.warn("read", "the API server does not answer");
            }
        }
        self.patience = Instant::now() + RETRY.mul_f64(0.5 + fastrand::f64());
    }

    /// What an operator is told if it lasts: nobody may be leading.
    fn warn(&mut self, what: &str, error: &str) {
        self.troubled = true;
        let lease = &self.candidate.lease;
        let note =
            format!("Lease {lease} cannot be {what}: {error}; while nobody leads, edits wait");
        let notice = Notice::warning(UNUSABLE, "Lead", note);
        events::raise_own(&self.notices, Notice { patience: TROUBLE_PATIENCE, ..notice });
    }

    fn mended(&mut self) {
        if std::mem::take(&mut self.troubled) {
            events::clear_own(&self.notices, UNUSABLE);
        }
    }

    fn step_down(&mut self, reason: &'static str) {
        tracing::warn!(reason, "this replica leads no more");
        self.leading = None;
        self.patience = Instant::now() + RETRY.mul_f64(0.5 + fastrand::f64());
        self.tell(Lead::Follower { address: None });
    }

    async fn resign(mut self) {
        let Some(leading) = self.leading.take() else { return };
        self.tell(Lead::Follower { address: None });
        let freed = leading.term.end(&leading.lease, SystemTime::now());
        match term::write(&self.api, &freed, REQUEST).await {
            Write::Done(_) => tracing::info!("another replica may lead now"),
            Write::Conflict => {}
            Write::Failed(error) => {
                tracing::warn!(%error, "the Lease could not be given back; it runs out by itself");
            }
        }
    }

    fn tell(&self, lead: Lead) {
        if !lead.is_leader() {
            self.until.send_replace(None);
        }
        self.told.send_if_modified(|now| std::mem::replace(now, lead) != lead);
    }
}

impl Drop for Voter {
    fn drop(&mut self) {
        self.until.send_replace(None);
        self.told.send_replace(Lead::Unknown);
    }
}

fn renew_at(sent: Instant) -> Instant {
    sent + RENEW.mul_f64(0.8 + 0.4 * fastrand::f64())
}

/// How long a watch that failed pauses; growing pauses would make a hand-over late.
struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(RETRY.mul_f64(0.5 + fastrand::f64()))
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}

/// How long a holder that is not heard of keeps the Lease.
const LEASE: Duration = Duration::from_secs(10);
/// How long a leader leads after it sent its last renewal that arrived. The rest of [`LEASE`] is
/// for whatever it began before.
const HOLD: Duration = Duration::from_secs(8);
/// How often a leader renews.
const RENEW: Duration = Duration::from_secs(2);
/// The longest wait for one answer.
const REQUEST: Duration = Duration::from_secs(3);
/// After a failure.
const RETRY: Duration = Duration::from_secs(1);
/// Followers do not all try at the same moment.
const LATE: Duration = Duration::from_secs(1);
/// How long it may be before an operator is told. An API server that restarts is no news.
const TROUBLE_PATIENCE: Duration = Duration::from_secs(20);
/// The reason of the Event.
const UNUSABLE: &str = "LeaseUnusable";
/// How long a silent watch is waited for at the start.
const LOOK: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
