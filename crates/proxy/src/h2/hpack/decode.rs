//! Field blocks into fields (RFC 7541 §3, §6).

use super::{
    Undecodable, huffman,
    table::{Name, Table},
};

/// One direction of one connection.
pub(in crate::h2) struct Decoder {
    table: Table,
    /// Of strings that are Huffman coded.
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    /// With nothing remembered.
    pub(in crate::h2) fn new() -> Self {
        Self { table: Table::new(), name: Vec::new(), value: Vec::new() }
    }

    /// Decodes a whole block; `field` gets names and values in order, unchecked.
    pub(in crate::h2) fn decode(
        &mut self,
        mut block: &[u8],
        mut field: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Undecodable> {
        let mut begun = false;
        while let Some(first) = block.first().copied() {
            if first & 0x80 != 0 {
                let (name, value) = self.table.get(integer(&mut block, 7)?)?;
                field(name, value);
            } else if first & 0xe0 == 0x20 {
                // Only in front of all fields (§4.2).
                let size = integer(&mut block, 5)?;
                if begun {
                    return Err(Undecodable);
                }
                self.table.resize(size)?;
                continue;
            } else {
                let remember = first & 0x40 != 0;
                self.literal(&mut block, if remember { 6 } else { 4 }, remember, &mut field)?;
            }
            begun = true;
        }
        Ok(())
    }

    /// §6.2.
    fn literal(
        &mut self,
        block: &mut &[u8],
        prefix: u32,
        remember: bool,
        field: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Undecodable> {
        let Self { table, name: name_space, value: value_space } = self;
        let index = integer(block, prefix)?;
        let new = match index {
            0 => Some(string(block, name_space)?),
            _ => None,
        };
        let value = string(block, value_space)?;
        match new {
            Some(name) => field(name, value),
            None => field(table.get(index)?.0, value),
        }
        if remember {
            table.insert(new.map_or(Name::Of(index), Name::New), value)?;
        }
        Ok(())
    }
}

/// §5.1. Bounded to what any index or length can be.
fn integer(block: &mut &[u8], prefix: u32) -> Result<usize, Undecodable> {
    let (first, mut rest) = block.split_first().ok_or(Undecodable)?;
    let most = (1usize << prefix) - 1;
    let mut value = usize::from(*first) & most;
    if value == most {
        let mut shift = 0;
        loop {
            let (byte, behind) = rest.split_first().ok_or(Undecodable)?;
            rest = behind;
            value += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 21 {
                return Err(Undecodable);
            }
        }
    }
    *block = rest;
    Ok(value)
}

/// §5.2. `space` takes it where it does not stand in the block as it is.
fn string<'s, 'b: 's>(
    block: &mut &'b [u8],
    space: &'s mut Vec<u8>,
) -> Result<&'s [u8], Undecodable> {
    let coded = block.first().ok_or(Undecodable)? & 0x80 != 0;
    let len = integer(block, 7)?;
    let (bytes, rest) = block.split_at_checked(len).ok_or(Undecodable)?;
    *block = rest;
    if !coded {
        return Ok(bytes);
    }
    space.clear();
    // A long one is no reason to keep its room.
    space.shrink_to(SPACE_BYTES);
    huffman::decode(bytes, space)?;
    Ok(space)
}

/// Room for a decoded string that is kept between fields.
const SPACE_BYTES: usize = 1024;
