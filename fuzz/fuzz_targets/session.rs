//! Anything that a client, a server and the time can do to a session, two bytes for each.

#![no_main]

use std::{sync::LazyLock, time::Instant};

use libfuzzer_sys::fuzz_target;

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

fuzz_target!(|operations: &[u8]| axum_socketio::fuzzing::session(operations, *EPOCH));
