//! The life of a client's connection: streams in, each in a task of its own; GOAWAY when the
//! connection shall end; an end for peers that abuse it.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
};

use ::http::Request;
use bytes::Bytes;
use h2::{
    Reason, RecvStream,
    server::{Builder, Connection as Frames, SendResponse},
};
use tokio::time::timeout;

use crate::{
    accept::Connection,
    h2::{
        ServerStream,
        keepalive::{Keepalive, Verdict},
        meter::{Metered, Tally},
    },
    http::{
        Client, Down,
        heads::Lent,
        request::{exchange, refuse},
        timer::Timer,
    },
    limits,
    local::Local,
    telemetry::Misconduct,
};

/// Serves a client until its connection ends.
pub(crate) async fn serve(local: Rc<Local>, connection: Connection) {
    let (io, client) = Client::of(connection);
    let tally = Rc::new(Tally::new());
    let handshake = builder().handshake::<Metered, Bytes>(Metered::new(io, tally.clone()));
    let mut frames = match timeout(local.patience().preamble, handshake).await {
        Ok(Ok(frames)) => frames,
        Ok(Err(error)) => {
            local.telemetry.connection_ended(Misconduct::Protocol);
            return tracing::debug!(%error, "a client does not speak HTTP/2");
        }
        Err(_) => return tracing::debug!("a client did not begin to speak HTTP/2"),
    };
    let keepalive = Keepalive::new(frames.ping_pong(), Some(local.patience().idle));
    let conduct = Rc::new(Conduct::default());
    let client = Rc::new(client);
    let mut driver = Driver { local, client, frames, keepalive, conduct, tally, announced: false };
    poll_fn(|cx| driver.poll(cx)).await;
}

/// How a client behaves on one connection, and what its streams share.
#[derive(Default)]
pub(super) struct Conduct {
    opened: Cell<u32>,
    abandoned: Cell<u32>,
    spare_timers: RefCell<Vec<Timer>>,
}

impl Conduct {
    /// The client took a request back before its response began.
    pub(super) fn abandoned(&self) {
        self.abandoned.set(self.abandoned.get().saturating_add(1));
    }

    /// Its head is refused: reading it cost more than sending it.
    fn refused(&self) {
        self.abandoned();
    }

    fn opened(&self) {
        self.opened.set(self.opened.get().saturating_add(1));
    }

    /// Whether it opens streams only to reset them, or such as cannot be served: that costs us far
    /// more than it.
    fn is_abusive(&self) -> bool {
        let abandoned = self.abandoned.get();
        abandoned > limits::H2_ABANDONED_MAX && abandoned > self.opened.get() / 2
    }

    fn timer(&self) -> Timer {
        self.spare_timers.borrow_mut().pop().unwrap_or_default()
    }

    fn give_back(&self, timer: Timer) {
        let mut spare = self.spare_timers.borrow_mut();
        if spare.len() < limits::H2_SPARE_TIMERS_MAX {
            spare.push(timer);
        }
    }
}

struct Driver {
    local: Rc<Local>,
    frames: Frames<Metered, Bytes>,
    client: Rc<Client>,
    keepalive: Keepalive,
    conduct: Rc<Conduct>,
    tally: Rc<Tally>,
    /// Whether the client was told that the connection ends.
    announced: bool,
}

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.client.ends() {
            self.announce();
        }
        self.tally.begin_turn();
        loop {
            if self.conduct.is_abusive() || self.tally.is_flood() {
                self.frames.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                // One poll writes it, if the socket takes anything at all.
                let _ = self.frames.poll_closed(cx);
                tracing::debug!("a client floods us with resets, or with frames for nothing");
                return self.ended(Misconduct::Flood);
            }
            match self.frames.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.start(cx, request, respond),
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "a client's connection broke");
                    return match error.reason().filter(|_| !error.is_remote()) {
                        Some(Reason::ENHANCE_YOUR_CALM) => self.ended(Misconduct::Flood),
                        Some(reason) if reason != Reason::NO_ERROR => {
                            self.ended(Misconduct::Protocol)
                        }
                        _ => Poll::Ready(()),
                    };
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending if self.tally.is_flood() => {}
                Poll::Pending => break,
            }
        }
        // One that was told to end is asked whether it is there, so that it does not linger.
        let busy = self.announced || self.frames.has_streams();
        match self.keepalive.poll(cx, busy) {
            Poll::Ready(Verdict::Dead) => self.ended(Misconduct::Unresponsive),
            Poll::Ready(Verdict::Idle) => {
                self.announce();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// The connection ends, and not because its client wanted it.
    fn ended(&self, misconduct: Misconduct) -> Poll<()> {
        self.local.telemetry.connection_ended(misconduct);
        Poll::Ready(())
    }

    /// GOAWAY in two steps (RFC 9113 §6.8): streams that are on their way are still served.
    fn announce(&mut self) {
        if !self.announced {
            self.announced = true;
            self.frames.graceful_shutdown();
        }
    }

    fn start(
        &self,
        cx: &mut Context<'_>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) {
        self.conduct.opened();
        if respond.poll_reset(cx).is_ready() {
            // Taken back before we have looked at it.
            return self.conduct.abandoned();
        }
        let (local, client) = (self.local.clone(), self.client.clone());
        let conduct = self.conduct.clone();
        self.local.spawn(async move {
            let mut lent = Lent::new();
            let heads = lent.heads();
            let (mut stream, read) =
                ServerStream::new(request, respond, conduct.clone(), &mut heads.request);
            let (mut down, mut timer) = (Down::H2(&mut stream), conduct.timer());
            match read {
                Ok(()) => exchange(&local, &client, &mut down, heads, &mut timer).await,
                Err(violation) => {
                    conduct.refused();
                    let failure = violation.of_request();
                    refuse(&local, &client, &mut down, heads, &mut timer, failure);
                }
            }
            conduct.give_back(timer);
        });
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits::H2_STREAMS_MAX)
        .initial_window_size(limits::H2_WINDOW_BYTES)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW_BYTES)
        .max_header_list_size(limits::H2_HEADER_LIST_BYTES_MAX)
        .max_send_buffer_size(limits::H2_SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(limits::H2_PENDING_RESETS_MAX)
        .max_local_error_reset_streams(Some(limits::H2_LOCAL_RESETS_MAX));
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_resets_and_most_of_all_streams_are_abuse() {
        let most = limits::H2_ABANDONED_MAX;
        for (opened, abandoned, abusive) in [
            (most, most, false),
            (most + 1, most + 1, true),
            (2 * most + 2, most + 1, false),
            (2 * most + 1, most + 1, true),
            (u32::MAX, most + 1, false),
        ] {
            let conduct = Conduct::default();
            conduct.opened.set(opened);
            conduct.abandoned.set(abandoned);
            assert_eq!(conduct.is_abusive(), abusive, "{abandoned} of {opened}");
        }
    }
}
