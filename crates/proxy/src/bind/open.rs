//! Opening one group of sockets, and what to tell the operator where that fails.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use ir::BindFault;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Address, Share};
use crate::limits;

/// Opens a socket for each worker. `shared`: another group of this process has the port as well.
///
/// Sockets of one user may share a port by SO_REUSEPORT even across programs, so that a second
/// proxy would silently take half of the first one's connections. A probe without SO_REUSEPORT
/// finds out whether anybody listens there. Between the probe and the first socket another program
/// can still slip in; it would have to use SO_REUSEPORT and the same user to go unnoticed.
pub(super) fn group(
    address: Address,
    port_offset: u16,
    workers: usize,
    shared: bool,
) -> Result<Arc<[Share]>, (BindFault, String)> {
    let (ip, port) = address;
    let Some(port) = port.checked_add(port_offset) else {
        let message = format!(
            "port {port} plus the port offset {port_offset} is above 65535: choose a smaller offset"
        );
        return Err((BindFault::Other, message));
    };
    let explain = |error: io::Error| explain(&error, ip, port);
    let at = usable(ip, port).map_err(explain)?;
    if !shared {
        let probe = socket(at).map_err(explain)?;
        probe.bind(&at.into()).map_err(explain)?;
    }
    (0..workers)
        .map(|_| listen(at).map(|socket| Mutex::new(Some(socket))))
        .collect::<Result<_, _>>()
        .map_err(explain)
}

/// Opens one socket for what is no traffic. `[::]` are all interfaces here too.
pub(crate) fn single(address: SocketAddr) -> io::Result<TcpListener> {
    let ip = Some(address.ip()).filter(|ip| *ip != IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let at = usable(ip, address.port())?;
    let socket = socket(at)?;
    socket.bind(&at.into())?;
    socket.listen(limits::BACKLOG)?;
    Ok(socket.into())
}

fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(at)?;
    socket.set_reuse_port(true)?;
    socket.bind(&at.into())?;
    socket.listen(limits::BACKLOG)?;
    Ok(socket.into())
}

/// A socket that takes over a port with connections of a program that ended, but not one on which
/// somebody listens.
fn socket(at: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Inherited by accepted sockets, which saves a call for each connection.
    socket.set_tcp_nodelay(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(at.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    Ok(socket)
}

/// All interfaces are one IPv6 socket that takes IPv4 too, where the machine has IPv6.
fn usable(ip: Option<IpAddr>, port: u16) -> io::Result<SocketAddr> {
    if let Some(ip) = ip {
        return Ok(SocketAddr::new(ip, port));
    }
    everywhere(port, Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).map(drop))
}

fn everywhere(port: u16, ipv6: io::Result<()>) -> io::Result<SocketAddr> {
    match ipv6 {
        Ok(()) => Ok(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)),
        Err(error) if error.raw_os_error() == Some(NO_SUCH_FAMILY) => {
            Ok(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
        }
        Err(error) => Err(error),
    }
}

fn explain(error: &io::Error, ip: Option<IpAddr>, port: u16) -> (BindFault, String) {
    match error.kind() {
        io::ErrorKind::AddrInUse => (
            BindFault::InUse,
            format!(
                "port {port} is in use by another program on this machine: stop it, change the \
                 listener's port, or start with another `--port-offset`"
            ),
        ),
        io::ErrorKind::PermissionDenied => (
            BindFault::Forbidden,
            format!(
                "port {port} may not be opened by this user: start with `--port-offset 8000`, \
                 grant CAP_NET_BIND_SERVICE, or lower net.ipv4.ip_unprivileged_port_start"
            ),
        ),
        io::ErrorKind::AddrNotAvailable => {
            let ip = ip.map_or_else(|| "every address".into(), |ip| ip.to_string());
            let message = format!(
                "no interface of this machine has the address {ip}: add it, or change \
                 `spec.addresses` of the Gateway"
            );
            (BindFault::NoSuchAddress, message)
        }
        _ => (BindFault::Other, format!("port {port} cannot be opened: {error}")),
    }
}

/// `EAFNOSUPPORT` of Linux: the machine was started without IPv6.
const NO_SUCH_FAMILY: i32 = 97;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn a_group_accepts_on_every_socket_without_delay() {
        let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = probe.local_addr().unwrap();
        assert_eq!(group((Some(at.ip()), at.port()), 0, 2, false).unwrap_err().0, BindFault::InUse);
        drop(probe);
        let shares = group((Some(at.ip()), at.port()), 0, 2, false).unwrap();
        let sockets: Vec<_> = shares.iter().map(|share| share.lock().take().unwrap()).collect();
        let mut clients = Vec::new();
        for socket in sockets {
            socket.set_nonblocking(true).unwrap();
            // The kernel spreads connections by their ports, so each socket gets one before long.
            let accepted = (0..1000).find_map(|_| {
                clients.push(TcpStream::connect(at).unwrap());
                socket.accept().ok()
            });
            assert!(accepted.unwrap().0.nodelay().unwrap());
        }
    }

    #[test]
    fn all_interfaces_are_those_of_both_families() {
        let socket = single(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        // A machine may have no IPv6.
        if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
        let refused = |number| Err(io::Error::from_raw_os_error(number));
        assert_eq!(everywhere(1, Ok(())).unwrap().to_string(), "[::]:1");
        assert_eq!(everywhere(1, refused(NO_SUCH_FAMILY)).unwrap().to_string(), "0.0.0.0:1");
        assert!(everywhere(1, refused(24)).is_err(), "no descriptors left");
    }

    #[test]
    fn errors_say_what_to_do() {
        for (kind, fault, remedy) in [
            (io::ErrorKind::AddrInUse, BindFault::InUse, "--port-offset"),
            (io::ErrorKind::PermissionDenied, BindFault::Forbidden, "CAP_NET_BIND_SERVICE"),
            (io::ErrorKind::AddrNotAvailable, BindFault::NoSuchAddress, "spec.addresses"),
            (io::ErrorKind::OutOfMemory, BindFault::Other, "port 80 cannot be opened"),
        ] {
            let (found, message) = explain(&kind.into(), None, 80);
            assert_eq!(found, fault, "{message}");
            assert!(message.contains(remedy), "{message}");
        }
    }
}
