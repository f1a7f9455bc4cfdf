//! Engine.IO packets, as they stand in a WebSocket message or inside a payload.

use std::borrow::Cow;
use std::fmt;

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};

use crate::protocol::Protocol;

/// A packet from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// Only servers open, so a client's is ignored; its payload isn't kept.
    Open,
    Close,
    /// With its payload: empty for a heartbeat, `probe` on a transport that is being tried.
    Ping(&'a str),
    Pong(&'a str),
    /// A message in text.
    Text(&'a str),
    /// A message in bytes.
    Binary(Cow<'a, [u8]>),
    Upgrade,
    Noop,
}

/// A packet to a client, as the encoders of payloads take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// UTF-8 text that begins with its type digit: `42["hey"]`, `6`.
    Text(&'a [u8]),
    /// The bytes of a binary message, without any type.
    Binary(&'a [u8]),
}

/// Bytes from a client that are no packet. The session closes with the reason `parse error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParseError {
    /// A packet, or a whole payload, of no bytes.
    Empty,
    /// The type isn't one that a packet of this form can have.
    UnknownType,
    /// A `b…` packet that isn't base64.
    Base64,
    /// A length that is no number, too long a number, or splits a character.
    Length,
    /// A length beyond the end of the payload.
    Truncated,
    /// A text packet that isn't UTF-8.
    Utf8,
}

/// The type byte of a binary message in Engine.IO 3.
pub(super) const V3_MESSAGE: u8 = 4;

/// Takes what clients in the field send: padding may be missing or complete, spare bits may be set.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Reads a packet from a text message or from a part of a text payload.
///
/// # Errors
///
/// If it is empty, its first character is no type, or what follows a `b` isn't base64.
pub(crate) fn decode_text(protocol: Protocol, text: &str) -> Result<Packet<'_>, ParseError> {
    let kind = *text.as_bytes().first().ok_or(ParseError::Empty)?;
    if !kind.is_ascii() {
        return Err(ParseError::UnknownType);
    }
    let data = &text[1..];
    Ok(match kind {
        b'0' => Packet::Open,
        b'1' => Packet::Close,
        b'2' => Packet::Ping(data),
        b'3' => Packet::Pong(data),
        b'4' => Packet::Text(data),
        b'5' => Packet::Upgrade,
        b'6' => Packet::Noop,
        b'b' => Packet::Binary(Cow::Owned(decode_base64(protocol, data)?)),
        _ => return Err(ParseError::UnknownType),
    })
}

/// Reads the payload of a binary message: all of it in Engine.IO 4, what follows the type byte in Engine.IO 3.
///
/// # Errors
///
/// If the type byte of Engine.IO 3 is missing or isn't that of a message.
pub(crate) fn decode_binary(protocol: Protocol, bytes: &[u8]) -> Result<&[u8], ParseError> {
    match (protocol, bytes) {
        (Protocol::V4, bytes) => Ok(bytes),
        (Protocol::V3, [V3_MESSAGE, data @ ..]) => Ok(data),
        (Protocol::V3, []) => Err(ParseError::Empty),
        (Protocol::V3, _) => Err(ParseError::UnknownType),
    }
}

fn decode_base64(protocol: Protocol, data: &str) -> Result<Vec<u8>, ParseError> {
    let data = match protocol {
        Protocol::V4 => data,
        Protocol::V3 => data.strip_prefix('4').ok_or(ParseError::UnknownType)?,
    };
    LENIENT
        .decode(data)
        .or_else(|_| LENIENT.decode(plain_base64(data)))
        .map_err(|_| ParseError::Base64)
}

/// The URL alphabet turned into the standard one, white space gone: Node's `Buffer` reads both.
fn plain_base64(data: &str) -> Vec<u8> {
    let significant = data.bytes().filter(|byte| !byte.is_ascii_whitespace());
    significant
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        })
        .collect()
}

/// Appends bytes as base64 with padding.
pub(super) fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + base64_len(bytes), 0);
    LENIENT
        .encode_slice(bytes, &mut out[start..])
        .expect("invariant: the space was made for it");
}

/// How long these bytes are in base64 with padding.
pub(super) const fn base64_len(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(3) * 4
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty packet",
            Self::UnknownType => "unknown packet type",
            Self::Base64 => "invalid base64",
            Self::Length => "invalid packet length",
            Self::Truncated => "packet longer than its payload",
            Self::Utf8 => "text packet is not UTF-8",
        })
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests;
