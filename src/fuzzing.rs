//! Doors for the fuzz targets in `fuzz/`, which need what is private otherwise. Built with `--cfg fuzzing` only.

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
