//! HTTP/2 peers on the `h2` crate: a client, and a backend whose behaviour each test writes itself.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    client::{self, ResponseFuture, SendRequest},
    server::{self, SendResponse},
};
use http::{HeaderMap, Request};
use rustls::ClientConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

use super::{client::Stream, in_time};

/// A client's connection.
pub(crate) struct H2Client {
    pub(crate) requests: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl H2Client {
    /// By prior knowledge.
    pub(crate) async fn plain(at: SocketAddr) -> Self {
        Self::with(&mut client::Builder::new(), at).await
    }

    pub(crate) async fn with(builder: &mut client::Builder, at: SocketAddr) -> Self {
        let stream = in_time("connect", TcpStream::connect(at)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(builder, stream).await
    }

    /// By ALPN.
    pub(crate) async fn tls(
        at: SocketAddr,
        name: &str,
        config: &Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let stream = in_time("connect", TcpStream::connect(at)).await?;
        let connector = tokio_rustls::TlsConnector::from(config.clone());
        let name = rustls::pki_types::ServerName::try_from(name.to_string()).unwrap();
        let stream = in_time("handshake", connector.connect(name, stream)).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Ok(Self::over(&mut client::Builder::new(), stream).await)
    }

    async fn over(builder: &mut client::Builder, stream: impl Stream + 'static) -> Self {
        let handshake = builder.handshake(stream);
        let (requests, connection) = in_time("handshake", handshake).await.unwrap();
        Self { requests, driver: tokio::spawn(connection) }
    }

    /// Opens a stream, waiting until the server allows one more.
    pub(crate) async fn open(
        &mut self,
        request: Request<()>,
        ended: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        poll_fn(|cx| self.requests.poll_ready(cx)).await?;
        self.requests.send_request(request, ended)
    }

    /// Asks for a path and reads the answer.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Reply, h2::Error> {
        let (response, _) = self.open(get(path), true).await?;
        reply(response).await
    }

    /// Sends a body of known content and reads the answer.
    pub(crate) async fn post(&mut self, path: &str, body: Vec<u8>) -> Result<Reply, h2::Error> {
        let (response, to) = self.open(post(path), false).await?;
        let sending = tokio::spawn(send(to, body));
        let reply = reply(response).await;
        sending.abort();
        reply
    }

    /// Waits until the connection has ended, and says how.
    pub(crate) async fn ended(self) -> Result<(), h2::Error> {
        let Self { requests, driver } = self;
        let end = in_time("the end of a connection", driver).await.unwrap();
        drop(requests);
        end
    }
}

pub(crate) fn get(path: &str) -> Request<()> {
    Request::get(format!("http://any.test{path}")).body(()).unwrap()
}

pub(crate) fn post(path: &str) -> Request<()> {
    Request::post(format!("http://any.test{path}")).body(()).unwrap()
}

/// Reads a response to its end.
pub(crate) async fn reply(response: ResponseFuture) -> Result<Reply, h2::Error> {
    let response = in_time("a response", response).await?;
    let (parts, mut from) = response.into_parts();
    let body = in_time("a body", read(&mut from)).await?;
    let trailers = in_time("trailers", from.trailers()).await?;
    Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body, trailers })
}

