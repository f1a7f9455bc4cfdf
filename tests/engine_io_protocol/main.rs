//! The official Engine.IO protocol suite, and its like for revision 3 and for JSONP.
//!
//! User code reaches Engine.IO messages through Socket.IO only, so messages are Socket.IO packets here.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

#[path = "../support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the other suites")]
mod wire;

mod jsonp;
mod v3;
mod v4;

use wire::{Eio, Profile, TestClient, TestServer, Via};

#[tokio::test]
async fn clients_of_both_revisions_share_a_server_over_every_transport() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut clients = Vec::new();
    for eio in [Eio::V3, Eio::V4] {
        for via in [Via::Polling, Via::WebSocket] {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.expect(r#"42["auth",{}]"#).await;
            clients.push(client);
        }
    }
    for client in &mut clients {
        client.expect_nothing().await;
    }
}
