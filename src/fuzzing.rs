//! Doors for the fuzz targets in `fuzz/`, which need what is private otherwise. Built with `--cfg fuzzing` only, and for the tests.

#[cfg(test)]
mod tests;

use std::time::Instant;

/// Reads a WebSocket stream in pieces of the given sizes, again and again, with this limit for messages.
///
/// Returns what was said as opcodes and payloads, whether the stream was refused, and whether that was for the length
/// format of a control frame.
#[must_use]
pub fn websocket_stream(stream: &[u8], sizes: &[u8], max: usize) -> (Vec<(u8, Vec<u8>)>, bool, bool) {
    use crate::websocket::{ProtocolError, transcript::Transcript};

    let transcript = Transcript::of(pieces(stream, sizes), max);
    let control_format = transcript.failed == Some(ProtocolError::ControlTooLong);
    (transcript.said, transcript.failed.is_some(), control_format)
}

/// Reads bytes as compressed messages.
///
/// # Panics
/// When they depend on how the stream is cut, are larger than allowed, or don't read the same compressed by us.
#[cfg(feature = "deflate")]
pub fn deflate_stream(input: &[u8]) {
    crate::websocket::fuzzing::check(input);
}

/// Reads a text as a Socket.IO packet.
///
/// # Panics
/// When it isn't read, or doesn't read back, as promised.
pub fn packet(text: &str) {
    crate::packet::fuzzing::check(text);
}

/// Reads what stands in front of the first NUL as a Socket.IO packet, and what stands behind it as its attachments, the length of
/// each in one byte in front.
///
/// # Panics
/// When an attachment makes a promise of the packet untrue.
pub fn packet_with_attachments(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    if let Ok(text) = str::from_utf8(&input[..end]) {
        crate::packet::fuzzing::check_with_attachments(text, input.get(end + 1..).unwrap_or_default());
    }
}

/// Reads bytes as a Socket.IO packet in msgpack.
///
/// # Panics
/// When it isn't read, or doesn't read back, as promised.
#[cfg(feature = "msgpack")]
pub fn msgpack(message: &[u8]) {
    crate::packet::msgpack::fuzzing::check(message);
}

/// Reads a text as a polling payload of Engine.IO 4.
///
/// # Panics
/// When it isn't read, or doesn't read back, as promised.
pub fn payload_v4(body: &str) {
    crate::engine::fuzzing::payload_v4(body);
}

/// Reads bytes as a polling payload of Engine.IO 3, in bytes and, if they are text, in text.
///
/// # Panics
/// When it isn't read, or doesn't read back, as promised.
pub fn payload_v3(body: &[u8]) {
    crate::engine::fuzzing::payload_v3_binary(body);
    if let Ok(text) = str::from_utf8(body) {
        crate::engine::fuzzing::payload_v3_text(text);
    }
}

/// Reads bytes as the form that a JSONP client posts, and writes them as a script.
///
/// # Panics
/// When the script is anything but a call with a string.
pub fn jsonp(body: &[u8]) {
    crate::engine::fuzzing::jsonp(body);
}

/// Reads a text as the query of every kind of request.
///
/// # Panics
/// When a request is taken for something that its query doesn't say.
pub fn query(text: &str) {
    crate::engine::fuzzing::query(text);
}

/// Reads bytes as what happens to a session, from this time on.
///
/// # Panics
/// When a packet is lost, doubled or out of turn, the session ends twice, or it never ends.
pub fn session(operations: &[u8], epoch: Instant) {
    crate::engine::fuzzing::session(operations, epoch);
}

/// The stream cut into pieces of these sizes; no sizes, no cuts.
fn pieces<'a>(stream: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            return pieces;
        }
        let (piece, after) = rest.split_at(rest.len().min(usize::from(*size) + 1));
        pieces.push(piece);
        rest = after;
    }
    vec![stream]
}
