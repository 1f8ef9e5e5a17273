//! A client for WebSockets.

use std::net::SocketAddr;

use super::{
    answer::Broken,
    frames::{self, CLOSE, Frame, TEXT},
    http1::{Http1, Wire, request},
    wait,
};

/// One connection to a backend that sends back every message.
pub(crate) struct WebSocket {
    wire: Box<dyn Wire>,
}

impl WebSocket {
    pub(crate) async fn connect(
        address: SocketAddr,
        host: &str,
        target: &str,
    ) -> Result<Self, Broken> {
        let mut client = Http1::connect(address).await?;
        let headers = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ];
        let answer = client.exchange(&request("GET", host, target, &headers, "")).await?;
        let upgraded = answer.status == 101
            && answer.header("upgrade") == Some("websocket")
            && answer.header("sec-websocket-accept") == Some(&frames::accept(KEY));
        match client.into_wire() {
            (wire, ahead) if upgraded && ahead.is_empty() => Ok(Self { wire }),
            _ => Err(Broken::Malformed(format!("{answer:?}"))),
        }
    }

    /// Sends a message and waits until it comes back.
    pub(crate) async fn say(&mut self, text: &str) -> Result<(), Broken> {
        let frame = Frame { code: TEXT, payload: text.as_bytes().to_vec() };
        self.exchange(&frame).await
    }

    /// Says goodbye, and waits for the other side to do so.
    pub(crate) async fn end(mut self) -> Result<(), Broken> {
        self.exchange(&Frame { code: CLOSE, payload: 1000_u16.to_be_bytes().to_vec() }).await
    }

    async fn exchange(&mut self, frame: &Frame) -> Result<(), Broken> {
        wait::within(async {
            frames::write(&mut self.wire, frame, true).await?;
            let back = frames::read(&mut self.wire, false).await?;
            match back == *frame {
                true => Ok(()),
                false => Err(Broken::Malformed(format!("{back:?} for {frame:?}"))),
            }
        })
        .await
    }
}

/// The example of RFC 6455 §1.3; its answer is known, so that the two ends cannot err alike.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
