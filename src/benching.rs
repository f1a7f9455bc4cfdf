//! Doors for the benchmarks in `benches/micro`, which need what is private otherwise. Built with `--cfg benching` only, and for
//! the tests.

use serde::Serialize;

use crate::{
    Protocol,
    packet::{self, args, encode},
    websocket::{Decoder, DecoderConfig},
};

/// More than any benchmark reads.
const MAX: usize = 1 << 20;

/// How many messages stand in this part of a client's WebSocket stream. They are unmasked where they lie.
///
/// # Panics
/// When it isn't a stream of complete frames.
#[must_use]
pub fn frames(mut stream: &mut [u8]) -> usize {
    let mut decoder = Decoder::new(DecoderConfig {
        max_message_size: MAX,
        deflate: None,
    });
    let mut messages = 0;
    loop {
        let step = decoder.next(stream).expect("a benchmark's stream is valid");
        let consumed = step.consumed;
        if step.event.is_none() {
            return messages;
        }
        messages += 1;
        stream = &mut stream[consumed..];
    }
}

/// The text that an event carries in its first argument.
///
/// # Panics
/// When it isn't an event, or carries none.
#[must_use]
pub fn read_event(packet: &str) -> String {
    let packet = packet::decode(packet, Protocol::V4, 0).expect("a benchmark's packet is valid");
    let event = args::event(packet.payload, Protocol::V4);
    let mut event = event.expect("a benchmark's event is valid");
    event.args.next().expect("a benchmark's event carries a text")
}

/// Writes an event as it stands on the wire, without its attachments, behind what is kept free for a frame's header.
///
/// # Panics
/// When the arguments don't serialise.
pub fn write_event<T: Serialize + ?Sized>(buf: &mut Vec<u8>, name: &str, args: &T) {
    let encoded = encode::event(buf, 0, "/", None, name, args);
    let _ = encoded.expect("a benchmark's arguments serialise");
}

/// How many packets a payload of Engine.IO 4 has.
///
/// # Panics
/// When one of them is invalid.
#[must_use]
pub fn payload_v4(body: &str) -> usize {
    crate::engine::benching::payload_v4(body)
}

/// How many packets a text payload of Engine.IO 3 has.
///
/// # Panics
/// When one of them is invalid.
#[must_use]
pub fn payload_v3(body: &str) -> usize {
    crate::engine::benching::payload_v3(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_does_its_work() {
        let mut stream = [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2].repeat(3);
        assert_eq!(frames(&mut stream), 3);
        assert_eq!(read_event(r#"2["echo","hi"]"#), "hi");
        let mut buf = Vec::new();
        write_event(&mut buf, "echo", "hi");
        assert!(buf.ends_with(br#"2["echo","hi"]"#));
        assert_eq!(payload_v4("4a\u{1e}4b"), 2);
        assert_eq!(payload_v3("2:4a2:4b"), 2);
    }
}
