//! HPACK (RFC 7541), as far as a proxy needs it: all of it in, and of what it allows out only what
//! costs no memory on either side.

mod decode;
mod encode;
mod huffman;
mod table;

pub(super) use decode::Decoder;
pub(super) use encode::{field, length, name_index, pseudo, shrink_table, status};

/// What cannot be decoded. The table of the peer and ours differ from here on, so that the
/// connection is over (RFC 9113 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

#[cfg(test)]
mod tests;
