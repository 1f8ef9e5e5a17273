//! Fields into blocks (RFC 7541 §6).
//!
//! Nothing is remembered, so that a connection needs no table and a field no search in it: names
//! that the static table has are one byte, all else goes as it is. nginx and HAProxy do the same;
//! on responses a dynamic table saves some hundred bytes beside a body.

use crate::{decimal, h2::hpack::table};

/// Says that the table of this direction stays empty, whatever the peer allows (§4.2). Goes in
/// front of the first block.
pub(in crate::h2) fn shrink_table(to: &mut Vec<u8>) {
    to.push(0x20);
}

/// `:status`.
pub(in crate::h2) fn status(status: u16, to: &mut Vec<u8>) {
    let index = match status {
        200 => 8,
        204 => 9,
        206 => 10,
        304 => 11,
        400 => 12,
        404 => 13,
        500 => 14,
        _ => {
            let digits = [status / 100 % 10, status / 10 % 10, status % 10];
            let digits = digits.map(|digit| b'0' + digit as u8);
            to.extend([8, 3]);
            return to.extend(digits);
        }
    };
    to.push(0x80 | index);
}

/// A pseudo-field of a request: `:authority` is 1, `:method` 2, `:path` 4, `:scheme` 6.
pub(in crate::h2) fn pseudo(index: u8, value: &[u8], to: &mut Vec<u8>) {
    let whole = match (index, value) {
        (2, b"GET") => 2,
        (2, b"POST") => 3,
        (4, b"/") => 4,
        (6, b"http") => 6,
        (6, b"https") => 7,
        _ => {
            to.push(index);
            return string(value, to);
        }
    };
    to.push(0x80 | whole);
}

/// Where the static table has a name.
pub(in crate::h2) fn name_index(name: &[u8]) -> Option<usize> {
    table::index_of(name)
}

/// A field, whose name may be in any case, and where the static table has that name.
pub(in crate::h2) fn field(index: Option<usize>, name: &[u8], value: &[u8], to: &mut Vec<u8>) {
    // What must not be guessed is never put into a table on the way (§7.1.3).
    let kind = if index.is_some_and(|index| SECRETS.contains(&index)) { 0x10 } else { 0 };
    match index {
        Some(index) => integer(kind, 4, index, to),
        None => {
            to.push(kind);
            integer(0, 7, name.len(), to);
            to.extend(name.iter().map(u8::to_ascii_lowercase));
        }
    }
    string(value, to);
}

/// `content-length`.
pub(in crate::h2) fn length(length: u64, to: &mut Vec<u8>) {
    integer(0, 4, 28, to);
    let at = to.len();
    to.push(0);
    decimal::push(to, length);
    // Twenty digits at most: one byte says how many.
    to[at] = (to.len() - at - 1) as u8;
}

fn string(bytes: &[u8], to: &mut Vec<u8>) {
    integer(0, 7, bytes.len(), to);
    to.extend_from_slice(bytes);
}

/// §5.1.
fn integer(kind: u8, prefix: u32, value: usize, to: &mut Vec<u8>) {
    let most = (1usize << prefix) - 1;
    if value < most {
        return to.push(kind | value as u8);
    }
    to.push(kind | most as u8);
    let mut rest = value - most;
    while rest >= 0x80 {
        to.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

/// `authorization`, `cookie`, `proxy-authorization`, `set-cookie`.
const SECRETS: [usize; 4] = [23, 32, 49, 55];
