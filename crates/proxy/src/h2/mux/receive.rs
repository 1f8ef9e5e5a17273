//! Frames of the peer, and what they do (RFC 9113 §6). Errors are those of the connection; those
//! of a stream (§5.4.2) are dealt with here.

use router::Head;

use super::{Leaving, Opened, Role, State};
use crate::{
    h2::{
        frame::{self, Frame, Reason, setting},
        head::{self, Fault, Reader},
        stream::{Found, Key, Stream},
    },
    http::{Lent, StreamError, Violation},
    limits,
};

/// A DATA frame on its way.
pub(super) struct Run {
    /// Where it belongs, if anywhere.
    to: Option<Key>,
    left: usize,
    padding: usize,
    ends: bool,
}

/// A field block on its way (§4.3).
pub(super) struct Block {
    stream: u32,
    ends: bool,
    /// Its priority is its own stream (§5.3.1 of RFC 7540).
    own_parent: bool,
    bytes: Vec<u8>,
    frames: usize,
}

/// A PING that asks whether the peer is there.
pub(super) const ALIVE: &[u8; 8] = b"pc alive";
/// A PING behind a GOAWAY.
pub(super) const HEARD: &[u8; 8] = b"pc heard";

type Taken = Result<(), Reason>;

impl State {
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(usize, Option<Opened>), Reason> {
        if self.data.is_some() {
            return Ok((self.take_data(bytes), None));
        }
        let Some(frame) = Frame::read(bytes) else { return Ok((0, None)) };
        if frame.len > frame::PAYLOAD_MAX {
            return Err(Reason::FRAME_SIZE_ERROR);
        }
        let starts = frame.kind == frame::SETTINGS && !frame.has(frame::ACK);
        let continues = frame.kind == frame::CONTINUATION;
        if !self.peer.settled && !starts || self.block.is_some() != continues {
            return Err(Reason::PROTOCOL_ERROR);
        }
        let behind = &bytes[frame::HEADER_BYTES..];
        let (taken, opened) = match frame.kind {
            frame::DATA => match self.begin_data(frame, behind)? {
                Some(taken) => (taken + self.take_data(&behind[taken..]), None),
                None => return Ok((0, None)),
            },
            _ => match behind.get(..frame.len) {
                Some(payload) => (frame.len, self.frame(frame, payload)?),
                None => return Ok((0, None)),
            },
        };
        self.tally.came(frame);
        if self.tally.is_flood() {
            return Err(Reason::ENHANCE_YOUR_CALM);
        }
        Ok((frame::HEADER_BYTES + taken, opened))
    }

    fn frame(&mut self, frame: Frame, payload: &[u8]) -> Result<Option<Opened>, Reason> {
        match frame.kind {
            frame::HEADERS => return self.headers(frame, payload),
            frame::CONTINUATION => return self.continuation(frame, payload),
            frame::PRIORITY => self.priority(frame, payload)?,
            frame::RST_STREAM => self.rst_stream(frame, payload)?,
            frame::SETTINGS => self.settings(frame, payload)?,
            frame::PING => self.ping(frame, payload)?,
            frame::GOAWAY => self.goaway(frame, payload)?,
            frame::WINDOW_UPDATE => self.window_update(frame, payload)?,
            frame::PUSH_PROMISE => return Err(Reason::PROTOCOL_ERROR),
            // §5.5.
            _ => {}
        }
        Ok(None)
    }

    /// The header of a DATA frame (§6.1): how many bytes behind it are its padding's length; none
    /// if that has not come.
    fn begin_data(&mut self, frame: Frame, behind: &[u8]) -> Result<Option<usize>, Reason> {
        let mut padding = 0;
        let mut taken = 0;
        if frame.has(frame::PADDED) {
            if frame.len == 0 {
                return Err(Reason::FRAME_SIZE_ERROR);
            }
            let Some(length) = behind.first() else { return Ok(None) };
            (padding, taken) = (usize::from(*length), 1);
        }
        let content = frame.len.checked_sub(padding + taken).ok_or(Reason::PROTOCOL_ERROR)?;
        let to = self.addressed(frame.stream)?;
        self.recv_window -= frame.len as i64;
        if self.recv_window < 0 {
            return Err(Reason::FLOW_CONTROL_ERROR);
        }
        self.release(frame.len - content);
        let ends = frame.has(frame::END_STREAM);
        let to = match to {
            Found::Here(key) => self.admit_data(key, frame.len, content, ends).then_some(key),
            Found::Over(true) => None,
            Found::Over(false) | Found::None => {
                self.reset(frame.stream, Reason::STREAM_CLOSED);
                self.tally.reset();
                None
            }
        };
        self.data = Some(Run { to, left: content, padding, ends });
        Ok(Some(taken))
    }

