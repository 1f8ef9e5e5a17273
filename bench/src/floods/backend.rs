//! A backend that answers `/small` with little and everything else without end, and reads no body.

use std::{net::SocketAddr, thread};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    spawn,
};

/// What `/small` ends with.
pub(super) const SMALL: &[u8] = b"that is all";

/// Starts it on a thread of its own, so that it is not slowed down by what attacks.
pub(super) fn start() -> anyhow::Result<SocketAddr> {
    let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(socket) = TcpListener::from_std(socket) else { return };
            while let Ok((stream, _)) = socket.accept().await {
                spawn(serve(stream));
            }
        });
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream) {
    let mut read = Vec::new();
    loop {
        while !read.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => read.push(byte),
                Err(_) => return,
            }
        }
        let small = read.windows(7).any(|part| part == b" /small");
        read.clear();
        if !small {
            return endless(stream).await;
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", SMALL.len());
        if stream.write_all(&[head.as_bytes(), SMALL].concat()).await.is_err() {
            return;
        }
    }
}

async fn endless(mut stream: TcpStream) {
    let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let block = vec![b'x'; 16 * 1024];
    while sent.is_ok() {
        sent = stream.write_all(&block).await;
    }
}
