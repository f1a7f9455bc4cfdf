use super::{polling_session, websocket_session};
use crate::wire::{Profile, Request, TestServer};

#[tokio::test]
async fn the_client_closes_over_polling() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    Request::post(target.as_str(), "1")
        .send(server.addr)
        .await
        .assert_ok();
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
}

/// The pending poll is let go with a noop: a close packet would be news that the client has told itself.
#[tokio::test]
async fn the_pending_poll_of_a_client_that_closes_gets_a_noop() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let poll = Request::get(target.as_str()).start(server.addr).await;
    // An echo that goes out through a poll proves that polls arrive; the next one is then as good as pending.
    Request::post(target.as_str(), r#"42["message"]"#)
        .send(server.addr)
        .await
        .assert_ok();
    poll.response().await;
    let poll = Request::get(target.as_str()).start(server.addr).await;
    Request::post(target.as_str(), "1")
        .send(server.addr)
        .await
        .assert_ok();
    let response = poll.response().await;
    assert!(response.status == 400 || response.text() == "6", "{response:?}");
}

/// What follows a close packet in a payload is not delivered.
#[tokio::test]
async fn a_close_packet_ends_its_payload() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let body = "42[\"message\",1]\x1e1\x1e42[\"message\",2]";
    Request::post(target.as_str(), body)
        .send(server.addr)
        .await
        .assert_ok();
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
}

#[tokio::test]
async fn the_client_closes_a_websocket() {
    let server = TestServer::suite(Profile::Defaults).await;
    websocket_session(&server).await.close().await;
}

/// The server closes after what it has to say.
#[tokio::test]
async fn the_server_closes_polling_with_the_pending_poll_or_the_next() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    Request::post(target.as_str(), r#"42["leave",true]"#)
        .send(server.addr)
        .await
        .assert_ok();
    assert_eq!(Request::get(target.as_str()).send(server.addr).await.text(), "41");
    assert_eq!(
        Request::get(target.as_str()).send(server.addr).await.text(),
        "6\x1e1"
    );
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
}

#[tokio::test]
async fn the_server_closes_a_websocket_without_a_code() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    ws.send(r#"42["leave",true]"#).await;
    ws.expect("41").await;
    ws.expect_close().await;
}
