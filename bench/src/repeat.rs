//! Work that begins anew as soon as it is done, by several at once, for a time.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::bail;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::load::Window;

/// What the workers share.
#[derive(Default)]
pub(crate) struct Tally {
    done: Cell<u64>,
    ended: Cell<bool>,
}

impl Tally {
    /// Counts one piece of work, and says whether another is wanted.
    pub(crate) fn count(&self) -> bool {
        self.done.set(self.done.get() + 1);
        !self.ended.get()
    }
}

/// Lets the workers work for `warm`, then for `window`; each ends when its tally says so.
pub(crate) async fn repeat<T, W>(
    [warm, window]: [Duration; 2],
    count: usize,
    worker: impl Fn(Rc<Tally>) -> W,
    look: impl Fn() -> anyhow::Result<T>,
) -> anyhow::Result<Window<T>>
where
    W: Future<Output = anyhow::Result<()>> + 'static,
{
    let tally = Rc::new(Tally::default());
    let mut workers = JoinSet::new();
    for _ in 0..count {
        workers.spawn_local(worker(tally.clone()));
    }
    wait(&mut workers, warm).await?;
    let first = look()?;
    let (began, before) = (Instant::now(), tally.done.get());
    wait(&mut workers, window).await?;
    let (lasted, answered) = (began.elapsed(), tally.done.get() - before);
    let last = look()?;
    tally.ended.set(true);
    let ended = timeout(END_TIME_MAX, async {
        while let Some(ended) = workers.join_next().await {
            ended??;
        }
        Ok::<(), anyhow::Error>(())
    });
    match ended.await {
        Ok(ended) => ended?,
        Err(_) => bail!("it does not answer any more"),
    }
    if answered == 0 {
        bail!("nothing was done in {lasted:?}");
    }
    Ok(Window { answered, lasted, latencies: Vec::new(), edges: [first, last] })
}

/// A worker that ends early has failed.
async fn wait(workers: &mut JoinSet<anyhow::Result<()>>, time: Duration) -> anyhow::Result<()> {
    tokio::select! {
        () = sleep(time) => Ok(()),
        Some(ended) = workers.join_next() => {
            ended??;
            bail!("it ended before its time")
        }
    }
}

const END_TIME_MAX: Duration = Duration::from_secs(5);
