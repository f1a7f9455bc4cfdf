//! Packets as parsers of a user's own see them.

use std::{error::Error, fmt};

use crate::packet::Value;

/// A Socket.IO packet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Packet {
    /// What kind of packet it is. JS `packet.type`.
    #[doc(alias = "type")]
    pub kind: PacketType,
    /// The namespace, with its leading `/`. JS `packet.nsp`.
    ///
    /// Clients 2.x send a query with it when they connect, `/chat?token=1`.
    #[doc(alias = "nsp")]
    pub namespace: String,
    /// Of an event: the acknowledgement that is wanted. Of an acknowledgement: that one.
    pub id: Option<u64>,
    /// What [the type](PacketType) says; `Null` where there is nothing, `undefined` in JS.
    pub data: Value,
}

/// The types of packets, numbered as in JS. Told to and from those numbers by [`From`] and [`TryFrom`].
// Exhaustive on purpose: the protocol has no others. What JS calls BINARY_EVENT and BINARY_ACK are forms that the JSON parser has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// 0: the client asks for a namespace, its data is the auth payload if there is one; or the server grants it, with
    /// `{"sid": …}`, and without data to clients 1.x and 2.x.
    Connect,
    /// 1: a namespace is left.
    Disconnect,
    /// 2: the data is an array of the name and the arguments.
    Event,
    /// 3: the data is an array of the arguments. There is an id.
    Ack,
    /// 4, `ERROR` for clients 1.x and 2.x: the server refuses a namespace, with `{"message": …, "data": …}`. Clients 1.x and 2.x get
    /// the data alone, or the message where there is none.
    ConnectError,
}

/// No number of a packet type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPacketType(u8);

impl Packet {
    /// A packet without an id.
    #[must_use]
    pub fn new(kind: PacketType, namespace: impl Into<String>, data: impl Into<Value>) -> Self {
        Self {
            kind,
            namespace: namespace.into(),
            id: None,
            data: data.into(),
        }
    }

    /// The packet with this id, or none.
    #[must_use]
    pub fn with_id(mut self, id: Option<u64>) -> Self {
        self.id = id;
        self
    }
}

impl From<PacketType> for u8 {
    fn from(kind: PacketType) -> Self {
        match kind {
            PacketType::Connect => 0,
            PacketType::Disconnect => 1,
            PacketType::Event => 2,
            PacketType::Ack => 3,
            PacketType::ConnectError => 4,
        }
    }
}

/// 5 and 6, which clients 2.x call events and acknowledgements that hold bytes, are events and acknowledgements.
impl TryFrom<u8> for PacketType {
    type Error = UnknownPacketType;

    fn try_from(number: u8) -> Result<Self, UnknownPacketType> {
        Ok(match number {
            0 => Self::Connect,
            1 => Self::Disconnect,
            2 | 5 => Self::Event,
            3 | 6 => Self::Ack,
            4 => Self::ConnectError,
            unknown => return Err(UnknownPacketType(unknown)),
        })
    }
}

impl fmt::Display for UnknownPacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown packet type {}", self.0)
    }
}

impl Error for UnknownPacketType {}
