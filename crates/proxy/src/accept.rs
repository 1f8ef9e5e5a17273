//! From a socket that was accepted to a connection that speaks a known protocol for a known
//! listener. What is then spoken is `h1` and `h2`.

use std::net::SocketAddr;

use ir::{Bind, Id, Listener};

use crate::{closing::Seat, io::Io};

/// A connection that is ready for HTTP. The protocols take it as
/// `h1::serve(local: Rc<Local>, connection: Connection)` and `h2::serve(…)`, in a task of its own.
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
    /// When it shall end. Changes wake the task that runs the connection.
    pub(crate) closing: Seat,
}
