//! HTTP/2 by hand.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Port, in_time};

/// Frames, one by one, as no library would let us send them (RFC 9113 §4.1).
pub(crate) struct Frames {
    pub(crate) stream: TcpStream,
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

impl Frames {
    pub(crate) async fn open(port: &Port) -> Self {
        let stream = TcpStream::connect(port.address()).await.unwrap();
        let mut frames = Self { stream };
        frames.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        frames.send(SETTINGS, 0, 0, b"").await.unwrap();
        frames
    }

    pub(crate) async fn send(
        &mut self,
        kind: u8,
        flags: u8,
        id: u32,
        body: &[u8],
    ) -> std::io::Result<()> {
        self.stream.write_all(&frame(kind, flags, id, body)).await
    }

    /// The next frame of one of these kinds: its kind, stream and content. None at the end.
    pub(crate) async fn next(&mut self, kinds: &[u8]) -> Option<(u8, u32, Vec<u8>)> {
        in_time("a frame", async {
            loop {
                let mut head = [0; 9];
                self.stream.read_exact(&mut head).await.ok()?;
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut body = vec![0; length as usize];
                self.stream.read_exact(&mut body).await.ok()?;
                if kinds.contains(&head[3]) {
                    let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                    return Some((head[3], id, body));
                }
            }
        })
        .await
    }
}

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, id: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(id.to_be_bytes());
    frame.extend(body);
    frame
}

/// Fields as HPACK literals that are not indexed (RFC 7541 §6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    block
}

pub(crate) fn with<'f>(fields: &[(&'f str, &'f str)]) -> Vec<u8> {
    let mut all =
        vec![(":method", "POST"), (":scheme", "http"), (":authority", "any.test"), (":path", "/")];
    all.extend(fields);
    block(&all)
}

pub(crate) fn code(body: &[u8]) -> u32 {
    u32::from_be_bytes(body[body.len().min(4) - 4..][..4].try_into().unwrap())
}
