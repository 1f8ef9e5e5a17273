//! What is known of a client before it asks for anything: the facts of its connection.

use std::{
    io::{Cursor, Write},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use ir::{Bind, Id, Listener, Protocol, Scheme};
use router::ListenerTable;

use crate::{
    accept::Connection,
    closing::{Seat, Stage},
    io::Io,
    live::Live,
    tls::Trust,
};

/// The connection that requests come from.
pub(crate) struct Client {
    /// The peer of the socket.
    pub(crate) remote: SocketAddr,
    /// Its address as text, for every request of the connection.
    pub(crate) address: Address,
    /// Where it came in.
    pub(crate) bind: Id<Bind>,
    /// The listener that the TLS handshake chose; none without TLS.
    pub(crate) listener: Option<Id<Listener>>,
    /// What the client proved in it; none where it was let in without.
    pub(crate) trust: Option<Arc<Trust>>,
    /// The name by which TLS was asked for.
    pub(crate) server_name: Option<Box<str>>,
    /// When the connection shall end.
    pub(crate) closing: Seat,
}

impl Client {
    /// Takes a connection apart: its bytes are the codec's.
    pub(crate) fn of(connection: Connection) -> (Io, Self) {
        let Connection { io, remote, bind, listener, trust, server_name, closing } = connection;
        let address = Address::of(remote.ip());
        (io, Self { remote, address, bind, listener, trust, server_name, closing })
    }

    /// What the client speaks.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.listener.is_some() { Scheme::Https } else { Scheme::Http }
    }

    /// Whether the connection was let in by what its listener demands now. Fewer demands than then
    /// are no reason to send a client away.
    pub(crate) fn is_trusted(&self, live: &Live, listener: &ListenerTable) -> bool {
        let Protocol::Https(tls) = listener.protocol() else { return true };
        if tls.client_validation.is_none() {
            return true;
        }
        let now = live.tls.get(&listener.id).and_then(|config| config.trust.as_ref());
        self.trust.as_ref().zip(now).is_some_and(|(then, now)| Arc::ptr_eq(then, now))
    }

    /// Whether the next response shall be the connection's last.
    pub(crate) fn ends(&self) -> bool {
        self.closing.stage() != Stage::Open
    }
}

/// The text of an IP address, without the clothes of IPv6 that a socket for both puts on IPv4.
pub(crate) struct Address {
    text: [u8; ADDRESS_BYTES_MAX],
    len: u8,
}

impl Address {
    fn of(address: IpAddr) -> Self {
        let mut text = Cursor::new([0; ADDRESS_BYTES_MAX]);
        // An address always fits.
        let written = write!(text, "{}", address.to_canonical());
        debug_assert!(written.is_ok());
        let len = text.position() as u8;
        Self { text: text.into_inner(), len }
    }

    /// The text.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }
}

/// The longest text of an IPv6 address.
const ADDRESS_BYTES_MAX: usize = 45;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_as_people_write_them() {
        for (address, text) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:0:0::1", "2001:db8::1"),
            (LONGEST, LONGEST),
        ] {
            let address = Address::of(address.parse().unwrap());
            assert_eq!(str::from_utf8(address.as_bytes()).unwrap(), text);
        }
    }

    const LONGEST: &str = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
}
