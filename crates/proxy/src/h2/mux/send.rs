//! What the tasks of streams ask of their connection.

use std::task::{Context, Poll};

use router::Head;

use super::{Leaving, Mux, Role, State};
use crate::{
    buffer::Buffer,
    h2::{
        frame::{self, Reason},
        stream::{Key, Turn},
    },
    http::{BodyState, StreamError},
};

impl Mux {
    /// A stream of ours, which gets its number with its head.
    pub(in crate::h2) fn open(&self) -> Key {
        let mut state = self.state();
        let window = state.peer.window;
        state.streams.open(0, window)
    }

    /// How many streams have not ended.
    pub(in crate::h2) fn streams(&self) -> usize {
        self.state().streams.len()
    }

    /// Queues the head of a message, or an interim one. `ends`: nothing follows it.
    pub(in crate::h2) fn send_head(
        &self,
        key: Key,
        interim: bool,
        ends: bool,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), StreamError> {
        let mut state = self.state();
        let state = &mut *state;
        if state.role == Role::Client {
            state.number(key)?;
        }
        let stream = state.streams.get(key).ok_or(StreamError::Reset)?;
        if let Some(fault) = stream.fault {
            return Err(fault);
        }
        let id = stream.id;
        state.tally.answered();
        let at = state.send_block(if ends { frame::END_STREAM } else { 0 }, id, write);
        if let Some(stream) = state.streams.get(key) {
            stream.last_frame = (!interim).then_some(at);
            stream.ended_out = ends;
        }
        Ok(())
    }

    /// The response to what this stream sends has no body whatever it says (RFC 9110 §9.3.2).
    pub(in crate::h2) fn expect_no_body(&self, key: Key) {
        if let Some(stream) = self.state().streams.get(key) {
            stream.bodiless = true;
        }
    }

