//! What a client can do wrong on an open WebSocket.

use std::fmt;

use super::close::CloseCode;

/// A stream that isn't WebSocket, or exceeds a limit: the connection is to be closed with [`code`](Self::code).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtocolError {
    ReservedBits,
    ReservedOpCode(u8),
    Unmasked,
    FragmentedControl,
    ControlTooLong,
    LengthOverflow,
    UnexpectedContinuation,
    ExpectedContinuation,
    InvalidUtf8,
    #[cfg_attr(
        not(feature = "deflate"),
        expect(dead_code, reason = "nothing is compressed in such a build")
    )]
    InvalidDeflate,
    MessageTooBig,
    TruncatedCloseCode,
    InvalidCloseCode(u16),
}

impl ProtocolError {
    /// The code to close with (RFC 6455 §7.4.1).
    pub(crate) const fn code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidDeflate => CloseCode::INVALID_DATA,
            Self::MessageTooBig => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "reserved bits are set that no extension was negotiated for",
            Self::ReservedOpCode(op) => return write!(f, "opcode {op:#x} is reserved"),
            Self::Unmasked => "the frame of a client is not masked",
            Self::FragmentedControl => "a control frame is fragmented",
            Self::ControlTooLong => "a control frame has a payload of more than 125 bytes",
            Self::LengthOverflow => "the payload length has its most significant bit set",
            Self::UnexpectedContinuation => "a continuation frame without a message to continue",
            Self::ExpectedContinuation => "a new message starts before the last one ended",
            Self::InvalidUtf8 => "text is not UTF-8",
            Self::InvalidDeflate => "a compressed message can't be decompressed",
            Self::MessageTooBig => "the message exceeds the maximum size",
            Self::TruncatedCloseCode => "a close frame has one byte of a close code",
            Self::InvalidCloseCode(code) => return write!(f, "close code {code} may not be sent"),
        })
    }
}

impl std::error::Error for ProtocolError {}
