//! `fixtures/wire/responses.yaml` over real sockets: what a hostile backend sends reaches the
//! client as one message or not at all, and never as the answer to somebody else's request.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use crate::harness::{
    Port, Rig, backend, in_time, plain,
    raw::read_to,
    route,
    wire::{Passed, ResponseEntry, ResponseExpect, Way, latin, table},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_message_or_a_refusal_and_never_anothers_answer() {
    let entries: Arc<Vec<ResponseEntry>> = Arc::new(table("responses.yaml"));
    let (port, mut hostile) = (Port::reserve(), Hostile::start(entries.clone()).await);
    // One worker, and so one pool: whatever is left on a connection meets the next request.
    let mut rig = Rig::with(|options| options.workers = NonZeroUsize::new(1));
    rig.serve(|to| {
        backend(to, "backend", &[hostile.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "backend");
    })
    .await;
    for (place, entry) in entries.iter().enumerate() {
        for (nth, way) in Way::all(place).into_iter().enumerate() {
            let path = format!("/hostile/{place}/{nth}");
            let answer = exchange(&port, &entry.method, &path).await;
            // Once all of it is on its way; a request that is tried again gets it again.
            let mut used = in_time("all bytes", hostile.sent.recv()).await.unwrap();
            while let Ok(again) = hostile.sent.try_recv() {
                used = again;
            }
            let told = || {
                let answer = String::from_utf8_lossy(&answer);
                format!("{} ({}), {way:?}: {:?}", entry.name, entry.rule, answer)
            };
            let reused = match &entry.expect {
                ResponseExpect::BadGateway => {
                    assert_eq!(message(&answer, false), Some((502, vec![])), "{}", told());
                    false
                }
                ResponseExpect::Cut => {
                    let begun = answer.is_empty() || answer.starts_with(b"HTTP/1.1 200 OK\r\n");
                    assert!(begun, "{}", told());
                    assert_eq!(message(&answer, false), None, "looks whole: {}", told());
                    false
                }
                ResponseExpect::Passed(Passed { status, body, reused }) => {
                    let whole = message(&answer, entry.method == "HEAD");
                    assert_eq!(whole, Some((*status, latin(body))), "{}", told());
                    *reused
                }
            };
            let marker = exchange(&port, "GET", &format!("/marker/{place}")).await;
            let (status, body) = message(&marker, false).unwrap_or_default();
            let body = String::from_utf8_lossy(&body).into_owned();
            let (path, connection) = body.split_once(" on ").unwrap_or_default();
            let expected = (200, format!("/marker/{place}"));
            assert_eq!((status, path.to_owned()), expected, "{body:?} after {}", told());
            assert_eq!(connection == used.to_string(), reused, "reused? {}", told());
        }
    }
    assert!(entries.len() >= 100, "the table has shrunk to {}", entries.len());
    println!("{} responses of a hostile backend: none was taken for another", entries.len());
}

/// A request on a connection of its own; all that comes back.
async fn exchange(port: &Port, method: &str, path: &str) -> Vec<u8> {
    let mut stream = in_time("connect", TcpStream::connect(port.address())).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = in_time("the end of the connection", stream.read_to_end(&mut answer)).await;
    answer
}

/// Status and body, if these bytes are exactly one final response; interim ones may be before it.
fn message(mut bytes: &[u8], to_head: bool) -> Option<(u16, Vec<u8>)> {
    loop {
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
        bytes = &bytes[end..];
        let status: u16 = head.strip_prefix("http/1.1 ")?.get(..3)?.parse().ok()?;
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(found, _)| *found == name).map(|(_, value)| value.trim())
        };
        if status < 200 {
            continue;
        }
        let body = if to_head || matches!(status, 204 | 304) {
            vec![]
        } else if let Some(length) = field("content-length") {
            bytes.split_off(..length.parse().ok()?)?.to_vec()
        } else if field("transfer-encoding") == Some("chunked") {
            chunks(&mut bytes)?
        } else {
            return None;
        };
        return bytes.is_empty().then_some((status, body));
    }
}

fn chunks(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|part| part == b"\r\n")?;
        let line = std::str::from_utf8(bytes.split_off(..end + 2)?).ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        body.extend_from_slice(bytes.split_off(..size)?);
        if bytes.split_off(..2)? != b"\r\n" {
            return None;
        }
        if size == 0 {
            return Some(body);
        }
    }
}

/// A backend that answers `/hostile/<place>/<way>` by an entry of the table, and all else in order:
/// with the path, and on which of its connections it was asked.
struct Hostile {
    address: std::net::SocketAddr,
    /// On which connection an entry was sent in full.
    sent: UnboundedReceiver<usize>,
    task: JoinHandle<()>,
}

impl Hostile {
    async fn start(entries: Arc<Vec<ResponseEntry>>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (sent, told) = unbounded_channel();
        let count = AtomicUsize::new(0);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, number, entries.clone(), sent.clone()));
            }
        });
        Self { address, sent: told, task }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    number: usize,
    entries: Arc<Vec<ResponseEntry>>,
    sent: UnboundedSender<usize>,
) {
    stream.set_nodelay(true).unwrap();
    loop {
        let head = read_to(&mut stream, "\r\n\r\n").await;
        let Some(path) = head.split(' ').nth(1) else { return };
        let parts: Vec<&str> = path.split('/').collect();
        let ["", "hostile", place, nth] = parts.as_slice() else {
            let body = format!("{path} on {number}");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            continue;
        };
        let place: usize = place.parse().unwrap();
        let way = Way::all(place)[nth.parse::<usize>().unwrap()];
        way.send(&mut stream, &entries[place].bytes()).await;
        sent.send(number).unwrap();
        if entries[place].closes {
            return;
        }
    }
}
