use std::{sync::mpsc, thread};

use axum_socketio::{ConnectError, SocketIo};
use tokio::sync::oneshot;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_into_a_namespace_before_it_is_set_up() {
    let (io, _) = io(SocketIo::builder());
    let rooms = io.of_matching(|name| name == "/room").on("message", async || {});
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let name = format!("/tenant-{eio:?}-{via:?}");
        let mut client = TestClient::connect(&server, eio, via).await;
        let (begun, has_begun) = oneshot::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let (sets_up, made) = (io.clone(), name.clone());
        let setting_up = thread::spawn(move || {
            sets_up.of_with(made, |tenant| {
                begun.send(()).unwrap();
                goes_on.recv().unwrap();
                tenant.middleware(async || Err::<(), _>(ConnectError::new("not a member")))
            })
        });
        has_begun.await.unwrap();
        client.send(format!("40{name},")).await;
        assert!(client.text().await.contains("Invalid namespace"));
        assert!(io.get(&name).is_none());
        go_on.send(()).unwrap();
        let tenant = setting_up.join().unwrap();
        client.send(format!("40{name},")).await;
        assert!(client.text().await.contains("not a member"));
        // It is there: nobody sets it up again.
        let same = io.of_with(&name, |_| unreachable!("it has been set up"));
        assert_eq!(same.name(), tenant.name());
    }
    // A child has what its parent has, and what it is given besides.
    let room = io.of_with("room", |room| {
        room.middleware(async || Err::<(), _>(ConnectError::new("closed")))
    });
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/room,").await;
    client.expect(r#"44/room,{"message":"closed"}"#).await;
    assert!(room.is_empty() && rooms.is_empty());
}

/// In Node they are destroyed after a second, here they are the application's, which has an answer at once.
#[tokio::test]
async fn upgrades_for_elsewhere_are_answered_by_the_application() {
    let server = TestServer::start(&SocketIo::new()).await;
    let refused = Ws::try_open(server.addr, "/elsewhere").await.unwrap_err();
    assert_eq!(refused.0, 404);
}
