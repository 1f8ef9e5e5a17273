//! The client half: a connection to an endpoint, and the streams that share it.
//!
//! Which connection a request takes, and when one more is opened, is the pool's to say.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use ::http::Method;
use bytes::Bytes;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use router::Head;

use crate::{
    defaults,
    h2::{
        Flow,
        flow::stream_error,
        head,
        keepalive::{Keepalive, Verdict},
    },
    http::{BodyKind, StreamError, Violation},
    io::Io,
    limits,
};

/// A connection to an endpoint. When this is dropped, streams that run go on to their end; then the
/// connection closes.
pub(crate) struct ClientConnection {
    requests: SendRequest<Bytes>,
    state: Rc<State>,
}

/// What connection, streams and driver know of each other.
#[derive(Default)]
struct State {
    streams: Cell<usize>,
    closed: Cell<bool>,
}

impl ClientConnection {
    /// Speaks HTTP/2 by prior knowledge on a new connection. Runs on a worker: a task of its own
    /// drives the connection until its end, and keeps `alive` so long.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) async fn start<T: 'static>(io: Io, alive: T) -> Result<Self, StreamError> {
        let handshake = builder().handshake(io);
        let (requests, connection) = handshake.await.map_err(|error| stream_error(&error))?;
        let state = Rc::new(State::default());
        let driver = Driver::new(connection, state.clone());
        tokio::task::spawn_local(async move {
            let _alive = alive;
            driver.await;
        });
        Ok(Self { requests, state })
    }

    /// Whether one more stream may be opened: the endpoint has not said that it goes, and allows
    /// as many.
    pub(crate) fn has_room(&mut self) -> bool {
        let most = self.requests.current_max_send_streams().min(limits::H2_UPSTREAM_STREAMS_MAX);
        self.is_open() && self.state.streams.get() < most
    }

    /// Whether it takes new streams at all. One that does not is to be dropped.
    pub(crate) fn is_open(&mut self) -> bool {
        // An error stands here as soon as a GOAWAY came or the connection broke.
        let mut cx = Context::from_waker(Waker::noop());
        !self.state.closed.get()
            && !matches!(self.requests.poll_ready(&mut cx), Poll::Ready(Err(_)))
    }

    /// Streams that are open.
    pub(crate) fn streams(&self) -> usize {
        self.state.streams.get()
    }

    /// One more stream. Nothing is sent yet.
    pub(crate) fn stream(&self) -> ClientStream {
        self.state.streams.set(self.state.streams.get() + 1);
        ClientStream {
            requests: self.requests.clone(),
            state: self.state.clone(),
            flow: Flow::default(),
            response: None,
            to_head: false,
            interim: 0,
        }
    }
}

/// One request and its response.
pub(crate) struct ClientStream {
    requests: SendRequest<Bytes>,
    state: Rc<State>,
    flow: Flow,
    response: Option<ResponseFuture>,
    to_head: bool,
    interim: usize,
}

impl ClientStream {
    /// See [`crate::http::Up::half`].
    pub(crate) fn flow(&mut self) -> &mut Flow {
        &mut self.flow
    }

    /// See [`crate::http::Up::send_head`].
    pub(crate) fn send_head(&mut self, head: &Head, body: BodyKind) -> Result<(), StreamError> {
        let request = head::write_request(head, body)?;
        self.to_head = request.method() == Method::HEAD;
        let ended = matches!(body, BodyKind::None | BodyKind::Length(0));
        match self.requests.send_request(request, ended) {
            Ok((response, body)) => {
                self.response = Some(response);
                self.flow.send(body, ended);
                Ok(())
            }
            // Nothing was sent: the connection ended or is ending.
            Err(_) => Err(StreamError::Refused),
        }
    }

    /// See [`crate::http::Up::poll_head`].
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<BodyKind, StreamError>> {
        let Some(response) = &mut self.response else {
            debug_assert!(false, "no request was sent on this stream, or its response was read");
            return Poll::Ready(Err(StreamError::Reset));
        };
        if let Some(interim) = ready!(response.poll_informational(cx)) {
            let interim = interim.map_err(|error| stream_error(&error))?;
            self.interim += 1;
            if self.interim > limits::INTERIM_MAX {
                return Poll::Ready(Err(Violation::TooManyInterim.into()));
            }
            // RFC 9113 §8.6: HTTP/2 does not switch protocols.
            if interim.status() == ::http::StatusCode::SWITCHING_PROTOCOLS {
                return Poll::Ready(Err(Violation::UnexpectedStatus.into()));
            }
            head.clear();
            head::read_response(interim.status(), interim.headers(), head)?;
            return Poll::Ready(Ok(BodyKind::None));
        }
        let response = ready!(Pin::new(response).poll(cx)).map_err(|error| stream_error(&error))?;
        self.response = None;
        let (response, body) = response.into_parts();
        head.clear();
        head::read_response(response.status, &response.headers, head)?;
        let bodiless = self.to_head || matches!(head.status, 204 | 304);
        let kind = match head::body(head, body.is_end_stream()) {
            _ if bodiless => BodyKind::None,
            kind => kind,
        };
        self.flow.receive(body);
        Poll::Ready(Ok(kind))
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        self.state.streams.set(self.state.streams.get().saturating_sub(1));
    }
}

/// Drives a connection until its end.
struct Driver {
    connection: Connection<Io, Bytes>,
    keepalive: Keepalive,
    state: Rc<State>,
}

impl Driver {
    fn new(mut connection: Connection<Io, Bytes>, state: Rc<State>) -> Self {
        let keepalive = Keepalive::new(connection.ping_pong(), Some(defaults::UPSTREAM_IDLE_TIME));
        Self { connection, keepalive, state }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Poll::Ready(end) = Pin::new(&mut this.connection).poll(cx) {
            if let Err(error) = end {
                tracing::debug!(%error, "a connection to an endpoint broke");
            }
            return Poll::Ready(());
        }
        let busy = this.state.streams.get() > 0;
        match this.keepalive.poll(cx, busy) {
            Poll::Ready(Verdict::Dead | Verdict::Idle) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.state.closed.set(true);
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(limits::H2_UPSTREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::H2_UPSTREAM_CONNECTION_WINDOW_BYTES)
        .max_header_list_size(limits::H2_HEADER_LIST_BYTES_MAX)
        .max_local_error_reset_streams(Some(limits::H2_LOCAL_RESETS_MAX))
        .max_send_buffer_size(limits::H2_SEND_BUFFER_BYTES);
    builder
}