    /// Whether a stream takes a DATA frame. If not, it is over.
    fn admit_data(&mut self, key: Key, len: usize, content: usize, ends: bool) -> bool {
        let Some(stream) = self.streams.get(key) else { return false };
        if stream.ended_by_us {
            return false;
        }
        stream.recv_window -= len as i64;
        stream.owed += (len - content) as u32;
        let left = stream.length_left.map(|left| left.checked_sub(content as u64));
        let reason = if stream.ended_in || stream.fault.is_some() {
            Reason::STREAM_CLOSED
        } else if stream.recv_window < 0 {
            Reason::FLOW_CONTROL_ERROR
        } else if !stream.has_head
            || stream.bodiless && content > 0
            || left.is_some_and(|left| left.is_none_or(|left| ends && left > 0))
        {
            // More or less than the head said (§8.1.1), or nothing of that kind.
            Reason::PROTOCOL_ERROR
        } else {
            stream.length_left = left.flatten();
            return true;
        };
        self.stream_error(key, reason, Violation::LengthMismatch);
        false
    }

    /// Takes what there is of a DATA frame: how many bytes.
    fn take_data(&mut self, bytes: &[u8]) -> usize {
        let Some(mut run) = self.data.take() else { return 0 };
        let (content, behind) = bytes.split_at(run.left.min(bytes.len()));
        let padding = run.padding.min(behind.len());
        run.left -= content.len();
        run.padding -= padding;
        let whole = run.left == 0 && run.padding == 0;
        let stream = run.to.and_then(|key| self.streams.get(key));
        match stream.filter(|stream| stream.fault.is_none()) {
            Some(stream) => {
                if !content.is_empty() {
                    stream.incoming.tail().extend_from_slice(content);
                }
                stream.ended_in |= whole && run.ends;
                if !content.is_empty() || stream.ended_in {
                    stream.wake();
                }
            }
            None => self.release(content.len()),
        }
        if !whole {
            self.data = Some(run);
        }
        content.len() + padding
    }

    /// §6.2.
    fn headers(&mut self, frame: Frame, payload: &[u8]) -> Result<Option<Opened>, Reason> {
        let mut fragment = payload;
        if frame.has(frame::PADDED) {
            let (padding, rest) = payload.split_first().ok_or(Reason::FRAME_SIZE_ERROR)?;
            let len = rest.len().checked_sub(usize::from(*padding));
            fragment = &rest[..len.ok_or(Reason::PROTOCOL_ERROR)?];
        }
        let mut own_parent = false;
        if frame.has(frame::PRIORITISED) {
            let (priority, rest) =
                fragment.split_first_chunk::<5>().ok_or(Reason::FRAME_SIZE_ERROR)?;
            own_parent = parent(priority) == frame.stream;
            fragment = rest;
        }
        if frame.stream == 0 {
            return Err(Reason::PROTOCOL_ERROR);
        }
        let (stream, ends) = (frame.stream, frame.has(frame::END_STREAM));
        let mut block = Block { stream, ends, own_parent, bytes: Vec::new(), frames: 0 };
        if frame.has(frame::END_HEADERS) {
            return self.fields(&block, fragment);
        }
        block.bytes.extend_from_slice(fragment);
        self.block = Some(block);
        Ok(None)
    }

    /// §6.10. Bounded in bytes and in frames, since neither has to end (CVE-2024-27316).
    fn continuation(&mut self, frame: Frame, payload: &[u8]) -> Result<Option<Opened>, Reason> {
        let mut block = self.block.take().ok_or(Reason::PROTOCOL_ERROR)?;
        if block.stream != frame.stream {
            return Err(Reason::PROTOCOL_ERROR);
        }
        block.frames += 1;
        block.bytes.extend_from_slice(payload);
        if block.bytes.len() > limits::H2_BLOCK_BYTES_MAX
            || block.frames > limits::H2_CONTINUATIONS_MAX
        {
            return Err(Reason::ENHANCE_YOUR_CALM);
        }
        if frame.has(frame::END_HEADERS) {
            let bytes = std::mem::take(&mut block.bytes);
            return self.fields(&block, &bytes);
        }
        self.block = Some(block);
        Ok(None)
    }

