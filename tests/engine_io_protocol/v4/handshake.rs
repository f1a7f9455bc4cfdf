use crate::wire::{Eio, Frame, Profile, Request, TestServer, Ws};

/// The open packet of a server with default options, with `SID` for the session id.
fn normal(open: &str) -> String {
    let rest = open.strip_prefix(r#"0{"sid":""#).expect("an open packet");
    let (sid, rest) = rest.split_once('"').unwrap();
    assert_eq!(sid.len(), 20, "the id has the length of Node's");
    assert!(
        sid.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
        "base64url: {sid}"
    );
    format!(r#"0{{"sid":"SID"{rest}"#)
}

#[tokio::test]
async fn polling_opens_a_session() {
    let server = TestServer::suite(Profile::Defaults).await;
    let response = Request::get("/socket.io/?EIO=4&transport=polling")
        .send(server.addr)
        .await;
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, Some("text/plain; charset=UTF-8"))
    );
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(
        normal(response.text()),
        r#"0{"sid":"SID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    );
}

#[tokio::test]
async fn a_websocket_opens_a_session() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = Ws::open(server.addr, "/socket.io/?EIO=4&transport=websocket").await;
    let Frame::Text(open) = ws.recv().await else {
        panic!("no text")
    };
    assert_eq!(
        normal(&open),
        r#"0{"sid":"SID","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    );
}

#[tokio::test]
async fn every_session_has_an_id_of_its_own() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut opened = Vec::new();
    for _ in 0..20 {
        opened.push(
            Request::get("/socket.io/?EIO=4&transport=polling")
                .send(server.addr)
                .await
                .body,
        );
    }
    opened.sort_unstable();
    opened.dedup();
    assert_eq!(opened.len(), 20);
}

/// Where Engine.IO 3 is refused, everything but exactly `4` is.
#[tokio::test]
async fn an_invalid_revision_is_refused() {
    let server = TestServer::suite(Profile::OnlyV4).await;
    for eio in ["", "EIO=abc&", "EIO=3&", "EIO=5&"] {
        let target = format!("/socket.io/?{eio}transport=polling");
        Request::get(target)
            .send(server.addr)
            .await
            .assert_refusal(5, "Unsupported protocol version");
    }
}

/// Node answers 101 before it refuses; here the refusal is HTTP.
#[tokio::test]
async fn an_invalid_revision_is_refused_before_there_is_a_websocket() {
    let server = TestServer::suite(Profile::OnlyV4).await;
    for eio in ["", "EIO=abc&", "EIO=3&"] {
        let refused = Ws::try_open(server.addr, &format!("/socket.io/?{eio}transport=websocket")).await;
        assert_eq!(
            refused.unwrap_err(),
            (400, "Unsupported protocol version".to_owned()),
            "{eio}"
        );
    }
}

#[tokio::test]
async fn an_invalid_transport_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    for transport in ["", "&transport=", "&transport=abc", "&transport=webtransport"] {
        let target = format!("/socket.io/?EIO=4{transport}");
        Request::get(target)
            .send(server.addr)
            .await
            .assert_refusal(0, "Transport unknown");
    }
}

#[tokio::test]
async fn an_invalid_transport_is_refused_before_there_is_a_websocket() {
    let server = TestServer::suite(Profile::Defaults).await;
    for transport in ["", "&transport=abc"] {
        let refused = Ws::try_open(server.addr, &format!("/socket.io/?EIO=4{transport}")).await;
        assert_eq!(
            refused.unwrap_err(),
            (400, "Transport unknown".to_owned()),
            "{transport:?}"
        );
    }
}

#[tokio::test]
async fn a_websocket_without_upgrade_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    Request::get(Eio::V4.target("websocket"))
        .send(server.addr)
        .await
        .assert_refusal(3, "Bad request");
}

#[tokio::test]
async fn an_invalid_method_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let response = Request::new(method, Eio::V4.target("polling"))
            .send(server.addr)
            .await;
        response.assert_refusal(2, "Bad handshake method");
    }
}

#[tokio::test]
async fn an_unknown_session_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = format!("{}&sid=abcdefghijklmnopqrst", Eio::V4.target("polling"));
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
    Request::post(target.as_str(), "40")
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
    let target = format!("{}&sid=abcdefghijklmnopqrst", Eio::V4.target("websocket"));
    let refused = Ws::try_open(server.addr, &target).await;
    assert_eq!(refused.unwrap_err(), (400, "Session ID unknown".to_owned()));
}
