use super::{base64_session, payload, polling_session, websocket_session};
use crate::wire::{Eio, Frame, Packet, Profile, Request, TestServer};

const BINARY: &str = r#"451-["message",{"_placeholder":true,"num":0}]"#;
const BINARY_BACK: &str = r#"451-["message-back",{"_placeholder":true,"num":0}]"#;

#[tokio::test]
async fn polling_carries_one_text_packet() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let poll = Request::get(target.as_str()).start(server.addr).await;
    Request::post(target.as_str(), r#"21:42["message","hello"]"#)
        .send(server.addr)
        .await
        .assert_ok();
    let response = poll.response().await;
    assert_eq!(response.text(), r#"26:42["message-back","hello"]"#);
    assert_eq!(response.header("content-type"), Some("text/plain; charset=UTF-8"));
}

/// Lengths are UTF-16 code units: `€` counts one, `😀` two.
#[tokio::test]
async fn polling_carries_several_packets_of_any_script() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let body = r#"17:42["message","€"]18:42["message","😀"]"#;
    Request::post(target.as_str(), body)
        .send(server.addr)
        .await
        .assert_ok();
    let mut texts = Vec::new();
    while texts.len() < 2 {
        for packet in Eio::V3.decode(&Request::get(target.as_str()).send(server.addr).await) {
            let Packet::Text(text) = packet else {
                panic!("no text")
            };
            texts.push(serde_json::from_str::<serde_json::Value>(&text[2..]).unwrap());
        }
    }
    // JSON may be escaped: 1.x clients read only ASCII rightly.
    assert_eq!(
        texts,
        [
            serde_json::json!(["message-back", "€"]),
            serde_json::json!(["message-back", "😀"])
        ]
    );
}

#[tokio::test]
async fn a_client_with_binary_gets_binary_bodies() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let body = [
        &b"\0\x04\x05\xff"[..],
        BINARY.as_bytes(),
        &[1, 5, 255, 4, 1, 2, 3, 4],
    ]
    .concat();
    let post = Request::post(target.as_str(), body).header("Content-Type", "application/octet-stream");
    post.send(server.addr).await.assert_ok();
    let response = Request::get(target.as_str()).send(server.addr).await;
    assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    let expected = [
        &b"\0\x05\x00\xff"[..],
        BINARY_BACK.as_bytes(),
        &[1, 5, 255, 4, 1, 2, 3, 4],
    ]
    .concat();
    assert_eq!(response.body, expected);
}

#[tokio::test]
async fn a_client_without_binary_gets_base64() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = base64_session(&server).await;
    let body = payload(&[BINARY, "b4AQIDBA=="]);
    Request::post(target.as_str(), body)
        .send(server.addr)
        .await
        .assert_ok();
    let response = Request::get(target.as_str()).send(server.addr).await;
    assert_eq!(response.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(response.text(), payload(&[BINARY_BACK, "b4AQIDBA=="]));
}

#[tokio::test]
async fn an_invalid_payload_closes_the_session() {
    let server = TestServer::suite(Profile::Defaults).await;
    for body in ["abc", "", "3:4a", "a:4a", ":4a", "1:x", "13:42[\"message\"]1"] {
        let target = polling_session(&server).await;
        Request::post(target.as_str(), body)
            .send(server.addr)
            .await
            .assert_ok();
        let response = Request::get(target.as_str()).send(server.addr).await;
        response.assert_refusal(1, "Session ID unknown");
    }
}

#[tokio::test]
async fn a_second_poll_closes_the_session_and_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let first = Request::get(target.as_str()).start(server.addr).await;
    let second = Request::get(target.as_str()).start(server.addr).await;
    let (first, second) = tokio::join!(first.response(), second.response());
    let (answered, refused) = if first.status == 200 {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!((answered.status, answered.text()), (200, "1:1"));
    refused.assert_empty(400);
}

#[tokio::test]
async fn a_websocket_carries_text() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    ws.send(r#"42["message","hello"]"#).await;
    ws.expect(r#"42["message-back","hello"]"#).await;
}

/// A binary frame begins with the type of the packet.
#[tokio::test]
async fn a_websocket_carries_binary() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    ws.send(BINARY).await;
    ws.send_binary([4, 1, 2, 3, 4]).await;
    ws.expect(BINARY_BACK).await;
    assert_eq!(ws.recv().await, Frame::Binary(vec![4, 1, 2, 3, 4]));
}

#[tokio::test]
async fn an_invalid_packet_over_a_websocket_closes_it() {
    let server = TestServer::suite(Profile::Defaults).await;
    for packet in ["abc", "", "7", "x"] {
        let mut ws = websocket_session(&server).await;
        ws.send(packet).await;
        ws.expect_close().await;
    }
}
