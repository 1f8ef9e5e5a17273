//! The state of one HTTP/2 connection, shared by the task that moves its bytes and the tasks of its
//! streams, for clients and endpoints alike. No I/O happens here.
//!
//! Frames come in through [`Mux::receive`], and what they do to a stream waits there until its task
//! takes it. What a stream sends is a frame in `out` at once, which its driver writes in one go
//! with what all the others sent. Rules: RFC 9113; each frame's are in `mux/receive.rs`.

use std::{
    cell::{RefCell, RefMut},
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use crate::{
    buffer::Buffer,
    h2::{
        frame::{self, Frame, Reason, setting},
        hpack::{self, Decoder},
        stream::{Key, Streams},
        tally::Tally,
    },
    http::{Lent, StreamError, Violation},
    limits,
};

mod receive;
mod send;

/// One connection.
pub(super) struct Mux(RefCell<State>);

/// Which end of a connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Server,
    Client,
}

/// A request that came on a new stream.
pub(super) struct Opened {
    /// Its stream.
    pub(super) key: Key,
    /// Its head lies in there.
    pub(super) lent: Lent,
    /// Whether it is one that can be served.
    pub(super) read: Result<(), Violation>,
    /// Whether there is no body.
    pub(super) ended: bool,
}

struct State {
    role: Role,
    streams: Streams,
    hpack: Decoder,
    /// Frames to be written; `written` bytes were before them.
    out: Buffer,
    written: u64,
    /// A block was sent, and with it that our table is empty.
    told_table: bool,
    /// What may be sent on all streams together.
    send_window: i64,
    /// What the peer may send on all streams together, and what of it is to be given back.
    recv_window: i64,
    owed: u32,
    peer: Peer,
    /// The highest stream that the peer opened.
    last_peer: u32,
    /// The next stream that we open.
    next_own: u32,
    /// A DATA frame of which not all has come.
    data: Option<receive::Run>,
    /// A field block of which not all has come.
    block: Option<receive::Block>,
    /// Streams that wait for room, the first one first, and how many of those that had their turn
    /// have not used it.
    waiting: VecDeque<Key>,
    turns: usize,
    tally: Tally,
    leaving: Leaving,
    /// The connection is over.
    over: bool,
    /// A PING of ours is not answered yet.
    pinged: bool,
    driver: Option<Waker>,
    /// The driver runs, or will.
    woken: bool,
}

/// What the peer said of itself (RFC 9113 §6.5.2).
struct Peer {
    /// Whether it has said anything.
    settled: bool,
    window: i64,
    streams: u32,
}

/// How far the end of a connection has come (RFC 9113 §6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Leaving {
    No,
    /// The peer shall open no more streams; those that are on their way are served.
    Announced,
    /// No new stream is served. When the last one is over, so is the connection.
    Last,
}

impl Mux {
    /// The end of a client's connection, its preface being read.
    pub(super) fn server() -> Rc<Self> {
        let settings = [
            (setting::MAX_CONCURRENT_STREAMS, limits::H2_STREAMS_MAX),
            (setting::INITIAL_WINDOW_SIZE, limits::H2_WINDOW_BYTES),
            (setting::MAX_HEADER_LIST_SIZE, limits::H2_HEADER_LIST_BYTES_MAX),
        ];
        let windows = (limits::H2_WINDOW_BYTES, limits::H2_CONNECTION_WINDOW_BYTES);
        Self::new(Role::Server, &settings, windows)
    }

    /// Our end of a connection to an endpoint.
    pub(super) fn client() -> Rc<Self> {
        let settings = [
            (setting::ENABLE_PUSH, 0),
            (setting::INITIAL_WINDOW_SIZE, limits::H2_UPSTREAM_WINDOW_BYTES),
            (setting::MAX_HEADER_LIST_SIZE, limits::H2_HEADER_LIST_BYTES_MAX),
        ];
        let windows =
            (limits::H2_UPSTREAM_WINDOW_BYTES, limits::H2_UPSTREAM_CONNECTION_WINDOW_BYTES);
        Self::new(Role::Client, &settings, windows)
    }

