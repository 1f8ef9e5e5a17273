//! The Huffman code of HPACK (RFC 7541 §5.2, appendix B), reading only.
//!
//! The code is canonical: codes of one length ascend with their symbols, and the first one of a
//! length follows the last one of the length before. So the lengths are all that must be known.

use super::Undecodable;

/// Appends what `coded` stands for.
pub(super) fn decode(coded: &[u8], to: &mut Vec<u8>) -> Result<(), Undecodable> {
    // The next bits are the highest ones of `bits`; `held` of them came from `coded`.
    let (mut bits, mut held) = (0u64, 0u32);
    let mut bytes = coded.iter();
    loop {
        while held <= 56
            && let Some(byte) = bytes.next()
        {
            bits |= u64::from(*byte) << (56 - held);
            held += 8;
        }
        // Padding is ones (§5.2), as is what is beyond the end.
        let padded = bits | u64::MAX.checked_shr(held).unwrap_or(0);
        if held < 8 && padded == u64::MAX {
            return Ok(());
        }
        let (symbol, len) = look(padded).filter(|(_, len)| *len <= held).ok_or(Undecodable)?;
        to.push(symbol);
        bits <<= len;
        held -= len;
    }
}

/// The symbol at the front, and the length of its code. None for the end of the string, which may
/// not be there.
fn look(bits: u64) -> Option<(u8, u32)> {
    let (symbol, len) = SHORT[(bits >> (64 - SHORT_BITS)) as usize];
    if len > 0 {
        return Some((symbol, u32::from(len)));
    }
    (SHORT_BITS + 1..=LEN_MAX).find_map(|len| {
        let Run { first, count, at } = CODE.runs[len];
        let nth = ((bits >> (64 - len)) as u32).wrapping_sub(first);
        (nth < count).then(|| (CODE.symbols[(at + nth) as usize], len as u32))
    })
}

/// Symbols in the order of their codes, and the codes of each length.
struct Code {
    symbols: [u8; 256],
    runs: [Run; LEN_MAX + 1],
}

/// Codes of one length: the first, how many, and where their symbols begin.
#[derive(Clone, Copy)]
struct Run {
    first: u32,
    count: u32,
    at: u32,
}

const CODE: Code = {
    let mut code =
        Code { symbols: [0; 256], runs: [Run { first: 0, count: 0, at: 0 }; LEN_MAX + 1] };
    let (mut len, mut next, mut at) = (1, 0, 0);
    while len <= LEN_MAX {
        next <<= 1;
        code.runs[len] = Run { first: next, count: 0, at };
        let mut symbol = 0;
        while symbol < 256 {
            if LENGTHS[symbol] as usize == len {
                code.symbols[at as usize] = symbol as u8;
                code.runs[len].count += 1;
                at += 1;
                next += 1;
            }
            symbol += 1;
        }
        len += 1;
    }
    code
};

/// What begins with these bits: a symbol and the length of its code, or nothing and 0 where the
/// code is longer.
const SHORT: [(u8, u8); 1 << SHORT_BITS] = {
    let mut short = [(0, 0); 1 << SHORT_BITS];
    let mut len = 1;
    while len <= SHORT_BITS {
        let Run { first, count, at } = CODE.runs[len];
        let mut nth = 0;
        while nth < count {
            let spare = SHORT_BITS - len;
            let start = ((first + nth) as usize) << spare;
            let mut rest = 0;
            while rest < 1 << spare {
                short[start + rest] = (CODE.symbols[(at + nth) as usize], len as u8);
                rest += 1;
            }
            nth += 1;
        }
        len += 1;
    }
    short
};

/// All letters and digits have codes that are no longer than that.
const SHORT_BITS: usize = 9;
const LEN_MAX: usize = 30;

/// The bits of each byte's code (RFC 7541, appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
