//! Any text as the query of every kind of request.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| axum_socketio::fuzzing::query(text));
