//! A client for HTTP/1.1 that keeps its connection and never tries again.
//!
//! It reads what comes byte by byte as the RFC has it, so that an answer which is cut or badly
//! framed is seen. It knows nothing of redirects, cookies or caches.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    answer::{Answer, Broken},
    wait,
};

/// Bytes both ways, with TLS or without.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// One connection.
pub(crate) struct Http1 {
    wire: Box<dyn Wire>,
    /// What came and is not read yet.
    ahead: Vec<u8>,
    /// Whether the server said that it closes after the last answer.
    pub(crate) closing: bool,
}

impl Http1 {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Broken> {
        let stream = wait::within(async { Ok(TcpStream::connect(address).await?) }).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(Box::new(stream)))
    }

    pub(crate) fn over(wire: Box<dyn Wire>) -> Self {
        Self { wire, ahead: Vec::new(), closing: false }
    }

    pub(crate) async fn get(&mut self, host: &str, target: &str) -> Result<Answer, Broken> {
        self.exchange(&request("GET", host, target, &[], "")).await
    }

    /// Sends one request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &str) -> Result<Answer, Broken> {
        wait::within(async {
            self.send(request.as_bytes()).await?;
            self.receive().await
        })
        .await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.wire.write_all(bytes).await?;
        self.wire.flush().await?;
        Ok(())
    }

    /// Reads the answer to a request other than HEAD; interim responses are skipped.
    pub(crate) async fn receive(&mut self) -> Result<Answer, Broken> {
        let mut answer = loop {
            let head = self.head().await?;
            if head.status >= 200 || head.status == 101 {
                break head;
            }
        };
        let listed = |name| answer.header(name).map(str::to_ascii_lowercase).unwrap_or_default();
        self.closing = listed("connection").split(',').any(|option| option.trim() == "close");
        if listed("transfer-encoding") == "chunked" {
            (answer.body, answer.trailers) = self.chunks().await?;
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().map_err(|_| Broken::Malformed(length.to_owned()))?;
            answer.body = self.bytes(length).await?;
        } else if !matches!(answer.status, 101 | 204 | 304) {
            self.closing = true;
            while self.more().await? {}
            answer.body = std::mem::take(&mut self.ahead);
        }
        Ok(answer)
    }

    /// Waits until the server closes; none of our requests may be under way.
    pub(crate) async fn closed(&mut self) -> Result<(), Broken> {
        wait::within(async {
            match self.more().await {
                Ok(false) => Ok(()),
                Ok(true) => Err(Broken::Malformed(format!("{:?} unasked", self.ahead))),
                Err(broken) => Err(broken),
            }
        })
        .await
    }

    /// The bytes themselves, after an upgrade; with what came already.
    pub(crate) fn into_wire(self) -> (Box<dyn Wire>, Vec<u8>) {
        (self.wire, self.ahead)
    }

    /// Reads the head of an answer and nothing of its body.
    pub(crate) async fn head(&mut self) -> Result<Answer, Broken> {
        let first = self.line("before an answer").await?;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| Broken::Malformed(first.clone()))?;
        Ok(Answer { status, headers: self.fields().await?, ..Answer::default() })
    }

    async fn fields(&mut self) -> Result<Vec<(String, String)>, Broken> {
        let mut fields = Vec::new();
        loop {
            let line = self.line("inside of a head").await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let parts = line.split_once(':');
            let (name, value) = parts.ok_or_else(|| Broken::Malformed(line.clone()))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    async fn chunks(&mut self) -> Result<(Vec<u8>, Vec<(String, String)>), Broken> {
        let mut body = Vec::new();
        loop {
            let line = self.line("between chunks").await?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| Broken::Malformed(format!("chunk size {line:?}")))?;
            if size == 0 {
                return Ok((body, self.fields().await?));
            }
            body.extend(self.bytes(size).await?);
            let end = self.line("after a chunk").await?;
            if !end.is_empty() {
                return Err(Broken::Malformed(format!("{end:?} after a chunk")));
            }
        }
    }

    /// Reads a part of a body.
    pub(crate) async fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Broken> {
        while self.ahead.len() < count {
            if !self.more().await? {
                return Err(Broken::Ended("inside of a body"));
            }
        }
        Ok(self.ahead.drain(..count).collect())
    }

    async fn line(&mut self, place: &'static str) -> Result<String, Broken> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..end + 2).take(end).collect();
                return String::from_utf8(line)
                    .map_err(|error| Broken::Malformed(format!("{error}")));
            }
            if !self.more().await? {
                return Err(Broken::Ended(place));
            }
        }
    }

    /// Reads what is there; false at the end of the connection.
    async fn more(&mut self) -> Result<bool, Broken> {
        let mut piece = [0; 16 * 1024];
        let read = self.wire.read(&mut piece).await?;
        self.ahead.extend_from_slice(&piece[..read]);
        Ok(read > 0)
    }
}

/// A request as text.
pub(crate) fn request(
    method: &str,
    host: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    let framed = headers.iter().any(|(name, _)| *name == "transfer-encoding");
    if !body.is_empty() && !framed {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// One request on a connection of its own.
pub(crate) async fn once(address: SocketAddr, host: &str, target: &str) -> Result<Answer, Broken> {
    Http1::connect(address).await?.get(host, target).await
}
