//! A controller that says just what a test tells it to, over real TLS and HTTP/2.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::Stream;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ir::{
    Delta, Snapshot,
    wire::{
        self, Hello, Step,
        frame::{Answer, ControllerWord, FromController, FromProxy, Part, ProxyWord, Redirect},
    },
};
use portcullis_proxy::Subscription;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;
use tonic::{Request, Response, Status, Streaming, server::Grpc, server::StreamingService};
use tonic_prost::ProstCodec;

use super::{Authority, Port, in_time};

/// A controller; gone with all its connections when it is dropped.
pub(crate) struct Controller {
    streams: mpsc::UnboundedReceiver<Conversation>,
    task: JoinHandle<()>,
}

/// One stream of one proxy.
pub(crate) struct Conversation {
    /// What the proxy proved itself with.
    pub(crate) token: String,
    words: Streaming<FromProxy>,
    say: mpsc::UnboundedSender<Result<FromController, Status>>,
}

impl Controller {
    /// On that port, with a certificate for `localhost`.
    pub(crate) async fn start(port: &Port, authority: &Authority) -> Self {
        let identity = authority.issue(&["localhost"]);
        let acceptor = TlsAcceptor::from(Arc::new(identity.server(&[b"h2"])));
        let listener = TcpListener::bind(port.address()).await.unwrap();
        let (to_test, streams) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, acceptor.clone(), to_test.clone()));
            }
        });
        Self { streams, task }
    }

    /// The next stream that a proxy opens.
    pub(crate) async fn accept(&mut self) -> Conversation {
        in_time("a stream to the controller", self.streams.recv()).await.unwrap()
    }

    /// Ends it, and waits until its port is free.
    pub(crate) async fn stop(self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Conversation {
    /// The greeting of a proxy.
    pub(crate) async fn hello(&mut self) -> Hello {
        let mut hello: Option<Hello> = None;
        loop {
            let Some(ProxyWord::Hello(part)) = self.word().await else { panic!("no hello") };
            let more = part.more;
            match &mut hello {
                Some(hello) => drop(hello.add(part).unwrap()),
                None => hello = Some(Hello::begin(part).unwrap().0),
            }
            if !more {
                return hello.unwrap();
            }
        }
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        let Some(ProxyWord::Answer(answer)) = self.word().await else { panic!("no answer") };
        answer
    }

    /// Sends a step as it is usually sent.
    pub(crate) fn step(&self, step: Step) {
        step.into_parts().into_iter().for_each(|part| self.part(part));
    }

    /// Sends a step, and takes the answer to it.
    pub(crate) async fn apply(&mut self, step: Step) -> Answer {
        let revision = step.revision;
        self.step(step);
        let answer = self.answer().await;
        assert_eq!(answer.revision, revision);
        answer
    }

    pub(crate) fn part(&self, part: Part) {
        self.say(ControllerWord::Part(part));
    }

    pub(crate) fn redirect(&self, to: &Port) {
        self.say(ControllerWord::Redirect(Redirect { address: to.address().to_string() }));
    }

    pub(crate) fn refuse(self, status: Status) {
        // A proxy that has gone needs no refusal.
        let _ = self.say.send(Err(status));
    }

    fn say(&self, word: ControllerWord) {
        self.say.send(Ok(word.into())).unwrap();
    }

    async fn word(&mut self) -> Option<ProxyWord> {
        in_time("a word of the proxy", self.words.message()).await.unwrap()?.word
    }
}

/// A step from one configuration to the next.
pub(crate) fn step(revision: u64, from: &Snapshot, to: &Snapshot) -> Step {
    let Delta { upserts, removals, .. } = ir::diff(revision, from, to, None);
    let mut step = Step { epoch: "epoch".into(), revision, ..Step::default() };
    for upsert in upserts {
        step.upsert(&upsert.key, &wire::encode(&upsert.resource));
    }
    removals.iter().for_each(|key| step.remove(key));
    step
}

/// The files that a proxy needs to find a controller, and to be known to it.
pub(crate) struct Files {
    pub(crate) dir: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new(authority: &Authority) -> Self {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(files.state()).unwrap();
        files.trust(&[authority]);
        files.token("first");
        files
    }

    pub(crate) fn trust(&self, authorities: &[&Authority]) {
        let bundle: String = authorities.iter().map(|authority| authority.pem()).collect();
        std::fs::write(self.dir.path().join("ca.crt"), bundle).unwrap();
    }

    pub(crate) fn token(&self, token: &str) {
        std::fs::write(self.dir.path().join("token"), format!("{token}\n")).unwrap();
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn subscription(&self, port: &Port) -> Subscription {
        Subscription {
            controller: format!("localhost:{}", port.number),
            authority: self.dir.path().join("ca.crt"),
            token: self.dir.path().join("token"),
            state_dir: Some(self.state()),
        }
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    to_test: mpsc::UnboundedSender<Conversation>,
) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |request: http::Request<Incoming>| {
        let called = Called(to_test.clone());
        async move {
            assert_eq!(request.uri().path(), wire::METHOD);
            let mut grpc = Grpc::new(ProstCodec::default());
            Ok::<_, std::convert::Infallible>(grpc.streaming(called, request).await)
        }
    });
    let server = http2::Builder::new(TokioExecutor::new());
    // A connection may break; what matters is what the proxy makes of it.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// One call of the method.
struct Called(mpsc::UnboundedSender<Conversation>);

impl StreamingService<FromProxy> for Called {
    type Response = FromController;
    type ResponseStream = Said;
    type Future = std::future::Ready<Result<Response<Said>, Status>>;

    fn call(&mut self, request: Request<Streaming<FromProxy>>) -> Self::Future {
        let (say, said) = mpsc::unbounded_channel();
        let token = request.metadata().get("authorization");
        let token = token.map(|token| token.to_str().unwrap().to_owned()).unwrap_or_default();
        let _ = self.0.send(Conversation { token, words: request.into_inner(), say });
        std::future::ready(Ok(Response::new(Said(said))))
    }
}

struct Said(mpsc::UnboundedReceiver<Result<FromController, Status>>);

impl Stream for Said {
    type Item = Result<FromController, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
