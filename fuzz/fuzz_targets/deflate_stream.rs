#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| axum_socketio::fuzzing::deflate_stream(input));
