//! Engine.IO 3 payloads: every packet with its length in front, as text or as bytes.
//!
//! Lengths in text count UTF-16 code units (JavaScript's `length`), lengths in bytes count bytes.

mod ascii_json;

use super::packet::{
    Packet, ParseError, Part, V3_MESSAGE, base64_len, decode_binary as decode_binary_packet,
    decode_text as decode_text_packet, push_base64,
};
use crate::protocol::Protocol;

/// Lengths of more digits are refused: no payload is that long.
const MAX_LENGTH_DIGITS: usize = 10;
/// Ends the length of a packet in bytes.
const LENGTH_END: u8 = 0xff;
/// Opens a text packet in bytes; Node takes everything else for binary.
const TEXT_FLAG: u8 = 0;
const BINARY_FLAG: u8 = 1;

/// The form a payload was given, and so the `Content-Type` of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    Text,
    Binary,
}

/// The packets of a payload in text, in order. After a bad packet there is nothing more.
#[derive(Clone, Debug)]
pub(crate) struct TextPayload<'a> {
    rest: Option<&'a str>,
}

/// The packets of a payload in bytes, in order. After a bad packet there is nothing more.
#[derive(Clone, Debug)]
pub(crate) struct BinaryPayload<'a> {
    rest: Option<&'a [u8]>,
}

/// Reads a payload in text packet by packet, so that those before a bad one are delivered.
pub(crate) const fn decode_text(body: &str) -> TextPayload<'_> {
    TextPayload { rest: Some(body) }
}

/// Reads a payload in bytes (`application/octet-stream`) packet by packet, likewise.
pub(crate) const fn decode_binary(body: &[u8]) -> BinaryPayload<'_> {
    BinaryPayload { rest: Some(body) }
}

/// Appends a payload of these packets: in bytes if the client reads those and one packet needs it, else in text.
///
/// In text, JSON is kept in ASCII (see [`ascii_json`]); in bytes nothing is touched.
pub(crate) fn encode(parts: &[Part<'_>], supports_binary: bool, out: &mut Vec<u8>) -> ContentType {
    let any_binary = parts.iter().any(|part| matches!(part, Part::Binary(_)));
    if supports_binary && any_binary {
        encode_binary(parts, out);
        return ContentType::Binary;
    }
    encode_text(parts, out);
    ContentType::Text
}

fn encode_text(parts: &[Part<'_>], out: &mut Vec<u8>) {
    if parts.is_empty() {
        out.extend_from_slice(b"0:");
    }
    for part in parts {
        match part {
            Part::Text(text) => {
                let text = ascii_json::escape(text);
                push_decimal(utf16_len(&text), out);
                out.push(b':');
                out.extend_from_slice(&text);
            }
            Part::Binary(bytes) => {
                push_decimal(2 + base64_len(bytes), out);
                out.extend_from_slice(b":b4");
                push_base64(bytes, out);
            }
        }
    }
}

fn encode_binary(parts: &[Part<'_>], out: &mut Vec<u8>) {
    for part in parts {
        match part {
            Part::Text(text) => {
                push_binary_head(TEXT_FLAG, text.len(), out);
                out.extend_from_slice(text);
            }
            Part::Binary(bytes) => {
                push_binary_head(BINARY_FLAG, bytes.len() + 1, out);
                out.push(V3_MESSAGE);
                out.extend_from_slice(bytes);
            }
        }
    }
}

fn push_decimal(number: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The digits of the length stand as the values 0 to 9, not as characters.
fn push_binary_head(flag: u8, length: usize, out: &mut Vec<u8>) {
    out.push(flag);
    out.extend(
        itoa::Buffer::new()
            .format(length)
            .bytes()
            .map(|digit| digit - b'0'),
    );
    out.push(LENGTH_END);
}

/// UTF-16 code units of UTF-8 text: one for every character, two for those of four bytes.
fn utf16_len(text: &[u8]) -> usize {
    let units = |byte: &u8| usize::from(*byte & 0xc0 != 0x80) + usize::from(*byte >= 0xf0);
    text.iter().map(units).sum()
}

impl TextPayload<'_> {
    /// How many bytes of the body are left; `None` once there is nothing more.
    pub(crate) fn rest_len(&self) -> Option<usize> {
        self.rest.map(str::len)
    }
}

impl<'a> Iterator for TextPayload<'a> {
    type Item = Result<Packet<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest.take()?;
        loop {
            let (packet, after) = match cut_text(rest) {
                Ok(cut) => cut,
                Err(error) => return Some(Err(error)),
            };
            if !packet.is_empty() {
                let packet = decode_text_packet(Protocol::V3, packet);
                self.rest = Some(after).filter(|after| packet.is_ok() && !after.is_empty());
                return Some(packet);
            }
            // `0:` is how an empty list of packets is written.
            if after.is_empty() {
                return None;
            }
            rest = after;
        }
    }
}

impl BinaryPayload<'_> {
    /// How many bytes of the body are left; `None` once there is nothing more.
    pub(crate) fn rest_len(&self) -> Option<usize> {
        self.rest.map(<[u8]>::len)
    }
}

impl<'a> Iterator for BinaryPayload<'a> {
    type Item = Result<Packet<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let (flag, packet, after) = match cut_binary(rest) {
            Ok(cut) => cut,
            Err(error) => return Some(Err(error)),
        };
        let packet = decode_flagged(flag, packet);
        self.rest = Some(after).filter(|after| packet.is_ok() && !after.is_empty());
        Some(packet)
    }
}

