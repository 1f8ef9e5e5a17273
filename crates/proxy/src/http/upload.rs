//! The request's body on its way to the backend: once, or again for another try.
//!
//! Where the rule has a retry, what was sent is kept up to a bound; beyond it, or without a rule
//! that asks for it, a body of which something was read cannot be sent again. Mirrors get their
//! copies here too.

use std::task::{Context, Poll, ready};

use crate::{
    http::{
        Half,
        mirror::Feed,
        pump::{Fault, Pump, Waits},
    },
    limits,
};

/// The upload of one exchange, over all its tries.
#[derive(Default)]
pub(crate) struct Upload {
    pump: Pump,
    kept: Kept,
    /// Of the kept bytes, how many this try has sent.
    replayed: usize,
    /// The receiver broke; what it may have answered is still read.
    broken: bool,
    feeds: Vec<Feed>,
}

/// The bytes that were read from the client.
#[derive(Debug, Default)]
enum Kept {
    /// Not kept, and nothing was read yet.
    #[default]
    Untouched,
    /// All of them.
    All(Vec<u8>),
    /// Some are gone.
    Lost,
}

impl Upload {
    /// Keeps what is read from now on, for a retry.
    pub(crate) fn keep(&mut self) {
        self.kept = Kept::All(Vec::new());
    }

    /// Lets go of what was kept: there will be no other try.
    pub(crate) fn commit(&mut self) {
        if let Kept::All(bytes) = &mut self.kept
            && self.replayed == bytes.len()
        {
            self.kept = Kept::Lost;
        }
    }

    /// Copies the body to a mirror too.
    pub(crate) fn feed(&mut self, feed: Feed) {
        self.feeds.push(feed);
    }

    /// Whether the whole request can be sent once more.
    pub(crate) fn is_replayable(&self) -> bool {
        !matches!(self.kept, Kept::Lost)
    }

    /// Begins another try.
    pub(crate) fn restart(&mut self) {
        self.replayed = 0;
        self.broken = false;
        self.pump.reopen();
    }

    /// Body bytes that came from the client.
    pub(crate) fn bytes(&self) -> u64 {
        self.pump.bytes
    }

    /// Whether nothing more will be sent.
    pub(crate) fn is_done(&self) -> bool {
        self.broken || self.pump.is_done()
    }

    /// The backend takes no more.
    pub(crate) fn give_up(&mut self) {
        self.broken = true;
    }

    /// Whether it is the client that it waits for; then it notices itself when that one goes.
    pub(crate) fn waits_for_client(&self) -> bool {
        !self.is_done() && self.pump.waits_for == Waits::Sender
    }

    /// Moves what can be moved. Ready when nothing more will be.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: Half<'_>,
        mut to: Half<'_>,
    ) -> Poll<Result<(), Fault>> {
        if self.broken {
            return Poll::Ready(Ok(()));
        }
        if let Kept::All(kept) = &self.kept {
            while let Some(rest) = kept.get(self.replayed..).filter(|rest| !rest.is_empty()) {
                self.pump.waits_for = Waits::Receiver;
                let room = ready!(to.poll_room(cx)).map_err(Fault::Receiver)?;
                let n = room.min(rest.len());
                to.send_data(&rest[..n]).map_err(Fault::Receiver)?;
                self.replayed += n;
            }
        }
        let Self { pump, kept, replayed, feeds, .. } = self;
        let polled = pump.poll(cx, from, to, |data| {
            match kept {
                Kept::All(bytes) if bytes.len() + data.len() <= limits::TEE_BYTES_MAX => {
                    bytes.extend_from_slice(data);
                    *replayed = bytes.len();
                }
                _ => *kept = Kept::Lost,
            }
            feeds.retain(|feed| feed.push(data));
        });
        if polled.is_ready() {
            let whole = polled == Poll::Ready(Ok(()));
            self.feeds.drain(..).filter(|_| whole).for_each(Feed::finish);
        }
        polled
    }
}
