//! HTTP/2 as the generator speaks it: several requests at once on a connection.

use std::time::Instant;

use crate::{
    frames::{self, Block, Name},
    site::HOST,
    wire::Wire,
};

/// One connection.
pub(super) struct Client {
    common: frames::Connection,
    next: u32,
    /// Streams that are open, and when their requests were due.
    open: Vec<(u32, Instant)>,
    method: u8,
    block: Block,
    message: Option<Vec<u8>>,
    failure: Option<String>,
}

impl Client {
    /// Writes the preface to what is to be sent.
    pub(super) fn new(grpc: bool, wire: &mut Wire) -> Self {
        wire.out.extend_from_slice(frames::PREFACE);
        frames::settings(&mut wire.out);
        let mut fields = vec![
            (Name::Known(frames::AUTHORITY), HOST),
            (Name::Known(frames::PATH), if grpc { "/bench.Items/List" } else { TARGET }),
            (Name::Known(frames::USER_AGENT), "portcullis-bench"),
        ];
        if grpc {
            fields.push((Name::Known(frames::CONTENT_TYPE), "application/grpc"));
            fields.push((Name::New("te"), "trailers"));
        } else {
            fields.push((Name::Known(frames::ACCEPT), "*/*"));
        }
        Self {
            common: frames::Connection::default(),
            next: 1,
            open: Vec::new(),
            method: if grpc { frames::POST } else { frames::GET },
            block: Block::new(&fields),
            message: grpc.then(|| frames::message(32)),
            failure: None,
        }
    }

    pub(super) fn ask(&mut self, due: Instant, out: &mut Vec<u8>) {
        let stream = self.next;
        self.next += 2;
        self.open.push((stream, due));
        let mut head = vec![self.method, frames::HTTPS];
        for field in self.block.fields(stream == 1) {
            head.extend_from_slice(field);
        }
        let last = if self.message.is_none() { frames::END_STREAM } else { 0 };
        frames::put(out, frames::HEADERS, frames::END_HEADERS | last, stream, &head);
        if let Some(message) = &self.message {
            frames::put(out, frames::DATA, frames::END_STREAM, stream, message);
            if let Err(why) = self.common.spend(message.len()) {
                self.failure = Some(why);
            }
        }
    }

    pub(super) fn answers(
        &mut self,
        input: &mut Vec<u8>,
        out: &mut Vec<u8>,
        done: &mut Vec<Instant>,
    ) -> Result<(), String> {
        if let Some(why) = self.failure.take() {
            return Err(why);
        }
        let mut at = 0;
        while let Some((frame, length)) = frames::next(&input[at..]) {
            at += length;
            self.common.read(&frame, out)?;
            if frame.kind == frames::HEADERS && frame.flags & frames::END_STREAM == 0 {
                status(frame.payload)?;
            }
            if frame.ends_stream() {
                let open = self.open.iter().position(|(stream, _)| *stream == frame.stream);
                let open = open.ok_or("an answer to no request")?;
                done.push(self.open.swap_remove(open).1);
            }
        }
        input.drain(..at);
        Ok(())
    }
}

/// A head begins with the status, at most behind changes of the table's size (RFC 7541 §6.3).
fn status(block: &[u8]) -> Result<(), String> {
    let first = block.iter().find(|byte| *byte & 0xe0 != 0x20);
    match first {
        Some(&frames::STATUS_200) => Ok(()),
        _ => Err(format!("not the answer that was expected: {block:02x?}")),
    }
}

const TARGET: &str = "/api/v1/items?page=7";
