//! HTTP/2 as the generator speaks it: several requests at once on a connection.

use std::time::Instant;

use super::h1::SMALL_BYTES;
use crate::{
    frames::{self, Block, Name},
    site::HOST,
    wire::Wire,
};

/// One connection.
pub(super) struct Client {
    common: frames::Connection,
    next: u32,
    open: Vec<Open>,
    method: u8,
    block: Block,
    message: Option<Vec<u8>>,
    failure: Option<String>,
}

/// A request without its whole answer.
struct Open {
    stream: u32,
    due: Instant,
    answered: bool,
    /// Bytes of the answer's body that are still to come.
    missing: usize,
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
        let missing = if self.message.is_some() { MESSAGE_BYTES } else { SMALL_BYTES };
        self.open.push(Open { stream, due, answered: false, missing });
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
            if !matches!(frame.kind, frames::HEADERS | frames::DATA) {
                continue;
            }
            let place = self.open.iter().position(|open| open.stream == frame.stream);
            let place = place.ok_or("an answer to no request")?;
            let open = &mut self.open[place];
            if frame.kind == frames::DATA {
                let missing = open.missing.checked_sub(frame.payload.len());
                open.missing = missing.ok_or("an answer that is too long")?;
            } else if !open.answered {
                status(frame.payload)?;
                open.answered = true;
            }
            if frame.ends_stream() {
                if open.missing > 0 {
                    // Failures of gRPC have status 200 too, and no message.
                    return Err(format!("an answer lacks its body: {:02x?}", frame.payload));
                }
                done.push(self.open.swap_remove(place).due);
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

/// The backend's message, with the five bytes before it.
const MESSAGE_BYTES: usize = 5 + 64;
