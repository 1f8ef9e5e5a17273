//! What is known of a client before it asks for anything: the facts of its connection.

use std::net::SocketAddr;

use ir::{Bind, Id, Listener, Scheme};

use crate::{
    accept::Connection,
    closing::{Seat, Stage},
    io::Io,
};

/// The connection that requests come from.
pub(crate) struct Client {
    /// The peer of the socket.
    pub(crate) remote: SocketAddr,
    /// Where it came in.
    pub(crate) bind: Id<Bind>,
    /// The listener that the TLS handshake chose; none without TLS.
    pub(crate) listener: Option<Id<Listener>>,
    /// The name by which TLS was asked for.
    pub(crate) server_name: Option<Box<str>>,
    /// When the connection shall end.
    pub(crate) closing: Seat,
}

impl Client {
    /// Takes a connection apart: its bytes are the codec's.
    pub(crate) fn of(connection: Connection) -> (Io, Self) {
        let Connection { io, remote, bind, listener, server_name, closing } = connection;
        (io, Self { remote, bind, listener, server_name, closing })
    }

    /// What the client speaks.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.listener.is_some() { Scheme::Https } else { Scheme::Http }
    }

    /// Whether the next response shall be the connection's last.
    pub(crate) fn ends(&self) -> bool {
        self.closing.stage() != Stage::Open
    }
}
