//! A backend that answers every request with its own name and what arrived, and counts.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

/// One endpoint.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

struct Seen {
    name: String,
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Requests for `/held` wait for one of these.
    releases: Semaphore,
}

impl Echo {
    pub(crate) async fn start(name: &str) -> Self {
        Self::start_at(name, ([127, 0, 0, 1], 0).into()).await
    }

    pub(crate) async fn start_at(name: &str, at: SocketAddr) -> Self {
        let socket = TcpListener::bind(at).await.unwrap();
        let address = socket.local_addr().unwrap();
        let seen = Arc::new(Seen {
            name: name.into(),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            releases: Semaphore::new(0),
        });
        let task = tokio::spawn(accept(socket, seen.clone()));
        Self { address, seen, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// Lets one request for `/held` go on.
    pub(crate) fn release(&self) {
        self.seen.releases.add_permits(1);
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(socket: TcpListener, seen: Arc<Seen>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = socket.accept().await {
        seen.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(serve(stream, seen.clone()));
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>) {
    let mut unread = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = unread.windows(4).position(|part| part == b"\r\n\r\n") {
                break at + 4;
            }
            if !matches!(stream.read_buf(&mut unread).await, Ok(1..)) {
                return;
            }
        };
        let head = String::from_utf8_lossy(&unread[..end]).into_owned();
        unread.drain(..end);
        let field = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(':'));
            lines
                .filter(|(found, _)| found.eq_ignore_ascii_case(name))
                .map(|(_, v)| v.trim())
                .next()
        };
        let length: usize = field("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        while unread.len() < length {
            if !matches!(stream.read_buf(&mut unread).await, Ok(1..)) {
                return;
            }
        }
        unread.drain(..length);
        seen.requests.fetch_add(1, Ordering::SeqCst);
        if head.split(' ').nth(1) == Some("/held") {
            let Ok(permit) = seen.releases.acquire().await else { return };
            permit.forget();
        }
        let body = format!("{}\n{head}", seen.name);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
