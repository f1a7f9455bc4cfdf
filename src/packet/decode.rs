//! The grammar of a packet: everything in front of its JSON, and which JSON each type may carry.
//!
//! Clients of Engine.IO 4 are judged as strictly as Node 4.8 does. Clients of Engine.IO 3 get the leniency of Node 2.5, except
//! that ids and attachment counts are digits for everyone: Node also takes a space, an exponent or a sign there by accident.

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::{
    args,
    body::Body,
    error::{DecodeError, Reason},
};
use crate::Protocol;

/// The type digit of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PacketType {
    Connect,
    Disconnect,
    Event,
    Ack,
    /// `ERROR` in protocol 4.
    ConnectError,
    BinaryEvent,
    BinaryAck,
}

/// A packet taken apart, its payload still text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) kind: PacketType,
    /// `/` when the packet names none. Engine.IO 3: without the query.
    pub(crate) namespace: &'a str,
    /// Engine.IO 3: what follows `?` in the namespace.
    pub(crate) query: Option<&'a str>,
    pub(crate) id: Option<u64>,
    /// How many binary messages follow. Never 0 for the binary types, always 0 for the others.
    pub(crate) attachments: usize,
    /// JSON, or nothing.
    pub(crate) payload: &'a str,
}

/// Takes a packet apart. `text` is the Engine.IO message without its type digit.
///
/// The payload of an EVENT and of an ACK with an id is left to [`args::event`] and [`args::ack`], which check it while they find
/// the arguments: call them before anything else is decided about the packet. All other payloads, and those of binary packets,
/// whose attachments are still to come, have been checked.
///
/// # Errors
/// The packet must close the connection, unless the error [is ignorable](DecodeError::is_ignorable). An ignorable packet has
/// no attachments.
pub(crate) fn decode(
    text: &str,
    protocol: Protocol,
    max_attachments: usize,
) -> Result<Packet<'_>, DecodeError> {
    let packet = decode_checked(text, protocol, max_attachments)?;
    packet.check(protocol)?;
    Ok(packet)
}

/// Takes a packet apart that [`decode`] has accepted before: its payload isn't checked again.
///
/// # Errors
/// As [`decode`], for another text.
pub(crate) fn decode_checked(
    text: &str,
    protocol: Protocol,
    max_attachments: usize,
) -> Result<Packet<'_>, DecodeError> {
    let (kind, rest) = packet_type(text, protocol)?;
    let (attachments, rest) = match kind.is_binary() {
        true => attachment_count(rest, max_attachments)?,
        false => (0, rest),
    };
    let (namespace, rest) = namespace(rest);
    let (namespace, query) = split_query(namespace, protocol);
    let (id, payload) = packet_id(rest)?;
    Ok(Packet {
        kind,
        namespace,
        query,
        id,
        attachments,
        payload,
    })
}

impl PacketType {
    const fn from_digit(digit: u8) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Connect,
            b'1' => Self::Disconnect,
            b'2' => Self::Event,
            b'3' => Self::Ack,
            b'4' => Self::ConnectError,
            b'5' => Self::BinaryEvent,
            b'6' => Self::BinaryAck,
            _ => return None,
        })
    }

    const fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }
}

impl<'a> Packet<'a> {
    /// What an event or an acknowledgement carries, with the attachments that came.
    pub(crate) const fn body(&self, attachments: &'a [Bytes]) -> Body<'a> {
        let payload = self.payload;
        Body::Json { payload, attachments }
    }
}

impl Packet<'_> {
    /// Whether a packet of this type may carry this payload.
    fn check(&self, protocol: Protocol) -> Result<(), DecodeError> {
        match self.kind {
            PacketType::Connect => self.check_connect(protocol),
            PacketType::Disconnect if self.payload.is_empty() => Ok(()),
            PacketType::Disconnect => Err(DecodeError::fatal(Reason::InvalidPayload)),
            PacketType::ConnectError => self.check_connect_error(protocol),
            PacketType::Event => Ok(()),
            PacketType::BinaryEvent => self.check_binary_event(protocol),
            PacketType::Ack if self.id.is_some() => Ok(()),
            PacketType::Ack | PacketType::BinaryAck => args::ack(self.payload).map(drop),
        }
    }

