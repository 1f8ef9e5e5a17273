//! Writes statuses into the cluster, on the leader only: the difference between what stands there
//! and what translation wants, one write for each object, our own part of it.
//!
//! Everything here is state: the latest wish of each object, what the watch shows of it, and what
//! our own last write left. Whichever changes, the object is looked at again. Writes carry the
//! version that they are a difference to, so that a write which comes second is refused by the API
//! server, and the object is looked at again when the watch shows the first.
//!
//! Absent on purpose: what a status says (that is `translate`'s), and who leads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use api::kind::ObjectKey;
use kube::Client;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use translate::ObjectStatus;

use self::{
    track::Track,
    write::{Outcome, Write},
};
use crate::{
    lead::Lead,
    mailbox::Mailbox,
    metrics::Metrics,
    provider::kubernetes::LiveObjects,
    report::{
        clock,
        events::{self, Notice, Notices},
    },
};

mod merge;
mod track;
mod write;

/// What the writer reads and where it writes.
pub struct StatusWriter {
    /// The API server.
    pub client: Client,
    /// Whose entries are ours.
    pub controller_name: String,
    /// What stands there.
    pub live: LiveObjects,
    /// What is wanted, as it changes; none for an object that we have nothing to say about.
    pub wanted: Mailbox<ObjectKey, Option<ObjectStatus>>,
    /// Who writes.
    pub lead: watch::Receiver<Lead>,
    /// Whether `wanted` has told of everything once: from then on, an object that it did not name
    /// is not ours.
    pub complete: watch::Receiver<bool>,
    /// For what an operator has to know.
    pub notices: Notices,
    /// Where writes are counted.
    pub metrics: Arc<Metrics>,
}

impl StatusWriter {
    /// Writes for as long as it is polled.
    pub async fn run(mut self) {
        let mut desk = Desk::default();
        loop {
            let leads = self.lead.borrow_and_update().is_leader();
            let complete = *self.complete.borrow_and_update();
            // What was wanted before any of this was so lies there by now.
            let wanted = self.wanted.try_take();
            self.take(&mut desk, wanted);
            desk.lead(leads, &self.live);
            if complete && !desk.complete {
                desk.complete = true;
                desk.look_at_all(&self.live);
            }
            let more = self.look(&mut desk);
            let due = desk.due.first().map(|(at, _)| *at);
            tokio::select! {
                wanted = self.wanted.take() => self.take(&mut desk, wanted),
                changed = self.live.changed() => desk.look_at.extend(changed),
                Some(done) = desk.flights.join_next() => {
                    // A write that panicked says nothing; its object is looked at when it changes.
                    if let Ok((key, write, outcome)) = done {
                        self.land(&mut desk, key, write, outcome);
                    }
                }
                Ok(()) = self.lead.changed() => {}
                Ok(()) = self.complete.changed() => {}
                () = tokio::task::yield_now(), if more => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => desk.ring(),
            }
        }
    }

    fn take(&self, desk: &mut Desk, wanted: BTreeMap<ObjectKey, Option<ObjectStatus>>) {
        for (key, status) in wanted {
            self.announce(&key, status.as_ref());
            desk.want(key, status);
        }
    }

    /// Starts the writes that are due and for which there is room. Whether it left off to let
    /// others have their turn.
    fn look(&self, desk: &mut Desk) -> bool {
        if !desk.leads {
            desk.look_at.clear();
            return false;
        }
        for _ in 0..LOOKS_MAX {
            if desk.flights.len() >= FLIGHTS_MAX {
                return false;
            }
            if let Some(until) = desk.rests_until.filter(|until| !is_past(*until)) {
                desk.due.insert((until, None));
                return false;
            }
            let Some(key) = desk.look_at.pop_first() else { return false };
            if let Some(write) = self.difference(desk, &key) {
                let client = self.client.clone();
                desk.flights.spawn(async move {
                    let outcome = write.send(&client, &key).await;
                    (key, write, outcome)
                });
            }
        }
        true
    }

