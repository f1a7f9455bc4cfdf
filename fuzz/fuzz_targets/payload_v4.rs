//! Any text as a polling payload of Engine.IO 4.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &str| axum_socketio::fuzzing::payload_v4(body));
