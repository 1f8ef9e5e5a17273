//! Bytes cut into pieces: the same ones for the same bytes, so that an input is only what is sent.

/// One piece, then single bytes, then pieces of any length up to 40.
pub(crate) fn ways(bytes: &[u8]) -> [Vec<&[u8]>; 3] {
    [vec![bytes], bytes.chunks(1).collect(), uneven(bytes)]
}

fn uneven(bytes: &[u8]) -> Vec<&[u8]> {
    // FNV-1a over the bytes, then xorshift.
    let mut state = bytes
        .iter()
        .fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME));
    let (mut rest, mut pieces) = (bytes, Vec::new());
    while !rest.is_empty() {
        state |= 1;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let (piece, later) = rest.split_at((1 + state as usize % LENGTH_MAX).min(rest.len()));
        pieces.push(piece);
        rest = later;
    }
    pieces
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
const LENGTH_MAX: usize = 40;
