use std::{sync::Arc, time::Duration};

use axum_socketio::{Namespace, Socket, SocketIo, adapter::Bus};
use bytes::Bytes;

use super::connected;
use crate::{
    echoing, io,
    wire::{Eio, TestClient, TestServer, Via},
};

#[tokio::test]
async fn a_namespace_has_the_name_that_clients_know() {
    let (io, _) = io(SocketIo::builder());
    let named = |namespace: Namespace| {
        echoing(namespace).on("name", async |socket: Socket| {
            socket.emit("name", socket.namespace().name())
        })
    };
    assert_eq!((named(io.of("/chat")).name(), io.of("/").name()), ("/chat", "/"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/chat").await;
        client.send(r#"42/chat,["name"]"#).await;
        client.expect(r#"42/chat,["name","/chat"]"#).await;
    }
}

#[tokio::test]
async fn a_namespace_knows_who_is_connected() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (io, server, mut client, socket) = connected(eio, via).await;
        let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        let (main, chat) = (io.of("/"), io.of("/chat"));
        assert_eq!((main.len(), main.sockets().len()), (2, 2));
        assert!(main.sockets().contains(&socket));
        assert_eq!(main.socket(socket.id()), Some(socket.clone()));
        assert_eq!((chat.len(), chat.socket(socket.id())), (1, None));
        client.send("41").await;
        other.expect_nothing().await;
        // It leaves on a thread of its own.
        while main.len() > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!((socket.is_connected(), main.socket(socket.id())), (false, None));
        assert_eq!(chat.len(), 1, "where it still is");
    }
}

/// All its clients, with all arguments, binary where they are.
#[tokio::test]
async fn an_emit_of_a_namespace_reaches_all_its_clients_and_no_others() {
    let (io, main) = io(SocketIo::builder());
    let chat = io.of("/chat");
    let server = TestServer::start(&io).await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/chat").await;
        clients.push(client);
    }
    let outside = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    chat.emit("none", ());
    chat.emit("some", (1, "two", [3]));
    chat.send("a message");
    main.emit("with-binary", (1, Bytes::from_static(&[4, 5])));
    for client in &mut clients {
        client.expect(r#"42/chat,["none"]"#).await;
        client.expect(r#"42/chat,["some",1,"two",[3]]"#).await;
        client.expect(r#"42/chat,["message","a message"]"#).await;
    }
    clients.push(outside);
    for client in &mut clients {
        client
            .expect(r#"451-["with-binary",1,{"_placeholder":true,"num":0}]"#)
            .await;
        client.expect([4, 5]).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn the_ids_of_clients_are_those_they_were_told() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.clone().on("join", async |socket: Socket| {
        socket.join("general");
        socket.emit("joined", ());
    });
    let server = TestServer::start(&io).await;
    let (mut clients, mut ids) = (Vec::new(), Vec::new());
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        ids.push(client.join("/").await);
        clients.push(client);
    }
    clients[1].send(r#"42["join"]"#).await;
    clients[1].expect(r#"42["joined"]"#).await;
    let general = main.within("general").clients().await.unwrap();
    assert_eq!(general.len(), 1);
    assert_eq!(general[0].as_str(), ids[1]);
    let all = main.clients().await.unwrap();
    let mut all: Vec<_> = all.iter().map(|id| id.as_str().to_owned()).collect();
    all.sort_unstable();
    ids.sort_unstable();
    assert_eq!(all, ids);
}

/// The one that was given as an option, in every namespace; without one a server is alone.
#[tokio::test]
async fn the_adapter_of_a_namespace_is_that_of_the_server() {
    let alone = SocketIo::new();
    assert!(alone.adapter().is_alone() && alone.of("/chat").adapter().is_alone());
    let bus = Bus::new();
    let (one, main) = io(SocketIo::builder().adapter(bus.adapter()));
    let (two, _) = io(SocketIo::builder().adapter(bus.adapter()));
    assert!(!main.adapter().is_alone());
    assert!(Arc::ptr_eq(&main.adapter(), &one.adapter()));
    assert!(Arc::ptr_eq(&one.of("/chat").adapter(), &one.adapter()));
    while main.server_count().await < 2 {
        tokio::task::yield_now().await;
    }
    let server = TestServer::start(&two).await;
    let mut there = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    main.local().emit("here", 1);
    main.emit("everywhere", 2);
    there.expect(r#"42["everywhere",2]"#).await;
    there.expect_nothing().await;
}

#[tokio::test]
async fn the_ids_that_other_servers_told_are_kept_where_one_is_silent() {
    let bus = Bus::new();
    let (mut servers, mut ids, mut clients) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let (io, _) = io(SocketIo::builder().adapter(bus.adapter()));
        let server = TestServer::start(&io).await;
        let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        ids.push(client.join("/").await);
        clients.push(client);
        servers.push((io, server));
    }
    let main = servers[0].0.of("/");
    while main.server_count().await < 3 {
        tokio::task::yield_now().await;
    }
    let silent = servers[1].0.server_id().unwrap().clone();
    bus.cut(&silent);
    let asked = main.timeout(Duration::from_secs(2)).clients().await;
    let incomplete = asked.unwrap_err();
    assert_eq!(incomplete.missing(), [silent]);
    let mut told: Vec<_> = incomplete.received.iter().map(|id| id.as_str()).collect();
    let mut expected = [&*ids[0], &*ids[2]];
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
}
