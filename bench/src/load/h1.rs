//! HTTP/1.1 as the generator speaks it: one request at a time on a connection.

use std::{cell::RefCell, io, rc::Rc, time::Instant};

use memchr::memmem;

use crate::wire::{Wire, WireReader};

/// One connection.
#[derive(Default)]
pub(super) struct Client {
    due: Option<Instant>,
    /// Bytes of the body that are still to come.
    missing: usize,
}

impl Client {
    pub(super) fn ask(&mut self, due: Instant, out: &mut Vec<u8>) {
        self.due = Some(due);
        out.extend_from_slice(REQUEST);
    }

    pub(super) fn answers(
        &mut self,
        input: &mut Vec<u8>,
        done: &mut Vec<Instant>,
    ) -> Result<(), String> {
        if self.missing == 0 {
            let Some(length) = response(input)? else { return Ok(()) };
            self.missing = length;
        }
        let taken = self.missing.min(input.len());
        input.drain(..taken);
        self.missing -= taken;
        if self.missing == 0 {
            done.push(self.due.take().ok_or("an answer to no request")?);
        }
        Ok(())
    }
}

/// Sends a request with so many bytes of body, waits, and reads the whole answer.
pub(crate) async fn exchange(
    wire: &Rc<RefCell<Wire>>,
    reader: &mut WireReader,
    head: &[u8],
    body_bytes: usize,
) -> io::Result<()> {
    wire.borrow_mut().out.extend_from_slice(head);
    let mut missing = body_bytes;
    while missing > 0 {
        let part = missing.min(PART.len());
        wire.borrow_mut().out.extend_from_slice(&PART[..part]);
        reader.flush().await?;
        missing -= part;
    }
    reader.flush().await?;
    let mut input = Vec::new();
    let length = loop {
        reader.read(&mut input).await?;
        if let Some(length) = response(&input).map_err(io::Error::other)? {
            break length;
        }
    };
    let mut read = input.len();
    while read < length {
        input.clear();
        reader.read(&mut input).await?;
        read += input.len();
    }
    Ok(())
}

const PART: &[u8] = &[b'x'; 32 * 1024];

/// The length of a response with its head, once the head is there.
pub(crate) fn response(input: &[u8]) -> Result<Option<usize>, String> {
    let Some(head) = memmem::find(input, b"\r\n\r\n").map(|at| at + 4) else { return Ok(None) };
    if !input.starts_with(b"HTTP/1.1 200") {
        let head = String::from_utf8_lossy(&input[..head]);
        return Err(format!("not the answer that was expected:\n{head}"));
    }
    let body = content_length(&input[..head]).ok_or("an answer without a length")?;
    Ok(Some(head + body))
}

/// The number behind `Content-Length`.
pub(crate) fn content_length(head: &[u8]) -> Option<usize> {
    let mut from = 0;
    for end in memchr::memchr_iter(b'\n', head) {
        let line = &head[from..end];
        from = end + 1;
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            return std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok();
        }
    }
    None
}

const NAME: &[u8] = b"content-length:";

/// A request without a body.
pub(crate) const REQUEST: &[u8] = b"GET /api/v1/items?page=7 HTTP/1.1\r\nHost: bench.example\r\n\
    User-Agent: portcullis-bench\r\nAccept: */*\r\n\r\n";

/// The body of an answer.
pub(crate) const SMALL_BYTES: usize = 128;

/// A large body.
pub(crate) const LARGE_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_where_its_length_says() {
        let text = b"HTTP/1.1 200 OK\r\nServer: x\r\nCONTENT-LENGTH: 3\r\n\r\nabc";
        let mut client = Client::default();
        client.ask(Instant::now(), &mut Vec::new());
        let mut done = Vec::new();
        for split in 1..text.len() {
            client.due = Some(Instant::now());
            let mut input = text[..split].to_vec();
            client.answers(&mut input, &mut done).unwrap();
            assert!(done.is_empty(), "complete after {split} bytes");
            input.extend_from_slice(&text[split..]);
            client.answers(&mut input, &mut done).unwrap();
            assert_eq!((done.len(), input.len()), (1, 0), "split at {split}");
            done.clear();
        }
    }

    #[test]
    fn what_is_not_the_answer_is_refused() {
        for text in [
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        ] {
            assert!(response(text.as_bytes()).is_err(), "{text}");
        }
    }
}
