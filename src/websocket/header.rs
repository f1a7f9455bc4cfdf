//! The heads of the frames a client sends.

use super::{
    error::ProtocolError,
    frame::{FIN, OpCode, RSV1},
};

/// The most bytes the head of a masked frame takes.
pub(super) const MAX_RECEIVED_HEAD: usize = 14;

/// RSV1, RSV2 and RSV3.
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
/// The longest payload of a control frame (RFC 6455 §5.5).
const MAX_CONTROL: u8 = 125;

/// The head of a frame from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReceivedHead {
    pub(super) fin: bool,
    pub(super) op: OpCode,
    /// RSV1: the message that starts here is compressed (RFC 7692 §6).
    pub(super) compressed: bool,
    pub(super) mask: [u8; 4],
    pub(super) payload_len: u64,
}

/// What the bytes so far make of a head.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The head, and how many bytes it took.
    Whole(ReceivedHead, usize),
    /// The head is cut off; it has at least this many bytes.
    Needs(usize),
}

impl ReceivedHead {
    /// Reads the head at the start of `bytes`, and refuses it as soon as the bytes that damn it are there.
    ///
    /// A length in more bytes than it needs is accepted, against a MUST on the sender in §5.2: Node's server accepts it
    /// too, it harms nobody, and a client that works there has to work here.
    ///
    /// `deflate` says that permessage-deflate was negotiated.
    pub(super) fn parse(bytes: &[u8], deflate: bool) -> Result<Parsed, ProtocolError> {
        let &[first, second, ref rest @ ..] = bytes else {
            return Ok(Parsed::Needs(2));
        };
        let op = check(first, second, deflate)?;
        let (payload_len, rest) = match second & !MASKED {
            126 => {
                let Some((len, rest)) = rest.split_first_chunk() else {
                    return Ok(Parsed::Needs(8));
                };
                (u64::from(u16::from_be_bytes(*len)), rest)
            }
            127 => {
                let Some((len, rest)) = rest.split_first_chunk() else {
                    return Ok(Parsed::Needs(14));
                };
                (without_sign(u64::from_be_bytes(*len))?, rest)
            }
            len => (u64::from(len), rest),
        };
        let Some((&mask, payload)) = rest.split_first_chunk() else {
            return Ok(Parsed::Needs(bytes.len() - rest.len() + 4));
        };
        let head = Self {
            fin: first & FIN != 0,
            op,
            compressed: first & RSV1 != 0,
            mask,
            payload_len,
        };
        Ok(Parsed::Whole(head, bytes.len() - payload.len()))
    }
}

/// What the first two bytes must fulfil whatever came before (§5.1, §5.2, §5.5).
fn check(first: u8, second: u8, deflate: bool) -> Result<OpCode, ProtocolError> {
    let op = OpCode::from_bits(first & 0x0f);
    // Only where a message starts (RFC 7692 §6.1).
    let compressible = deflate && matches!(op, Some(OpCode::Text | OpCode::Binary));
    let allowed = if compressible { RSV1 } else { 0 };
    if first & RESERVED & !allowed != 0 {
        return Err(ProtocolError::ReservedBits);
    }
    let op = op.ok_or(ProtocolError::ReservedOpCode(first & 0x0f))?;
    if second & MASKED == 0 {
        return Err(ProtocolError::Unmasked);
    }
    if op.is_control() {
        check_control(first, second & !MASKED)?;
    }
    Ok(op)
}

fn check_control(first: u8, len: u8) -> Result<(), ProtocolError> {
    if first & FIN == 0 {
        return Err(ProtocolError::FragmentedControl);
    }
    if len > MAX_CONTROL {
        return Err(ProtocolError::ControlTooLong);
    }
    Ok(())
}

/// "The most significant bit MUST be 0" (§5.2).
fn without_sign(len: u64) -> Result<u64, ProtocolError> {
    if i64::try_from(len).is_err() {
        return Err(ProtocolError::LengthOverflow);
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(op: OpCode, payload_len: u64) -> ReceivedHead {
        ReceivedHead {
            fin: true,
            op,
            compressed: false,
            mask: [1, 2, 3, 4],
            payload_len,
        }
    }

    #[test]
    fn every_length_format_is_read() {
        let cases: &[(&[u8], u64)] = &[
            (&[0x81, 0x80, 1, 2, 3, 4], 0),
            (&[0x81, 0xfd, 1, 2, 3, 4], 125),
            (&[0x81, 0xfe, 0, 126, 1, 2, 3, 4], 126),
            (&[0x81, 0xfe, 0xff, 0xff, 1, 2, 3, 4], 65_535),
            (&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], 65_536),
            // Longer than they need to be.
            (&[0x81, 0xfe, 0, 1, 1, 2, 3, 4], 1),
            (&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4], 1),
        ];
        for &(bytes, len) in cases {
            let whole = Ok(Parsed::Whole(head(OpCode::Text, len), bytes.len()));
            assert_eq!(ReceivedHead::parse(bytes, false), whole, "{bytes:x?}");
        }
    }

    #[test]
    fn a_cut_head_says_how_much_it_needs_at_least() {
        let whole = [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4];
        for (cut, needs) in (0..2).map(|cut| (cut, 2)).chain((2..14).map(|cut| (cut, 14))) {
            assert_eq!(
                ReceivedHead::parse(&whole[..cut], false),
                Ok(Parsed::Needs(needs)),
                "{cut}"
            );
        }
        for (cut, needs) in (2..8).map(|cut| (cut, 8)) {
            assert_eq!(
                ReceivedHead::parse(&[0x81, 0xfe, 1, 0, 1, 2, 3, 4][..cut], false),
                Ok(Parsed::Needs(needs))
            );
        }
        for cut in 2..6 {
            assert_eq!(
                ReceivedHead::parse(&[0x81, 0x85, 1, 2, 3, 4][..cut], false),
                Ok(Parsed::Needs(6))
            );
        }
    }

    #[test]
    fn two_bytes_are_enough_to_refuse_a_frame() {
        let cases = [
            ([0xc1, 0x80], ProtocolError::ReservedBits),
            ([0xa1, 0x80], ProtocolError::ReservedBits),
            ([0x91, 0x80], ProtocolError::ReservedBits),
            ([0x83, 0x80], ProtocolError::ReservedOpCode(3)),
            ([0x8f, 0x80], ProtocolError::ReservedOpCode(15)),
            ([0x81, 0x00], ProtocolError::Unmasked),
            ([0x09, 0x80], ProtocolError::FragmentedControl),
            ([0x89, 0xfe], ProtocolError::ControlTooLong),
            ([0x88, 0xff], ProtocolError::ControlTooLong),
        ];
        for (bytes, error) in cases {
            assert_eq!(ReceivedHead::parse(&bytes, false), Err(error), "{bytes:x?}");
        }
    }

    #[test]
    fn a_length_with_its_top_bit_set_is_refused() {
        let bytes = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            ReceivedHead::parse(&bytes, false),
            Err(ProtocolError::LengthOverflow)
        );
    }
}
