//! Revision 3: the same promises in the shapes that JS clients 1.x and 2.x know.

mod close;
mod handshake;
mod heartbeat;
mod message;
mod upgrade;

use crate::wire::{Eio, Frame, Packet, Request, TestServer, Ws};

/// A session opened by polling, connected to `/`, whose events so far have been fetched; gives its polling target.
async fn polling_session(server: &TestServer) -> String {
    session(server, Eio::V3.target("polling")).await
}

/// A session of a client that can't take binary bodies.
async fn base64_session(server: &TestServer) -> String {
    session(server, format!("{}&b64=1", Eio::V3.target("polling"))).await
}

async fn session(server: &TestServer, target: String) -> String {
    let mut packets = Eio::V3.decode(&Request::get(target.as_str()).send(server.addr).await);
    let Packet::Text(open) = &packets[0] else {
        panic!("no open packet")
    };
    let open: serde_json::Value = serde_json::from_str(&open[1..]).unwrap();
    let target = format!("{target}&sid={}", open["sid"].as_str().unwrap());
    while packets.last() != Some(&r#"42["auth",{}]"#.into()) {
        packets = Eio::V3.decode(&Request::get(target.as_str()).send(server.addr).await);
    }
    target
}

/// A session opened by WebSocket, connected to `/`, whose events so far have been read.
async fn websocket_session(server: &TestServer) -> Ws {
    let mut ws = Ws::open(server.addr, &Eio::V3.target("websocket")).await;
    assert!(matches!(ws.recv().await, Frame::Text(text) if text.starts_with("0{")));
    ws.expect("40").await;
    ws.expect(r#"42["auth",{}]"#).await;
    ws
}

/// The texts as a payload.
fn payload(texts: &[&str]) -> String {
    let packets: Vec<Packet> = texts.iter().map(|text| Packet::from(*text)).collect();
    Eio::V3.encode(&packets)
}
