//! Payloads of HTTP long-polling, written down a second time: the tests don't trust the crate's own codec.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Eio, Response};

/// A packet of Engine.IO: text with its type in front, or the bytes of a binary message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Text(String),
    Binary(Vec<u8>),
}

impl From<&str> for Packet {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Packet {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<const N: usize> From<[u8; N]> for Packet {
    fn from(data: [u8; N]) -> Self {
        Self::Binary(data.to_vec())
    }
}

/// The body of a POST: text always, as clients without binary support send it.
pub(crate) fn encode(eio: Eio, packets: &[Packet]) -> String {
    let texts: Vec<String> = packets.iter().map(|packet| text_form(eio, packet)).collect();
    match eio {
        Eio::V4 => texts.join("\x1e"),
        Eio::V3 => texts
            .iter()
            .map(|text| format!("{}:{text}", text.encode_utf16().count()))
            .collect(),
    }
}

/// The packets in the answer to a GET.
pub(crate) fn decode(eio: Eio, response: &Response) -> Vec<Packet> {
    match (eio, response.header("content-type")) {
        (Eio::V4, Some("text/plain; charset=UTF-8")) => response
            .text()
            .split('\x1e')
            .map(|text| from_text_form(eio, text))
            .collect(),
        (Eio::V3, Some("text/plain; charset=UTF-8")) => decode_v3_text(response.text()),
        (Eio::V3, Some("application/octet-stream")) => decode_v3_binary(&response.body),
        (_, other) => panic!("a payload of content type {other:?}"),
    }
}

fn text_form(eio: Eio, packet: &Packet) -> String {
    match (eio, packet) {
        (_, Packet::Text(text)) => text.clone(),
        (Eio::V4, Packet::Binary(data)) => format!("b{}", STANDARD.encode(data)),
        (Eio::V3, Packet::Binary(data)) => format!("b4{}", STANDARD.encode(data)),
    }
}

fn from_text_form(eio: Eio, text: &str) -> Packet {
    let prefix = if eio == Eio::V4 { "b" } else { "b4" };
    match text.strip_prefix(prefix) {
        Some(data) => Packet::Binary(STANDARD.decode(data).expect("padded base64")),
        None => Packet::Text(text.to_owned()),
    }
}

fn decode_v3_text(mut body: &str) -> Vec<Packet> {
    let mut packets = Vec::new();
    while !body.is_empty() {
        let (length, rest) = body.split_once(':').expect("a length");
        let mut left: usize = length.parse().expect("a decimal length");
        let end = rest.find(|next: char| {
            let ends = left == 0;
            left = left.saturating_sub(next.len_utf16());
            ends
        });
        let (text, rest) = rest.split_at(end.unwrap_or(rest.len()));
        assert_eq!(text.encode_utf16().count().to_string(), length);
        packets.push(from_text_form(Eio::V3, text));
        body = rest;
    }
    packets
}

fn decode_v3_binary(mut body: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    while let [kind, rest @ ..] = body {
        let digits = rest.iter().position(|byte| *byte == 0xff).expect("a terminator");
        let length = rest[..digits]
            .iter()
            .fold(0, |length, digit| length * 10 + usize::from(*digit));
        let (data, rest) = rest[digits + 1..].split_at(length);
        packets.push(match kind {
            0 => Packet::Text(String::from_utf8(data.to_vec()).expect("UTF-8")),
            _ => Packet::Binary(data.strip_prefix(&[4]).expect("a message").to_vec()),
        });
        body = rest;
    }
    packets
}
