//! A proxy as the door sees it: TLS, HTTP/2, a greeting, answers. It serves nothing.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use futures_util::stream;
use http::Uri;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ir::{
    Ack, Key,
    wire::{
        Collector, Hash, Hello, METHOD, Step,
        frame::{Answer, ControllerWord, FromController, FromProxy, ProxyWord},
    },
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{net::TcpStream, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_rustls::TlsConnector;
use tonic::{Code, Request, Status, Streaming, client::Grpc};
use tonic_prost::ProstCodec;

/// The name under which proxies know the controller.
pub(crate) const SERVICE: &str = "portcullis.portcullis-system.svc";

/// How to reach a controller.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
    /// A proxy that reads little at a time.
    pub(crate) narrow: bool,
}

/// One stream of one proxy.
pub(crate) struct Proxy {
    out: mpsc::Sender<FromProxy>,
    from: Streaming<FromController>,
    steps: Collector,
    pub(crate) held: HashMap<Key, Hash>,
    connection: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Trusts these authorities, and nothing else.
pub(crate) fn trusting(bundle: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

impl Target {
    /// Opens a stream and greets.
    pub(crate) async fn greet(&self, token: &str, hello: Hello) -> Result<Proxy, Status> {
        let held = hello.held.clone();
        let mut proxy = self.open(token).await?;
        proxy.held = held;
        for part in hello.into_parts() {
            proxy.say(ProxyWord::Hello(part)).await;
        }
        Ok(proxy)
    }

    /// Opens a stream and says nothing.
    pub(crate) async fn open(&self, token: &str) -> Result<Proxy, Status> {
        let (out, mut words) = mpsc::channel(16);
        let words = stream::poll_fn(move |context| words.poll_recv(context));
        let (from, connection) = self.stream(token, words).await?;
        let (steps, held) = (Collector::default(), HashMap::new());
        Ok(Proxy { out, from, steps, held, connection })
    }

    /// Opens a stream of whatever is said.
    pub(crate) async fn stream<T: prost::Message + 'static>(
        &self,
        token: &str,
        words: impl futures_util::Stream<Item = T> + Send + 'static,
    ) -> Result<(Streaming<FromController>, JoinHandle<()>), Status> {
        let unreachable = |error: String| Status::unknown(error);
        let socket = TcpStream::connect(self.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let name = ServerName::try_from(SERVICE).unwrap();
        let socket = TlsConnector::from(self.tls.clone()).connect(name, socket).await;
        let socket = socket.map_err(|error| unreachable(error.to_string()))?;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        if self.narrow {
            builder.initial_stream_window_size(16 << 10).initial_connection_window_size(64 << 10);
        }
        let (sender, connection) = builder
            .handshake(TokioIo::new(socket))
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let connection = tokio::spawn(async move { drop(connection.await) });
        let service = tower::service_fn(move |request| sender.clone().send_request(request));
        let origin: Uri = format!("https://{SERVICE}").parse().unwrap();
        let mut client = Grpc::with_origin(service, origin);
        let mut request = Request::new(words);
        if !token.is_empty() {
            let authorization = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", authorization);
        }
        let codec = ProstCodec::<T, FromController>::new();
        let answer = client.streaming(request, METHOD.parse().unwrap(), codec).await?;
        Ok((answer.into_inner(), connection))
    }
}

impl Proxy {
    pub(crate) async fn say(&self, word: ProxyWord) {
        // A stream that has ended is seen when it is read.
        let _ = self.out.send(word.into()).await;
    }

    /// What the controller says next; none at a clean end.
    pub(crate) async fn word(&mut self) -> Result<Option<ControllerWord>, Status> {
        let word = timeout(PATIENCE, self.from.message()).await.expect("the controller speaks")?;
        Ok(word.map(|word| word.word.expect("a known word")))
    }

    /// The next step, put together and taken in, not answered.
    pub(crate) async fn step(&mut self) -> Result<Step, Status> {
        timeout(PATIENCE, self.step_or_end()).await.expect("a step")
    }

    /// The same, however long it takes.
    pub(crate) async fn step_or_end(&mut self) -> Result<Step, Status> {
        loop {
            match self.from.message().await?.and_then(|word| word.word) {
                Some(ControllerWord::Part(part)) => {
                    let Some(step) = self.steps.add(part).unwrap() else { continue };
                    for upsert in &step.upserts {
                        let key = Key {
                            kind: ir::Kind::named(&upsert.kind).unwrap(),
                            name: upsert.name.as_str().into(),
                        };
                        self.held.insert(key, Hash::from_bytes(&upsert.hash).unwrap());
                    }
                    for key in step.removals.iter().filter_map(|name| name.key()) {
                        self.held.remove(&key);
                    }
                    return Ok(step);
                }
                None => return Err(Status::ok("the end")),
                other => panic!("no step but {other:?}"),
            }
        }
    }

    pub(crate) async fn answer(&self, revision: u64) {
        let ack = Ack { revision, ..Ack::default() };
        self.say(ProxyWord::Answer(Answer::from(&ack))).await;
    }

    /// Takes steps in until one of this revision, answering each.
    pub(crate) async fn until(&mut self, revision: u64) -> Result<(), Status> {
        loop {
            let reached = self.step().await?.revision;
            self.answer(reached).await;
            if reached >= revision {
                return Ok(());
            }
        }
    }

    pub(crate) fn keys(&self) -> BTreeSet<Key> {
        self.held.keys().cloned().collect()
    }

    /// Why the stream ends; all that comes before is let pass.
    pub(crate) async fn end(&mut self) -> (Code, String) {
        loop {
            match self.word().await {
                Ok(Some(_)) => {}
                Ok(None) => return (Code::Ok, String::new()),
                Err(status) => return (status.code(), status.message().to_owned()),
            }
        }
    }
}

/// A greeting of somebody who holds nothing.
pub(crate) fn hello() -> Hello {
    Hello::new(String::new(), 0, HashMap::new())
}

/// How long a test waits for what should come at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
