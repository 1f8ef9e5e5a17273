//! HTTP/2 without TLS: every request is a unary call, and gets the same answer.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Refusal;
use crate::frames;

pub(super) async fn serve(mut stream: TcpStream) -> Result<(), Refusal> {
    let mut input = Vec::with_capacity(INPUT_BYTES);
    let mut output = Vec::with_capacity(INPUT_BYTES);
    while input.len() < frames::PREFACE.len() {
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
    if !input.starts_with(frames::PREFACE) {
        return Err(Refusal::Strange("no preface of HTTP/2".to_owned()));
    }
    input.drain(..frames::PREFACE.len());
    frames::settings(&mut output);
    let message = frames::message(64);
    let mut common = frames::Connection::default();
    loop {
        let mut at = 0;
        while let Some((frame, length)) = frames::next(&input[at..]) {
            at += length;
            common.read(&frame, &mut output).map_err(Refusal::Strange)?;
            if frame.ends_stream() {
                let length = answer(frame.stream, &message, &mut output);
                common.spend(length).map_err(Refusal::Strange)?;
            }
        }
        input.drain(..at);
        if !output.is_empty() {
            stream.write_all(&output).await?;
            output.clear();
        }
        input.reserve(INPUT_BYTES);
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}

/// Writes head, message and trailers, and gives back how much of the window they take. None of the
/// fields enters a table: nginx allows a backend none.
fn answer(stream: u32, message: &[u8], output: &mut Vec<u8>) -> usize {
    frames::put(output, frames::HEADERS, frames::END_HEADERS, stream, HEAD);
    frames::put(output, frames::DATA, 0, stream, message);
    let flags = frames::END_HEADERS | frames::END_STREAM;
    frames::put(output, frames::HEADERS, flags, stream, TRAILERS);
    message.len()
}

/// `:status: 200`, then `content-type` by its index and its value in plain letters.
const HEAD: &[u8] = b"\x88\x0f\x10\x10application/grpc";
const TRAILERS: &[u8] = b"\0\x0bgrpc-status\x010";

const INPUT_BYTES: usize = 16 * 1024;
