//! Socket.IO packets as the server writes them, and the payloads that events carry.

use serde_json::Value;

use crate::server::NAMESPACES;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
}

/// A packet of Socket.IO.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    /// Which of the namespaces.
    pub(crate) half: usize,
    pub(crate) id: Option<u64>,
    pub(crate) attachments: usize,
    pub(crate) body: Value,
}

impl Message {
    pub(crate) fn parse(text: &str) -> Self {
        let rest = text.strip_prefix('4').unwrap();
        let kind = match rest.as_bytes()[0] {
            b'0' => Kind::Connect,
            b'1' => Kind::Disconnect,
            b'2' | b'5' => Kind::Event,
            b'3' | b'6' => Kind::Ack,
            _ => panic!("{text} is no packet"),
        };
        let (attachments, rest) = match rest[1..].split_once('-') {
            Some((count, rest)) if matches!(text.as_bytes()[1], b'5' | b'6') => {
                (count.parse().unwrap(), rest)
            }
            _ => (0, &rest[1..]),
        };
        let (half, rest) = match rest.strip_prefix(NAMESPACES[1]) {
            Some(rest) => (1, rest.strip_prefix(',').unwrap_or(rest)),
            None => (0, rest),
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, json) = rest.split_at(digits);
        let body = if json.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(json).unwrap()
        };
        Self {
            kind,
            half,
            id: id.parse().ok(),
            attachments,
            body,
        }
    }

    /// How the namespace is written in a packet.
    pub(crate) fn prefix(half: usize) -> &'static str {
        ["", "/more,"][half]
    }
}

/// The text of an event: most are short, some fill several frames of TCP, none is only ASCII.
pub(crate) fn payload_text(number: u64) -> String {
    let mut text = format!("{number} é😀");
    text.extend(std::iter::repeat_n('x', length(number)));
    text
}

/// The bytes of an event.
pub(crate) fn payload_bytes(number: u64) -> Vec<u8> {
    (0..=length(number))
        .map(|at| (at as u64 ^ number) as u8)
        .collect()
}

fn length(number: u64) -> usize {
    match number % 100 {
        7 => 20_000,
        63 => 100_000,
        rest => rest as usize * 3,
    }
}
