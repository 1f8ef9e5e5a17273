//! What keeps a replica from writing when its time is over, whatever it believes meanwhile.
//!
//! That somebody else leads is learnt late: through the event loop, or, in a process that was not
//! given any CPU, at any later time. A request is therefore looked at in the moment in which it
//! begins. What had begun before is let go on: the rest of the Lease is for that.

use http::{Method, Request};
use kube::{Client, client::Body};
use tokio::{sync::watch, time::Instant};

/// Until when this replica leads, if nothing happens; none while it does not.
pub(super) type Until = watch::Receiver<Option<Instant>>;

/// A write of a replica that leads no more. It was not begun.
#[derive(Debug, thiserror::Error)]
#[error("this replica leads no more, and writes nothing")]
struct Fenced;

/// A client that reads as it likes, and begins a write only while this replica leads.
pub(super) fn fenced(client: &Client, until: Until) -> Client {
    let inner = client.clone();
    let guard = move |request: Request<Body>| {
        let (inner, leads) = (inner.clone(), is_before(*until.borrow()));
        async move {
            match leads || request.method() == Method::GET {
                true => inner.send(request).await,
                false => Err(kube::Error::Service(Fenced.into())),
            }
        }
    };
    Client::new(tower::service_fn(guard), client.default_namespace())
}

fn is_before(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() < until)
}
