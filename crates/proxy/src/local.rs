//! What one worker has for itself. Nothing here is `Send`, nothing takes a lock, and nothing counts
//! in memory that another worker writes; what is keyed, is keyed by names that outlive a revision.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    rc::Rc,
    sync::Arc,
};

use foldhash::fast::RandomState;
use ir::{Id, Rule};
use router::BackendSlot;
use tokio::sync::Notify;

use crate::{Patience, Shared, limits, live::Live, telemetry, upstream};

/// The live state as the tasks of one worker share it: the count of holders inside of `Arc` is
/// written by all workers, and would be a shared counter on the way of every request.
pub(crate) type Held = Rc<Arc<Live>>;

/// One worker's own state. Tasks of the worker hold it as `Rc<Local>`.
pub(crate) struct Local {
    /// Which worker, from 0.
    pub(crate) worker: usize,
    /// What all workers share and may touch at connection (never request) frequency.
    pub(crate) shared: Arc<Shared>,
    /// Connections to endpoints.
    pub(crate) pools: upstream::Pools,
    /// Counters and access log of this worker.
    pub(crate) telemetry: telemetry::Sink,
    /// Places in the weighted order of rules and in the endpoint lists of backends.
    pub(crate) cursors: Cursors,
    live: RefCell<Held>,
    tasks: Cell<usize>,
    idle: Notify,
}

impl Local {
    /// A worker in line with the state of now. It begins with nothing, because the first delta may
    /// be there before the thread is, and pools have to follow it too.
    pub(crate) fn new(worker: usize, shared: Arc<Shared>) -> Rc<Self> {
        let telemetry = shared.telemetry.sink(worker);
        let local = Rc::new(Self {
            worker,
            shared,
            pools: upstream::Pools::default(),
            telemetry,
            cursors: Cursors::default(),
            live: RefCell::new(Rc::new(Arc::new(Live::empty()))),
            tasks: Cell::new(0),
            idle: Notify::new(),
        });
        local.adopt();
        local
    }

    /// How long clients may take.
    pub(crate) fn patience(&self) -> &Patience {
        &self.shared.options.patience
    }

    /// The state of now. Taking it touches no memory of other workers. Hold it for the head of a
    /// request, not for a long body: whoever holds it keeps that whole revision in memory.
    pub(crate) fn live(&self) -> Held {
        self.live.borrow().clone()
    }

    /// Brings this worker in line with the state of now; streams that run are not touched.
    pub(crate) fn adopt(&self) {
        let live = self.shared.live.load_full();
        if Arc::ptr_eq(&self.live(), &live) {
            return;
        }
        self.pools.adopt(&live);
        self.cursors.adopt(&live);
        self.telemetry.adopt(|| self.shared.snapshot());
        *self.live.borrow_mut() = Rc::new(live);
    }

    /// Runs a task on this worker. Drain waits for it; a panic in it is counted and ends only it.
    pub(crate) fn spawn(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        let running = Running::new(self.clone());
        // Behind a pointer: a block that is moved a future and awaits it has room for it twice.
        let mut task = Box::pin(task);
        tokio::task::spawn_local(async move {
            let _running = running;
            task.as_mut().await;
        });
    }

    /// Runs a task on this worker that lasts as long as the worker, or as an idle connection to an
    /// endpoint: drain does not wait for it.
    pub(crate) fn spawn_background(&self, task: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(task);
    }

    /// Returns when no task runs.
    pub(crate) async fn idle(&self) {
        while self.tasks.get() > 0 {
            self.idle.notified().await;
        }
    }
}

/// A task that counts as running until this is dropped.
struct Running(Rc<Local>);

impl Running {
    fn new(local: Rc<Local>) -> Self {
        local.tasks.set(local.tasks.get() + 1);
        Self(local)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.telemetry.task_panicked();
        }
        let left = self.0.tasks.get() - 1;
        self.0.tasks.set(left);
        if left == 0 {
            self.0.idle.notify_waiters();
        }
    }
}

/// Counters that pick the next backend of a rule and the next endpoint of a backend.
///
/// Each starts at random, so that workers do not all begin with the same endpoint.
#[derive(Default)]
pub(crate) struct Cursors {
    rules: RefCell<HashMap<Id<Rule>, u64, RandomState>>,
    backends: RefCell<Vec<u64>>,
}

impl Cursors {
    /// The next place in the weighted order of a rule.
    pub(crate) fn next_share(&self, rule: &Id<Rule>) -> u64 {
        let mut rules = self.rules.borrow_mut();
        if let Some(cursor) = rules.get_mut(rule) {
            *cursor = cursor.wrapping_add(1);
            return *cursor;
        }
        let start = u64::from(fastrand::u32(..));
        rules.insert(rule.clone(), start);
        start
    }

    /// The next place in the endpoint list of a backend; take it modulo the list's length.
    pub(crate) fn next_endpoint(&self, backend: BackendSlot) -> usize {
        match self.backends.borrow_mut().get_mut(backend.index()) {
            Some(cursor) => {
                *cursor = cursor.wrapping_add(1);
                *cursor as usize
            }
            None => fastrand::usize(..),
        }
    }

    /// Makes room for new backends. Places of rules are forgotten when there are too many of them:
    /// starting anew at random is as good, and rules that are gone do not pile up.
    fn adopt(&self, live: &Live) {
        let mut backends = self.backends.borrow_mut();
        backends.resize_with(live.backends.len(), || u64::from(fastrand::u32(..)));
        let mut rules = self.rules.borrow_mut();
        if rules.len() > limits::CURSORS_MAX {
            rules.clear();
        }
    }
}

#[cfg(test)]
mod tests;
