//! A run of bytes between a socket and a codec, which costs memory only while it holds something.
//!
//! Its storage comes from the worker's spare ones and goes back there when it is empty, so that an
//! idle keep-alive connection holds no buffer and a busy one allocates none.

use std::{
    cell::RefCell,
    io,
    pin::pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncReadExt;

use crate::{io::Io, limits};

/// Bytes that came and are not done with.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// What it holds.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The same, to be changed in place.
    pub(crate) fn rest_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }

    /// How much it holds.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops bytes at the front.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// To append to.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = spare();
        }
        // A slow reader may never empty it: what it took must go all the same. Moving no more than
        // was taken since the last time keeps that cheap.
        if self.start > 0 && self.start >= self.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        &mut self.bytes
    }

    /// Reads once, until it holds `max` at most; never asks for nothing. 0 is the end.
    pub(crate) fn poll_fill(
        &mut self,
        io: &mut Io,
        cx: &mut Context<'_>,
        max: usize,
    ) -> Poll<io::Result<usize>> {
        let held = self.len();
        if held >= max {
            return Poll::Pending;
        }
        if self.bytes.capacity() == 0 {
            self.bytes = spare();
        }
        if self.bytes.len() == self.bytes.capacity() {
            if self.start > 0 {
                self.bytes.drain(..self.start);
                self.start = 0;
            } else {
                let more = (max - held).min(self.bytes.capacity());
                self.bytes.reserve_exact(more);
            }
        }
        let read = ready!(pin!(io.read_buf(&mut self.bytes)).poll(cx));
        Poll::Ready(read)
    }

    /// Gives the storage back if there is nothing in it.
    pub(crate) fn release(&mut self) {
        if self.is_empty() && self.bytes.capacity() > 0 {
            let storage = std::mem::take(&mut self.bytes);
            self.start = 0;
            if storage.capacity() == limits::BUFFER_BYTES {
                SPARE.with_borrow_mut(|spare| {
                    if spare.len() < limits::SPARE_BUFFERS_MAX {
                        spare.push(storage);
                    }
                });
            }
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.consume(usize::MAX - self.start);
        self.release();
    }
}

fn spare() -> Vec<u8> {
    SPARE
        .with_borrow_mut(Vec::pop)
        .map(|mut storage| {
            storage.clear();
            storage
        })
        .unwrap_or_else(|| Vec::with_capacity(limits::BUFFER_BYTES))
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_never_catches_up_costs_no_more_than_what_waits() {
        let mut buffer = Buffer::default();
        buffer.tail().extend_from_slice(&[0; 1000]);
        for round in 0..10_000u32 {
            buffer.tail().extend_from_slice(&[round as u8; 1000]);
            assert_eq!(buffer.len(), 2000);
            buffer.consume(1000);
            assert_eq!(buffer.rest(), [round as u8; 1000]);
        }
        assert_eq!(buffer.bytes.capacity(), limits::BUFFER_BYTES);
    }
}
