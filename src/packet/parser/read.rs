//! What came out of a parser of a user's own, judged by the server.

use super::{Packet, PacketType};
use crate::{
    Protocol,
    packet::{
        self, Body, DecodeError, Value,
        carried::{self, Carried},
        decode::split_query,
    },
};

/// A packet that clients of its generation may send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) kind: packet::PacketType,
    pub(crate) namespace: &'a str,
    /// Engine.IO 3: what follows `?` in the namespace.
    pub(crate) query: Option<&'a str>,
    pub(crate) id: Option<u64>,
    data: &'a Value,
}

/// Whether clients may send this packet.
///
/// # Errors
/// As of [`decode`](packet::decode()).
pub(crate) fn judge(packet: &Packet, protocol: Protocol) -> Result<Judged<'_>, DecodeError> {
    let kind = match packet.kind {
        PacketType::Connect => packet::PacketType::Connect,
        PacketType::Disconnect => packet::PacketType::Disconnect,
        PacketType::Event => packet::PacketType::Event,
        PacketType::Ack => packet::PacketType::Ack,
        PacketType::ConnectError => packet::PacketType::ConnectError,
    };
    carried::check(kind, Carried::by_value(&packet.data), packet.id, protocol)?;
    let (namespace, query) = split_query(&packet.namespace, protocol);
    Ok(Judged {
        kind,
        namespace,
        query,
        id: packet.id,
        data: &packet.data,
    })
}

impl<'a> Judged<'a> {
    /// What an event or an acknowledgement carries.
    pub(crate) fn body(&self) -> Body<'a> {
        Body::Values(self.data.as_array().map_or(&[], Vec::as_slice))
    }

    /// The auth payload of a CONNECT, as JSON; empty without one.
    pub(crate) fn auth(&self) -> String {
        match self.data {
            Value::Null => String::new(),
            // All values serialise.
            data => serde_json::to_string(data).unwrap_or_default(),
        }
    }
}
