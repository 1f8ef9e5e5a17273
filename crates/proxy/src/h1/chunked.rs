//! The chunked transfer coding, incoming (RFC 9112 §7.1).
//!
//! Sizes are plain hexadecimal right before CR LF or `;`, lines are bounded, and all extensions of
//! one body together are bounded too. Extensions are never passed on.

use crate::{http::Violation, limits};

/// Where in a chunked body the reader stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    at: At,
    /// Bytes of extensions so far.
    extensions: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

/// What the reader can do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many of the bytes at hand are framing: drop them and ask again.
    Skip(usize),
    /// The next so many bytes are data, as far as they have come.
    Data(u64),
    /// The trailer section begins here.
    Trailers,
    /// More bytes must be read first.
    More,
}

impl Chunks {
    /// Looks at the bytes at hand.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        match self.at {
            At::Size => self.size(bytes),
            At::Data(0) => {
                self.at = At::DataEnd;
                self.step(bytes)
            }
            At::Data(left) => Ok(Step::Data(left)),
            At::DataEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    self.at = At::Size;
                    Ok(Step::Skip(2))
                }
                [] | [b'\r'] => Ok(Step::More),
                _ => Err(Violation::ChunkEnd),
            },
            At::Trailers => Ok(Step::Trailers),
        }
    }

    /// Notes that data bytes were taken.
    pub(super) fn take(&mut self, n: u64) {
        if let At::Data(left) = &mut self.at {
            *left = left.saturating_sub(n);
        }
    }

    /// Data bytes left in this chunk.
    pub(super) fn left(&self) -> u64 {
        match self.at {
            At::Data(left) => left,
            _ => 0,
        }
    }

    fn size(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        let window = &bytes[..bytes.len().min(limits::CHUNK_LINE_BYTES_MAX)];
        let digits = window.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > SIZE_DIGITS_MAX || (digits == 0 && !window.is_empty()) {
            return Err(Violation::ChunkSize);
        }
        if !matches!(window.get(digits), None | Some(b'\r' | b';')) {
            return Err(Violation::ChunkSize);
        }
        let Some(feed) = memchr::memchr(b'\n', window) else {
            extension(window.get(digits..).unwrap_or_default())?;
            return match window.len() == limits::CHUNK_LINE_BYTES_MAX {
                true => Err(Violation::ChunkExtension),
                false => Ok(Step::More),
            };
        };
        let rest = &window[digits..feed];
        let Some(rest) = rest.strip_suffix(b"\r") else { return Err(Violation::BareLineFeed) };
        extension(rest)?;
        if rest.contains(&b'\r') {
            return Err(Violation::BareCarriageReturn);
        }
        self.extensions += rest.len();
        if self.extensions > limits::CHUNK_EXTENSION_BYTES_MAX {
            return Err(Violation::ChunkExtension);
        }
        let size = window[..digits].iter().fold(0, |sum, digit| sum << 4 | hex(*digit));
        self.at = if size == 0 { At::Trailers } else { At::Data(size) };
        Ok(Step::Skip(feed + 1))
    }
}

/// No control characters but tab; the CR of the line's end may be there.
fn extension(bytes: &[u8]) -> Result<(), Violation> {
    let bad = |byte: &u8| (*byte < 0x20 && !matches!(byte, b'\t' | b'\r')) || *byte == 0x7f;
    if bytes.iter().any(bad) {
        return Err(Violation::ChunkExtension);
    }
    // Only its last byte may be a CR, and that is for whoever sees the line feed to say.
    match memchr::memchr(b'\r', bytes) {
        Some(at) if at + 1 < bytes.len() => Err(Violation::BareCarriageReturn),
        _ => Ok(()),
    }
}

fn hex(digit: u8) -> u64 {
    u64::from(match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    })
}

/// Any number of so many digits fits into 60 bits.
const SIZE_DIGITS_MAX: usize = 15;