    /// What is to be written about an object now, if anything.
    fn difference(&self, desk: &mut Desk, key: &ObjectKey) -> Option<Write> {
        let Some(live) = self.live.get(key) else {
            desk.tracks.remove(key);
            return None;
        };
        let wanted = desk.wanted.get(key);
        if wanted.is_none() && !desk.complete {
            return None;
        }
        let now = Instant::now();
        let track = desk.tracks.entry(key.clone()).or_default();
        if track.in_flight {
            return None;
        }
        let (version, status) = track.ground(&live)?;
        let controller = &self.controller_name;
        let merged = merge::merge(&status, wanted.map(|w| &**w), controller, &clock::seconds());
        if track.is_full != merged.left_out {
            track.is_full = merged.left_out;
            self.tell_full(key, merged.left_out);
        }
        let change = merged.change?;
        if let Some(said) = wanted.and_then(|wanted| said_generation(wanted)) {
            // The wish is about an object that was made anew, or the watch is behind.
            let ahead = said > live.generation;
            let newer = merge::generation(&status, controller)
                .is_some_and(|told| told > said && told <= live.generation);
            if ahead || newer {
                return None;
            }
        }
        if track.altered.as_ref() == Some(&status) {
            return None;
        }
        if track.was_undone(wanted, now) {
            let rest = now + track.yields();
            track.rests_until = track.rests_until.max(Some(rest));
            if track.is_contested() {
                self.tell_contested(key);
            }
        }
        let due = track.rests_until.filter(|until| *until > now);
        let due = due.or_else(|| change.counts_only.then(|| track.counts_due(now)));
        if let Some(due) = due.filter(|due| *due > now) {
            desk.due.insert((due, Some(key.clone())));
            return None;
        }
        if change.counts_only {
            track.counts_go(now);
        }
        track.in_flight = true;
        track.altered = None;
        let wanted = wanted.cloned();
        Some(Write { api_version: live.version, version, fields: change.fields, wanted })
    }

    /// Takes in how a write ended.
    fn land(&self, desk: &mut Desk, key: ObjectKey, write: Write, outcome: Outcome) {
        let track = desk.tracks.entry(key.clone()).or_default();
        track.in_flight = false;
        desk.look_at.insert(key.clone());
        let about = NOT_WRITTEN;
        match outcome {
            Outcome::Written { version, status } => {
                desk.outages = 0;
                self.metrics.status_written();
                let wanted = write.wanted.as_deref();
                let rest = merge::merge(&status, wanted, &self.controller_name, "");
                track.altered = rest.change.map(|_| status.clone());
                track.written(write.version, (version, status), write.wanted);
                events::clear(&self.notices, &key, about);
            }
            Outcome::Conflict => {
                self.metrics.status_conflicted();
                track.conflicted(write.version);
                // Watches are quick; one that is not must not keep the object for ever.
                desk.due.insert((Instant::now() + WATCH_PATIENCE, Some(key)));
            }
            Outcome::Gone => {
                tracing::debug!(object = %key, "gone before its status was written");
                track.conflicted(write.version);
            }
            Outcome::Refused(reason) => {
                self.metrics.status_failed();
                tracing::error!(object = %key, %reason, "the API server refuses the status");
                let notice = Notice::warning(about, "WriteStatus", reason);
                events::raise(&self.notices, &key, notice);
                rest(&mut desk.due, track, key, Duration::from_secs(60));
            }
            Outcome::Failed(reason) => {
                self.metrics.status_failed();
                let pause = jittered(track.failed());
                tracing::warn!(object = %key, %reason, ?pause, "cannot write the status");
                let notice = Notice::warning(about, "WriteStatus", reason);
                let notice = Notice { patience: FAILURES_PATIENCE, ..notice };
                events::raise(&self.notices, &key, notice);
                rest(&mut desk.due, track, key, pause);
            }
            Outcome::Away { reason, retry_after } => {
                self.metrics.status_failed();
                let pause = AWAY_MIN.saturating_mul(1 << desk.outages.min(10)).min(AWAY_MAX);
                let pause = jittered(pause).max(retry_after.unwrap_or_default());
                desk.outages += 1;
                if desk.outages == 1 {
                    tracing::warn!(%reason, "the API server takes no statuses, going on trying");
                }
                desk.rests_until = Some(Instant::now() + pause);
            }
        }
    }

    fn tell_full(&self, key: &ObjectKey, full: bool) {
        const REASON: &str = "StatusFull";
        if !full {
            return events::clear(&self.notices, key, REASON);
        }
        tracing::warn!(object = %key, "other controllers leave no room in this status");
        let note = "entries of other controllers leave no room for all of ours: remove those of \
                    controllers that are gone";
        events::raise(&self.notices, key, Notice::warning(REASON, "WriteStatus", note));
    }

    fn tell_contested(&self, key: &ObjectKey) {
        tracing::warn!(object = %key, controller = %self.controller_name, "status is contested");
        let note = format!(
            "something else keeps changing what {} says in this status: see that one controller \
             alone has this name",
            self.controller_name
        );
        events::raise(&self.notices, key, Notice::warning("StatusContested", "WriteStatus", note));
    }

