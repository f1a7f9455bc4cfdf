use serde_json::{Value, json};

use crate::wire::{Eio, Frame, Packet, Profile, Request, TestServer, Ws};

fn read_open(packet: &str) -> Value {
    let mut open: Value = serde_json::from_str(packet.strip_prefix('0').expect("an open packet")).unwrap();
    let fields = open.as_object_mut().unwrap();
    assert_eq!(fields.remove("sid").unwrap().as_str().unwrap().len(), 20);
    // Node 4 sends it to these clients too, Node 2 doesn't; they ignore it.
    fields.remove("maxPayload");
    open
}

/// `/` has no middleware, so its CONNECT comes with the open packet and saves a round trip.
#[tokio::test]
async fn polling_opens_a_session_and_connects_in_one_answer() {
    let server = TestServer::suite(Profile::Defaults).await;
    let response = Request::get("/socket.io/?EIO=3&transport=polling")
        .send(server.addr)
        .await;
    assert_eq!(response.header("content-type"), Some("text/plain; charset=UTF-8"));
    let packets = Eio::V3.decode(&response);
    let Packet::Text(open) = &packets[0] else {
        panic!("no text")
    };
    let expected = json!({ "upgrades": ["websocket"], "pingInterval": 25000, "pingTimeout": 20000 });
    assert_eq!(read_open(open), expected);
    assert_eq!(packets[1], "40".into());
}

#[tokio::test]
async fn a_websocket_opens_a_session_and_connects() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = Ws::open(server.addr, "/socket.io/?EIO=3&transport=websocket").await;
    let Frame::Text(open) = ws.recv().await else {
        panic!("no text")
    };
    assert_eq!(
        read_open(&open),
        json!({ "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000 })
    );
    ws.expect("40").await;
}

/// Some old clients leave the revision out.
#[tokio::test]
async fn a_client_without_revision_is_an_old_one() {
    let server = TestServer::suite(Profile::Defaults).await;
    let response = Request::get("/socket.io/?transport=polling")
        .send(server.addr)
        .await;
    assert_eq!(Eio::V3.decode(&response)[1], "40".into());
}

#[tokio::test]
async fn what_is_invalid_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    let cases = [
        ("GET", "/socket.io/?EIO=3", 0, "Transport unknown"),
        ("GET", "/socket.io/?EIO=3&transport=abc", 0, "Transport unknown"),
        (
            "POST",
            "/socket.io/?EIO=3&transport=polling",
            2,
            "Bad handshake method",
        ),
        (
            "GET",
            "/socket.io/?EIO=3&transport=polling&sid=abcdefghijklmnopqrst",
            1,
            "Session ID unknown",
        ),
    ];
    for (method, target, code, message) in cases {
        Request::new(method, target)
            .send(server.addr)
            .await
            .assert_refusal(code, message);
    }
}
