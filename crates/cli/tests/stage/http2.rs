//! A client for HTTP/2 that never tries again, and calls in the manner of gRPC on it.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    client::{self, SendRequest},
};
use http::{HeaderMap, Request};
use tokio::{net::TcpStream, task::JoinHandle};

use super::{
    answer::{Answer, Broken},
    http1::Wire,
    wait,
};

/// One connection.
pub(crate) struct Http2 {
    send: SendRequest<Bytes>,
    scheme: &'static str,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    /// Without TLS, by prior knowledge.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Broken> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Self::over(Box::new(stream), "http").await
    }

    /// Over a handshake that agreed on `h2`.
    pub(crate) async fn over(wire: Box<dyn Wire>, scheme: &'static str) -> Result<Self, Broken> {
        let (send, connection) = wait::within(async { Ok(client::handshake(wire).await?) }).await?;
        Ok(Self { send, scheme, connection: tokio::spawn(connection) })
    }

    /// Whether the server let the connection go, by GOAWAY and then its end.
    pub(crate) fn ended(&self) -> bool {
        self.connection.is_finished()
    }

    pub(crate) async fn get(&self, host: &str, target: &str) -> Result<Answer, Broken> {
        let request = self.request("GET", host, target).body(()).expect("a request");
        wait::within(async {
            let mut ready = self.send.clone().ready().await?;
            let (response, _) = ready.send_request(request, true)?;
            read(response.await?).await
        })
        .await
    }

    /// Opens a call that goes both ways.
    pub(crate) async fn call(&self, host: &str, target: &str) -> Result<Call, Broken> {
        let request = self
            .request("POST", host, target)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        wait::within(async {
            let mut ready = self.send.clone().ready().await?;
            let (response, send) = ready.send_request(request, false)?;
            let response = response.await?;
            if response.status() != 200 {
                let answer = read(response).await?;
                return Err(Broken::Malformed(format!("{answer:?}")));
            }
            Ok(Call { send, receive: response.into_body() })
        })
        .await
    }

    fn request(&self, method: &str, host: &str, target: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("{}://{host}{target}", self.scheme))
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A stream whose backend sends back every message.
pub(crate) struct Call {
    send: SendStream<Bytes>,
    receive: RecvStream,
}

impl Call {
    /// Sends a message and waits until it comes back.
    pub(crate) async fn say(&mut self, text: &str) -> Result<(), Broken> {
        let mut message = vec![0];
        message.extend(u32::try_from(text.len()).expect("short").to_be_bytes());
        message.extend(text.as_bytes());
        wait::within(async {
            self.send.send_data(Bytes::copy_from_slice(&message), false)?;
            let mut back = Vec::new();
            while back.len() < message.len() {
                let Some(data) = self.receive.data().await else {
                    return Err(Broken::Ended("inside of a message"));
                };
                let data = data?;
                self.receive.flow_control().release_capacity(data.len())?;
                back.extend_from_slice(&data);
            }
            match back == message {
                true => Ok(()),
                false => Err(Broken::Malformed(format!("{back:?} for {message:?}"))),
            }
        })
        .await
    }

    /// Ends the call; its status by gRPC.
    pub(crate) async fn end(mut self) -> Result<Option<String>, Broken> {
        wait::within(async {
            self.send.send_data(Bytes::new(), true)?;
            if let Some(data) = self.receive.data().await {
                return Err(Broken::Malformed(format!("{:?} after the end", data?)));
            }
            let trailers = self.receive.trailers().await?.unwrap_or_default();
            Ok(fields(&trailers).into_iter().find(|(name, _)| name == "grpc-status").map(|it| it.1))
        })
        .await
    }
}

async fn read(response: http::Response<RecvStream>) -> Result<Answer, Broken> {
    let status = response.status().as_u16();
    let headers = fields(response.headers());
    let mut receive = response.into_body();
    let mut body = Vec::new();
    while let Some(data) = receive.data().await {
        let data = data?;
        receive.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = fields(&receive.trailers().await?.unwrap_or_default());
    Ok(Answer { status, headers, body, trailers })
}

fn fields(map: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    map.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
