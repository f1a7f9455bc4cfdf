//! WebSocket frames (RFC 6455, section 5.2).

use std::ops::Range;

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;

pub struct Frame {
    pub opcode: u8,
    pub payload: Range<usize>,
}

/// Appends one unmasked frame.
pub fn write(out: &mut Vec<u8>, opcode: u8, parts: &[&[u8]]) {
    out.push(0x80 | opcode);
    let length: usize = parts.iter().map(|part| part.len()).sum();
    match length {
        0..126 => out.push(length as u8),
        126..65536 => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Unmasks the first frame in place; nothing if it is not all there.
pub fn read(bytes: &mut [u8]) -> Option<Frame> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (length, head) = match second & 0x7f {
        126 => (u16::from_be_bytes(*rest.first_chunk()?) as usize, 4),
        127 => (u64::from_be_bytes(*rest.first_chunk()?) as usize, 10),
        short => (short as usize, 2),
    };
    let mask: [u8; 4] = *bytes.get(head..)?.first_chunk()?;
    let payload = head + 4..head + 4 + length;
    unmask(bytes.get_mut(payload.clone())?, mask);
    Some(Frame {
        opcode: first & 0x0f,
        payload,
    })
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let word = u32::from_ne_bytes(mask);
    let double = u64::from(word) << 32 | u64::from(word);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ double).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}
