//! Free ports, for servers that must be told a number before they start.
//!
//! A port is held by a socket that is bound and does not listen: the system gives it to nobody who
//! asks for any port, and a server that names it may still open it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// A port that is free as long as this lives, for a server that this test starts.
pub(crate) struct Port {
    pub(crate) number: u16,
    _held: Socket,
}

impl Port {
    pub(crate) fn free() -> Self {
        Self::hold(0).expect("some port is free")
    }

    /// Where a client finds what listens there.
    pub(crate) fn address(&self) -> SocketAddr {
        local(self.number)
    }

    fn hold(number: u16) -> Option<Self> {
        // All interfaces of both families, as a Gateway without an address wants them.
        let any = |v6: bool| match v6 {
            true => SocketAddr::from((Ipv6Addr::UNSPECIFIED, number)),
            false => SocketAddr::from((Ipv4Addr::UNSPECIFIED, number)),
        };
        let held = match Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)) {
            Ok(held) => {
                held.set_only_v6(false).ok()?;
                held.set_reuse_address(true).ok()?;
                held.bind(&any(true).into()).ok()?;
                held
            }
            Err(_) => {
                let held = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).ok()?;
                held.set_reuse_address(true).ok()?;
                held.bind(&any(false).into()).ok()?;
                held
            }
        };
        let number = held.local_addr().ok()?.as_socket()?.port();
        Some(Self { number, _held: held })
    }
}

/// A `--port-offset` that leads the ports of some manifests to free ones.
pub(crate) struct Offset {
    pub(crate) number: u16,
    _held: Vec<Port>,
}

impl Offset {
    /// For manifests with these ports.
    pub(crate) fn of(ports: &[u16]) -> Self {
        let first = ports.first().copied().unwrap_or_default();
        for _ in 0..TRIES {
            let lead = Port::free();
            let Some(number) = lead.number.checked_sub(first) else { continue };
            let rest = ports[1..].iter().map(|port| Port::hold(port.checked_add(number)?));
            if let Some(mut held) = rest.collect::<Option<Vec<_>>>() {
                held.push(lead);
                return Self { number, _held: held };
            }
        }
        panic!("no offset for {ports:?} found in {TRIES} tries")
    }

    /// Where a client finds a listener of this port.
    pub(crate) fn address(&self, port: u16) -> SocketAddr {
        local(port + self.number)
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

const TRIES: usize = 1000;
