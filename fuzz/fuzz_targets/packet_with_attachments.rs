//! Any text as a Socket.IO packet, followed by any attachments.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| axum_socketio::fuzzing::packet_with_attachments(input));
