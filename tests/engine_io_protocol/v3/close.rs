use super::{payload, polling_session, websocket_session};
use crate::wire::{Profile, Request, TestServer};

#[tokio::test]
async fn the_client_closes_over_polling() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    Request::post(target.as_str(), "1:1")
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

#[tokio::test]
async fn the_server_closes_polling_with_the_next_poll() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let body = payload(&[r#"42["leave",true]"#]);
    Request::post(target.as_str(), body)
        .send(server.addr)
        .await
        .assert_ok();
    assert_eq!(
        Request::get(target.as_str()).send(server.addr).await.text(),
        "2:41"
    );
    assert_eq!(
        Request::get(target.as_str()).send(server.addr).await.text(),
        "1:61:1"
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
