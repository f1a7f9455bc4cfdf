use std::time::Instant;

use super::{payload, polling_session, websocket_session};
use crate::wire::{Eio, Packet, Profile, Request, TestServer};

#[tokio::test]
async fn polling_gets_its_pings_answered() {
    let server = TestServer::suite(Profile::Hasty).await;
    let target = polling_session(&server).await;
    for _ in 0..3 {
        Request::post(target.as_str(), "1:2")
            .send(server.addr)
            .await
            .assert_ok();
        assert_eq!(
            Request::get(target.as_str()).send(server.addr).await.text(),
            "1:3"
        );
    }
}

#[tokio::test]
async fn polling_that_does_not_ping_is_closed() {
    let server = TestServer::suite(Profile::Hasty).await;
    let target = polling_session(&server).await;
    assert_eq!(
        Request::get(target.as_str()).send(server.addr).await.text(),
        "1:1"
    );
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
}

#[tokio::test]
async fn a_websocket_gets_its_pings_answered() {
    let server = TestServer::suite(Profile::Hasty).await;
    let mut ws = websocket_session(&server).await;
    for ping in ["2", "2abc", "2"] {
        ws.send(ping).await;
        ws.expect("3").await;
    }
}

#[tokio::test]
async fn a_websocket_that_does_not_ping_is_closed() {
    let server = TestServer::suite(Profile::Hasty).await;
    let mut ws = websocket_session(&server).await;
    ws.expect_close().await;
}

/// Who is heard of lives: 2.x counts every packet, 4.x the pings only.
#[tokio::test]
async fn any_packet_counts_as_a_sign_of_life() {
    let server = TestServer::suite(Profile::Hasty).await;
    let target = polling_session(&server).await;
    let begun = now();
    while begun.elapsed() < 2 * (Profile::PING_INTERVAL + Profile::PING_TIMEOUT) {
        let body = payload(&[r#"42["message"]"#]);
        Request::post(target.as_str(), body)
            .send(server.addr)
            .await
            .assert_ok();
        let packets = Eio::V3.decode(&Request::get(target.as_str()).send(server.addr).await);
        assert_eq!(packets, [Packet::from(r#"42["message-back"]"#)]);
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is about time that passes")]
fn now() -> Instant {
    Instant::now()
}
