//! Revision 4.

mod close;
mod handshake;
mod heartbeat;
mod message;
mod upgrade;

use crate::wire::{Eio, Frame, Request, TestServer, Ws};

/// A session opened by polling and connected to `/`, whose events so far have been fetched; gives its polling target.
async fn polling_session(server: &TestServer) -> String {
    session_of(server, None).await
}

/// That of a client that says this of itself.
async fn session_of(server: &TestServer, user_agent: Option<&str>) -> String {
    let target = Eio::V4.target("polling");
    let mut handshake = Request::get(target.as_str());
    if let Some(user_agent) = user_agent {
        handshake = handshake.header("user-agent", user_agent);
    }
    let opened = handshake.send(server.addr).await;
    let open: serde_json::Value = serde_json::from_str(&opened.text()[1..]).unwrap();
    let target = format!("{target}&sid={}", open["sid"].as_str().unwrap());
    Request::post(target.as_str(), "40")
        .send(server.addr)
        .await
        .assert_ok();
    let connected = Request::get(target.as_str()).send(server.addr).await;
    if !connected.text().contains('\x1e') {
        Request::get(target.as_str()).send(server.addr).await;
    }
    target
}

/// A session opened by WebSocket and connected to `/`, whose events so far have been read.
async fn websocket_session(server: &TestServer) -> Ws {
    let mut ws = Ws::open(server.addr, &Eio::V4.target("websocket")).await;
    let open = ws.recv().await;
    assert!(matches!(open, Frame::Text(text) if text.starts_with("0{")));
    ws.send("40").await;
    ws.recv().await;
    ws.expect(r#"42["auth",{}]"#).await;
    ws
}
