//! Any bytes as a polling payload of Engine.IO 3, in bytes and in text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| axum_socketio::fuzzing::payload_v3(body));