    /// A whole field block. It is decoded in any case, because the next one builds on it.
    fn fields(&mut self, block: &Block, bytes: &[u8]) -> Result<Option<Opened>, Reason> {
        let id = block.stream;
        if self.role == Role::Server && !id.is_multiple_of(2) && id > self.last_peer {
            return self.request(block, bytes);
        }
        let found = match self.addressed(id)? {
            Found::Here(key) => key,
            Found::Over(true) => return self.skip(bytes).map(|()| None),
            Found::Over(false) => return Err(Reason::STREAM_CLOSED),
            Found::None => return Err(Reason::PROTOCOL_ERROR),
        };
        let Some(stream) = self.streams.get(found) else { return Ok(None) };
        if stream.ended_by_us {
            return self.skip(bytes).map(|()| None);
        }
        if stream.ended_in || stream.fault.is_some() {
            self.skip(bytes)?;
            self.stream_error(found, Reason::STREAM_CLOSED, Violation::PseudoField);
            return Ok(None);
        }
        if self.role == Role::Client && !stream.has_head {
            self.response(found, block, bytes)?;
        } else {
            self.trailers(found, block, bytes)?;
        }
        Ok(None)
    }

    /// A block that means nothing to us.
    fn skip(&mut self, bytes: &[u8]) -> Taken {
        self.hpack.decode(bytes, |_, _| {}).map_err(|_| Reason::COMPRESSION_ERROR)
    }

    /// A stream that a client opens.
    fn request(&mut self, block: &Block, bytes: &[u8]) -> Result<Option<Opened>, Reason> {
        let id = block.stream;
        self.last_peer = id;
        self.tally.opened();
        let most = limits::H2_STREAMS_MAX as usize;
        let full = self.streams.len() >= most
            && (self.streams.open_count() >= most || self.streams.len() >= 2 * most);
        if full || self.leaving == Leaving::Last {
            self.skip(bytes)?;
            self.reset(id, Reason::REFUSED_STREAM);
            self.streams.forget(id, true);
            if full {
                self.tally.abandoned();
            }
            return Ok(None);
        }
        let mut lent = Lent::new();
        let head = &mut lent.heads().request;
        let mut reader = Reader::request(head);
        let decoded = self.hpack.decode(bytes, |name, value| reader.field(name, value));
        decoded.map_err(|_| Reason::COMPRESSION_ERROR)?;
        let read = reader.finish();
        let length = head::length(head);
        let false_end = block.ends && length.is_some_and(|length| length > 0);
        let read = match read {
            Err(Fault::Connection) => return Err(Reason::PROTOCOL_ERROR),
            Err(Fault::Stream) => return self.refuse(id),
            _ if false_end || block.own_parent => return self.refuse(id),
            Err(Fault::Answer(violation)) => Err(violation),
            Ok(()) => Ok(()),
        };
        let key = self.streams.open(id, self.peer.window);
        if let Some(stream) = self.streams.get(key) {
            stream.has_head = true;
            stream.ended_in = block.ends;
            stream.length_left = length;
        }
        Ok(Some(Opened { key, lent, read, ended: block.ends }))
    }

    /// A request that is malformed (§8.1.1).
    fn refuse(&mut self, id: u32) -> Result<Option<Opened>, Reason> {
        self.reset(id, Reason::PROTOCOL_ERROR);
        self.streams.forget(id, true);
        self.tally.reset();
        Ok(None)
    }

    /// The head of a response, or an interim one.
    fn response(&mut self, key: Key, block: &Block, bytes: &[u8]) -> Taken {
        let mut head = Box::<Head>::default();
        let mut reader = Reader::response(&mut head);
        let decoded = self.hpack.decode(bytes, |name, value| reader.field(name, value));
        decoded.map_err(|_| Reason::COMPRESSION_ERROR)?;
        let read = reader.finish();
        let Some(stream) = self.streams.get(key) else { return Ok(()) };
        let interim = head.status < 200;
        stream.interim += usize::from(interim);
        let violation = match read {
            Err(Fault::Connection) => return Err(Reason::PROTOCOL_ERROR),
            Err(Fault::Answer(violation)) => Some(violation),
            Err(Fault::Stream) => Some(Violation::PseudoField),
            // §8.6: HTTP/2 does not switch protocols.
            Ok(()) if head.status == 101 => Some(Violation::UnexpectedStatus),
            Ok(()) if stream.interim > limits::INTERIM_MAX => Some(Violation::TooManyInterim),
            Ok(()) if interim && block.ends => Some(Violation::PseudoField),
            Ok(()) => None,
        };
        if let Some(violation) = violation {
            self.stream_error(key, Reason::PROTOCOL_ERROR, violation);
            return Ok(());
        }
        if !interim {
            stream.has_head = true;
            stream.bodiless |= matches!(head.status, 204 | 304);
            stream.length_left = head::length(&head).filter(|_| !stream.bodiless);
        }
        stream.heads.push_back((head, block.ends));
        self.end_of_fields(key, block);
        Ok(())
    }

