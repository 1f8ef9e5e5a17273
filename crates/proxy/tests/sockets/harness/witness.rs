//! A backend that reads as strictly as RFC 9112 can be read, on its own and not as the proxy does,
//! and remembers each request that it got whole.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The backend.
pub(crate) struct Witness {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    /// Connections on which a request has begun and not ended.
    begun: AtomicUsize,
}

/// A whole request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
    /// It is none: this is wrong with it.
    pub(crate) fault: Option<String>,
}

impl Request {
    /// The values of a name.
    pub(crate) fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.fields.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }
}

impl Witness {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let inside = seen.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                connections.spawn(serve(stream, inside.clone()));
            }
        });
        Self { address, seen, task }
    }

    /// Whether no request is under way.
    pub(crate) fn at_rest(&self) -> bool {
        self.seen.begun.load(Ordering::SeqCst) == 0
    }

    /// What came since this was asked last.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.seen.requests.lock())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, seen: Arc<Seen>) {
    let mut reader = Reader { stream, unread: Vec::new() };
    while reader.more().await.is_ok() {
        seen.begun.fetch_add(1, Ordering::SeqCst);
        let request = reader.request().await;
        let request = match request {
            // What breaks the rules is remembered too: nobody expects it.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Some(Request { fault: Some(error.to_string()), ..Request::default() })
            }
            Err(_) => None,
            Ok(request) => Some(request),
        };
        let whole = request.as_ref().filter(|request| request.fault.is_none());
        let answer = whole.map(|request| format!("saw {}", request.target));
        if let Some(request) = request {
            seen.requests.lock().push(request);
        }
        seen.begun.fetch_sub(1, Ordering::SeqCst);
        let Some(body) = answer else { return };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if reader.stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

struct Reader {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Reader {
    /// Waits until there is a byte.
    async fn more(&mut self) -> io::Result<()> {
        while self.unread.is_empty() {
            self.fill().await?;
        }
        Ok(())
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.unread).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn request(&mut self) -> io::Result<Request> {
        let line = text(self.line().await?)?;
        let parts: Vec<&str> = line.split(' ').collect();
        let [method, target, "HTTP/1.1" | "HTTP/1.0"] = parts.as_slice() else {
            return Err(wrong(&format!("request line {line:?}")));
        };
        let (method, target) = (method.to_string(), target.to_string());
        let fields = self.fields().await?;
        let mut request = Request { method, target, fields, ..Request::default() };
        let lengths = request.values("content-length");
        let codings = request.values("transfer-encoding");
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => {}
            ([length], []) if length.iter().all(u8::is_ascii_digit) => {
                let length = text(length.to_vec())?.parse().map_err(|_| wrong("length"))?;
                request.body = self.exactly(length).await?;
            }
            ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => {
                (request.body, request.trailers) = self.chunks().await?
            }
            other => return Err(wrong(&format!("framing {other:?}"))),
        }
        Ok(request)
    }

    async fn fields(&mut self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let colon = line.iter().position(|byte| *byte == b':').ok_or(wrong("no colon"))?;
            let name = text(line[..colon].to_vec())?.to_ascii_lowercase();
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) {
                return Err(wrong(&format!("name {name:?}")));
            }
            fields.push((name, line[colon + 1..].trim_ascii().to_vec()));
        }
    }

    async fn chunks(&mut self) -> io::Result<(Vec<u8>, Vec<(String, Vec<u8>)>)> {
        let mut body = Vec::new();
        loop {
            let line = text(self.line().await?)?;
            let plain = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit());
            let size = usize::from_str_radix(&line, 16).ok().filter(|_| plain);
            let size = size.ok_or_else(|| wrong(&format!("chunk size {line:?}")))?;
            if size == 0 {
                return Ok((body, self.fields().await?));
            }
            body.extend(self.exactly(size).await?);
            if !self.line().await?.is_empty() {
                return Err(wrong("no line end behind a chunk"));
            }
        }
    }

    /// The next line, without its CR LF.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(feed) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=feed).collect();
                let line = line.strip_suffix(b"\r\n").ok_or(wrong("a bare line feed"))?;
                let control = |byte: &u8| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f;
                if line.iter().any(control) {
                    return Err(wrong("a control byte"));
                }
                return Ok(line.to_vec());
            }
            self.fill().await?;
        }
    }

    async fn exactly(&mut self, n: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < n {
            self.fill().await?;
        }
        Ok(self.unread.drain(..n).collect())
    }
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| wrong("bytes beyond ASCII"))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
