//! Frames (RFC 9113 §4, §6): their header, and the numbers of the specification.

/// The header of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Bytes of its payload.
    pub(super) len: usize,
    /// Its type.
    pub(super) kind: u8,
    /// Its flags.
    pub(super) flags: u8,
    /// Its stream; 0 is the connection.
    pub(super) stream: u32,
}

impl Frame {
    /// Reads the header at the front.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = bytes.first_chunk::<HEADER_BYTES>()?;
        let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        // The highest bit is reserved and ignored (§4.1).
        let stream = u32::from_be_bytes(*stream) & ID_MAX;
        Some(Self { len, kind: *kind, flags: *flags, stream })
    }

    /// Its header as it is sent.
    pub(super) fn header(self) -> [u8; HEADER_BYTES] {
        let [_, a, b, c] = (self.len as u32).to_be_bytes();
        let [d, e, f, g] = self.stream.to_be_bytes();
        [a, b, c, self.kind, self.flags, d, e, f, g]
    }

    /// Whether a flag is set.
    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// §4.1.
pub(super) const HEADER_BYTES: usize = 9;
/// §3.4.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The largest payload that we take and send (§6.5.2: the initial value).
pub(super) const PAYLOAD_MAX: usize = 16 * 1024;
/// The largest number of a stream.
pub(super) const ID_MAX: u32 = u32::MAX >> 1;
/// The largest window (§6.9.1).
pub(super) const WINDOW_MAX: i64 = ID_MAX as i64;
/// What both sides begin with (§6.9.2).
pub(super) const WINDOW: i64 = 65_535;

/// §6.1.
pub(super) const DATA: u8 = 0;
/// §6.2.
pub(super) const HEADERS: u8 = 1;
/// §6.3.
pub(super) const PRIORITY: u8 = 2;
/// §6.4.
pub(super) const RST_STREAM: u8 = 3;
/// §6.5.
pub(super) const SETTINGS: u8 = 4;
/// §6.6.
pub(super) const PUSH_PROMISE: u8 = 5;
/// §6.7.
pub(super) const PING: u8 = 6;
/// §6.8.
pub(super) const GOAWAY: u8 = 7;
/// §6.9.
pub(super) const WINDOW_UPDATE: u8 = 8;
/// §6.10.
pub(super) const CONTINUATION: u8 = 9;

/// SETTINGS and PING: an answer.
pub(super) const ACK: u8 = 1;
/// DATA and HEADERS: nothing follows on the stream.
pub(super) const END_STREAM: u8 = 1;
/// HEADERS and CONTINUATION: the block is whole.
pub(super) const END_HEADERS: u8 = 4;
/// DATA and HEADERS.
pub(super) const PADDED: u8 = 8;
/// HEADERS: five bytes of priority are in front.
pub(super) const PRIORITISED: u8 = 0x20;

/// Settings (§6.5.2).
pub(super) mod setting {
    /// Whether the peer may push.
    pub(in crate::h2) const ENABLE_PUSH: u16 = 2;
    /// Streams that the peer may open.
    pub(in crate::h2) const MAX_CONCURRENT_STREAMS: u16 = 3;
    /// The window of a new stream.
    pub(in crate::h2) const INITIAL_WINDOW_SIZE: u16 = 4;
    /// The largest payload.
    pub(in crate::h2) const MAX_FRAME_SIZE: u16 = 5;
    /// The largest decoded head.
    pub(in crate::h2) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// Why a stream or connection ends (§7). Any number may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reason(pub(super) u32);

impl Reason {
    /// In order.
    pub(super) const NO_ERROR: Self = Self(0);
    /// A rule is broken that has no number of its own.
    pub(super) const PROTOCOL_ERROR: Self = Self(1);
    /// Our fault, or a backend's.
    pub(super) const INTERNAL_ERROR: Self = Self(2);
    /// More than there was room for.
    pub(super) const FLOW_CONTROL_ERROR: Self = Self(3);
    /// Something on a stream that is over.
    pub(super) const STREAM_CLOSED: Self = Self(5);
    /// A frame is too long or too short.
    pub(super) const FRAME_SIZE_ERROR: Self = Self(6);
    /// Nothing was done with it.
    pub(super) const REFUSED_STREAM: Self = Self(7);
    /// Not wanted any more.
    pub(super) const CANCEL: Self = Self(8);
    /// A block cannot be decoded.
    pub(super) const COMPRESSION_ERROR: Self = Self(9);
    /// Too much of something.
    pub(super) const ENHANCE_YOUR_CALM: Self = Self(11);
}
