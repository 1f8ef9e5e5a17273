//! The client half: a connection to an endpoint, and the streams that share it.
//!
//! Which connection a request takes, and when one more is opened, is the pool's to say.

use std::{
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, ready},
};

use router::Head;

use crate::{
    defaults,
    h2::{
        Flow,
        driver::{Driver, End},
        head,
        mux::Mux,
    },
    http::{BodyKind, StreamError},
    io::Io,
    limits,
};

/// A connection to an endpoint. When this is dropped, streams that run go on to their end; then the
/// connection closes.
pub(crate) struct ClientConnection {
    mux: Rc<Mux>,
}

impl ClientConnection {
    /// Speaks HTTP/2 by prior knowledge on a new connection. Runs on a worker: a task of its own
    /// drives the connection until its end, and keeps `alive` so long.
    pub(crate) fn start<T: 'static>(io: Io, alive: T) -> Self {
        let mux = Mux::client();
        let mut driver = Driver::new(io, mux.clone(), Some(defaults::UPSTREAM_IDLE_TIME));
        tokio::task::spawn_local(async move {
            let _alive = alive;
            match poll_fn(|cx| driver.poll(cx, |_| {})).await {
                End::Closed => {}
                end => tracing::debug!(?end, "a connection to an endpoint broke"),
            }
            driver.finish().await;
        });
        Self { mux }
    }

    /// Whether one more stream may be opened: the endpoint has not said that it goes, and allows
    /// as many.
    pub(crate) fn has_room(&self) -> bool {
        let most = self.mux.streams_max().min(limits::H2_UPSTREAM_STREAMS_MAX);
        self.is_open() && self.streams() < most
    }

    /// Whether it takes new streams at all. One that does not is to be dropped.
    pub(crate) fn is_open(&self) -> bool {
        self.mux.is_open()
    }

    /// Streams that are open.
    pub(crate) fn streams(&self) -> usize {
        self.mux.streams()
    }

    /// One more stream. Nothing is sent yet.
    pub(crate) fn stream(&self) -> ClientStream {
        ClientStream { flow: Flow::new(self.mux.clone(), self.mux.open()) }
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        self.mux.close();
    }
}

/// One request and its response.
pub(crate) struct ClientStream {
    flow: Flow,
}

impl ClientStream {
    /// See [`crate::http::Up::half`].
    pub(crate) fn flow(&mut self) -> &mut Flow {
        &mut self.flow
    }

    /// See [`crate::http::Up::send_head`].
    pub(crate) fn send_head(&mut self, head: &Head, body: BodyKind) -> Result<(), StreamError> {
        if head.bytes(head.method) == b"HEAD" {
            self.flow.expect_no_body();
        }
        let ended = matches!(body, BodyKind::None | BodyKind::Length(0));
        let length = match body {
            BodyKind::Length(length) => Some(length),
            BodyKind::None | BodyKind::Stream => None,
        };
        self.flow.send_head(false, ended, |to| head::request(head, length, to))
    }

    /// See [`crate::http::Up::poll_head`].
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<BodyKind, StreamError>> {
        let ended = ready!(self.flow.poll_head(cx, head))?;
        Poll::Ready(Ok(match head.status {
            // An interim one has no body; nor has what the stream knows to have none.
            ..200 | 204 | 304 => BodyKind::None,
            _ if self.flow.is_bodiless() => BodyKind::None,
            _ => head::body(head, ended),
        }))
    }
}
