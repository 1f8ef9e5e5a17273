//! WebSocket on the wire (RFC 6455), as much as an echo and its client need: the key of the
//! handshake, and frames of less than 126 bytes that are not fragmented.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::answer::Broken;

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) code: u8,
    pub(crate) payload: Vec<u8>,
}

/// Text (§11.8).
pub(crate) const TEXT: u8 = 1;
/// The end.
pub(crate) const CLOSE: u8 = 8;

/// What the server answers to a client's key (§4.2.2).
pub(crate) fn accept(key: &str) -> String {
    STANDARD.encode(sha1(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes()))
}

/// Reads a frame; clients must mask theirs and servers must not (§5.1).
pub(crate) async fn read(
    wire: &mut (impl AsyncRead + Unpin),
    masked: bool,
) -> Result<Frame, Broken> {
    let mut head = [0; 2];
    wire.read_exact(&mut head).await?;
    let length = usize::from(head[1] & 0x7f);
    if head[0] & 0xf0 != 0x80 || (head[1] & 0x80 != 0) != masked || length > 125 {
        return Err(Broken::Malformed(format!("frame head {head:?}")));
    }
    let mut mask = [0; 4];
    if masked {
        wire.read_exact(&mut mask).await?;
    }
    let mut payload = vec![0; length];
    wire.read_exact(&mut payload).await?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Ok(Frame { code: head[0] & 0x0f, payload })
}

/// Writes a frame.
pub(crate) async fn write(
    wire: &mut (impl AsyncWrite + Unpin),
    frame: &Frame,
    masked: bool,
) -> Result<(), Broken> {
    let length = u8::try_from(frame.payload.len()).ok().filter(|it| *it < 126).expect("short");
    let mut bytes = vec![0x80 | frame.code, length | if masked { 0x80 } else { 0 }];
    if masked {
        bytes.extend(MASK);
        bytes.extend(frame.payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        bytes.extend(&frame.payload);
    }
    wire.write_all(&bytes).await?;
    wire.flush().await?;
    Ok(())
}

/// FIPS 180-4 §6.1; fit for this handshake and for nothing else.
fn sha1(message: &[u8]) -> Vec<u8> {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let bits = u64::try_from(message.len()).expect("short") * 8;
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend(bits.to_be_bytes());
    for block in padded.chunks_exact(64) {
        let mut words: Vec<u32> = block
            .chunks_exact(4)
            .map(|word| word.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
            .collect();
        for at in 16..80 {
            let word = words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16];
            words.push(word.rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.iter().enumerate() {
            let (mixed, constant) = match at / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let sum = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e);
            (e, d, c, b) = (d, c, b.rotate_left(30), a);
            a = sum.wrapping_add(constant).wrapping_add(*word);
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(part);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
