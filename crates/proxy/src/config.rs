//! Where edits become what is served: one task that applies deltas, takes in the answers of DNS,
//! opens and closes sockets, and sees to it that every worker follows.
//!
//! Build first, swap after: a new [`Live`] is complete before it is published through one atomic
//! pointer. What a `Live` is made of is `config/compile.rs`.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use ir::{Ack, Backend, BindFailure, Delta, Id, Key, Kind, Rejection, Snapshot, Target};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    Shared,
    bind::Sockets,
    closing::Stage,
    dns::{Lookup, Names},
    limits,
    live::Live,
    worker::{Orders, Report},
};

mod compile;
mod users;

use compile::Source;
pub(crate) use users::Users;

/// What the control task is asked for.
pub(crate) enum Command {
    /// Serve the state after this step.
    Apply(Delta, oneshot::Sender<Ack>),
    /// Take the drain of the whole proxy on to a stage.
    Drain(Stage, oneshot::Sender<()>),
}

/// How to talk to the control task.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) acks: watch::Receiver<Ack>,
}

impl Door {
    /// Serves the state after this step. Returns when every worker does, and every bind that can be
    /// opened accepts. Needs no particular runtime.
    pub(crate) async fn apply(&self, delta: Delta) -> Ack {
        let (reply, ack) = oneshot::channel();
        let sent = self.commands.send(Command::Apply(delta, reply)).await;
        match (sent, ack.await) {
            (Ok(()), Ok(ack)) => ack,
            // Nobody is there to apply it any more: what was served last is the truth.
            _ => self.acks.borrow().clone(),
        }
    }
}

/// What the control task holds.
pub(crate) struct Control {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sockets: Sockets,
    pub(crate) names: Names,
    /// What follows the backends of the snapshot.
    pub(crate) users: Users,
    /// What the workers shall be like.
    pub(crate) orders: watch::Sender<Arc<Orders>>,
    /// What they have come to.
    pub(crate) reports: Vec<watch::Receiver<Report>>,
    /// What came of the last change.
    pub(crate) acks: watch::Sender<Ack>,
    /// Whether it is not to be sent traffic any more, because it is on its way out.
    pub(crate) leaving: bool,
    /// States that a worker may still hold. The last hold on one is let go here, because freeing
    /// a large table would keep a worker from its requests.
    pub(crate) retired: Vec<Arc<Live>>,
}

/// Serves commands until nobody can send one.
pub(crate) async fn run(
    mut control: Control,
    mut commands: mpsc::Receiver<Command>,
    mut lookups: mpsc::Receiver<Lookup>,
) {
    let mut chores = interval(limits::CHORES);
    chores.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Apply(delta, reply)) => drop(reply.send(control.apply(&delta).await)),
                Some(Command::Drain(stage, reply)) => {
                    control.drain(stage).await;
                    let _ = reply.send(());
                }
                None => return,
            },
            Some(lookup) = lookups.recv() => control.looked_up(lookup, &mut lookups).await,
            _ = chores.tick(), if control.has_chores() => control.do_chores().await,
        }
    }
}

impl Control {
    async fn apply(&mut self, delta: &Delta) -> Ack {
        let changed: BTreeSet<Key> = delta
            .upserts
            .iter()
            .map(|upsert| &upsert.key)
            .chain(&delta.removals)
            .cloned()
            .collect();
        let snapshot = self.take_in(delta, &changed);
        let source = Source { snapshot: &snapshot, users: &self.users, names: &self.names };
        let (next, rejected) =
            compile::next(&self.shared.live.load_full(), delta.revision, &source, &changed);
        drop(snapshot);
        let rejected = rejected.unwrap_or_else(|| self.acks.borrow().rejected.clone());
        self.publish(next, rejected).await;
        self.shared.ready.store(!self.leaving, Ordering::Release);
        self.acks.borrow().clone()
    }

    /// Brings the snapshot in line, and what is known of its backends.
    fn take_in(&mut self, delta: &Delta, changed: &BTreeSet<Key>) -> Arc<Snapshot> {
        let backends: Vec<Id<Backend>> = changed
            .iter()
            .filter(|key| key.kind == Kind::Backend)
            .map(|key| Id::new(key.name.clone()))
            .collect();
        let before: Vec<_> = {
            let snapshot = self.shared.snapshot();
            backends.iter().map(|id| snapshot.backends.get(id).cloned()).collect()
        };
        let snapshot = self.shared.apply(delta);
        let mut hosts = BTreeSet::new();
        for (id, before) in backends.iter().zip(before) {
            let after = snapshot.backends.get(id);
            self.users.change(id, before.as_deref(), after.map(|after| &**after));
            for backend in before.iter().chain(after) {
                if let Target::Dns { host, .. } = &backend.target {
                    hosts.insert(host.clone());
                }
            }
        }
        for host in &hosts {
            match self.users.of_host(host).next() {
                Some(_) => self.names.follow(host),
                None => self.names.forget(host),
            }
        }
        snapshot
    }

