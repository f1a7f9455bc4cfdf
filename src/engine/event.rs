//! What happens on a connection, as whoever listens is told of it.

use std::fmt;

use bytes::Bytes;

use super::{
    close::CloseReason,
    outbox::{Control, Item},
    packet::Packet as Incoming,
    transport_kind::Transport,
};

/// Something that happened on a [`Connection`](super::Connection), from its [`events`](super::Connection::events).
///
/// JavaScript has them as events of `socket.conn`, and their names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Another transport carries the connection from now on. JS `conn.on("upgrade", …)`.
    #[doc(alias = "upgrade")]
    Upgrade(Transport),
    /// A packet has come from the client, heartbeats included; it is handled after it was told of. JS `conn.on("packet", …)`.
    #[doc(alias = "packet")]
    Packet(Packet),
    /// A packet for the client has been queued, heartbeats included. JS `conn.on("packetCreate", …)`.
    ///
    /// The binary attachments of an event are packets of their own, right behind its text.
    #[doc(alias = "packetCreate")]
    PacketCreate(Packet),
    /// Everything that was queued has been handed to the transport. JS `conn.on("drain", …)`.
    #[doc(alias = "drain")]
    Drain,
    /// The connection is over: the last event. JS `conn.on("close", …)`.
    #[doc(alias = "close")]
    Close(CloseReason),
    /// So many events were left out at this place, because too many waited to be read.
    Lagged(u64),
}

/// An Engine.IO packet.
///
/// It may say what only client and server are to know, so its `Debug` output has the kind and the length and not the data.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    kind: PacketType,
    data: Data,
}

/// What an Engine.IO packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PacketType {
    /// The server opens the connection.
    Open,
    /// The connection is over.
    Close,
    /// Asks whether the other side is there.
    Ping,
    /// It is.
    Pong,
    /// What Socket.IO has to say.
    Message,
    /// The client moves to another transport.
    Upgrade,
    /// Nothing: it answers a poll.
    Noop,
}

#[derive(Clone, PartialEq, Eq)]
enum Data {
    Text(Box<str>),
    Binary(Bytes),
}

impl Packet {
    /// What it is for. JS `packet.type`.
    #[must_use]
    pub const fn kind(&self) -> PacketType {
        self.kind
    }

    /// Its data, if that is text: empty where there is none. JS `packet.data`.
    #[must_use]
    #[doc(alias = "data")]
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            Data::Binary(_) => None,
        }
    }

    /// Its data, if that is binary. JS `packet.data`.
    #[must_use]
    #[doc(alias = "data")]
    pub const fn binary(&self) -> Option<&Bytes> {
        match &self.data {
            Data::Text(_) => None,
            Data::Binary(data) => Some(data),
        }
    }

    /// How many bytes of data it has.
    pub(super) fn len(&self) -> usize {
        match &self.data {
            Data::Text(text) => text.len(),
            Data::Binary(data) => data.len(),
        }
    }

    fn of_text(kind: PacketType, text: &str) -> Self {
        let data = Data::Text(text.into());
        Self { kind, data }
    }

    pub(super) const fn of_binary(data: Bytes) -> Self {
        Self {
            kind: PacketType::Message,
            data: Data::Binary(data),
        }
    }

    /// A packet from a client.
    pub(super) fn incoming(packet: &Incoming<'_>) -> Self {
        let (kind, text) = match packet {
            Incoming::Open => (PacketType::Open, ""),
            Incoming::Close => (PacketType::Close, ""),
            Incoming::Ping(data) => (PacketType::Ping, *data),
            Incoming::Pong(data) => (PacketType::Pong, *data),
            Incoming::Text(text) => (PacketType::Message, *text),
            Incoming::Binary(data) => return Self::of_binary(Bytes::copy_from_slice(data)),
            Incoming::Upgrade => (PacketType::Upgrade, ""),
            Incoming::Noop => (PacketType::Noop, ""),
        };
        Self::of_text(kind, text)
    }

    /// The packets of something that was queued for a client.
    pub(super) fn outgoing(item: &Item) -> Vec<Self> {
        match item {
            Item::Packet(packet) => {
                let text = Some(packet.packet()).filter(|text| !text.is_empty());
                let text = text.map(Self::encoded);
                let attachments = packet.attachments().iter();
                let attachments = attachments.map(|attachment| Self::of_binary(attachment.data().clone()));
                text.into_iter().chain(attachments).collect()
            }
            Item::Control(control) => vec![Self::control(*control)],
            // Made by the WebSocket driver out of packets that were told of when they were queued.
            Item::Frame(_) => Vec::new(),
        }
    }

    fn control(control: Control) -> Self {
        Self::encoded(control.packet())
    }

    /// A text packet as it stands on the wire.
    fn encoded(packet: &[u8]) -> Self {
        let (kind, data) = packet.split_first().expect("invariant: every packet has a type");
        let text = std::str::from_utf8(data).expect("invariant: text packets are encoded from strings");
        Self::of_text(PacketType::of_digit(*kind), text)
    }
}

impl PacketType {
    /// The type as JavaScript spells it: `open`, `close`, `ping`, `pong`, `message`, `upgrade` or `noop`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Message => "message",
            Self::Upgrade => "upgrade",
            Self::Noop => "noop",
        }
    }

    const fn of_digit(digit: u8) -> Self {
        match digit {
            b'0' => Self::Open,
            b'1' => Self::Close,
            b'2' => Self::Ping,
            b'3' => Self::Pong,
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            _ => Self::Message,
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = match &self.data {
            Data::Text(_) => "text",
            Data::Binary(_) => "binary",
        };
        f.debug_struct("Packet")
            .field("kind", &self.kind)
            .field(data, &self.len())
            .finish()
    }
}

impl Event {
    /// The bytes it keeps while it waits to be read, roughly.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Packet(packet) | Self::PacketCreate(packet) => packet.len(),
            _ => 0,
        }
    }
}