/// The first packet of a payload in text, and what follows it.
fn cut_text(payload: &str) -> Result<(&str, &str), ParseError> {
    if payload.is_empty() {
        return Err(ParseError::Empty);
    }
    let digits = payload
        .bytes()
        .take(MAX_LENGTH_DIGITS + 1)
        .take_while(u8::is_ascii_digit)
        .count();
    let length = read_length(payload.bytes().take(digits).map(|digit| digit - b'0'))?;
    let rest = payload[digits..].strip_prefix(':').ok_or(ParseError::Length)?;
    cut_utf16(rest, length)
}

/// The first packet of a payload in bytes with its flag, and what follows it.
fn cut_binary(payload: &[u8]) -> Result<(u8, &[u8], &[u8]), ParseError> {
    let (flag, rest) = payload.split_first().ok_or(ParseError::Empty)?;
    let digits = rest
        .iter()
        .take(MAX_LENGTH_DIGITS + 1)
        .take_while(|digit| **digit <= 9)
        .count();
    let length = read_length(rest.iter().copied().take(digits))?;
    let rest = rest[digits..]
        .strip_prefix(&[LENGTH_END])
        .ok_or(ParseError::Length)?;
    let length = usize::try_from(length).map_err(|_| ParseError::Truncated)?;
    let (packet, after) = rest.split_at_checked(length).ok_or(ParseError::Truncated)?;
    Ok((*flag, packet, after))
}

fn read_length(digits: impl ExactSizeIterator<Item = u8>) -> Result<u64, ParseError> {
    if digits.len() == 0 || digits.len() > MAX_LENGTH_DIGITS {
        return Err(ParseError::Length);
    }
    Ok(digits.fold(0, |length, digit| length * 10 + u64::from(digit)))
}

/// Splits after this many UTF-16 code units, never inside a character.
fn cut_utf16(text: &str, units: u64) -> Result<(&str, &str), ParseError> {
    // A character has at most as many code units as bytes, so this is checked before anything is counted.
    let units = usize::try_from(units)
        .ok()
        .filter(|units| *units <= text.len())
        .ok_or(ParseError::Truncated)?;
    if text.as_bytes()[..units].is_ascii() {
        return Ok(text.split_at(units));
    }
    let mut left = units;
    let mut characters = text.char_indices();
    while left > 0 {
        let (_, character) = characters.next().ok_or(ParseError::Truncated)?;
        left = left
            .checked_sub(character.len_utf16())
            .ok_or(ParseError::Length)?;
    }
    Ok(text.split_at(characters.offset()))
}

fn decode_flagged(flag: u8, packet: &[u8]) -> Result<Packet<'_>, ParseError> {
    if flag == TEXT_FLAG {
        let text = simdutf8::basic::from_utf8(packet).map_err(|_| ParseError::Utf8)?;
        return decode_text_packet(Protocol::V3, text);
    }
    decode_binary_packet(Protocol::V3, packet).map(|data| Packet::Binary(data.into()))
}

impl ContentType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=UTF-8",
            Self::Binary => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests;
