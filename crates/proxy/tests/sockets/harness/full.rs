//! An endpoint that never takes a connection.

use std::{net::SocketAddr, time::Duration};

use tokio::net::{TcpListener, TcpStream};

/// A socket whose queue is full: connecting to it hangs.
pub(crate) struct Full {
    pub(crate) address: SocketAddr,
    _socket: TcpListener,
    _held: Vec<TcpStream>,
}

impl Full {
    pub(crate) async fn new() -> Self {
        let kind = socket2::Type::STREAM;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, kind, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = TcpListener::from_std(socket.into()).unwrap();
        let address = socket.local_addr().unwrap();
        let mut held = Vec::new();
        let patience = Duration::from_millis(200);
        while let Ok(Ok(stream)) = tokio::time::timeout(patience, TcpStream::connect(address)).await
        {
            held.push(stream);
        }
        Self { address, _socket: socket, _held: held }
    }
}
