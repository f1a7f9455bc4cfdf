//! A parser as a user would write it: packets are JSON arrays, and bytes stay behind as messages of their own, in the order in
//! which they stand, each replaced by `{"bytes": null}`.

use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum_socketio::{
    Protocol, Value,
    parser::{Decoder, Message, Messages, Packet, Parser},
};

/// Counts what it writes. Refuses to write the word `unwritable`, and the word `modern` for clients of Engine.IO 3, and panics over
/// the word `panic`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrays {
    pub(crate) written: &'static Counts,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) v3: AtomicUsize,
    pub(crate) v4: AtomicUsize,
}

impl Default for &'static Counts {
    fn default() -> Self {
        Box::leak(Box::default())
    }
}

impl Counts {
    pub(crate) fn take(&self) -> (usize, usize) {
        (
            self.v3.swap(0, Ordering::Relaxed),
            self.v4.swap(0, Ordering::Relaxed),
        )
    }
}

impl Parser for Arrays {
    fn encode(&self, packet: &Packet, protocol: Protocol) -> Result<Messages, Box<dyn Error + Send + Sync>> {
        let count = match protocol {
            Protocol::V3 => &self.written.v3,
            Protocol::V4 => &self.written.v4,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let (mut data, mut bytes) = (packet.data.clone(), Vec::new());
        detach(&mut data, &mut bytes);
        let array = (u8::from(packet.kind), &packet.namespace, packet.id, data);
        let text = serde_json::to_string(&array)?;
        if text.contains("unwritable") || (protocol == Protocol::V3 && text.contains("modern")) {
            return Err("unwritable".into());
        }
        assert!(!text.contains("panic"), "a test panics on purpose");
        let text = Messages::text(text);
        Ok(bytes
            .into_iter()
            .fold(text, |messages, bytes| messages.and_binary(bytes)))
    }

    fn decoder(&self, _: Protocol) -> Box<dyn Decoder> {
        Box::new(Reader::default())
    }
}

fn detach(value: &mut Value, bytes: &mut Vec<bytes::Bytes>) {
    match value {
        Value::Binary(data) => {
            bytes.push(data.clone());
            *value = [("bytes", Value::Null)].into_iter().collect();
        }
        Value::Array(values) => values.iter_mut().for_each(|value| detach(value, bytes)),
        Value::Object(members) => members.values_mut().for_each(|value| detach(value, bytes)),
        _ => {}
    }
}

/// The packet whose bytes are on their way, and how many have come.
#[derive(Default)]
struct Reader {
    waiting: Option<Packet>,
}

impl Decoder for Reader {
    fn add(&mut self, message: Message<'_>) -> Result<Option<Packet>, Box<dyn Error + Send + Sync>> {
        let packet = match message {
            Message::Text("panic") => panic!("a test panics on purpose"),
            Message::Text(text) => {
                let (kind, namespace, id, data): (u8, String, _, Value) = serde_json::from_str(text)?;
                Packet::new(kind.try_into()?, namespace, data).with_id(id)
            }
            Message::Binary(bytes) => {
                let mut packet = self.waiting.take().ok_or("nobody waits for bytes")?;
                fill(&mut packet.data, &mut Some(bytes));
                packet
            }
        };
        if lacks_bytes(&packet.data) {
            self.waiting = Some(packet);
            return Ok(None);
        }
        Ok(Some(packet))
    }
}

fn lacks_bytes(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(lacks_bytes),
        Value::Object(members) => members.contains_key("bytes") || members.values().any(lacks_bytes),
        _ => false,
    }
}

/// Puts the bytes into the first place that lacks them.
fn fill(value: &mut Value, bytes: &mut Option<bytes::Bytes>) {
    match value {
        Value::Object(members) if members.contains_key("bytes") => {
            if let Some(bytes) = bytes.take() {
                *value = Value::Binary(bytes);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, bytes)),
        Value::Object(members) => members.values_mut().for_each(|value| fill(value, bytes)),
        _ => {}
    }
}
