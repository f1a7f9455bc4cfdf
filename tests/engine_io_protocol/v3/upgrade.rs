use super::{payload, polling_session};
use crate::wire::{Frame, Profile, Request, TestServer, Ws};

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
    assert_eq!(poll.response().await.text(), "1:6");
    ws.send("5").await;
    ws.send(r#"42["message","upgraded"]"#).await;
    ws.expect(r#"42["message-back","upgraded"]"#).await;
}

#[tokio::test]
async fn nothing_is_lost_or_overtaken_while_upgrading() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let mut ws = probe(&server, &target).await;
    let body = payload(&[r#"42["message",1]"#]);
    Request::post(target.as_str(), body)
        .send(server.addr)
        .await
        .assert_ok();
    ws.send("5").await;
    ws.send(r#"42["message",2]"#).await;
    ws.expect(r#"42["message-back",1]"#).await;
    ws.expect(r#"42["message-back",2]"#).await;
}

/// A session without binary over polling has it over the WebSocket, unless that too is opened with `b64`.
#[tokio::test]
async fn binary_frames_begin_with_their_type_after_the_upgrade_too() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = super::base64_session(&server).await;
    let mut ws = probe(&server, &target.replace("&b64=1", "")).await;
    ws.send("5").await;
    ws.send(r#"451-["message",{"_placeholder":true,"num":0}]"#).await;
    ws.send_binary([4, 1, 2]).await;
    ws.expect(r#"451-["message-back",{"_placeholder":true,"num":0}]"#)
        .await;
    assert_eq!(ws.recv().await, Frame::Binary(vec![4, 1, 2]));
}

/// Node 4 forgets the timer here, Node 2 doesn't.
#[tokio::test]
async fn an_upgraded_session_that_does_not_ping_is_closed() {
    let server = TestServer::suite(Profile::Hasty).await;
    let target = polling_session(&server).await;
    let mut ws = probe(&server, &target).await;
    ws.send("5").await;
    ws.send("2").await;
    ws.expect("3").await;
    ws.expect_close().await;
}
