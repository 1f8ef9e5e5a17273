//! A client that speaks HTTP/1.1 byte for byte as told, never repeats anything, and reads exactly
//! one response for each request.

use std::{io, net::SocketAddr, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::in_time;

/// One connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
    /// The certificate that the other side showed.
    pub(crate) certificate: Vec<u8>,
    /// What ALPN chose.
    pub(crate) alpn: Option<Vec<u8>>,
    /// Whether the handshake took up a session of before.
    pub(crate) resumed: bool,
}

/// One response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Client {
    pub(crate) async fn plain(at: SocketAddr) -> io::Result<Self> {
        let stream = in_time("connect", TcpStream::connect(at)).await?;
        Ok(Self::over(Box::new(stream)))
    }

    pub(crate) async fn tls(
        at: SocketAddr,
        name: &str,
        config: &Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let stream = in_time("connect", TcpStream::connect(at)).await?;
        Self::tls_over(stream, name, config).await
    }

    pub(crate) async fn tls_over(
        stream: impl Stream + 'static,
        name: &str,
        config: &Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(name.to_string()).unwrap();
        let handshake = TlsConnector::from(config.clone()).connect(name, stream);
        let stream = in_time("handshake", handshake).await?;
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates().map(|chain| chain[0].to_vec());
        let alpn = session.alpn_protocol().map(<[u8]>::to_vec);
        let resumed = session.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        let certificate = certificate.unwrap_or_default();
        Ok(Self { certificate, alpn, resumed, ..Self::over(Box::new(stream)) })
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        let (unread, certificate) = (Vec::new(), Vec::new());
        Self { stream, unread, certificate, alpn: None, resumed: false }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Asks for a path of a host and reads the answer.
    pub(crate) async fn get(&mut self, host: &str, path: &str) -> io::Result<Response> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
        self.response().await
    }

    /// Reads one response with a length or in chunks.
    pub(crate) async fn response(&mut self) -> io::Result<Response> {
        in_time("a response", self.read_response()).await
    }

    /// Reads up to and with a mark.
    pub(crate) async fn until(&mut self, mark: &str) -> String {
        let end = in_time(mark, self.find(mark.as_bytes())).await.unwrap();
        String::from_utf8_lossy(&self.take(end)).into_owned()
    }

    async fn read_response(&mut self) -> io::Result<Response> {
        let end = self.find(b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&self.take(end)).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {head:?}")))?;
        let mut response = Response { status, head, body: Vec::new() };
        if let Some(length) = response.field("content-length") {
            response.body = self.exactly(length.parse().map_err(io::Error::other)?).await?;
        } else if response.field("transfer-encoding") == Some("chunked") {
            response.body = self.chunks().await?;
        }
        Ok(response)
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.find(b"\r\n").await?;
            let line = String::from_utf8_lossy(&self.take(end)).trim().to_string();
            let size = usize::from_str_radix(&line, 16).map_err(io::Error::other)?;
            body.extend(self.exactly(size).await?);
            self.exactly(2).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    /// Waits until the other side ends the connection, and says what it still sent.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.unread);
        // A reset is an end too.
        let _ = in_time("the end of a connection", self.stream.read_to_end(&mut rest)).await;
        rest
    }

    async fn find(&mut self, mark: &[u8]) -> io::Result<usize> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|part| part == mark) {
                return Ok(at + mark.len());
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            self.more().await?;
        }
        Ok(self.take(count))
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.unread.drain(..count).collect()
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.unread).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Response {
    /// The value of the first field of a name, which is given in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| *found == name).map(|(_, value)| value.trim()).next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the connection ends after it.
    pub(crate) fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}
