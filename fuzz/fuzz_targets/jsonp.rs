//! Any bytes as the form of a JSONP client, and as what is sent to one.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| axum_socketio::fuzzing::jsonp(body));
