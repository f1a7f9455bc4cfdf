//! What came out of a parser of a user's own, judged by the server.

use super::{Packet, PacketType};
use crate::{
    Protocol,
    packet::{
        self, Body, DecodeError, Value,
        carried::{self, Carried},
        decode::split_query,
        depth::is_read_anew,
        error::Reason,
        msgpack::Limits,
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
/// As of [`decode`](packet::decode()); and its data goes beyond the limits.
pub(crate) fn judge(packet: &Packet, protocol: Protocol, limits: Limits) -> Result<Judged<'_>, DecodeError> {
    let mut binaries = limits.binaries;
    check_limits(&packet.data, limits.depth, &mut binaries)?;
    let kind = match packet.kind {
        PacketType::Connect => packet::PacketType::Connect,
        PacketType::Disconnect => packet::PacketType::Disconnect,
        PacketType::Event => packet::PacketType::Event,
        PacketType::Ack => packet::PacketType::Ack,
        PacketType::ConnectError => packet::PacketType::ConnectError,
    };
    carried::check(kind, Carried::by_value(&packet.data), protocol)?;
    let (namespace, query) = split_query(&packet.namespace, protocol);
    Ok(Judged {
        kind,
        namespace,
        query,
        id: packet.id,
        data: &packet.data,
    })
}

/// Goes no deeper than `depth`, to no key under which a text would be read as something deeper, and counts bytes down.
fn check_limits(value: &Value, depth: usize, binaries: &mut usize) -> Result<(), DecodeError> {
    let deeper = || depth.checked_sub(1).ok_or_else(DecodeError::nested_too_deeply);
    match value {
        Value::Binary(_) => {
            let left = binaries.checked_sub(1);
            *binaries = left.ok_or(DecodeError::fatal(Reason::TooManyAttachments))?;
            Ok(())
        }
        Value::Array(values) => {
            let depth = deeper()?;
            values
                .iter()
                .try_for_each(|value| check_limits(value, depth, binaries))
        }
        Value::Object(members) => {
            let depth = deeper()?;
            if members.keys().any(|key| is_read_anew(key)) {
                return Err(DecodeError::nested_too_deeply());
            }
            members
                .values()
                .try_for_each(|value| check_limits(value, depth, binaries))
        }
        _ => Ok(()),
    }
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
