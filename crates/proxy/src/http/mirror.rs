//! Copies of requests to other backends, whose answers nobody reads.
//!
//! A mirror runs in a task of its own, from a queue of its own. It cannot delay or fail the request
//! that it copies: a mirror that does not keep up is dropped and counted.

use std::{
    cell::RefCell,
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use ir::Endpoint;
use router::{BackendSlot, Head, MirrorPlan, head::Known};
use tokio::time::timeout;

use crate::{
    defaults,
    http::{BodyKind, BodyState, Failure, Up},
    limits,
    live::{BackendLive, Live},
    local::Local,
    upstream::{Tried, Upstream, pick},
};

/// Starts the mirrors whose turn it is. Each feed is to get the body as it is read.
pub(crate) fn start<'p>(
    local: &Rc<Local>,
    live: &Live,
    plans: impl Iterator<Item = &'p MirrorPlan>,
    cursor: u64,
    request: &Head,
    body: BodyKind,
) -> Vec<Feed> {
    let mut feeds = Vec::new();
    for plan in plans.filter(|plan| plan.takes(cursor)) {
        let Some(slot) = plan.backend else { continue };
        let Some(backend) = live.backend(slot) else { continue };
        let turn = local.cursors.next_endpoint(slot);
        let Some(endpoint) = pick(&backend.endpoints, turn, &Tried::default()) else {
            local.telemetry.mirror_dropped();
            continue;
        };
        let Some(place) = Place::take() else {
            local.telemetry.mirror_dropped();
            continue;
        };
        let feed = Feed(Rc::new(RefCell::new(Queue::default())));
        let copy = Copy {
            slot,
            backend: backend.clone(),
            endpoint,
            head: copied(request),
            body,
            feed: Feed(feed.0.clone()),
        };
        let worker = local.clone();
        local.spawn(async move {
            let _place = place;
            let sent = timeout(defaults::MIRROR_TIME, copy.send(&worker)).await;
            copy.feed.close();
            match sent {
                Ok(Ok(())) => worker.telemetry.mirror_sent(),
                _ => worker.telemetry.mirror_dropped(),
            }
        });
        feeds.push(feed);
    }
    feeds
}

/// The way of a body from its request to one mirror.
pub(crate) struct Feed(Rc<RefCell<Queue>>);

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    state: State,
    reader: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// No more bytes will come, and all came.
    Whole,
    /// The request ended too early, or the mirror is gone or too slow.
    Closed,
}

impl Feed {
    /// Adds bytes; false when there is no point in adding more.
    pub(crate) fn push(&self, data: &[u8]) -> bool {
        let mut queue = self.0.borrow_mut();
        if queue.state == State::Open && queue.bytes.len() + data.len() > limits::TEE_BYTES_MAX {
            queue.state = State::Closed;
        }
        if queue.state == State::Open {
            queue.bytes.extend_from_slice(data);
        }
        queue.wake();
        queue.state == State::Open
    }

    /// Says that the body is complete.
    pub(crate) fn finish(self) {
        let mut queue = self.0.borrow_mut();
        if queue.state == State::Open {
            queue.state = State::Whole;
        }
        queue.wake();
    }

    fn close(&self) {
        self.0.borrow_mut().state = State::Closed;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut queue = self.0.borrow_mut();
        if queue.state == State::Open {
            queue.state = State::Closed;
        }
        queue.wake();
    }
}

impl Queue {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// One request on its way to a mirror.
struct Copy {
    slot: BackendSlot,
    backend: Arc<BackendLive>,
    endpoint: Endpoint,
    head: Head,
    body: BodyKind,
    feed: Feed,
}

impl Copy {
    async fn send(&self, local: &Rc<Local>) -> Result<(), Failure> {
        let upstream = Upstream { slot: self.slot, backend: &self.backend };
        let mut up = upstream.check_out(local, self.endpoint, false).await?.up;
        up.send_head(&self.head, self.body).map_err(Failure::of_upstream)?;
        let mut response = Head::default();
        let mut answered = false;
        poll_fn(|cx| {
            let uploaded = self.poll_upload(cx, &mut up)?;
            while !answered {
                ready!(up.poll_head(cx, &mut response)).map_err(Failure::of_upstream)?;
                answered = response.status >= 200;
            }
            ready!(poll_discard(cx, &mut up))?;
            uploaded.map(Ok)
        })
        .await?;
        upstream.check_in(local, self.endpoint, up);
        Ok(())
    }

    fn poll_upload(&self, cx: &mut Context<'_>, up: &mut Up) -> Poll<Result<(), Failure>> {
        let mut half = up.half();
        let mut queue = self.feed.0.borrow_mut();
        let mut sent = 0;
        while sent < queue.bytes.len() {
            let Poll::Ready(room) = half.poll_room(cx).map_err(Failure::of_upstream)? else {
                break;
            };
            let n = room.min(queue.bytes.len() - sent);
            half.send_data(&queue.bytes[sent..sent + n]).map_err(Failure::of_upstream)?;
            sent += n;
        }
        queue.bytes.drain(..sent);
        match queue.state {
            State::Closed => return Poll::Ready(Err(Failure::ClientGone)),
            State::Whole if queue.bytes.is_empty() => {
                half.send_end(None).map_err(Failure::of_upstream)?;
            }
            State::Open | State::Whole => queue.reader = Some(cx.waker().clone()),
        }
        let flushed = half.poll_flush(cx).map_err(Failure::of_upstream)?;
        match queue.state {
            State::Whole if queue.bytes.is_empty() => flushed.map(Ok),
            _ => Poll::Pending,
        }
    }
}

fn poll_discard(cx: &mut Context<'_>, up: &mut Up) -> Poll<Result<(), Failure>> {
    let mut half = up.half();
    loop {
        match ready!(half.poll_body(cx)).map_err(Failure::of_upstream)? {
            BodyState::Data => {
                let n = half.data().len();
                half.consume(n);
            }
            BodyState::Trailers => {}
            BodyState::End => return Poll::Ready(Ok(())),
        }
    }
}

/// A request head that does not share the buffers of the first. It asks for no other protocol:
/// nobody would speak that to the mirror.
fn copied(from: &Head) -> Head {
    let mut to = Head::default();
    to.method = to.store(from.bytes(from.method));
    to.authority = to.store(from.bytes(from.authority));
    to.path = to.store(from.bytes(from.path));
    to.query = to.store(from.bytes(from.query));
    to.has_query = from.has_query;
    for field in from.field_spans().iter().filter(|field| field.known != Known::Upgrade) {
        to.append(from.bytes(field.name), from.bytes(field.value));
    }
    to
}

/// One of the mirrors that a worker may have at a time.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        RUNNING.with(|running| {
            let before = running.get();
            (before < limits::MIRRORS_MAX).then(|| {
                running.set(before + 1);
                Self
            })
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        RUNNING.with(|running| running.set(running.get() - 1));
    }
}

thread_local! {
    static RUNNING: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
