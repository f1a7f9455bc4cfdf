use axum_socketio::SocketIo;

use super::connected;
use crate::{
    io,
    wire::{Eio, TestClient, TestServer, Via, Ws},
};

#[tokio::test]
async fn sockets_is_the_default_namespace() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (io, _server, mut client, _) = connected(eio, via).await;
        io.sockets().emit("news", 1);
        io.of("/chat").emit("news", 2);
        client.expect(r#"42["news",1]"#).await;
        client.expect(r#"42/chat,["news",2]"#).await;
        client.expect_nothing().await;
    }
}

/// It is there from its creation on, and the same each time.
#[tokio::test]
async fn of_makes_a_namespace_once() {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    assert!(io.get("/late").is_none());
    client.send("40/late,").await;
    client.expect(r#"44/late,{"message":"Invalid namespace"}"#).await;
    let made = io.of("/late");
    assert!(io.get("/late").is_some());
    let id = client.join("/late").await;
    for same in [made, io.of("/late"), io.of("late")] {
        assert!(same.socket(&id).is_some());
    }
}

/// In Node they are destroyed after a second, here they are the application's, which has an answer at once.
#[tokio::test]
async fn upgrades_for_elsewhere_are_answered_by_the_application() {
    let server = TestServer::start(&SocketIo::new()).await;
    let refused = Ws::try_open(server.addr, "/elsewhere").await.unwrap_err();
    assert_eq!(refused.0, 404);
}