/// Reads a body, giving the sender room for more as it goes.
pub(crate) async fn read(from: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = chunk(from).await? {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The next piece of a body.
pub(crate) async fn chunk(from: &mut RecvStream) -> Result<Option<Bytes>, h2::Error> {
    let Some(chunk) = from.data().await.transpose()? else { return Ok(None) };
    from.flow_control().release_capacity(chunk.len())?;
    Ok(Some(chunk))
}

/// Sends a body as the other side gives room for it, and ends the message.
pub(crate) async fn send(mut to: SendStream<Bytes>, body: Vec<u8>) -> Result<(), h2::Error> {
    let mut rest = Bytes::from(body);
    while !rest.is_empty() {
        let room = room(&mut to, rest.len()).await?;
        to.send_data(rest.split_to(room.min(rest.len())), false)?;
    }
    to.send_data(Bytes::new(), true)
}

/// Waits for room for at least one byte.
pub(crate) async fn room(to: &mut SendStream<Bytes>, want: usize) -> Result<usize, h2::Error> {
    to.reserve_capacity(want);
    if to.capacity() > 0 {
        return Ok(to.capacity());
    }
    poll_fn(|cx| to.poll_capacity(cx)).await.unwrap_or(Err(h2::Reason::CANCEL.into()))
}

/// A backend by prior knowledge.
pub(crate) struct H2Server {
    pub(crate) address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    goaway: Notify,
}

/// One request at a backend.
pub(crate) struct Asked {
    pub(crate) request: Request<RecvStream>,
    pub(crate) respond: SendResponse<Bytes>,
}

impl H2Server {
    /// Answers each request by `answer`, in a task of its own.
    pub(crate) async fn start<F>(answer: impl Fn(Asked) -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), h2::Error>> + Send + 'static,
    {
        Self::with(server::Builder::new(), answer).await
    }

    pub(crate) async fn with<F>(
        builder: server::Builder,
        answer: impl Fn(Asked) -> F + Clone + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), h2::Error>> + Send + 'static,
    {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let inside = counts.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                inside.connections.fetch_add(1, Ordering::SeqCst);
                let (builder, inside, answer) = (builder.clone(), inside.clone(), answer.clone());
                connections.spawn(serve(stream, builder, inside, answer));
            }
        });
        Self { address, counts, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// Every connection says that it takes no more streams.
    pub(crate) fn go_away(&self) {
        self.counts.goaway.notify_waiters();
    }
}

impl Drop for H2Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<F>(
    stream: TcpStream,
    builder: server::Builder,
    counts: Arc<Counts>,
    answer: impl Fn(Asked) -> F,
) where
    F: Future<Output = Result<(), h2::Error>> + Send + 'static,
{
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
    let mut goaway = std::pin::pin!(counts.goaway.notified());
    loop {
        let next = poll_fn(|cx| {
            if goaway.as_mut().poll(cx).is_ready() {
                goaway.set(counts.goaway.notified());
                connection.graceful_shutdown();
            }
            match connection.poll_accept(cx) {
                Poll::Ready(next) => Poll::Ready(next),
                Poll::Pending => Poll::Pending,
            }
        });
        let Some(Ok((request, respond))) = next.await else { return };
        counts.requests.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(answer(Asked { request, respond }));
    }
}

impl Asked {
    /// Answers with a status and a body, and waits for the request's end.
    pub(crate) async fn answer(mut self, status: u16, body: &str) -> Result<(), h2::Error> {
        read(self.request.body_mut()).await?;
        let response = http::Response::builder().status(status).body(()).unwrap();
        let to = self.respond.send_response(response, false)?;
        send(to, body.into()).await
    }
}

/// Puts a backend that speaks HTTP/2 in, with its endpoints, both of that name.
pub(crate) fn h2c(snapshot: &mut ir::Snapshot, id: &str, at: &[SocketAddr]) {
    let target = ir::Target::Endpoints(ir::Id::new(id));
    let backend = ir::Backend { protocol: ir::UpstreamProtocol::H2c, target };
    snapshot.insert(id, ir::Resource::Backend(Arc::new(backend)));
    super::endpoints(snapshot, id, at);
}

/// A proxy that sends everything on one port to one backend that speaks HTTP/2.
pub(crate) async fn before_h2c(port: &super::Port, at: &[SocketAddr]) -> super::Rig {
    let mut rig = super::Rig::start();
    rig.serve(|to| {
        h2c(to, "backend", at);
        super::plain(to, "bind", port);
        super::route(to, "route", "bind", "backend");
    })
    .await;
    rig
}

/// The same with a backend that speaks HTTP/1.
pub(crate) async fn before_h1(port: &super::Port, at: &[SocketAddr]) -> super::Rig {
    let mut rig = super::Rig::start();
    rig.serve(|to| {
        super::backend(to, "backend", at);
        super::plain(to, "bind", port);
        super::route(to, "route", "bind", "backend");
    })
    .await;
    rig
}