    fn new(role: Role, settings: &[(u16, u32)], (window, all): (u32, u32)) -> Rc<Self> {
        let mut state = State {
            role,
            streams: Streams::new(window),
            hpack: Decoder::new(),
            out: Buffer::default(),
            written: 0,
            told_table: false,
            send_window: frame::WINDOW,
            recv_window: i64::from(all),
            owed: 0,
            peer: Peer {
                settled: false,
                window: frame::WINDOW,
                streams: limits::H2_UPSTREAM_STREAMS_MAX as u32,
            },
            last_peer: 0,
            next_own: 1,
            data: None,
            block: None,
            waiting: VecDeque::new(),
            turns: 0,
            tally: Tally::new(),
            leaving: Leaving::No,
            over: false,
            pinged: false,
            driver: None,
            woken: false,
        };
        if role == Role::Client {
            state.out.tail().extend_from_slice(frame::PREFACE);
        }
        let setting = |(id, value): &(u16, u32)| {
            let ([a, b], [c, d, e, f]) = (id.to_be_bytes(), value.to_be_bytes());
            [a, b, c, d, e, f]
        };
        let settings: Vec<u8> = settings.iter().flat_map(setting).collect();
        state.send(frame::SETTINGS, 0, 0, &settings);
        let more = all.saturating_sub(frame::WINDOW as u32);
        state.send(frame::WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        Rc::new(Self(RefCell::new(state)))
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// The driver runs: it need not be woken, and may read as much as is its share again.
    pub(super) fn begin_turn(&self, driver: &Waker) {
        let mut state = self.state();
        state.woken = true;
        state.tally.begin_turn();
        if !state.driver.as_ref().is_some_and(|before| before.will_wake(driver)) {
            state.driver = Some(driver.clone());
        }
    }

    /// The driver goes to sleep.
    pub(super) fn end_turn(&self) {
        self.state().woken = false;
    }

    /// Whether the driver may read on in this turn.
    pub(super) fn may_read(&self) -> bool {
        let state = self.state();
        state.tally.has_turn() && state.out.len() <= limits::H2_OUT_BYTES
    }

    /// Whether others have waited long enough.
    pub(super) fn is_turn_over(&self) -> bool {
        !self.state().tally.has_turn()
    }

    /// So many bytes were read.
    pub(super) fn note_read(&self, bytes: usize) {
        self.state().tally.read(bytes);
    }

    /// Takes the frame at the front of `bytes`, or a part of it where it is DATA: how many bytes of
    /// it, 0 if there are too few, and the request that it brings.
    ///
    /// # Errors
    /// The connection cannot go on.
    pub(super) fn receive(&self, bytes: &[u8]) -> Result<(usize, Option<Opened>), Reason> {
        self.state().receive(bytes)
    }

    /// Writes what there is to be written.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        write: impl FnMut(&mut Context<'_>, &[u8]) -> Poll<std::io::Result<usize>>,
    ) -> Poll<std::io::Result<()>> {
        self.state().poll_write(cx, write)
    }

    /// Lets streams go on that wait for room, as far as there is some.
    pub(super) fn give_turns(&self) {
        self.state().give_turns();
    }

    /// Whether there is a stream whose task has not ended.
    pub(super) fn has_streams(&self) -> bool {
        !self.state().streams.is_empty()
    }

    /// Whether the connection was ended in order, by us and by all its streams.
    pub(super) fn is_done(&self) -> bool {
        let state = self.state();
        state.leaving == Leaving::Last && state.streams.is_empty() && state.out.is_empty()
    }

    /// Asks the peer whether it is there.
    pub(super) fn ping(&self) {
        let mut state = self.state();
        state.pinged = true;
        state.send(frame::PING, 0, 0, receive::ALIVE);
    }

    /// Whether it has answered.
    pub(super) fn is_answered(&self) -> bool {
        !self.state().pinged
    }

    /// Ends the connection in two steps: a PING travels behind the first GOAWAY, and its answer
    /// says that all streams that the peer opened before it knew are here.
    pub(super) fn announce(&self) {
        let mut state = self.state();
        if state.leaving == Leaving::No {
            state.leaving = Leaving::Announced;
            state.go_away(frame::ID_MAX, Reason::NO_ERROR);
            state.send(frame::PING, 0, 0, receive::HEARD);
        }
    }

    /// Ends the connection when its last stream is over; we open no more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if state.leaving < Leaving::Last && !state.over {
            state.leaving = Leaving::Last;
            let last = state.last_peer;
            state.go_away(last, Reason::NO_ERROR);
        }
        state.wake_driver();
    }

    /// Whether we may open streams.
    pub(super) fn is_open(&self) -> bool {
        let state = self.state();
        !state.over && state.leaving == Leaving::No && state.next_own < frame::ID_MAX
    }

    /// How many streams the peer lets us have open.
    pub(super) fn streams_max(&self) -> usize {
        self.state().peer.streams as usize
    }

    /// The peer breaks the rules: says so, and ends all streams.
    pub(super) fn fail(&self, reason: Reason) {
        let mut state = self.state();
        let last = state.last_peer;
        state.go_away(last, reason);
        state.end(StreamError::Reset);
    }

    /// The connection is over: tells all streams.
    pub(super) fn end(&self, error: StreamError) {
        self.state().end(error);
    }

    /// A request is not served for what it is: reading it cost more than sending it.
    pub(super) fn note_refused(&self) {
        self.state().tally.abandoned();
    }
}