    /// The next head that came, put into `head`, and whether nothing follows it.
    pub(in crate::h2) fn poll_head(
        &self,
        key: Key,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<bool, StreamError>> {
        let mut state = self.state();
        let Some(stream) = state.streams.get(key) else {
            return Poll::Ready(Err(StreamError::Reset));
        };
        if let Some((mut came, ends)) = stream.heads.pop_front() {
            std::mem::swap(head, &mut came);
            return Poll::Ready(Ok(ends));
        }
        if let Some(fault) = stream.fault {
            return Poll::Ready(Err(fault));
        }
        stream.wait(cx);
        Poll::Pending
    }

    /// What came of a body, exchanged for an empty buffer, or trailers, or its end.
    pub(in crate::h2) fn poll_body(
        &self,
        key: Key,
        cx: &mut Context<'_>,
        chunk: &mut Buffer,
        trailers: &mut Head,
    ) -> Poll<Result<BodyState, StreamError>> {
        let mut state = self.state();
        let Some(stream) = state.streams.get(key) else {
            return Poll::Ready(Err(StreamError::Reset));
        };
        if !stream.incoming.is_empty() {
            chunk.release();
            std::mem::swap(chunk, &mut stream.incoming);
            return Poll::Ready(Ok(BodyState::Data));
        }
        if stream.ended_in
            && let Some(mut came) = stream.trailers.take()
        {
            std::mem::swap(trailers, &mut came);
            return Poll::Ready(Ok(BodyState::Trailers));
        }
        match stream.fault {
            _ if stream.ended_in && !is_malformed(stream.fault) => Poll::Ready(Ok(BodyState::End)),
            Some(fault) => Poll::Ready(Err(fault)),
            None => {
                stream.wait(cx);
                Poll::Pending
            }
        }
    }

    /// Body bytes are passed on: gives their room back to the peer.
    pub(in crate::h2) fn consume(&self, key: Key, bytes: usize) {
        let mut state = self.state();
        let state = &mut *state;
        let window = state.streams.window();
        if let Some(stream) = state.streams.get(key) {
            stream.owed += bytes as u32;
            let id = stream.id;
            if !stream.ended_in && stream.fault.is_none() && stream.owed >= window / 2 {
                let owed = std::mem::take(&mut stream.owed);
                stream.recv_window += i64::from(owed);
                state.send(frame::WINDOW_UPDATE, 0, id, &owed.to_be_bytes());
            }
        }
        state.release(bytes);
    }

    /// How much a stream may send now; waits until it is something. To be asked with bytes at hand:
    /// who is given room and does not use it holds the others up.
    pub(in crate::h2) fn poll_room(
        &self,
        key: Key,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, StreamError>> {
        let mut state = self.state();
        let state = &mut *state;
        let room = state.room();
        let Some(stream) = state.streams.get(key) else {
            return Poll::Ready(Err(StreamError::Reset));
        };
        if let Some(fault) = stream.fault {
            return Poll::Ready(Err(fault));
        }
        let turn = stream.turn;
        if stream.send_window <= 0 {
            stream.wait(cx);
            if turn == Turn::Next {
                stream.turn = Turn::None;
                state.turns -= 1;
                state.wake_driver();
            }
            return Poll::Pending;
        }
        let left = match turn {
            Turn::Next => room,
            // Those that were given a turn come first, and those that wait.
            _ if !state.waiting.is_empty() => 0,
            _ => room.saturating_sub(state.turns * frame::PAYLOAD_MAX),
        };
        if left > 0 {
            let window = usize::try_from(stream.send_window).unwrap_or(usize::MAX);
            return Poll::Ready(Ok(left.min(window).min(frame::PAYLOAD_MAX)));
        }
        stream.wait(cx);
        stream.turn = Turn::Waits;
        match turn {
            Turn::Waits => {}
            Turn::None => state.waiting.push_back(key),
            Turn::Next => {
                state.turns -= 1;
                state.waiting.push_front(key);
            }
        }
        Poll::Pending
    }

    /// Queues body bytes, no more than [`Mux::poll_room`] said.
    pub(in crate::h2) fn send_data(&self, key: Key, data: &[u8]) -> Result<(), StreamError> {
        let mut state = self.state();
        let state = &mut *state;
        let at = state.written + state.out.len() as u64;
        let stream = state.streams.get(key).ok_or(StreamError::Reset)?;
        if let Some(fault) = stream.fault {
            return Err(fault);
        }
        if std::mem::take(&mut stream.turn) == Turn::Next {
            state.turns -= 1;
        }
        stream.send_window -= data.len() as i64;
        stream.last_frame = Some(at);
        let id = stream.id;
        state.send_window -= data.len() as i64;
        state.tally.answered();
        state.send(frame::DATA, 0, id, data);
        Ok(())
    }

    /// Ends the outgoing message.
    pub(in crate::h2) fn send_end(
        &self,
        key: Key,
        trailers: Option<impl FnOnce(&mut Vec<u8>)>,
    ) -> Result<(), StreamError> {
        let mut state = self.state();
        let state = &mut *state;
        let stream = state.streams.get(key).ok_or(StreamError::Reset)?;
        if stream.ended_out {
            // The head said that nothing follows.
            return Ok(());
        }
        if let Some(fault) = stream.fault {
            return Err(fault);
        }
        stream.ended_out = true;
        let (id, last) = (stream.id, stream.last_frame);
        match trailers {
            Some(write) => {
                state.send_block(frame::END_STREAM, id, write);
            }
            None => {
                // What waits to be written can still be said to be the last.
                let flags = last
                    .and_then(|last| last.checked_sub(state.written))
                    .and_then(|at| state.out.rest_mut().get_mut(at as usize + FLAGS_AT));
                match flags {
                    Some(flags) => *flags |= frame::END_STREAM,
                    None => state.send(frame::DATA, frame::END_STREAM, id, &[]),
                }
            }
        }
        Ok(())
    }

    /// Ready when nothing more can be sent, because the peer does not want it or is gone.
    pub(in crate::h2) fn poll_gone(&self, key: Key, cx: &mut Context<'_>) -> Poll<StreamError> {
        let mut state = self.state();
        let Some(stream) = state.streams.get(key) else { return Poll::Ready(StreamError::Reset) };
        if let Some(fault) = stream.fault {
            return Poll::Ready(fault);
        }
        stream.wait(cx);
        Poll::Pending
    }

    /// Whether nothing more can come or go.
    pub(in crate::h2) fn is_gone(&self, key: Key) -> bool {
        self.state().streams.get(key).is_none_or(|stream| stream.fault.is_some())
    }

    /// Ends a stream where it stands.
    pub(in crate::h2) fn cancel(&self, key: Key, reason: Reason) {
        let mut state = self.state();
        let state = &mut *state;
        let Some(stream) = state.streams.get(key) else { return };
        if stream.is_over() || stream.id == 0 {
            return;
        }
        stream.fault = Some(StreamError::Reset);
        stream.ended_by_us = true;
        let id = stream.id;
        state.reset(id, reason);
    }

    /// The task of a stream ends; `chunk_bytes` that it took were not passed on. `abandoned`: the
    /// peer took back what it asked for before it got anything.
    pub(in crate::h2) fn leave(&self, key: Key, chunk_bytes: usize, abandoned: bool) {
        let mut state = self.state();
        let state = &mut *state;
        let Some(stream) = state.streams.take(key) else { return };
        if abandoned {
            state.tally.abandoned();
        }
        if stream.turn == Turn::Next {
            state.turns -= 1;
        }
        let by_us = stream.ended_by_us || !stream.is_over();
        if !stream.is_over() && stream.id > 0 && !state.over {
            let reason = match state.role {
                Role::Client => Reason::CANCEL,
                // RFC 9113 §8.1: the rest is not wanted, and that is no error.
                Role::Server if stream.ended_out => Reason::NO_ERROR,
                Role::Server => Reason::INTERNAL_ERROR,
            };
            state.reset(stream.id, reason);
        }
        if stream.id > 0 {
            state.streams.forget(stream.id, by_us);
        }
        state.release(stream.incoming.len() + chunk_bytes);
        if state.leaving > Leaving::No || !state.waiting.is_empty() {
            state.wake_driver();
        }
    }
}

impl State {
    /// Gives a stream of ours its number.
    fn number(&mut self, key: Key) -> Result<(), StreamError> {
        let may = !self.over && self.leaving == Leaving::No && self.next_own < frame::ID_MAX;
        let stream = self.streams.get(key).filter(|_| may).ok_or(StreamError::Refused)?;
        stream.id = self.next_own;
        self.next_own += 2;
        Ok(())
    }
}

fn is_malformed(fault: Option<StreamError>) -> bool {
    matches!(fault, Some(StreamError::Malformed(_)))
}

/// Where the flags stand in the header of a frame (RFC 9113 §4.1).
const FLAGS_AT: usize = 4;
