//! Any text as a Socket.IO packet: it is judged without a panic, its arguments are found, and what is read reads the same once it
//! has been written again.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| axum_socketio::fuzzing::packet(text));
