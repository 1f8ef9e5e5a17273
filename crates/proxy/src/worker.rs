//! One worker: a thread with a runtime, sockets, pools and counters of its own, which brings itself
//! in line with the latest orders, and takes connections that others hand over to it. It decides
//! nothing that is not its own.

use std::{
    io,
    rc::Rc,
    sync::{Arc, mpsc},
    thread,
};

use tokio::{
    runtime::{Builder, LocalOptions, LocalRuntime},
    sync::{mpsc::Receiver, watch},
};

use crate::{Shared, bind::Door, closing::Stage, local::Local, roster::Newcomer, upstream};

mod doors;

use doors::Doors;

/// What every worker shall be like, beside serving [`Shared::live`]. Only the latest orders count.
pub(crate) struct Orders {
    /// Grows by one with every change.
    pub(crate) sequence: u64,
    /// Where connections come in.
    pub(crate) doors: Vec<Door>,
    /// How far the drain of the whole proxy has come. From [`Stage::Close`] on nothing is accepted.
    pub(crate) stage: Stage,
}

impl Orders {
    /// Before the first delta.
    pub(crate) fn first() -> Self {
        Self { sequence: 0, doors: Vec::new(), stage: Stage::Open }
    }
}

/// What a worker has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    /// The orders that it is in line with.
    pub(crate) sequence: u64,
    /// Whether it drains and no task is left.
    pub(crate) drained: bool,
}

/// The control side's hold on a worker.
pub(crate) struct Worker {
    /// What it has come to.
    pub(crate) report: watch::Receiver<Report>,
    /// Ends when the sender of its orders is gone.
    pub(crate) thread: thread::JoinHandle<()>,
}

/// Starts a worker.
pub(crate) fn start(
    index: usize,
    shared: Arc<Shared>,
    orders: watch::Receiver<Arc<Orders>>,
    inbox: Receiver<Newcomer>,
) -> io::Result<Worker> {
    let (report, reports) = watch::channel(Report::default());
    let (started, start) = mpsc::sync_channel(1);
    let body = move || match runtime() {
        Ok(runtime) => {
            let _ = started.send(Ok(()));
            runtime.block_on(async {
                Duty::new(index, shared, orders, inbox, report).run().await;
            });
        }
        Err(error) => drop(started.send(Err(error))),
    };
    let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(body)?;
    start.recv().map_err(io::Error::other)??;
    Ok(Worker { report: reports, thread })
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())
}

/// A worker at work.
struct Duty {
    local: Rc<Local>,
    doors: Doors,
    orders: watch::Receiver<Arc<Orders>>,
    /// What others hand over. Closed when this worker takes no connections any more.
    inbox: Receiver<Newcomer>,
    report: watch::Sender<Report>,
}

impl Duty {
    fn new(
        index: usize,
        shared: Arc<Shared>,
        orders: watch::Receiver<Arc<Orders>>,
        inbox: Receiver<Newcomer>,
        report: watch::Sender<Report>,
    ) -> Self {
        let local = Local::new(index, shared);
        local.spawn_background(upstream::sweep(Rc::downgrade(&local)));
        let doors = Doors::new(local.clone());
        Self { local, doors, orders, inbox, report }
    }

    /// Until nobody is there to give orders.
    async fn run(mut self) {
        let mut stage = self.follow().await;
        loop {
            let waits = stage >= Stage::Close && !self.report.borrow().drained;
            tokio::select! {
                biased;
                Some(newcomer) = self.inbox.recv() => {
                    // It may have come in by a door of which this worker has still to hear.
                    match self.orders.has_changed() {
                        Ok(true) => stage = self.follow().await,
                        Ok(false) => {}
                        Err(_) => return,
                    }
                    self.doors.welcome(newcomer);
                }
                changed = self.orders.changed() => match changed {
                    Ok(()) => stage = self.follow().await,
                    Err(_) => return,
                },
                () = self.local.idle(), if waits => {
                    self.report.send_modify(|report| report.drained = true);
                }
            }
        }
    }

    /// Comes in line with the latest orders, and says so.
    async fn follow(&mut self) -> Stage {
        let now = self.orders.borrow_and_update().clone();
        self.local.adopt();
        self.doors.reconcile(&now.doors, now.stage).await;
        if now.stage >= Stage::Close {
            // What others are just handing over is waited for: nothing would be left to serve it.
            self.inbox.close();
            while let Some(newcomer) = self.inbox.recv().await {
                self.doors.welcome(newcomer);
            }
        }
        self.report.send_replace(Report { sequence: now.sequence, drained: false });
        now.stage
    }
}

#[cfg(test)]
mod tests;
