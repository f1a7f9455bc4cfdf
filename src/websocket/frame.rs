//! The heads of the frames we send, and the opcodes of both directions.

use std::ops::Deref;

/// The most bytes the head of an unmasked frame takes.
pub(crate) const MAX_FRAME_HEAD: usize = 10;

/// The final fragment bit of a frame's first byte.
pub(super) const FIN: u8 = 0x80;
/// The first reserved bit: "this message is compressed" (RFC 7692 §6).
pub(super) const RSV1: u8 = 0x40;
/// The longest payload whose length fits the second byte.
const MAX_SHORT: usize = 125;

/// What a frame is (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum OpCode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

/// The head of an unmasked, final frame.
///
/// A server doesn't mask and has no reason to fragment, so opcode, length and the compression bit are all there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    bytes: [u8; MAX_FRAME_HEAD],
    len: u8,
}

impl OpCode {
    /// The opcode these four bits name; `None` for the reserved ones.
    pub(super) fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Close, ping and pong: short, never fragmented, allowed between the fragments of a message (§5.5).
    pub(super) const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

impl FrameHead {
    /// The head of a frame with a payload of this many bytes.
    #[must_use]
    pub(crate) fn new(op: OpCode, rsv1: bool, payload_len: usize) -> Self {
        let mut bytes = [0; MAX_FRAME_HEAD];
        bytes[0] = FIN | op as u8 | if rsv1 { RSV1 } else { 0 };
        let len = write_length(&mut bytes, payload_len);
        Self { bytes, len }
    }

    /// The head as it goes on the wire: 2, 4 or 10 bytes.
    #[must_use]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl Deref for FrameHead {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

/// Writes the head of a frame so that it ends at `end`, where the payload starts, and returns where the frame begins.
///
/// Whoever encodes a payload leaves [`MAX_FRAME_HEAD`] bytes free in front of it; then the complete frame is one
/// slice of the same buffer, whatever length the payload turned out to have.
pub(crate) fn write_head_before(
    buf: &mut [u8],
    end: usize,
    op: OpCode,
    rsv1: bool,
    payload_len: usize,
) -> usize {
    let head = FrameHead::new(op, rsv1, payload_len);
    let start = end
        .checked_sub(head.len())
        .expect("invariant: room for the longest head is left in front of a payload");
    buf[start..end].copy_from_slice(&head);
    start
}

/// How long the head of a frame with so much payload is: 2, 4 or 10 bytes.
pub(crate) const fn head_len(payload_len: usize) -> usize {
    if payload_len <= MAX_SHORT {
        2
    } else if payload_len <= 0xffff {
        4
    } else {
        MAX_FRAME_HEAD
    }
}

/// Writes the length in the least bytes it fits (a MUST of §5.2) and returns the length of the whole head.
fn write_length(head: &mut [u8; MAX_FRAME_HEAD], payload_len: usize) -> u8 {
    if payload_len <= MAX_SHORT {
        head[1] = payload_len as u8;
        return 2;
    }
    if let Ok(len) = u16::try_from(payload_len) {
        head[1] = 126;
        head[2..4].copy_from_slice(&len.to_be_bytes());
        return 4;
    }
    head[1] = 127;
    head[2..10].copy_from_slice(&(payload_len as u64).to_be_bytes());
    10
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (payload length, head of a text frame)
    const HEADS: &[(usize, &[u8])] = &[
        (0, &[0x81, 0]),
        (1, &[0x81, 1]),
        (125, &[0x81, 125]),
        (126, &[0x81, 126, 0, 126]),
        (127, &[0x81, 126, 0, 127]),
        (65_535, &[0x81, 126, 0xff, 0xff]),
        (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ];

    #[test]
    fn lengths_are_encoded_in_the_least_bytes() {
        for &(len, head) in HEADS {
            assert_eq!(FrameHead::new(OpCode::Text, false, len).as_slice(), head, "{len}");
            assert_eq!(head_len(len), head.len(), "{len}");
        }
    }

    #[test]
    fn the_compression_bit_is_rsv1() {
        assert_eq!(&*FrameHead::new(OpCode::Binary, true, 3), &[0xc2, 3]);
    }

    #[test]
    fn a_head_is_written_right_in_front_of_the_payload() {
        for &(len, head) in HEADS {
            let mut buf = [0xee; MAX_FRAME_HEAD + 3];
            let start = write_head_before(&mut buf, MAX_FRAME_HEAD, OpCode::Text, false, len);
            assert_eq!(&buf[start..MAX_FRAME_HEAD], head, "{len}");
            assert!(
                buf[..start]
                    .iter()
                    .chain(&buf[MAX_FRAME_HEAD..])
                    .all(|byte| *byte == 0xee)
            );
        }
    }

    #[test]
    fn opcodes_read_as_they_are_written() {
        for bits in 0..16 {
            if let Some(op) = OpCode::from_bits(bits) {
                assert_eq!(op as u8, bits);
                assert_eq!(op.is_control(), bits >= 8);
            }
        }
    }
}
