//! Payloads of HTTP long-polling.

use crate::engine::{
    jsonp::{self, Jsonp},
    packet::{Packet, ParseError, Part},
    payload_v3, payload_v4,
};

type Read<'a> = Vec<Result<Packet<'a>, ParseError>>;

/// # Panics
/// When a promise of the codec does not hold for it.
pub(crate) fn payload_v4(body: &str) {
    let whole: Read<'_> = payload_v4::decode(body).collect();
    let mut at = Some(0);
    let one_by_one = std::iter::from_fn(|| {
        let mut payload = payload_v4::decode(&body[at?..]);
        let packet = payload.next();
        at = payload.rest_len().map(|rest| body.len() - rest);
        packet
    });
    assert!(one_by_one.eq(whole.iter().cloned()), "as a POST dispatches it");
    check(&whole, body.len());
    let sent = messages(&whole);
    let mut written = Vec::new();
    payload_v4::encode(sent.iter().map(Message::part), &mut written);
    let text = str::from_utf8(&written).expect("payloads of Engine.IO 4 are text");
    let read = payload_v4::decode(text).filter(|_| !sent.is_empty()).collect();
    // A separator inside of a message is written as it is; nothing that was read has one.
    assert_eq!(messages(&read), sent);
}

/// # Panics
/// When a promise of the codec does not hold for it.
pub(crate) fn payload_v3_text(body: &str) {
    let whole: Read<'_> = payload_v3::decode_text(body).collect();
    let mut at = Some(0);
    let one_by_one = std::iter::from_fn(|| {
        let mut payload = payload_v3::decode_text(&body[at?..]);
        let packet = payload.next();
        at = payload.rest_len().map(|rest| body.len() - rest);
        packet
    });
    assert!(one_by_one.eq(whole.iter().cloned()), "as a POST dispatches it");
    check(&whole, body.len());
    check_v3_round_trip(&whole);
}

/// # Panics
/// When a promise of the codec does not hold for it.
pub(crate) fn payload_v3_binary(body: &[u8]) {
    let whole: Read<'_> = payload_v3::decode_binary(body).collect();
    let mut at = Some(0);
    let one_by_one = std::iter::from_fn(|| {
        let mut payload = payload_v3::decode_binary(&body[at?..]);
        let packet = payload.next();
        at = payload.rest_len().map(|rest| body.len() - rest);
        packet
    });
    assert!(one_by_one.eq(whole.iter().cloned()), "as a POST dispatches it");
    check(&whole, body.len());
    check_v3_round_trip(&whole);
}

/// # Panics
/// When a form does something else than to give a payload, or a script is more than a call with one string.
pub(crate) fn jsonp(body: &[u8]) {
    if let Some(payload) = jsonp::unwrap_form(body) {
        assert!(
            payload.len() <= body.len() * 3,
            "a replacement character has three bytes"
        );
        payload_v3_text(&payload);
        payload_v4(&payload);
    }
    let text = String::from_utf8_lossy(body);
    let callback = Jsonp::from_query(&text);
    let script = jsonp::wrap(&text, &callback);
    let (index, literal) = script
        .strip_prefix("___eio[")
        .and_then(|rest| rest.strip_suffix(");"))
        .and_then(|rest| rest.split_once("]("))
        .expect("a call");
    assert!(index.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(!literal.contains(['\n', '\r', '\u{2028}', '\u{2029}']));
    assert_eq!(serde_json::from_str::<String>(literal).expect("a string"), text);
}

/// Nothing follows what is wrong, and nothing is larger than what it was read from.
fn check(read: &Read<'_>, body: usize) {
    assert!(read.iter().rev().skip(1).all(Result::is_ok));
    assert!(read.len() <= body + 1);
    let data = read.iter().flatten().map(|packet| match packet {
        Packet::Text(text) | Packet::Ping(text) | Packet::Pong(text) => text.len(),
        Packet::Binary(data) => data.len(),
        _ => 0,
    });
    assert!(data.sum::<usize>() <= body);
}

/// Engine.IO 3 writes text without raw characters beyond ASCII inside of JSON strings, so only what is ASCII is compared.
fn check_v3_round_trip(read: &Read<'_>) {
    let sent: Vec<_> = messages(read).into_iter().filter(Message::is_plain).collect();
    let parts: Vec<Part<'_>> = sent.iter().map(Message::part).collect();
    if parts.is_empty() {
        return;
    }
    for supports_binary in [true, false] {
        let mut written = Vec::new();
        match payload_v3::encode(&parts, supports_binary, &mut written) {
            payload_v3::ContentType::Binary => {
                assert_eq!(messages(&payload_v3::decode_binary(&written).collect()), sent);
            }
            payload_v3::ContentType::Text => {
                let text = str::from_utf8(&written).expect("a payload in text");
                assert_eq!(messages(&payload_v3::decode_text(text).collect()), sent);
            }
        }
    }
}

/// A message as it is written.
#[derive(Debug, PartialEq, Eq)]
enum Message {
    /// With its type digit.
    Text(String),
    Binary(Vec<u8>),
}

impl Message {
    fn part(&self) -> Part<'_> {
        match self {
            Self::Text(text) => Part::Text(text.as_bytes()),
            Self::Binary(data) => Part::Binary(data),
        }
    }

    fn is_plain(&self) -> bool {
        matches!(self, Self::Binary(_)) || matches!(self, Self::Text(text) if text.is_ascii())
    }
}

fn messages(read: &Read<'_>) -> Vec<Message> {
    let messages = read.iter().flatten().filter_map(|packet| match packet {
        Packet::Text(text) => Some(Message::Text(format!("4{text}"))),
        Packet::Binary(data) => Some(Message::Binary(data.to_vec())),
        _ => None,
    });
    messages.collect()
}
