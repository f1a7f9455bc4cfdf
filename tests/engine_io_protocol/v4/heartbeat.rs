use super::{polling_session, websocket_session};
use crate::wire::{Profile, Request, TestServer};

#[tokio::test]
async fn polling_is_pinged_and_answers() {
    let server = TestServer::suite(Profile::Hasty).await;
    let target = polling_session(&server).await;
    for _ in 0..3 {
        assert_eq!(Request::get(target.as_str()).send(server.addr).await.text(), "2");
        Request::post(target.as_str(), "3")
            .send(server.addr)
            .await
            .assert_ok();
    }
}

#[tokio::test]
async fn polling_that_does_not_answer_is_closed() {
    let server = TestServer::suite(Profile::Hasty).await;
    let target = polling_session(&server).await;
    assert_eq!(Request::get(target.as_str()).send(server.addr).await.text(), "2");
    assert_eq!(Request::get(target.as_str()).send(server.addr).await.text(), "1");
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
}

#[tokio::test]
async fn a_websocket_is_pinged_and_answers() {
    let server = TestServer::suite(Profile::Hasty).await;
    let mut ws = websocket_session(&server).await;
    for _ in 0..3 {
        ws.expect("2").await;
        ws.send("3").await;
    }
}

#[tokio::test]
async fn a_websocket_that_does_not_answer_is_closed() {
    let server = TestServer::suite(Profile::Hasty).await;
    let mut ws = websocket_session(&server).await;
    ws.expect("2").await;
    ws.expect_close().await;
}

/// In revision 4 it is the server that pings.
#[tokio::test]
async fn a_ping_from_the_client_closes_the_session() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    ws.send("2").await;
    ws.expect_close().await;
}

#[tokio::test]
async fn an_unasked_pong_harms_nothing() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    ws.send("3").await;
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back"]"#).await;
}
