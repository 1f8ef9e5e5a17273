//! The end of a proxy: load balancers see it coming, clients are asked to go, streams may finish.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{sleep, timeout},
};

use crate::{closing::Stage, config::Command, limits, worker::Report};

/// Drains, step by step (DESIGN §4). Returns whether every stream came to its own end.
pub(crate) async fn run(
    (drain_min, drain_max): (Duration, Duration),
    commands: mpsc::Sender<Command>,
    mut reports: Vec<watch::Receiver<Report>>,
) -> bool {
    // Nothing changes for clients until load balancers had time to see that it goes.
    go_on(&commands, Stage::Open).await;
    sleep(drain_min).await;
    // A busy client hears of it with its next response. Were all told by closing, the request that
    // is just on its way to us would be lost.
    let notice = limits::DRAIN_NOTICE_TIME.min(drain_max / 2);
    go_on(&commands, Stage::Announce).await;
    sleep(notice).await;
    go_on(&commands, Stage::Close).await;
    let all = async {
        for report in &mut reports {
            // An error is a worker that ended: nothing is left of it either.
            let _ = report.wait_for(|report| report.drained).await;
        }
    };
    let in_time = timeout(drain_max - notice, all).await.is_ok();
    go_on(&commands, Stage::Cut).await;
    in_time
}

async fn go_on(commands: &mpsc::Sender<Command>, stage: Stage) {
    let (reply, done) = oneshot::channel();
    if commands.send(Command::Drain(stage, reply)).await.is_ok() {
        let _ = done.await;
    }
}
