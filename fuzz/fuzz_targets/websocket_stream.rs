//! Any bytes as the stream of a WebSocket client: wherever it is cut the same is said of it, and `tungstenite` says
//! the same, too.
//!
//! The input is a number of piece sizes, the sizes, and the stream.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/websocket/tests/oracle.rs"]
mod oracle;

/// Small, so that inputs that exceed it are found.
const MAX: usize = 300;

fuzz_target!(|input: &[u8]| {
    let Some((&count, rest)) = input.split_first() else {
        return;
    };
    let (sizes, stream) = rest.split_at(rest.len().min(usize::from(count % 16)));
    let whole = axum_socketio::fuzzing::websocket_stream(stream, &[], MAX);
    assert_eq!(
        axum_socketio::fuzzing::websocket_stream(stream, sizes, MAX),
        whole,
        "cut by {sizes:?}"
    );
    assert_eq!(
        axum_socketio::fuzzing::websocket_stream(stream, &[0], MAX),
        whole,
        "byte for byte"
    );
    let (said, refused, control_format) = whole;
    oracle::assert_agreement(
        stream,
        MAX,
        &oracle::Ours {
            said,
            refused,
            control_format,
        },
    );
});
