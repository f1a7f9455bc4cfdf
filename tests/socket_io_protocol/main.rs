//! The official Socket.IO protocol suite, and its like for protocol 4, which Engine.IO 3 clients speak.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

#[path = "../support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the other suites")]
mod wire;

mod v4;
mod v5;

use wire::{Eio, TestClient, TestServer, Via};

/// A client connected to `/` that has read what it is greeted with.
async fn greeted(server: &TestServer, eio: Eio, via: Via) -> TestClient {
    let mut client = TestClient::connect(server, eio, via).await;
    client.expect(r#"42["auth",{}]"#).await;
    client
}
