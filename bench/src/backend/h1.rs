//! HTTP/1.1: `GET /large` gets 1 MiB, everything else a small body; request bodies are read.

use std::sync::LazyLock;

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Refusal;
use crate::load::h1::{LARGE_BYTES, SMALL_BYTES, content_length};

pub(super) async fn serve(mut stream: TcpStream) -> Result<(), Refusal> {
    let mut input = Vec::with_capacity(INPUT_BYTES);
    loop {
        let Some(head) = memmem::find(&input, b"\r\n\r\n").map(|at| at + 4) else {
            if input.len() > INPUT_BYTES {
                return Err(Refusal::Strange("the head does not end".to_owned()));
            }
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
            continue;
        };
        if memmem::find(&input[..head], b"hunked\r\n").is_some() {
            return Err(Refusal::Strange("a chunked request".to_owned()));
        }
        let body = content_length(&input[..head]).unwrap_or(0);
        let large = input.starts_with(b"GET /large ");
        let end = head + body;
        if input.len() >= end {
            input.drain(..end);
        } else {
            let mut missing = end - input.len();
            while missing > 0 {
                input.clear();
                input.reserve(BODY_BYTES);
                let read = (&mut stream).take(missing as u64).read_buf(&mut input).await?;
                if read == 0 {
                    return Err(Refusal::Broken);
                }
                missing -= read;
            }
            input.clear();
        }
        stream.write_all(if large { &LARGE } else { &SMALL }).await?;
    }
}

static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| response(SMALL_BYTES));
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| response(LARGE_BYTES));

fn response(length: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ndate: Mon, 23 Nov 2026 12:00:00 GMT\r\n\
         content-type: application/octet-stream\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut response = head.into_bytes();
    response.resize(response.len() + length, b'x');
    response
}

const INPUT_BYTES: usize = 16 * 1024;
const BODY_BYTES: usize = 256 * 1024;