impl State {
    fn end(&mut self, error: StreamError) {
        self.over = true;
        self.streams.each(|stream| {
            stream.fail(error);
        });
    }

    fn go_away(&mut self, last: u32, reason: Reason) {
        let mut payload = [0; 8];
        payload[..4].copy_from_slice(&last.to_be_bytes());
        payload[4..].copy_from_slice(&reason.0.to_be_bytes());
        self.send(frame::GOAWAY, 0, 0, &payload);
    }

    /// Queues a frame.
    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let header = Frame { len: payload.len(), kind, flags, stream }.header();
        let out = self.out.tail();
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
        self.wake_driver();
    }

    /// Queues a field block as `HEADERS` and as many `CONTINUATION`s as it takes. Says where it
    /// begins.
    fn send_block(&mut self, flags: u8, stream: u32, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let told = std::mem::replace(&mut self.told_table, true);
        let position = self.written + self.out.len() as u64;
        let out = self.out.tail();
        let header = out.len();
        out.extend_from_slice(&[0; frame::HEADER_BYTES]);
        if !told {
            hpack::shrink_table(out);
        }
        write(out);
        let start = header + frame::HEADER_BYTES;
        let whole = out.len() - start <= frame::PAYLOAD_MAX;
        let rest = if whole { Vec::new() } else { out.split_off(start + frame::PAYLOAD_MAX) };
        let flags = if whole { flags | frame::END_HEADERS } else { flags };
        let first = Frame { len: out.len() - start, kind: frame::HEADERS, flags, stream };
        out[header..start].copy_from_slice(&first.header());
        self.wake_driver();
        let mut parts = rest.chunks(frame::PAYLOAD_MAX).peekable();
        while let Some(part) = parts.next() {
            let flags = if parts.peek().is_none() { frame::END_HEADERS } else { 0 };
            self.send(frame::CONTINUATION, flags, stream, part);
        }
        position
    }

    fn reset(&mut self, stream: u32, reason: Reason) {
        self.send(frame::RST_STREAM, 0, stream, &reason.0.to_be_bytes());
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&mut Context<'_>, &[u8]) -> Poll<std::io::Result<usize>>,
    ) -> Poll<std::io::Result<()>> {
        while !self.out.is_empty() {
            match write(cx, self.out.rest()) {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(n)) => {
                    self.out.consume(n);
                    self.written += n as u64;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.streams.is_empty() {
            self.out.release();
        }
        Poll::Ready(Ok(()))
    }

    /// Bytes of bodies that may be queued now.
    fn room(&self) -> usize {
        let window = usize::try_from(self.send_window).unwrap_or(0);
        // Whole frames: what is left at the end is not worth one of its own.
        let space = limits::H2_OUT_BYTES.saturating_sub(self.out.len());
        window.min(space.next_multiple_of(frame::PAYLOAD_MAX))
    }

    fn give_turns(&mut self) {
        while self.room() > self.turns * frame::PAYLOAD_MAX
            && let Some(key) = self.waiting.pop_front()
        {
            if let Some(stream) = self.streams.get(key) {
                stream.give_turn();
                self.turns += 1;
            }
        }
    }

    /// Gives room back to the peer that all streams share, in large pieces.
    fn release(&mut self, bytes: usize) {
        self.owed += bytes as u32;
        let all = match self.role {
            Role::Server => limits::H2_CONNECTION_WINDOW_BYTES,
            Role::Client => limits::H2_UPSTREAM_CONNECTION_WINDOW_BYTES,
        };
        if self.owed >= all / 2 {
            let owed = std::mem::take(&mut self.owed);
            self.recv_window += i64::from(owed);
            self.send(frame::WINDOW_UPDATE, 0, 0, &owed.to_be_bytes());
        }
    }

    fn wake_driver(&mut self) {
        if !self.woken
            && let Some(driver) = &self.driver
        {
            self.woken = true;
            driver.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests;
