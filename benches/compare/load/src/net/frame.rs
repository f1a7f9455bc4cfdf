//! WebSocket frames of a client: masked ones out, bare ones in (RFC 6455, section 5.2).

use std::ops::Range;

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
const FINAL: u8 = 0x80;

pub struct Frame {
    pub opcode: u8,
    pub payload: Range<usize>,
}

/// No server of this comparison may send such a frame.
#[derive(Debug)]
pub struct Malformed;

pub fn write(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: [u8; 4]) {
    out.push(FINAL | opcode);
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..65536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    let word = u64::from(u32::from_ne_bytes(mask)) * 0x1_0000_0001;
    let (words, rest) = out[start..].as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// The first frame; nothing if it is not all there.
pub fn read(bytes: &[u8]) -> Result<Option<Frame>, Malformed> {
    let Some((&[first, second], rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    if first & 0xf0 != FINAL || second & 0x80 != 0 {
        return Err(Malformed);
    }
    let (length, start) = match (second, rest) {
        (126, &[a, b, ..]) => (usize::from(u16::from_be_bytes([a, b])), 4),
        (127, rest) => match rest.first_chunk() {
            Some(length) => (
                usize::try_from(u64::from_be_bytes(*length)).map_err(|_| Malformed)?,
                10,
            ),
            None => return Ok(None),
        },
        (126, _) => return Ok(None),
        (length, _) => (usize::from(length), 2),
    };
    let end = usize::checked_add(start, length).ok_or(Malformed)?;
    Ok((bytes.len() >= end).then_some(Frame {
        opcode: first & 0x0f,
        payload: start..end,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, head) in [(0, 6), (125, 6), (126, 8), (65535, 8), (65536, 14)] {
            let mut out = Vec::new();
            write(&mut out, TEXT, &vec![b'x'; length], [1, 2, 3, 4]);
            assert_eq!(out.len(), head + length);
        }
    }

    #[test]
    fn frames_are_read_whole_or_not_at_all() {
        let wire = b"\x81\x05hello\x82\x7e\x00\x01!";
        let first = read(wire).unwrap().unwrap();
        assert_eq!(
            (first.opcode, &wire[first.payload.clone()]),
            (TEXT, &b"hello"[..])
        );
        let rest = &wire[first.payload.end..];
        assert!(read(&rest[..rest.len() - 1]).unwrap().is_none());
        assert_eq!(&rest[read(rest).unwrap().unwrap().payload], b"!");
        assert!(read(b"\x01\x05hello").is_err());
    }
}
