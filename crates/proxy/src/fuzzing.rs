//! The one door of the fuzz targets (`fuzz/`): what reads bytes of strangers, fed by hand.
//!
//! It is there with the feature `fuzzing` alone, which nothing that ships turns on. Behind it are
//! the readers that connections use, not copies: HTTP/1 through a connection whose socket never
//! says anything, the ClientHello through a stream of pieces. What they ought to say is not here.

use std::{
    io,
    pin::{Pin, pin},
    slice,
    task::{Context, Poll, Waker},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
    runtime::{Builder, Runtime},
    task::yield_now,
};

use crate::{accept, h1::fuzzing, io::Io};

/// The first line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Method and target.
    Request(Vec<u8>, Vec<u8>),
    /// Status.
    Response(u16),
}

/// Names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A message whose head was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its first line.
    pub start: Start,
    /// Whether it is of HTTP/1.0.
    pub http10: bool,
    /// The fields of its head.
    pub fields: Fields,
    /// Its body as far as it came.
    pub body: Vec<u8>,
    /// What is kept of its trailers.
    pub trailers: Fields,
    /// Whether its end was found.
    pub whole: bool,
}

/// Why nothing more was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// All that came was read, and more may come.
    #[default]
    Waiting,
    /// What came is refused.
    Refused,
}

/// What a connection is read as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The messages, the last one perhaps in part.
    pub messages: Vec<Message>,
    /// What is behind them.
    pub end: End,
}

/// Reads as connections do, one after the other.
pub struct Reader {
    runtime: Runtime,
}

impl Reader {
    /// One for any number of connections.
    ///
    /// # Errors
    /// The system gives no event queue.
    pub fn new() -> io::Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().enable_io().build()? })
    }

    /// Reads what a client sends, in these pieces.
    ///
    /// # Errors
    /// The system gives no socket.
    pub fn requests(&self, pieces: &[&[u8]]) -> io::Result<Reading> {
        self.on_a_connection(|io| fuzzing::requests(io, pieces))
    }

    /// Reads what a backend sends; `to_head` says that every answer is one to HEAD.
    ///
    /// # Errors
    /// The system gives no socket.
    pub fn responses(&self, pieces: &[&[u8]], to_head: bool) -> io::Result<Reading> {
        self.on_a_connection(|io| fuzzing::responses(io, pieces, to_head))
    }

    /// The socket is connected to nobody, and the event queue is never asked about it.
    fn on_a_connection(&self, read: impl FnOnce(Io) -> Reading) -> io::Result<Reading> {
        let reading = {
            let _inside = self.runtime.enter();
            let kind = socket2::Type::STREAM.nonblocking();
            let socket = socket2::Socket::new(socket2::Domain::IPV4, kind, None)?;
            read(Io::plain(TcpStream::from_std(socket.into())?))
        };
        // What belongs to a closed socket is freed when the queue is looked at.
        self.runtime.block_on(yield_now());
        Ok(reading)
    }
}

/// What a ClientHello says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preamble {
    /// The name that it asks for.
    Hello(Option<Box<str>>),
    /// It is none, or not all of it came.
    Refused,
}

/// Reads the first bytes of a connection with TLS, which ends behind these pieces.
pub fn preamble(pieces: &[&[u8]]) -> Preamble {
    let mut stream = Pieces { rest: pieces.iter(), piece: &[] };
    let read = pin!(accept::read_server_name(&mut stream));
    match read.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(name)) => Preamble::Hello(name),
        Poll::Ready(Err(_)) | Poll::Pending => Preamble::Refused,
    }
}

/// A stream that gives one piece after the other.
struct Pieces<'a> {
    rest: slice::Iter<'a, &'a [u8]>,
    piece: &'a [u8],
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.piece.is_empty() {
            let Some(next) = self.rest.next() else { return Poll::Ready(Ok(())) };
            self.piece = next;
        }
        let (now, later) = self.piece.split_at(self.piece.len().min(buf.remaining()));
        buf.put_slice(now);
        self.piece = later;
        Poll::Ready(Ok(()))
    }
}
