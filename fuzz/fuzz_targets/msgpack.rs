//! Any bytes as a Socket.IO packet in msgpack: they are judged without a panic, their arguments are found, and what is read reads the
//! same once it has been written again.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| axum_socketio::fuzzing::msgpack(input));
