//! The way to a controller: its address, TLS to it, the token, and the stream over it.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use futures_util::{Stream, StreamExt as _, stream};
use http::uri::PathAndQuery;
use ir::wire::{
    self, Hello,
    frame::{Answer, FromController, FromProxy, ProxyWord},
};
use tokio::sync::watch;
use tonic::{
    Request, Streaming,
    client::Grpc,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_prost::ProstCodec;

use super::{Broken, Subscription, causes};
use crate::{dns, limits};

/// Where the controller is, and how it is spoken to.
pub(super) struct Target {
    host: String,
    port: u16,
    authority: PathBuf,
    token: PathBuf,
    resolver: Option<SocketAddr>,
}

impl Target {
    /// # Errors
    /// The controller is no `HOST:PORT`.
    pub(super) fn new(to: &Subscription, resolver: Option<SocketAddr>) -> io::Result<Self> {
        let parts = to.controller.rsplit_once(':');
        let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let Some((host, port)) = parts.filter(|(host, _)| !host.is_empty()) else {
            let message = format!("{:?} is no HOST:PORT of a controller", to.controller);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (authority, token) = (to.authority.clone(), to.token.clone());
        Ok(Self { host, port, authority, token, resolver })
    }

    /// Opens a stream, at the address of a redirect or else where the name leads.
    pub(super) async fn open(
        &self,
        at: Option<SocketAddr>,
        hello: Hello,
        answers: watch::Receiver<Option<Answer>>,
    ) -> Result<Streaming<FromController>, Broken> {
        let roots = read("the controller's authorities", &self.authority).await?;
        let token = self.bearer().await?;
        let at = match at {
            Some(at) => at,
            None => SocketAddr::new(self.look_up().await?, self.port),
        };
        let channel = self.connect(at, &roots).await?;
        let mut grpc = Grpc::new(channel)
            .max_decoding_message_size(wire::limits::CONTROLLER_WORD_BYTES_MAX)
            .max_encoding_message_size(wire::limits::PROXY_WORD_BYTES_MAX);
        let failed =
            |error: &dyn Error| Broken::Connect { at, error: format!("{error}{}", causes(error)) };
        grpc.ready().await.map_err(|error| failed(&error))?;
        let mut request = Request::new(said(hello, answers));
        request.metadata_mut().insert("authorization", token);
        let path = PathAndQuery::from_static(wire::METHOD);
        let response = grpc.streaming(request, path, ProstCodec::default()).await?;
        Ok(response.into_inner())
    }

    async fn connect(&self, at: SocketAddr, roots: &[u8]) -> Result<Channel, Broken> {
        let failed = |error: tonic::transport::Error| Broken::Connect {
            at,
            error: format!("{error}{}", causes(&error)),
        };
        // The certificate is for the name, whichever replica it is that answers.
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(roots))
            .domain_name(self.host.as_str())
            .assume_http2(false);
        Endpoint::from_shared(format!("https://{at}"))
            .and_then(|endpoint| endpoint.tls_config(tls))
            .map_err(failed)?
            .connect_timeout(limits::STREAM_CONNECT_TIME)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(limits::STREAM_KEEPALIVE)
            .keep_alive_timeout(limits::STREAM_KEEPALIVE)
            .keep_alive_while_idle(true)
            .connect()
            .await
            .map_err(failed)
    }

    async fn look_up(&self) -> Result<IpAddr, Broken> {
        let broken = |error| Broken::Name { host: self.host.clone(), error };
        let found = dns::once(self.resolver, &self.host).await.map_err(broken)?;
        // Any of them; the next try asks again.
        let any = found.get(fastrand::usize(..found.len().max(1))).copied();
        any.ok_or_else(|| broken(dns::Unknown::NoSuchName))
    }

    async fn bearer(&self) -> Result<MetadataValue<Ascii>, Broken> {
        let what = "this proxy's token";
        let bytes = read(what, &self.token).await?;
        let text = String::from_utf8_lossy(&bytes);
        let value = format!("Bearer {}", text.trim());
        let mut value: MetadataValue<Ascii> = value.parse().map_err(|_| Broken::File {
            what,
            path: self.token.display().to_string(),
            error: "it is no token".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// All that a proxy says on one connection: who it is, and then its answers, the latest only.
fn said(
    hello: Hello,
    answers: watch::Receiver<Option<Answer>>,
) -> impl Stream<Item = FromProxy> + Send + 'static {
    let parts = hello.into_parts().into_iter().map(ProxyWord::Hello);
    let answers = stream::unfold(answers, |mut answers| async move {
        answers.changed().await.ok()?;
        let answer = answers.borrow_and_update().clone();
        Some((answer.map(ProxyWord::Answer), answers))
    });
    stream::iter(parts.map(Some)).chain(answers).filter_map(async |word| word.map(FromProxy::from))
}

async fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Broken> {
    let broken = |error: String| Broken::File { what, path: path.display().to_string(), error };
    let file = path.to_owned();
    let bytes = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
    let bytes = bytes.map_err(|error| broken(error.to_string()))?;
    let bytes = bytes.map_err(|error| broken(error.to_string()))?;
    match bytes.is_empty() || bytes.len() > FILE_BYTES_MAX {
        true => Err(broken("it is empty, or far too large".to_owned())),
        false => Ok(bytes),
    }
}

/// A bundle of authorities, or a token.
const FILE_BYTES_MAX: usize = 1 << 20;
