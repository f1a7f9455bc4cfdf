use axum_socketio::{Broadcast, Namespace, Socket, SocketIo};

use crate::{
    io,
    wire::{Eio, TestClient, TestServer, Via},
};

/// Four clients, one of each kind, in rooms: 0 in x; 1 in x and y; 2 in y; 3 in none.
async fn four() -> (Namespace, TestServer, Vec<TestClient>, Vec<Socket>) {
    let (io, main) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let (mut clients, mut sockets) = (Vec::new(), Vec::new());
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        let id = client.join("/").await;
        sockets.push(main.socket(id).expect("connected"));
        clients.push(client);
    }
    sockets[0].join("x");
    sockets[1].join(["x", "y"]);
    sockets[2].join("y");
    (main, server, clients, sockets)
}

/// A selection of recipients, and the indices of those that it means.
type Case = (
    &'static str,
    fn(&Namespace, &[Socket]) -> Broadcast,
    &'static [usize],
);

const CASES: &[Case] = &[
    ("a room", |main, _| main.to("x"), &[0, 1]),
    (
        "two rooms, each socket once",
        |main, _| main.to("x").to("y"),
        &[0, 1, 2],
    ),
    ("a list of rooms", |main, _| main.to(["x", "y"]), &[0, 1, 2]),
    ("within", |main, _| main.within("y"), &[1, 2]),
    ("a room but not another", |main, _| main.to("x").except("y"), &[0]),
    ("everyone but a room", |main, _| main.except("x"), &[2, 3]),
    ("everyone but two rooms", |main, _| main.except(["x", "y"]), &[3]),
    ("an unknown room", |main, _| main.to("nowhere"), &[]),
    (
        "an unknown room and another",
        |main, _| main.to("nowhere").to("x"),
        &[0, 1],
    ),
    (
        "everyone but an unknown room",
        |main, _| main.except("nowhere"),
        &[0, 1, 2, 3],
    ),
    // Everybody in Node, which is a trap.
    ("an empty list is nobody", |main, _| main.to([""; 0]), &[]),
    (
        "an empty list adds nobody",
        |main, _| main.to([""; 0]).to("x"),
        &[0, 1],
    ),
    ("excepting nobody", |main, _| main.except([""; 0]), &[0, 1, 2, 3]),
    (
        "a socket's own room",
        |main, sockets| main.to(sockets[3].id()),
        &[3],
    ),
    (
        "everyone but one",
        |main, sockets| main.except(sockets[0].id()),
        &[1, 2, 3],
    ),
    (
        "everyone but the sender",
        |_, sockets| sockets[0].broadcast(),
        &[1, 2, 3],
    ),
    ("a room without the sender", |_, sockets| sockets[0].to("x"), &[1]),
    (
        "within a room, without the sender",
        |_, sockets| sockets[0].within("x"),
        &[1],
    ),
    (
        "a room that the sender isn't in",
        |_, sockets| sockets[0].to("y"),
        &[1, 2],
    ),
    (
        "the sender's own room is nobody",
        |_, sockets| sockets[0].to(sockets[0].id()),
        &[],
    ),
    (
        "another's own room",
        |_, sockets| sockets[0].to(sockets[2].id()),
        &[2],
    ),
    (
        "everyone but a room and the sender",
        |_, sockets| sockets[2].except("x"),
        &[3],
    ),
    (
        "a room but not another, without the sender",
        |_, sockets| sockets[1].to("y").except("x"),
        &[2],
    ),
];

#[tokio::test]
async fn a_selection_reaches_whom_it_names_and_nobody_else() {
    let (main, _server, mut clients, sockets) = four().await;
    for (index, (case, select, expected)) in CASES.iter().enumerate() {
        select(&main, &sockets).emit("news", (*case, index));
        for (number, client) in clients.iter_mut().enumerate() {
            if expected.contains(&number) {
                client.expect(format!(r#"42["news","{case}",{index}]"#)).await;
            }
            client.expect_nothing().await;
        }
    }
}

/// A selection is a value: it can be kept, and says who is meant when it is used.
#[tokio::test]
async fn a_selection_can_be_kept_and_used_again() {
    let (main, _server, mut clients, sockets) = four().await;
    let kept = main.to("x");
    kept.emit("news", 1);
    kept.clone().to("y").emit("news", 2);
    sockets[0].leave("x");
    kept.emit("news", 3);
    clients[0].expect(r#"42["news",1]"#).await;
    clients[0].expect(r#"42["news",2]"#).await;
    clients[0].expect_nothing().await;
    for n in 1..=3 {
        clients[1].expect(format!(r#"42["news",{n}]"#)).await;
    }
    clients[2].expect(r#"42["news",2]"#).await;
    clients[2].expect_nothing().await;
}

#[tokio::test]
async fn selected_sockets_join_and_leave() {
    let (main, _server, mut clients, sockets) = four().await;
    main.to("x").join("z");
    main.to("z").emit("news", 1);
    main.to("y").leave("z");
    main.to("z").emit("news", 2);
    sockets[0].leave(["x", "z", "nowhere"]);
    main.to(["x", "z"]).emit("news", 3);
    clients[0].expect(r#"42["news",1]"#).await;
    clients[0].expect(r#"42["news",2]"#).await;
    clients[0].expect_nothing().await;
    clients[1].expect(r#"42["news",1]"#).await;
    clients[1].expect(r#"42["news",3]"#).await;
    clients[1].expect_nothing().await;
}

#[tokio::test]
async fn selected_sockets_are_disconnected() {
    let (main, _server, mut clients, _sockets) = four().await;
    main.to("x").disconnect(true);
    for (number, client) in clients.iter_mut().enumerate() {
        if number < 2 {
            client.expect("41").await;
            client.expect_closed().await;
        } else {
            client.expect_nothing().await;
        }
    }
    assert_eq!(main.len(), 2);
}

#[tokio::test]
async fn rooms_of_one_namespace_are_none_of_another() {
    let (io, main) = io(SocketIo::builder());
    let other = io.of("/other");
    for namespace in [main, other.clone()] {
        let _ = namespace.on_connect(async |socket: Socket| socket.join("x"));
    }
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/other").await;
    other.to("x").emit("news", 1);
    client.expect(r#"42/other,["news",1]"#).await;
    client.expect_nothing().await;
}

/// A broadcast with attachments reaches clients of both generations in their own form.
#[tokio::test]
async fn a_binary_broadcast_reaches_everyone_in_their_own_form() {
    let (main, _server, mut clients, _sockets) = four().await;
    main.emit("bytes", axum_socketio::Value::Binary(vec![1, 2].into()));
    for client in &mut clients {
        client
            .expect(r#"451-["bytes",{"_placeholder":true,"num":0}]"#)
            .await;
        client.expect([1, 2]).await;
        client.expect_nothing().await;
    }
}
