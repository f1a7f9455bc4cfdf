//! What must hold for any text, asserted by the fuzz target `packet`.

use bytes::Bytes;

use super::{
    Args, Packet, PacketType, Pending, Value, args, check_own_placeholders, check_placeholders, decode,
    encode,
};
use crate::Protocol;

const MAX_ATTACHMENTS: usize = 10;

/// Reads the text as a packet of either generation.
///
/// # Panics
/// When a promise of this room does not hold for it.
pub(crate) fn check(text: &str) {
    for protocol in [Protocol::V3, Protocol::V4] {
        if let Ok(packet) = decode(text, protocol, MAX_ATTACHMENTS) {
            check_packet(&packet, protocol);
        }
    }
}

/// Reads the text as a packet and takes what it announces from `attached`: each attachment as long as its first byte says.
///
/// # Panics
/// When attachments that came make unreadable what was readable, or their number isn't the one that was announced.
pub(crate) fn check_with_attachments(text: &str, attached: &[u8]) {
    for protocol in [Protocol::V3, Protocol::V4] {
        let Ok(packet) = decode(text, protocol, MAX_ATTACHMENTS) else {
            continue;
        };
        if packet.attachments == 0 {
            continue;
        }
        assert!(packet.attachments <= MAX_ATTACHMENTS);
        let mut pending = Pending::new(text, packet.attachments);
        let (mut rest, mut came) = (attached, 1);
        while !pending.push(cut(&mut rest)) {
            came += 1;
        }
        assert_eq!(came, packet.attachments);
        let (again, attachments) = pending.into_parts();
        assert_eq!(decode(&again, protocol, MAX_ATTACHMENTS), Ok(packet));
        if check_placeholders(packet.payload, attachments.len(), usize::MAX).is_ok() {
            let args = args::event(packet.payload, protocol).map(|event| event.args);
            if let Ok(args) = args.or_else(|_| args::ack(packet.payload)) {
                // As values, and as what knows nothing of attachments.
                let _ = args.clone().with_attachments(&attachments).rest::<Value>();
                let _ = args.with_attachments(&attachments).rest::<serde_json::Value>();
            }
        }
    }
}

fn cut(rest: &mut &[u8]) -> Bytes {
    let Some((&length, after)) = rest.split_first() else {
        return Bytes::new();
    };
    let (data, after) = after.split_at(after.len().min(usize::from(length)));
    *rest = after;
    Bytes::copy_from_slice(data)
}

fn check_packet(packet: &Packet<'_>, protocol: Protocol) {
    let payload = packet.payload;
    let (binary, args) = match packet.kind {
        PacketType::Event => (false, args::event(payload, protocol).ok().map(|event| event.args)),
        PacketType::Ack => (false, args::ack(payload).ok()),
        PacketType::BinaryEvent => (true, args::event(payload, protocol).ok().map(|event| event.args)),
        PacketType::BinaryAck => (true, args::ack(payload).ok()),
        _ => return,
    };
    assert_eq!(binary, packet.attachments > 0);
    if let Some(args) = args {
        assert!(payload.is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(payload).is_ok());
        check_args(&args, payload, packet.attachments);
    }
}

/// Attachments make no argument unreadable, once the placeholders are found to be in order.
fn check_args(args: &Args<'_>, payload: &str, attachments: usize) {
    let Ok(plain) = args.clone().rest::<Value>() else {
        return;
    };
    assert_eq!(plain.len(), args.len());
    // What looks like a placeholder among them is none.
    plain.iter().for_each(check_round_trip);
    let attachments = vec![Bytes::from_static(b"attached"); attachments];
    if check_placeholders(payload, attachments.len(), usize::MAX).is_ok() {
        let whole = args.clone().with_attachments(&attachments).rest::<Value>();
        whole
            .expect("checked placeholders")
            .iter()
            .for_each(check_round_trip);
    }
}

/// What can be read can be written, and reads the same again.
fn check_round_trip(value: &Value) {
    let mut buf = Vec::new();
    let written = encode::ack(&mut buf, 0, "/", 0, value).expect("a value serialises");
    let text = str::from_utf8(&buf[written.start..]).expect("packets are text");
    let packet = decode(text, Protocol::V4, usize::MAX).expect("packets written are legal");
    let args = args::ack(packet.payload).expect("packets written are legal");
    check_own_placeholders(packet.payload, written.attachments.len())
        .expect("placeholders written are legal");
    let read: Value = args
        .with_own_attachments(&written.attachments)
        .next()
        .expect("what was written");
    assert_eq!(read, *value);
}