    /// Protocol 5 has an object here, the auth payload. Node 2.5 takes whatever JavaScript calls an object, and ignores it.
    fn check_connect(&self, protocol: Protocol) -> Result<(), DecodeError> {
        match (first_byte_of_json(self.payload)?, protocol) {
            (None | Some(b'{'), _) | (Some(b'[' | b'n'), Protocol::V3) => Ok(()),
            _ => Err(DecodeError::fatal(Reason::InvalidPayload)),
        }
    }

    /// Node 2.5 raises `error` on the socket, later servers close the connection: for a payload that is neither text nor object as for
    /// any that is broken, and otherwise without a word.
    fn check_connect_error(&self, protocol: Protocol) -> Result<(), DecodeError> {
        match (first_byte_of_json(self.payload)?, protocol) {
            (None | Some(b'"' | b'{' | b'[' | b'n'), Protocol::V3) => Ok(()),
            (None | Some(b'"' | b'{'), Protocol::V4) => Err(DecodeError::fatal(Reason::ErrorFromClient)),
            _ => Err(DecodeError::fatal(Reason::InvalidPayload)),
        }
    }

    /// A reserved name of an Engine.IO 3 client passes: the attachments follow all the same, and only then can the packet be ignored.
    fn check_binary_event(&self, protocol: Protocol) -> Result<(), DecodeError> {
        match args::event(self.payload, protocol) {
            Err(error) if !error.is_ignorable() => Err(error),
            _ => Ok(()),
        }
    }
}

fn packet_type(text: &str, protocol: Protocol) -> Result<(PacketType, &str), DecodeError> {
    let Some(&digit) = text.as_bytes().first() else {
        return Err(DecodeError::fatal(Reason::InvalidPayload));
    };
    match (PacketType::from_digit(digit), protocol) {
        (Some(kind), _) => Ok((kind, &text[1..])),
        (None, Protocol::V3) => Err(DecodeError::ignorable(unknown_type(digit))),
        (None, Protocol::V4) => Err(DecodeError::fatal(unknown_type(digit))),
    }
}

fn unknown_type(byte: u8) -> Reason {
    Reason::UnknownType(byte.is_ascii_digit().then(|| byte - b'0'))
}

/// Node refuses `0`: a binary packet without attachments would never be complete.
fn attachment_count(text: &str, max: usize) -> Result<(usize, &str), DecodeError> {
    let (digits, rest) = leading_digits(text);
    let Some(rest) = rest.strip_prefix('-').filter(|_| !digits.is_empty()) else {
        return Err(DecodeError::fatal(Reason::IllegalAttachments));
    };
    match digits.parse::<usize>() {
        Ok(0) => Err(DecodeError::fatal(Reason::IllegalAttachments)),
        Ok(count) if count <= max => Ok((count, rest)),
        // All digits, so what does not parse is a number too large.
        Ok(_) | Err(_) => Err(DecodeError::fatal(Reason::TooManyAttachments)),
    }
}

/// A namespace starts with `/` and ends at a comma or with the packet.
fn namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return ("/", text);
    }
    text.split_once(',').unwrap_or((text, ""))
}

/// Protocol 4 has no auth payload; its clients put a query behind the namespace. In protocol 5 a `?` is part of the name.
pub(super) fn split_query(namespace: &str, protocol: Protocol) -> (&str, Option<&str>) {
    let split = match protocol {
        Protocol::V3 => namespace.split_once('?'),
        Protocol::V4 => None,
    };
    split.map_or((namespace, None), |(namespace, query)| (namespace, Some(query)))
}

fn packet_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    match leading_digits(text) {
        ("", rest) => Ok((None, rest)),
        (digits, rest) => match digits.parse() {
            Ok(id) => Ok((Some(id), rest)),
            Err(_) => Err(DecodeError::fatal(Reason::InvalidId)),
        },
    }
}

fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// What kind of JSON this is, told by its first byte; `None` for no payload at all.
fn first_byte_of_json(payload: &str) -> Result<Option<u8>, DecodeError> {
    if payload.is_empty() {
        return Ok(None);
    }
    match serde_json::from_str::<IgnoredAny>(payload) {
        Ok(_) => Ok(payload.bytes().find(|byte| !byte.is_ascii_whitespace())),
        Err(_) => Err(DecodeError::fatal(Reason::InvalidPayload)),
    }
}
