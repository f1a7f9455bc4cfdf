//! The events of the comparison, told apart by how their text begins.

use crate::{
    frame::{self, BINARY, TEXT},
    hub::Hub,
    peer::Peer,
};
use std::sync::Arc;

/// Where the answers to the sender go.
pub trait Replies {
    fn reply(&mut self, opcode: u8, parts: &[&[u8]]);
}

/// As frames of a WebSocket.
impl Replies for Vec<u8> {
    fn reply(&mut self, opcode: u8, parts: &[&[u8]]) {
        frame::write(self, opcode, parts);
    }
}

/// Answers one Engine.IO message. `me` is nobody on polling, which no scenario broadcasts to.
pub fn text(
    hub: &Hub,
    me: Option<&Arc<Peer>>,
    packet: &[u8],
    replies: &mut impl Replies,
    to_all: &mut Vec<u8>,
) {
    if packet.starts_with(b"42[\"echo") {
        replies.reply(TEXT, &[packet]);
    } else if packet.starts_with(b"42[\"bcast\"") {
        frame::write(to_all, TEXT, &[packet]);
    } else if let Some(rest) = packet.strip_prefix(b"42[\"room\",\"") {
        let (room, rest) = until_quote(rest);
        let mut framed = Vec::with_capacity(packet.len());
        frame::write(&mut framed, TEXT, &[b"42[\"room\"", rest]);
        hub.to_room(room, &framed);
    } else if packet.starts_with(b"451-[\"ping-bin\"") {
        replies.reply(TEXT, &[b"451-[\"pong-bin\"", &packet[15..]]);
    } else if packet == b"40" {
        replies.reply(TEXT, &[b"40{\"sid\":\"00000000000000000000\"}"]);
    } else if packet.starts_with(b"42") {
        with_ack(hub, me, packet, replies);
    }
}

pub fn binary(payload: &[u8], replies: &mut impl Replies) {
    replies.reply(BINARY, &[payload]);
}

/// `42<id>["echo-ack",…]` and `42<id>["join","room"]`; the latter may come without an id.
fn with_ack(hub: &Hub, me: Option<&Arc<Peer>>, packet: &[u8], replies: &mut impl Replies) {
    let start = memchr::memchr(b'[', packet).unwrap_or(packet.len());
    let (head, array) = packet.split_at(start);
    if let Some(arguments) = array.strip_prefix(b"[\"echo-ack\",") {
        replies.reply(TEXT, &[b"43", &head[2..], b"[", arguments]);
    } else if let (Some(rest), Some(me)) = (array.strip_prefix(b"[\"join\",\""), me) {
        hub.join(until_quote(rest).0, me);
        if head.len() > 2 {
            replies.reply(TEXT, &[b"43", &head[2..], b"[\"joined\"]"]);
        }
    }
}

fn until_quote(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'"', text).unwrap_or(0);
    (&text[..end], &text[end + 1..])
}
