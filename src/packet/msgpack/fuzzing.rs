//! What must hold for any bytes, asserted by the fuzz target `msgpack`.

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::{Codec, Decoded, Limits};
use crate::{
    Protocol,
    packet::{Body, PacketType, Rest, Value},
};

const LIMITS: Limits = Limits {
    depth: 128,
    binaries: 10,
};

/// Reads the bytes as a binary message of either generation, and as a text one if they are text.
///
/// # Panics
/// When a promise of this room does not hold for it.
pub(crate) fn check(input: &[u8]) {
    let message = Bytes::copy_from_slice(input);
    for protocol in [Protocol::V3, Protocol::V4] {
        if let Ok(packet) = Codec.decode(&message, protocol, LIMITS) {
            check_packet(&packet, protocol);
        }
        if let Ok(Ok(packet)) = str::from_utf8(input).map(|text| Codec.decode_text(text, protocol, LIMITS)) {
            check_packet(&packet, protocol);
        }
    }
}

fn check_packet(packet: &Decoded<'_>, protocol: Protocol) {
    let args = match packet.kind {
        PacketType::Event => packet.body().event(protocol).ok().map(|event| event.args),
        PacketType::Ack => packet.body().ack().ok(),
        PacketType::Connect => {
            let auth = packet.auth();
            assert!(auth.is_empty() || serde_json::from_str::<IgnoredAny>(auth).is_ok());
            None
        }
        _ => None,
    };
    let Some(args) = args else { return };
    let ignored = args
        .clone()
        .rest::<IgnoredAny>()
        .expect("what was let pass is whole");
    assert_eq!(ignored.len(), args.len());
    assert_eq!(
        packet.body().keep().size(),
        packet.body().keep().as_body().keep().size()
    );
    // As other types than it is, too.
    let _ = args.clone().rest::<String>();
    let _ = args.clone().rest::<f64>();
    let _ = args.clone().rest::<Bytes>();
    let _ = args.clone().rest::<Option<Vec<i64>>>();
    let _ = args.all_as::<Rest<Box<serde_json::value::RawValue>>>();
    if let (Ok(values), Body::Msgpack(_)) = (args.clone().rest::<Value>(), packet.body()) {
        check_round_trip(&values);
    }
}

/// What can be read can be written, and reads the same again.
fn check_round_trip(values: &[Value]) {
    let mut buf = Vec::new();
    let written = Codec.ack(&mut buf, "/", 0, &Rest(values.to_vec()));
    written.expect("values serialise");
    let limits = Limits {
        depth: usize::MAX,
        binaries: usize::MAX,
    };
    let message = Bytes::from(buf);
    let packet = Codec.decode(&message, Protocol::V4, limits);
    let packet = packet.expect("packets written are legal");
    let mut args = packet.body().ack().expect("packets written are legal");
    let read: Vec<Value> = args.rest().expect("what was written");
    assert_eq!(read, values);
}