    /// Takes in an answer of DNS, and whatever else has been answered meanwhile.
    async fn looked_up(&mut self, lookup: Lookup, more: &mut mpsc::Receiver<Lookup>) {
        let mut changed: BTreeSet<Arc<str>> = self.names.take(lookup).into_iter().collect();
        while let Ok(lookup) = more.try_recv() {
            changed.extend(self.names.take(lookup));
        }
        if !changed.is_empty() {
            let snapshot = self.shared.snapshot();
            let source = Source { snapshot: &snapshot, users: &self.users, names: &self.names };
            let next = compile::with_names(&self.shared.live.load_full(), &source, &changed);
            drop(snapshot);
            let rejected = self.acks.borrow().rejected.clone();
            self.publish(next, rejected).await;
        }
    }

    async fn drain(&mut self, stage: Stage) {
        self.leaving |= stage > Stage::Open || !self.shared.options.drain_ready;
        if self.leaving {
            self.shared.ready.store(false, Ordering::Release);
        }
        self.order(stage).await;
    }

    /// Swaps the live state, brings the sockets in line, and waits until every worker follows.
    async fn publish(&mut self, next: Live, rejected: Vec<Rejection>) {
        let revision = next.revision;
        self.retired.push(self.shared.live.swap(Arc::new(next)));
        let closed = self.reconcile();
        self.order(self.stage()).await;
        self.tell(Ack { revision, rejected, closed });
        // Chores do this soon enough, unless edits come faster than they.
        if self.retired.len() > limits::RETIRED_MAX {
            self.sweep();
        }
    }

    /// What has to be done at a time and not at a command: sockets whose drain is over are closed,
    /// and binds that could not be opened are tried again.
    async fn do_chores(&mut self) {
        let expired = self.sockets.expire(Instant::now());
        let ack = self.acks.borrow().clone();
        if expired || !ack.closed.is_empty() {
            if expired {
                // First, because a bind may wait for just the socket that closes now.
                self.order(self.stage()).await;
            }
            let closed = self.reconcile();
            if closed != ack.closed {
                self.order(self.stage()).await;
                self.tell(Ack { closed, ..ack });
            }
        }
        self.sweep();
    }

    fn has_chores(&self) -> bool {
        !self.retired.is_empty() || !self.acks.borrow().closed.is_empty() || self.sockets.drains()
    }

    fn reconcile(&mut self) -> Vec<BindFailure> {
        if self.stage() >= Stage::Close {
            return self.acks.borrow().closed.clone();
        }
        let snapshot = self.shared.snapshot();
        let closed = self.sockets.reconcile(&snapshot.binds, Instant::now());
        for failure in &closed {
            if !self.acks.borrow().closed.contains(failure) {
                tracing::warn!(bind = %failure.bind, reason = %failure.message, "a bind is closed");
            }
        }
        closed
    }

    fn stage(&self) -> Stage {
        self.orders.borrow().stage
    }

    /// Gives new orders, and waits until every worker is in line with them.
    async fn order(&mut self, stage: Stage) {
        let sequence = self.orders.borrow().sequence + 1;
        let doors = self.sockets.doors();
        self.orders.send_replace(Arc::new(Orders { sequence, doors, stage }));
        for (worker, report) in self.reports.iter_mut().enumerate() {
            let follows = report.wait_for(|report| report.sequence >= sequence);
            match timeout(limits::ADOPT_TIME_MAX, follows).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => tracing::error!(worker, "a worker has ended"),
                Err(_) => tracing::error!(worker, "a worker does not follow its orders"),
            }
        }
    }

    fn tell(&self, ack: Ack) {
        self.shared.telemetry.applied(&ack, self.shared.snapshot().binds.len());
        self.acks.send_if_modified(|last| {
            let modified = *last != ack;
            *last = ack;
            modified
        });
    }

    fn sweep(&mut self) {
        self.retired.retain(|live| Arc::strong_count(live) > 1);
    }
}

#[cfg(test)]
mod tests;
