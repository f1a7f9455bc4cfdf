//! The packets that are neither events nor acknowledgements, for parsers other than the JSON one.

use super::{Packet, PacketType};
use crate::{
    Protocol,
    packet::{JsonText, Value},
};

/// What tells a client that it is connected. Engine.IO 3 clients know their id.
pub(crate) fn connect(protocol: Protocol, namespace: &str, sid: &str, pid: Option<&str>) -> Packet {
    let data = match protocol {
        Protocol::V3 => Value::Null,
        Protocol::V4 => {
            let pid = pid.map(|pid| ("pid", pid));
            [("sid", sid)].into_iter().chain(pid).collect()
        }
    };
    Packet::new(PacketType::Connect, namespace, data)
}

pub(crate) fn disconnect(namespace: &str) -> Packet {
    Packet::new(PacketType::Disconnect, namespace, Value::Null)
}

/// Engine.IO 3 clients get the data in the place of the message, if there is any and, where it has to be one, it is a text.
pub(crate) fn connect_error(
    protocol: Protocol,
    namespace: &str,
    message: &str,
    data: Option<&JsonText>,
    texts_only: bool,
) -> Packet {
    // Nested more deeply than can be read again, it is left out.
    let data = data.and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
    let data = match (protocol, data) {
        (Protocol::V3, Some(data)) if !texts_only || data.as_str().is_some() => data,
        (Protocol::V3, _) => message.into(),
        (Protocol::V4, data) => {
            let data = data.map(|data| ("data", data));
            [("message", message.into())].into_iter().chain(data).collect()
        }
    };
    Packet::new(PacketType::ConnectError, namespace, data)
}