    /// Says in Events what an operator has to act on.
    fn announce(&self, key: &ObjectKey, status: Option<&ObjectStatus>) {
        for (reason, notice) in events::of_status(status) {
            match notice {
                Some(notice) => events::raise(&self.notices, key, notice),
                None => events::clear(&self.notices, key, reason),
            }
        }
    }
}

/// What is under way.
#[derive(Default)]
struct Desk {
    leads: bool,
    complete: bool,
    wanted: BTreeMap<ObjectKey, Arc<ObjectStatus>>,
    tracks: BTreeMap<ObjectKey, Track>,
    /// Objects of which something changed.
    look_at: BTreeSet<ObjectKey>,
    /// When to look again; without a key, only that writes may go on.
    due: BTreeSet<(Instant, Option<ObjectKey>)>,
    flights: JoinSet<(ObjectKey, Write, Outcome)>,
    /// No write before this time: the API server is away or asked for a rest.
    rests_until: Option<Instant>,
    outages: u32,
}

impl Desk {
    fn want(&mut self, key: ObjectKey, status: Option<ObjectStatus>) {
        match status {
            None => drop(self.wanted.remove(&key)),
            Some(status) => {
                if self.wanted.get(&key).is_some_and(|before| **before == status) {
                    return;
                }
                self.wanted.insert(key.clone(), Arc::new(status));
            }
        }
        if let Some(track) = self.tracks.get_mut(&key) {
            track.wish(Instant::now());
        }
        self.look_at.insert(key);
    }

    /// A new leader knows nothing of what others wrote but what stands there.
    fn lead(&mut self, leads: bool, live: &LiveObjects) {
        if leads == self.leads {
            return;
        }
        self.leads = leads;
        self.tracks.retain(|_, track| track.in_flight);
        self.due.clear();
        if leads {
            self.look_at_all(live);
        }
    }

    fn look_at_all(&mut self, live: &LiveObjects) {
        self.look_at.extend(live.keys());
    }

    /// Looks at what is due.
    fn ring(&mut self) {
        let now = Instant::now();
        while let Some((_, key)) = self.due.first().filter(|(at, _)| *at <= now) {
            if let Some(key) = key.clone() {
                if let Some(track) = self.tracks.get_mut(&key).filter(|track| track.is_behind()) {
                    track.forget_past();
                }
                self.look_at.insert(key);
            }
            self.due.pop_first();
        }
        self.rests_until = self.rests_until.filter(|until| !is_past(*until));
    }
}

fn rest(
    due: &mut BTreeSet<(Instant, Option<ObjectKey>)>,
    track: &mut Track,
    key: ObjectKey,
    pause: Duration,
) {
    let until = Instant::now() + pause;
    track.rests_until = Some(until);
    due.insert((until, Some(key)));
}

fn is_past(at: Instant) -> bool {
    at <= Instant::now()
}

/// Replicas and objects that failed together try again apart.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// The generation that a status speaks of.
fn said_generation(status: &ObjectStatus) -> Option<i64> {
    let own = |conditions: &[api::condition::Condition]| {
        conditions.iter().filter_map(|condition| condition.observed_generation).max()
    };
    match status {
        ObjectStatus::GatewayClass(status) => own(&status.conditions),
        ObjectStatus::Gateway(status) => own(&status.conditions),
        ObjectStatus::ListenerSet(status) => own(&status.conditions),
        ObjectStatus::Route(status) => {
            status.parents.iter().filter_map(|entry| own(&entry.conditions)).max()
        }
        ObjectStatus::Policy(status) => {
            status.ancestors.iter().filter_map(|entry| own(&entry.conditions)).max()
        }
    }
}

/// Objects looked at in one go.
const LOOKS_MAX: usize = 128;
/// Writes under way at once.
const FLIGHTS_MAX: usize = 16;
/// How long a status may fail to be written before somebody is told.
const FAILURES_PATIENCE: Duration = Duration::from_secs(30);
/// How long a conflict waits for the watch to show what came first.
const WATCH_PATIENCE: Duration = Duration::from_secs(5);
const AWAY_MIN: Duration = Duration::from_millis(200);
const AWAY_MAX: Duration = Duration::from_secs(5);
/// The notice about a status that the API server refuses.
const NOT_WRITTEN: &str = "StatusRefused";

#[cfg(test)]
mod tests;
