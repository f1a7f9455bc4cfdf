use super::polling_session;
use crate::wire::{Profile, Request, TestServer, Ws};

async fn probe(server: &TestServer, target: &str) -> Ws {
    let mut ws = Ws::open(server.addr, &target.replace("polling", "websocket")).await;
    ws.send("2probe").await;
    ws.expect("3probe").await;
    ws
}

#[tokio::test]
async fn polling_becomes_a_websocket() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let poll = Request::get(target.as_str()).start(server.addr).await;
    let mut ws = probe(&server, &target).await;
    assert_eq!(poll.response().await.text(), "6");
    ws.send("5").await;
    ws.send(r#"42["message","upgraded"]"#).await;
    ws.expect(r#"42["message-back","upgraded"]"#).await;
}

/// What is sent during the upgrade comes by the poll, or first of all by the WebSocket.
#[tokio::test]
async fn nothing_is_lost_or_overtaken_while_upgrading() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let mut ws = probe(&server, &target).await;
    Request::post(target.as_str(), r#"42["message",1]"#)
        .send(server.addr)
        .await
        .assert_ok();
    ws.send("5").await;
    ws.send(r#"42["message",2]"#).await;
    ws.expect(r#"42["message-back",1]"#).await;
    ws.expect(r#"42["message-back",2]"#).await;
}

/// A client that polls on during the upgrade is answered again and again.
#[tokio::test]
async fn every_poll_while_upgrading_is_released() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let mut ws = probe(&server, &target).await;
    for _ in 0..3 {
        assert_eq!(Request::get(target.as_str()).send(server.addr).await.text(), "6");
    }
    ws.send("5").await;
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back"]"#).await;
}

#[tokio::test]
async fn polling_is_over_after_the_upgrade() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let mut ws = probe(&server, &target).await;
    ws.send("5").await;
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back"]"#).await;
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(3, "Bad request");
    Request::post(target.as_str(), "3")
        .send(server.addr)
        .await
        .assert_refusal(3, "Bad request");
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back"]"#).await;
}

#[tokio::test]
async fn a_second_websocket_is_closed_and_the_first_goes_on() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let mut ws = probe(&server, &target).await;
    for upgrade in [None, Some("5")] {
        if let Some(packet) = upgrade {
            ws.send(packet).await;
            ws.send(r#"42["message"]"#).await;
            ws.expect(r#"42["message-back"]"#).await;
        }
        let mut second = Ws::open(server.addr, &target.replace("polling", "websocket")).await;
        second.expect_close().await;
    }
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back"]"#).await;
}

#[tokio::test]
async fn a_probe_that_says_something_else_is_closed_and_polling_lives() {
    let server = TestServer::suite(Profile::Defaults).await;
    for packet in ["2", "3probe", r#"42["message"]"#, "abc"] {
        let target = polling_session(&server).await;
        let mut ws = Ws::open(server.addr, &target.replace("polling", "websocket")).await;
        ws.send(packet).await;
        ws.expect_close().await;
        Request::post(target.as_str(), r#"42["message","alive"]"#)
            .send(server.addr)
            .await
            .assert_ok();
        let response = Request::get(target.as_str()).send(server.addr).await;
        assert_eq!(response.text(), r#"42["message-back","alive"]"#, "after {packet}");
    }
}

#[tokio::test]
async fn a_lost_probe_leaves_polling_alive() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    probe(&server, &target).await.close().await;
    Request::post(target.as_str(), r#"42["message","alive"]"#)
        .send(server.addr)
        .await
        .assert_ok();
    loop {
        let response = Request::get(target.as_str()).send(server.addr).await;
        // A poll may be released for the upgrade that the server doesn't know yet to have failed.
        if response.text() != "6" {
            return assert_eq!(response.text(), r#"42["message-back","alive"]"#);
        }
    }
}

#[tokio::test]
async fn an_upgrade_without_probe_is_accepted() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let mut ws = Ws::open(server.addr, &target.replace("polling", "websocket")).await;
    ws.send("5").await;
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back"]"#).await;
}

/// The heartbeat goes on across the upgrade.
#[tokio::test]
async fn an_upgraded_session_is_pinged_and_closed_if_it_does_not_answer() {
    let server = TestServer::suite(Profile::Hasty).await;
    let target = polling_session(&server).await;
    let mut ws = probe(&server, &target).await;
    ws.send("5").await;
    ws.expect("2").await;
    ws.send("3").await;
    ws.expect("2").await;
    ws.expect_close().await;
}
