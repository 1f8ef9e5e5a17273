//! Frames that bring nothing, counted in front of `h2`: it bounds what each costs in memory, but
//! answers them for ever. A client that sends PINGs, SETTINGS, WINDOW_UPDATEs and the like instead
//! of requests costs a core that others pay for (CVE-2019-9512, -9513, -9515, -9517, -9518). Nor
//! does it give way to others by itself: it reads as long as there is something to read.
//!
//! Nothing is understood here but the frame header (RFC 9113 §4.1), and no byte is changed.

use std::{
    cell::Cell,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::{io::Io, limits};

/// A client's bytes, with its frames counted as they pass.
pub(super) struct Metered {
    io: Io,
    incoming: Frames,
    outgoing: Frames,
    tally: Rc<Tally>,
}

impl Metered {
    /// Counts into `tally`.
    pub(super) fn new(io: Io, tally: Rc<Tally>) -> Self {
        Self { io, incoming: Frames::after(PREFACE_BYTES), outgoing: Frames::after(0), tally }
    }

    fn sent(&mut self, bytes: &[u8]) {
        let tally = &self.tally;
        self.outgoing.pass(bytes, |frame| tally.sent(frame));
    }
}

/// How many frames a client has sent for nothing.
pub(super) struct Tally {
    idle: Cell<u32>,
    since: Cell<Instant>,
    /// What may still be read before others have their turn.
    turn_bytes: Cell<usize>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            idle: Cell::new(0),
            since: Cell::new(Instant::now()),
            turn_bytes: Cell::new(limits::H2_TURN_BYTES),
        }
    }

    /// The connection may read again.
    pub(super) fn begin_turn(&self) {
        self.turn_bytes.set(limits::H2_TURN_BYTES);
    }

    /// Whether that is more than any client needs in such a time.
    pub(super) fn is_flood(&self) -> bool {
        if self.idle.get() <= limits::H2_IDLE_FRAMES_MAX {
            return false;
        }
        let now = Instant::now();
        let quick = now.duration_since(self.since.get()) < limits::H2_IDLE_FRAMES_TIME;
        if !quick {
            self.idle.set(0);
            self.since.set(now);
        }
        quick
    }

    fn came(&self, frame: Frame) {
        // Small frames cost more than their bytes.
        let left = self.turn_bytes.get().saturating_sub(limits::H2_FRAME_COST_BYTES);
        self.turn_bytes.set(left);
        if frame.is_idle() {
            self.idle.set(self.idle.get().saturating_add(1));
        }
    }

    /// Who gets something has reason to say how much more, and to measure the way.
    fn sent(&self, frame: Frame) {
        if matches!(frame.kind, DATA | HEADERS) {
            self.idle.set(self.idle.get().saturating_sub(limits::H2_IDLE_FRAMES_PER_ANSWER));
        }
    }
}

/// The header of a frame, as far as it matters here.
#[derive(Clone, Copy)]
struct Frame {
    len: usize,
    kind: u8,
}

impl Frame {
    /// CONTINUATION and RST_STREAM are bounded by other means.
    fn is_idle(self) -> bool {
        match self.kind {
            DATA => self.len == 0,
            HEADERS | RST_STREAM | CONTINUATION => false,
            _ => true,
        }
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
/// RFC 9113 §3.4.
const PREFACE_BYTES: usize = 24;
/// RFC 9113 §4.1.
const HEAD_BYTES: usize = 9;

/// Finds frames in bytes that come in any pieces.
struct Frames {
    /// Bytes of a frame's content, or of the preface, still to pass.
    skip: usize,
    head: [u8; HEAD_BYTES],
    held: usize,
}

impl Frames {
    fn after(skip: usize) -> Self {
        Self { skip, head: [0; HEAD_BYTES], held: 0 }
    }

    fn pass(&mut self, mut bytes: &[u8], mut found: impl FnMut(Frame)) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let taken = (HEAD_BYTES - self.held).min(bytes.len());
            self.head[self.held..self.held + taken].copy_from_slice(&bytes[..taken]);
            self.held += taken;
            bytes = &bytes[taken..];
            if self.held == HEAD_BYTES {
                let [a, b, c, kind, ..] = self.head;
                let len = u32::from_be_bytes([0, a, b, c]) as usize;
                (self.skip, self.held) = (len, 0);
                found(Frame { len, kind });
            }
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (tally, before) = (&this.tally, buf.filled().len());
        if tally.turn_bytes.get() == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        let read = &buf.filled()[before..];
        tally.turn_bytes.set(tally.turn_bytes.get().saturating_sub(read.len()));
        this.incoming.pass(read, |frame| tally.came(frame));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        self.sent(&buf[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
        let mut left = n;
        for buf in bufs {
            let part = left.min(buf.len());
            self.sent(&buf[..part]);
            left -= part;
        }
        Poll::Ready(Ok(n))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, len: usize) -> Vec<u8> {
        let mut frame = (len as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, 0, 0, 0, 0, 1]);
        frame.resize(HEAD_BYTES + len, 0xff);
        frame
    }

    #[test]
    fn frames_are_found_in_whatever_pieces_they_come() {
        let mut bytes = vec![b'P'; PREFACE_BYTES];
        let sent = [(4, 0), (1, 300), (0, 1), (6, 8), (0, 0)];
        sent.iter().for_each(|(kind, len)| bytes.extend(frame(*kind, *len)));
        for piece in 1..40 {
            let (mut frames, mut found) = (Frames::after(PREFACE_BYTES), Vec::new());
            for bytes in bytes.chunks(piece) {
                frames.pass(bytes, |frame| found.push((frame.kind, frame.len)));
            }
            assert_eq!(found, sent, "in pieces of {piece}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_many_frames_for_nothing_in_a_short_time_are_a_flood() {
        let ping = Frame { len: 8, kind: 6 };
        let many = |tally: &Tally| (0..limits::H2_IDLE_FRAMES_MAX).for_each(|_| tally.came(ping));
        let tally = Tally::new();
        many(&tally);
        assert!(!tally.is_flood());
        tally.came(ping);
        assert!(tally.is_flood());

        let slow = Tally::new();
        many(&slow);
        tokio::time::advance(limits::H2_IDLE_FRAMES_TIME).await;
        slow.came(ping);
        assert!(!slow.is_flood());

        let served = Tally::new();
        for _ in 0..limits::H2_IDLE_FRAMES_MAX {
            (0..limits::H2_IDLE_FRAMES_PER_ANSWER).for_each(|_| served.came(ping));
            served.sent(Frame { len: 1, kind: DATA });
        }
        served.came(ping);
        assert!(!served.is_flood());
    }
}
