//! Which data each type of packet may carry, for the parsers whose packets say it with a value.

use super::{
    PacketType, Value,
    error::{DecodeError, Reason},
};
use crate::Protocol;

/// What stands in the place of a packet's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// `undefined`, or the `null` of languages that have no `undefined`.
    Nothing,
    Object,
    Array,
    Text,
    Other,
}

impl Carried {
    /// Told by the first byte of what is known to be JSON.
    #[cfg_attr(not(feature = "msgpack"), expect(dead_code, reason = "msgpack's"))]
    pub(super) fn by_json(json: &str) -> Self {
        match json.as_bytes().first() {
            None | Some(b'n') => Self::Nothing,
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::Text,
            Some(_) => Self::Other,
        }
    }

    pub(super) const fn by_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Object(_) => Self::Object,
            Value::Array(_) => Self::Array,
            Value::String(_) => Self::Text,
            Value::Bool(_) | Value::Number(_) | Value::Binary(_) => Self::Other,
        }
    }
}

/// Judges as [`decode`](super::decode()) does: by the rules of Node 2.5 for clients of Engine.IO 3, of Node 4.8 for others.
///
/// # Errors
/// The packet must close the connection, unless the error is ignorable.
pub(super) fn check(kind: PacketType, data: Carried, protocol: Protocol) -> Result<(), DecodeError> {
    let allowed = match (kind, protocol) {
        (PacketType::Connect, Protocol::V4) => matches!(data, Carried::Nothing | Carried::Object),
        (PacketType::Connect, Protocol::V3) => {
            matches!(data, Carried::Nothing | Carried::Object | Carried::Array)
        }
        (PacketType::Disconnect, _) => data == Carried::Nothing,
        (PacketType::ConnectError, Protocol::V4) if matches!(data, Carried::Array | Carried::Other) => false,
        (PacketType::ConnectError, Protocol::V4) => return Err(DecodeError::fatal(Reason::ErrorFromClient)),
        (PacketType::ConnectError, Protocol::V3) => data != Carried::Other,
        (PacketType::Event | PacketType::BinaryEvent, _) => data == Carried::Array,
        (PacketType::Ack | PacketType::BinaryAck, _) => data == Carried::Array,
    };
    match allowed {
        false => Err(DecodeError::fatal(Reason::InvalidPayload)),
        true => Ok(()),
    }
}
