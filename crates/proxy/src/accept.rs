//! From a socket that was accepted to a connection that speaks a known protocol for a known
//! listener. Sockets are `worker/doors.rs`; what is then spoken, `h1` and `h2`.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
};

use ir::{Bind, Id, Listener};
use tokio::{net::TcpStream, time::Instant};

use crate::{
    closing::{Closing, Seat, Stage},
    h1, h2,
    io::Io,
    local::Local,
    roster::Admission,
    tls::Trust,
};

mod plain;
mod secured;

#[cfg(feature = "fuzzing")]
pub(crate) use secured::read_server_name;

/// A connection that is ready for HTTP.
pub(crate) struct Connection {
    /// Its bytes.
    pub(crate) io: Io,
    /// Who sent it: the peer of the socket.
    pub(crate) remote: SocketAddr,
    /// Where it came in.
    pub(crate) bind: Id<Bind>,
    /// The listener that the handshake chose; none without TLS. A request whose authority belongs
    /// to another listener is answered by 421.
    pub(crate) listener: Option<Id<Listener>>,
    /// What the client proved there; none where it was let in without.
    pub(crate) trust: Option<Arc<Trust>>,
    /// The name by which TLS was asked for, in lower case.
    pub(crate) server_name: Option<Box<str>>,
    /// When it shall end. Changes wake the task that runs the connection.
    pub(crate) closing: Seat,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

/// Takes a connection in, in a task of its own.
pub(crate) fn enter(
    local: &Rc<Local>,
    admission: Admission,
    bind: Id<Bind>,
    closing: &Rc<Closing>,
    stream: TcpStream,
    remote: SocketAddr,
) {
    // A socket for IPv6 and IPv4 shows IPv4 clients in IPv6 clothes.
    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    let (inside, closing) = (local.clone(), closing.clone());
    local.spawn(async move {
        let seat = poll_fn(|cx| Poll::Ready(closing.join(cx.waker().clone()))).await;
        let mut serve =
            pin!(serve(inside, admission, Arrival { bind, closing: seat, stream, remote }));
        poll_fn(|cx| match closing.stage() {
            Stage::Cut => Poll::Ready(()),
            _ => serve.as_mut().poll(cx),
        })
        .await;
    });
}

async fn serve(local: Rc<Local>, admission: Admission, arrival: Arrival) {
    let deadline = Instant::now() + local.patience().preamble;
    // A bind that is removed has nobody left to answer for it; clients without TLS are told so in
    // their own protocol.
    let secure = local.live().binds.get(&arrival.bind).is_some_and(|bind| bind.secure);
    let _active = local.telemetry.connection_opened(secure);
    // Given back before the gauge says so: whoever sees it there finds the room.
    let _admission = admission;
    // What is large and soon over, or is large and not always there, is behind a pointer, so that
    // an idle HTTP/1 connection does not pay for it.
    let read = match secure {
        true => Box::pin(secured::read(&local, arrival, deadline)).await,
        false => plain::read(arrival, deadline).await,
    };
    match read {
        Ok((Version::Http1, connection)) => h1::serve(local.clone(), connection).await,
        Ok((Version::Http2, connection)) => {
            Box::pin(h2::serve(local.clone(), connection)).await;
        }
        Err(Some(refusal)) => local.telemetry.connection_refused(refusal),
        Err(None) => {}
    }
}

/// A connection of which nothing is read yet.
struct Arrival {
    bind: Id<Bind>,
    closing: Seat,
    stream: TcpStream,
    remote: SocketAddr,
}

#[cfg(test)]
mod tests;