    /// Trailers end their message (§8.1).
    fn trailers(&mut self, key: Key, block: &Block, bytes: &[u8]) -> Taken {
        let mut head = Box::<Head>::default();
        let mut reader = Reader::trailers(&mut head);
        let decoded = self.hpack.decode(bytes, |name, value| reader.field(name, value));
        decoded.map_err(|_| Reason::COMPRESSION_ERROR)?;
        let violation = match reader.finish() {
            Err(Fault::Connection) => return Err(Reason::PROTOCOL_ERROR),
            Err(Fault::Answer(Violation::HeadTooLarge)) => Some(Violation::TrailersTooLarge),
            Err(Fault::Answer(violation)) => Some(violation),
            Err(Fault::Stream) => Some(Violation::PseudoField),
            Ok(()) if !block.ends => Some(Violation::PseudoField),
            Ok(()) => None,
        };
        if let Some(violation) = violation {
            self.stream_error(key, Reason::PROTOCOL_ERROR, violation);
            return Ok(());
        }
        if let Some(stream) = self.streams.get(key) {
            stream.trailers = Some(head);
        }
        self.end_of_fields(key, block);
        Ok(())
    }

    fn end_of_fields(&mut self, key: Key, block: &Block) {
        let Some(stream) = self.streams.get(key) else { return };
        if block.own_parent {
            return self.stream_error(key, Reason::PROTOCOL_ERROR, Violation::PseudoField);
        }
        if block.ends && stream.length_left.is_some_and(|left| left > 0) {
            return self.stream_error(key, Reason::PROTOCOL_ERROR, Violation::LengthMismatch);
        }
        stream.ended_in |= block.ends;
        stream.wake();
    }

    /// §6.3: means nothing, but may not be wrong.
    fn priority(&mut self, frame: Frame, payload: &[u8]) -> Taken {
        let Ok(priority) = payload.try_into() else { return Err(Reason::FRAME_SIZE_ERROR) };
        if frame.stream == 0 {
            return Err(Reason::PROTOCOL_ERROR);
        }
        if parent(priority) == frame.stream {
            match self.streams.find(frame.stream) {
                Found::Here(key) => {
                    self.stream_error(key, Reason::PROTOCOL_ERROR, Violation::PseudoField);
                }
                Found::Over(_) => {}
                Found::None => return Err(Reason::PROTOCOL_ERROR),
            }
        }
        Ok(())
    }

    /// §6.4.
    fn rst_stream(&mut self, frame: Frame, payload: &[u8]) -> Taken {
        let Ok(reason) = payload.try_into() else { return Err(Reason::FRAME_SIZE_ERROR) };
        if let Found::Here(key) = self.addressed(frame.stream)?
            && let Some(stream) = self.streams.get(key)
        {
            let refused = u32::from_be_bytes(reason) == Reason::REFUSED_STREAM.0;
            stream.fail(if refused { StreamError::Refused } else { StreamError::Reset });
        }
        Ok(())
    }

    /// §6.5.
    fn settings(&mut self, frame: Frame, payload: &[u8]) -> Taken {
        if frame.stream != 0 {
            return Err(Reason::PROTOCOL_ERROR);
        }
        let (settings, rest) = payload.as_chunks::<6>();
        if !rest.is_empty() || frame.has(frame::ACK) && !payload.is_empty() {
            return Err(Reason::FRAME_SIZE_ERROR);
        }
        if frame.has(frame::ACK) {
            return Ok(());
        }
        self.peer.settled = true;
        for [a, b, c, d, e, f] in settings {
            let value = u32::from_be_bytes([*c, *d, *e, *f]);
            match u16::from_be_bytes([*a, *b]) {
                setting::ENABLE_PUSH if value > u32::from(self.role == Role::Server) => {
                    return Err(Reason::PROTOCOL_ERROR);
                }
                setting::MAX_CONCURRENT_STREAMS => self.peer.streams = value,
                setting::INITIAL_WINDOW_SIZE => self.resize_windows(i64::from(value))?,
                // We send no larger frames than everybody takes.
                setting::MAX_FRAME_SIZE if !(1 << 14..1 << 24).contains(&value) => {
                    return Err(Reason::PROTOCOL_ERROR);
                }
                _ => {}
            }
        }
        self.send(frame::SETTINGS, frame::ACK, 0, &[]);
        Ok(())
    }

