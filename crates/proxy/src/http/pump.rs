//! One direction of an exchange: body bytes from one side to the other, as fast as the slower of
//! the two, with no buffer of its own.

use std::task::{Context, Poll, ready};

use crate::http::{BodyState, Half, StreamError};

/// How far one direction has come.
#[derive(Debug, Default)]
pub(crate) struct Pump {
    state: State,
    /// Body bytes that passed.
    pub(crate) bytes: u64,
    /// Whom it waits for.
    pub(crate) waits_for: Waits,
    /// Trailers came; they stay with the sender.
    trailers: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Flushing,
    Done,
}

/// Whom a direction waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For bytes of the one that sends.
    #[default]
    Sender,
    /// For room at the one that receives.
    Receiver,
}

/// Which end of a direction broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The one that sends.
    Sender(StreamError),
    /// The one that receives.
    Receiver(StreamError),
}

impl Pump {
    /// Moves what can be moved. Ready when the message is over and written. `tap` sees the bytes.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut from: Half<'_>,
        mut to: Half<'_>,
        mut tap: impl FnMut(&[u8]),
    ) -> Poll<Result<(), Fault>> {
        while self.state == State::Open {
            let Poll::Ready(read) = from.poll_body(cx) else {
                // What came so far must not wait for what comes next.
                self.waits_for = match to.poll_flush(cx).map_err(Fault::Receiver)? {
                    Poll::Ready(()) => Waits::Sender,
                    Poll::Pending => Waits::Receiver,
                };
                return Poll::Pending;
            };
            match read.map_err(Fault::Sender)? {
                BodyState::Data => {
                    self.waits_for = Waits::Receiver;
                    let room = ready!(to.poll_room(cx)).map_err(Fault::Receiver)?;
                    let data = from.data();
                    let data = &data[..room.min(data.len())];
                    to.send_data(data).map_err(Fault::Receiver)?;
                    tap(data);
                    let n = data.len();
                    self.bytes += n as u64;
                    from.consume(n);
                }
                BodyState::Trailers => self.trailers = true,
                BodyState::End => {
                    let trailers = self.trailers.then(|| from.trailers());
                    to.send_end(trailers).map_err(Fault::Receiver)?;
                    self.state = State::Flushing;
                }
            }
        }
        if self.state == State::Flushing {
            self.waits_for = Waits::Receiver;
            ready!(to.poll_flush(cx)).map_err(Fault::Receiver)?;
            self.state = State::Done;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the message is over and written.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Begins anew with a message that was read in part or in full, as a retry does.
    pub(crate) fn reopen(&mut self) {
        self.state = State::Open;
    }
}
