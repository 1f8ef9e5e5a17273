//! One worker: a thread with a runtime, sockets, pools and counters of its own, which brings itself
//! in line with the latest orders. It decides nothing that is not its own.

use std::{
    io,
    rc::Rc,
    sync::{Arc, mpsc},
    thread,
};

use tokio::{
    runtime::{Builder, LocalOptions, LocalRuntime},
    sync::watch,
};

use crate::{Shared, bind::Door, closing::Stage, local::Local, upstream};

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
) -> io::Result<Worker> {
    let (report, reports) = watch::channel(Report::default());
    let (started, start) = mpsc::sync_channel(1);
    let body = move || match runtime() {
        Ok(runtime) => {
            let _ = started.send(Ok(()));
            runtime.block_on(run(index, shared, orders, report));
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

async fn run(
    index: usize,
    shared: Arc<Shared>,
    mut orders: watch::Receiver<Arc<Orders>>,
    report: watch::Sender<Report>,
) {
    let local = Local::new(index, shared);
    local.spawn_background(upstream::sweep(Rc::downgrade(&local)));
    let mut doors = Doors::new(local.clone());
    loop {
        let now = orders.borrow_and_update().clone();
        local.adopt();
        doors.reconcile(&now.doors, now.stage).await;
        report.send_replace(Report { sequence: now.sequence, drained: false });
        let (stage, sequence) = (now.stage, now.sequence);
        drop(now);
        let changed = tokio::select! {
            biased;
            changed = orders.changed() => changed,
            () = local.idle(), if stage >= Stage::Close => {
                report.send_replace(Report { sequence, drained: true });
                orders.changed().await
            }
        };
        if changed.is_err() {
            return;
        }
    }
}
