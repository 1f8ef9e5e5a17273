//! Opening a port of this replica, whichever family of addresses the cluster has.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Listens. `[::]` are all interfaces: one IPv6 socket that takes IPv4 too, or an IPv4 one where
/// the machine has no IPv6.
///
/// # Errors
/// The address cannot be listened on.
pub(crate) fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let at = match address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        true => everywhere(address.port(), socket(Domain::IPV6).map(drop))?,
        false => address,
    };
    let socket = socket(Domain::for_address(at))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(at.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn socket(domain: Domain) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM, Some(Protocol::TCP))
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

/// `EAFNOSUPPORT` of Linux: the machine was started without IPv6.
const NO_SUCH_FAMILY: i32 = 97;
/// Connections that wait to be accepted: all proxies may come at once.
const BACKLOG: i32 = 1024;

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn all_interfaces_are_those_of_both_families() {
        let socket = open(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        // A machine may have no IPv6.
        if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap();
        }
        let taken = open(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_machine_without_ipv6_has_ipv4() {
        let refused = |number| Err(io::Error::from_raw_os_error(number));
        assert_eq!(everywhere(1, Ok(())).unwrap().to_string(), "[::]:1");
        assert_eq!(everywhere(1, refused(NO_SUCH_FAMILY)).unwrap().to_string(), "0.0.0.0:1");
        assert!(everywhere(1, refused(24)).is_err(), "no descriptors left");
    }
}