    /// §6.9.2.
    fn resize_windows(&mut self, window: i64) -> Taken {
        if window > frame::WINDOW_MAX {
            return Err(Reason::FLOW_CONTROL_ERROR);
        }
        let more = window - std::mem::replace(&mut self.peer.window, window);
        let mut large = false;
        self.streams.each(|stream| {
            stream.send_window += more;
            large |= stream.send_window > frame::WINDOW_MAX;
            stream.wake();
        });
        if large { Err(Reason::FLOW_CONTROL_ERROR) } else { Ok(()) }
    }

    /// §6.7.
    fn ping(&mut self, frame: Frame, payload: &[u8]) -> Taken {
        let Ok(payload) = <&[u8; 8]>::try_from(payload) else {
            return Err(Reason::FRAME_SIZE_ERROR);
        };
        if frame.stream != 0 {
            return Err(Reason::PROTOCOL_ERROR);
        }
        if !frame.has(frame::ACK) {
            self.send(frame::PING, frame::ACK, 0, payload);
        } else if payload == ALIVE {
            self.pinged = false;
        } else if payload == HEARD && self.leaving == Leaving::Announced {
            self.leaving = Leaving::Last;
            let last = self.last_peer;
            self.go_away(last, Reason::NO_ERROR);
        }
        Ok(())
    }

    /// §6.8: what the peer has not looked at can be sent elsewhere.
    fn goaway(&mut self, frame: Frame, payload: &[u8]) -> Taken {
        let last = payload.first_chunk::<4>().filter(|_| payload.len() >= 8);
        let last = u32::from_be_bytes(*last.ok_or(Reason::FRAME_SIZE_ERROR)?) & frame::ID_MAX;
        if frame.stream != 0 {
            return Err(Reason::PROTOCOL_ERROR);
        }
        if self.role == Role::Client {
            self.leaving = Leaving::Last;
            let unseen = |stream: &Stream| stream.id > last || stream.id == 0;
            self.streams.each(|stream| {
                if unseen(stream) {
                    stream.fail(StreamError::Refused);
                }
            });
        }
        Ok(())
    }

    /// §6.9.
    fn window_update(&mut self, frame: Frame, payload: &[u8]) -> Taken {
        let Ok(more) = payload.try_into() else { return Err(Reason::FRAME_SIZE_ERROR) };
        let more = i64::from(u32::from_be_bytes(more) & frame::ID_MAX);
        if more == 0 {
            return Err(Reason::PROTOCOL_ERROR);
        }
        if frame.stream == 0 {
            self.send_window += more;
            return match self.send_window > frame::WINDOW_MAX {
                true => Err(Reason::FLOW_CONTROL_ERROR),
                false => Ok(()),
            };
        }
        if let Found::Here(key) = self.addressed(frame.stream)?
            && let Some(stream) = self.streams.get(key)
        {
            stream.send_window += more;
            if stream.send_window > frame::WINDOW_MAX {
                self.stream_error(key, Reason::FLOW_CONTROL_ERROR, Violation::PseudoField);
            } else {
                stream.wake();
            }
        }
        Ok(())
    }

    /// The stream that a frame is about.
    ///
    /// # Errors
    /// It is idle (§5.1), or the connection itself.
    fn addressed(&self, id: u32) -> Result<Found, Reason> {
        let idle = match self.role {
            Role::Server => id.is_multiple_of(2) || id > self.last_peer,
            Role::Client => id.is_multiple_of(2) || id >= self.next_own,
        };
        if idle { Err(Reason::PROTOCOL_ERROR) } else { Ok(self.streams.find(id)) }
    }

    /// The peer has made a mistake that ends a stream (§5.4.2).
    fn stream_error(&mut self, key: Key, reason: Reason, violation: Violation) {
        let Some(stream) = self.streams.get(key) else { return };
        let id = stream.id;
        if stream.fault.is_none() {
            // Also where both sides had ended: what comes now must not come.
            stream.fault = Some(StreamError::Malformed(violation));
            stream.wake();
        }
        stream.ended_by_us = true;
        self.tally.reset();
        self.reset(id, reason);
    }
}

/// The stream that another depends on.
fn parent(priority: &[u8; 5]) -> u32 {
    let [a, b, c, d, _] = *priority;
    u32::from_be_bytes([a, b, c, d]) & frame::ID_MAX
}
