//! As much of HTTP/2 as the generator and its backend need (RFC 9113, RFC 7541): frames, and header
//! blocks made beforehand. What the other side sends as header fields is not decoded, beyond the
//! status, which is an index of the static table wherever it is 200.

/// One frame.
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: &'a [u8],
}

impl Frame<'_> {
    /// Whether its stream's message ends with it. Blocks in several frames are not expected.
    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// The first frame, if it is complete, and its length.
pub(crate) fn next(input: &[u8]) -> Option<(Frame<'_>, usize)> {
    let head = input.get(..HEAD_BYTES)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let end = HEAD_BYTES + length;
    let payload = input.get(HEAD_BYTES..end)?;
    let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
    Some((Frame { kind: head[3], flags: head[4], stream, payload }, end))
}

/// Writes a frame.
pub(crate) fn put(output: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // All payloads here are a few hundred bytes.
    let length = (payload.len() as u32).to_be_bytes();
    output.extend_from_slice(&[length[1], length[2], length[3], kind, flags]);
    output.extend_from_slice(&stream.to_be_bytes());
    output.extend_from_slice(payload);
}

/// Our settings, and a wide window for the connection.
pub(crate) fn settings(output: &mut Vec<u8>) {
    let window = WINDOW_BYTES.to_be_bytes();
    // ENABLE_PUSH 0, INITIAL_WINDOW_SIZE
    let values = [0, 2, 0, 0, 0, 0, 0, 4, window[0], window[1], window[2], window[3]];
    put(output, SETTINGS, 0, 0, &values);
    put(output, WINDOW_UPDATE, 0, 0, &WINDOW_BYTES.to_be_bytes());
}

/// A message of gRPC: no compression, its length, its bytes.
pub(crate) fn message(length: u32) -> Vec<u8> {
    let mut message = vec![0];
    message.extend_from_slice(&length.to_be_bytes());
    message.resize(message.len() + length as usize, b'x');
    message
}

/// What both sides of a connection keep track of.
pub(crate) struct Connection {
    /// Bytes of bodies that the other side still takes.
    window: i64,
    /// Bytes of bodies that we read and have not said so.
    unsaid: u32,
}

impl Default for Connection {
    fn default() -> Self {
        Self { window: 65_535, unsaid: 0 }
    }
}

impl Connection {
    /// Follows a frame, and writes what it asks for.
    pub(crate) fn read(&mut self, frame: &Frame<'_>, output: &mut Vec<u8>) -> Result<(), String> {
        match frame.kind {
            DATA => {
                self.unsaid += frame.payload.len() as u32;
                if self.unsaid > WINDOW_BYTES / 4 {
                    put(output, WINDOW_UPDATE, 0, 0, &self.unsaid.to_be_bytes());
                    self.unsaid = 0;
                }
            }
            SETTINGS if frame.flags & ACK == 0 => put(output, SETTINGS, ACK, 0, &[]),
            PING if frame.flags & ACK == 0 => put(output, PING, ACK, 0, frame.payload),
            WINDOW_UPDATE if frame.stream == 0 => {
                let bytes = frame.payload.try_into().map_err(|_| "a strange WINDOW_UPDATE")?;
                self.window += i64::from(u32::from_be_bytes(bytes));
            }
            RST_STREAM => return Err(format!("stream {} was reset", frame.stream)),
            GO_AWAY => return Err("it said GOAWAY".to_owned()),
            HEADERS if frame.flags & END_HEADERS == 0 => {
                return Err("a header block in several frames".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes what we send from the window.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.window -= bytes as i64;
        if self.window < 0 { Err("the window is used up".to_owned()) } else { Ok(()) }
    }
}

/// Header fields that enter the other side's table the first time, and are an index later.
pub(crate) struct Block {
    first: Vec<Vec<u8>>,
    later: Vec<Vec<u8>>,
}

/// The name of a field.
pub(crate) enum Name {
    /// By its index in the static table.
    Known(u8),
    New(&'static str),
}

impl Block {
    /// All fields that a connection ever carries, in their order.
    pub(crate) fn new(fields: &[(Name, &str)]) -> Self {
        let first = fields.iter().map(|(name, value)| {
            let mut bytes = Vec::new();
            match name {
                Name::Known(index) => bytes.push(0x40 | index),
                Name::New(name) => {
                    bytes.push(0x40);
                    string(name, &mut bytes);
                }
            }
            string(value, &mut bytes);
            bytes
        });
        // The youngest entry of the table has the lowest index, 62.
        let count = fields.len() as u8;
        let later = (0..count).map(|at| vec![0x80 | (61 + count - at)]);
        Self { first: first.collect(), later: later.collect() }
    }

    pub(crate) fn fields(&self, first: bool) -> &[Vec<u8>] {
        if first { &self.first } else { &self.later }
    }
}

/// Without Huffman coding; all are shorter than 127 bytes.
fn string(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(text.len() as u8);
    bytes.extend_from_slice(text.as_bytes());
}

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD_BYTES: usize = 9;
const WINDOW_BYTES: u32 = 1 << 20;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Entries of the static table: as a whole field, and as a name.
pub(crate) const STATUS_200: u8 = 0x88;
pub(crate) const GET: u8 = 0x82;
pub(crate) const POST: u8 = 0x83;
pub(crate) const HTTPS: u8 = 0x87;
pub(crate) const AUTHORITY: u8 = 1;
pub(crate) const PATH: u8 = 4;
pub(crate) const ACCEPT: u8 = 19;
pub(crate) const CONTENT_TYPE: u8 = 31;
pub(crate) const USER_AGENT: u8 = 58;
