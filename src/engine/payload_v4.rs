//! Engine.IO 4 payloads: packets in text, U+001E between them, no lengths.

use super::packet::{Packet, ParseError, Part, decode_text, push_base64};
use crate::protocol::Protocol;

/// Can't occur in JSON text, where control characters are escaped.
const SEPARATOR: char = '\u{1e}';

/// The packets of a payload, in order. After a bad packet there is nothing more.
#[derive(Clone, Debug)]
pub(crate) struct Payload<'a> {
    rest: Option<&'a str>,
}

/// Reads a payload packet by packet, so that those before a bad one are delivered.
pub(crate) const fn decode(body: &str) -> Payload<'_> {
    Payload { rest: Some(body) }
}

/// Appends a payload of these packets.
pub(crate) fn encode<'a>(parts: impl Iterator<Item = Part<'a>>, out: &mut Vec<u8>) {
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push(SEPARATOR as u8);
        }
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::Binary(bytes) => {
                out.push(b'b');
                push_base64(bytes, out);
            }
        }
    }
}

impl Payload<'_> {
    /// How many bytes of the body are left; `None` once there is nothing more.
    pub(crate) fn rest_len(&self) -> Option<usize> {
        self.rest.map(str::len)
    }
}

impl<'a> Iterator for Payload<'a> {
    type Item = Result<Packet<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let (packet, rest) = match rest.split_once(SEPARATOR) {
            Some((packet, rest)) => (packet, Some(rest)),
            None => (rest, None),
        };
        let packet = decode_text(Protocol::V4, packet);
        self.rest = rest.filter(|_| packet.is_ok());
        Some(packet)
    }
}

#[cfg(test)]
mod tests;
