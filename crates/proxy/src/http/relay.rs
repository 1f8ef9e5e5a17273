//! The bodies of an exchange, both ways at once, after the response's head.
//!
//! The response decides when it is over: a request body that the backend no longer wants is not
//! waited for. After 101 both directions are plain bytes and end each for itself.

use std::task::{Context, Poll, ready};

use crate::{
    Patience, defaults,
    http::{
        Down, Failure, Up,
        forward::{Answered, Deadline},
        pump::{Fault, Pump, Waits},
        timer::{Stillness, Timer},
        upload::Upload,
    },
};

/// An exchange whose heads are through.
pub(crate) struct Relay {
    up: Up,
    upload: Upload,
    download: Pump,
    tunnel: bool,
    deadline: Option<Deadline>,
    /// Neither side moves.
    still: Stillness,
    /// The client takes nothing of what there is for it.
    stalled: Stillness,
}

impl Relay {
    /// Goes on with the upload that the try began. A tunnel has no response that could be due.
    pub(crate) fn new(
        answered: Answered,
        upload: Upload,
        tunnel: bool,
        patience: &Patience,
    ) -> Self {
        let limit = if tunnel { defaults::TUNNEL_IDLE_TIME } else { patience.stream_idle };
        let Answered { up, deadline, .. } = answered;
        let (download, still) = (Pump::default(), Stillness::new(limit));
        let stalled = Stillness::new(patience.stall);
        let deadline = deadline.filter(|_| !tunnel);
        let mut relay = Self { up, upload, download, tunnel, deadline, still, stalled };
        if tunnel {
            // The request had no body; what comes now is the tunnel's.
            relay.upload = Upload::default();
        } else {
            relay.upload.commit();
        }
        relay
    }

    /// Moves what can be moved, and ends when the exchange does.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        down: &mut Down<'_>,
        timer: &mut Timer,
    ) -> Poll<Result<(), Failure>> {
        match self.upload.poll(cx, down.half(), self.up.half()) {
            Poll::Ready(Ok(())) | Poll::Pending => {}
            Poll::Ready(Err(Fault::Sender(error))) => {
                return Poll::Ready(Err(Failure::of_client(error)));
            }
            // A backend may answer early and close; its answer still counts.
            Poll::Ready(Err(Fault::Receiver(_))) => self.upload.give_up(),
        }
        match self.download.poll(cx, self.up.half(), down.half(), |_| {}) {
            Poll::Ready(Ok(())) if !self.tunnel || self.upload.is_done() => {
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
            Poll::Ready(Err(Fault::Sender(error))) => {
                return Poll::Ready(Err(Failure::of_upstream(error)));
            }
            Poll::Ready(Err(Fault::Receiver(_))) => return Poll::Ready(Err(Failure::ClientGone)),
        }
        if !self.tunnel && !self.upload.waits_for_client() && down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        if let Some(deadline) = self.deadline
            && let Poll::Ready(failure) = deadline.poll(cx, timer)
        {
            return Poll::Ready(Err(failure));
        }
        if self.tunnel || !self.client_takes_nothing() {
            self.stalled.restart();
        } else if self.stalled.poll(cx, timer, self.download.bytes).is_ready() {
            return Poll::Ready(Err(Failure::ClientTimeout));
        }
        let moved = self.bytes_in() + self.bytes_out();
        ready!(self.still.poll(cx, timer, moved));
        Poll::Ready(Err(self.who_stands_still()))
    }

    /// Body bytes that came from the client.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.upload.bytes()
    }

    /// Body bytes that went to the client.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.download.bytes
    }

    /// The connection, to be used again if it is in order.
    pub(crate) fn into_up(self) -> Up {
        self.up
    }

    /// Whether there is something for the client, and no room at its side.
    fn client_takes_nothing(&self) -> bool {
        !self.download.is_done() && self.download.waits_for == Waits::Receiver
    }

    fn who_stands_still(&self) -> Failure {
        if self.client_takes_nothing() || self.upload.waits_for_client() {
            Failure::ClientTimeout
        } else {
            Failure::UpstreamTimeout
        }
    }
}
