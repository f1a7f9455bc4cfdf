use axum::extract::OriginalUri;
use axum_socketio::{
    Ack, AckSender, DisconnectReason, Protocol, Socket, SocketIo, Value,
    engine::{ReadyState, Transport},
    extract::{Data, Rest},
};
use bytes::Bytes;
use http::HeaderMap;

use super::connected;
use crate::{
    io,
    log::log,
    wire::{Eio, Request, TestClient, TestServer, Via, Ws, within},
};

/// Socket.IO 2.x tells no id, it is made of that of the session.
#[tokio::test]
async fn the_id_is_the_one_that_the_client_was_told() {
    let (io, main) = io(SocketIo::builder());
    for namespace in [main, io.of("/chat")] {
        let _ = namespace.on("id", async |socket: Socket| socket.emit("id", socket.id()));
    }
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        let root = client.join("/").await;
        let chat = client.join("/chat").await;
        client.send(r#"42["id"]"#).await;
        client.expect(format!(r#"42["id","{root}"]"#)).await;
        client.send(r#"42/chat,["id"]"#).await;
        client.expect(format!(r#"42/chat,["id","{chat}"]"#)).await;
    }
}

/// Joined and left by the client's wish; each has the room of its id.
#[tokio::test]
async fn a_socket_joins_and_leaves_rooms_and_knows_which() {
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .on(
            "join",
            async |socket: Socket, Rest(rooms): Rest<String>, io: SocketIo| {
                match &rooms[..] {
                    [room] => socket.join(room),
                    rooms => socket.join(rooms),
                }
                io.of("/").to("room 237").emit("joined", socket.rooms());
            },
        )
        .on("leave", async |socket: Socket, Data(room): Data<String>| {
            socket.leave(room);
            Ack(socket.rooms())
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        let id = client.join("/").await;
        assert!(io.of("/").socket(&id).unwrap().is_in(&id));
        client.send(r#"42["join","room 237"]"#).await;
        client
            .expect(format!(r#"42["joined",["{id}","room 237"]]"#))
            .await;
        client.send(r#"42["join","a","b","room 237"]"#).await;
        client
            .expect(format!(r#"42["joined",["{id}","room 237","a","b"]]"#))
            .await;
        assert!(io.of("/").rooms().iter().any(|room| room.as_str() == "room 237"));
        client.send(r#"421["leave","room 237"]"#).await;
        client.expect(format!(r#"431[["{id}","a","b"]]"#)).await;
        io.of("/").to("room 237").emit("joined", ());
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_client_has_its_connection_and_the_request_that_opened_it() {
    let (io, main) = io(SocketIo::builder());
    let (log, mut heard) = log();
    let _ = main.on_connect(async move |OriginalUri(uri): OriginalUri, headers: HeaderMap| {
        log.say(format!("{:?} {uri}", headers["cookie"]));
    });
    let server = TestServer::start(&io).await;
    let target = format!("{}&room=1", Eio::V3.target("polling"));
    let opened = Request::get(&*target).header("Cookie", "seen=1");
    assert_eq!(opened.send(server.addr).await.status, 200);
    heard.expect(&format!(r#""seen=1" {target}"#)).await;
    let socket = io.of("/").sockets().remove(0);
    let client = socket.client();
    for parts in [socket.request_parts(), client.request_parts()] {
        assert_eq!(parts.method, "GET");
        assert_eq!(parts.uri.to_string(), target);
        assert_eq!(parts.headers["cookie"], "seen=1");
    }
    assert_eq!(client.connection().id(), client.id());
    assert_eq!(client.sockets(), std::slice::from_ref(&socket));
}

/// From the transport it began with to the one it moved to, and to its end.
#[tokio::test]
async fn the_connection_is_that_of_the_client_whatever_carries_it() {
    for (eio, protocol) in [(Eio::V3, Protocol::V3), (Eio::V4, Protocol::V4)] {
        let (_io, server, client, socket) = connected(eio, Via::Polling).await;
        let connection = socket.connection().clone();
        assert_eq!(connection.id().as_str(), client.sid());
        assert_eq!(socket.client().connection().id(), connection.id());
        assert_eq!(connection.remote_addr(), socket.handshake().address());
        assert_eq!(socket.protocol(), protocol);
        assert_eq!(connection.transport(), Transport::Polling);
        assert_eq!(connection.ready_state(), ReadyState::Open);
        let mut ws = Ws::open(server.addr, &client.upgrade_target()).await;
        ws.send("2probe").await;
        ws.expect("3probe").await;
        ws.send("5").await;
        ws.send(r#"42["message","moved"]"#).await;
        ws.expect(r#"42["message-back","moved"]"#).await;
        assert_eq!(connection.transport(), Transport::WebSocket);
        within(connection.writable()).await;
        assert!(connection.is_writable());
        connection.close();
        ws.expect_close().await;
        while connection.ready_state() != ReadyState::Closed || socket.is_connected() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn send_is_an_event_named_message() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (_io, _server, mut client, socket) = connected(eio, via).await;
        socket.send("hello");
        socket.send(("hello", 2));
        socket.send(());
        client.expect(r#"42["message","hello"]"#).await;
        client.expect(r#"42["message","hello",2]"#).await;
        client.expect(r#"42["message"]"#).await;
        let answer = socket.emit_with_ack::<String>("message", "and an answer");
        client.expect(r#"420["message","and an answer"]"#).await;
        client.send(r#"430["woot"]"#).await;
        assert_eq!(within(answer).await.unwrap(), "woot");
    }
}

#[tokio::test]
async fn an_emit_carries_any_arguments_to_its_client_alone() {
    let bytes = || Value::Binary(Bytes::from_static(&[6]));
    for (eio, via) in TestClient::EVERY_WAY {
        let (_io, server, mut client, socket) = connected(eio, via).await;
        let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        socket.emit("hello", "world");
        client.expect(r#"42["hello","world"]"#).await;
        let object = Value::from_iter([("3".to_owned(), Value::from("4")), ("5".to_owned(), bytes())]);
        socket.emit("with-binary", (1, "2", object));
        client
            .expect(r#"451-["with-binary",1,"2",{"3":"4","5":{"_placeholder":true,"num":0}}]"#)
            .await;
        client.expect([6]).await;
        let answer = socket.emit_with_ack::<(String, Value)>("ferret", "tobi");
        client.expect(r#"420["ferret","tobi"]"#).await;
        client
            .send(r#"461-0["woot",{"_placeholder":true,"num":0}]"#)
            .await;
        client.send([7]).await;
        let (text, binary) = within(answer).await.unwrap();
        assert_eq!((&*text, binary.as_bytes().unwrap().as_ref()), ("woot", &[7][..]));
        other.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_listener_hears_all_arguments_and_may_answer() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (_io, _server, mut client, socket) = connected(eio, via).await;
        socket.on("one", async |socket: Socket, Data(data): Data<Value>| {
            socket.emit("heard", data)
        });
        socket.on(
            "two",
            async |socket: Socket, Data(one): Data<u8>, Data(two): Data<String>| {
                socket.emit("heard", (one, two))
            },
        );
        socket.on("ask", async |Data(n): Data<u8>| Ack(n + 1));
        socket.on("later", async |ack: AckSender| ack.send((1, "two")));
        client.send(r#"42["one",{"a":[1]}]"#).await;
        client.expect(r#"42["heard",{"a":[1]}]"#).await;
        client.send(r#"42["two",1,"two"]"#).await;
        client.expect(r#"42["heard",1,"two"]"#).await;
        client.send(r#"427["ask",1]"#).await;
        client.expect("437[2]").await;
        client.send(r#"428["later"]"#).await;
        client.expect(r#"438[1,"two"]"#).await;
        client.send(r#"42/chat,["one",1]"#).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn one_listener_is_taken_away_and_the_other_stays() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (_io, _server, mut client, socket) = connected(eio, via).await;
        let first = socket.on("a", async |socket: Socket| socket.emit("first", ()));
        socket.on("a", async |socket: Socket| socket.emit("second", ()));
        client.send(r#"42["a"]"#).await;
        client.expect(r#"42["first"]"#).await;
        client.expect(r#"42["second"]"#).await;
        assert!(socket.remove_listener(first));
        assert!(!socket.remove_listener(first));
        client.send(r#"42["a"]"#).await;
        client.expect(r#"42["second"]"#).await;
        client.expect_nothing().await;
    }
}

/// Values of the application, which stay with the socket and are no other's.
#[tokio::test]
async fn a_socket_keeps_data() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (io, _server, mut client, socket) = connected(eio, via).await;
        socket.on("name", async |socket: Socket, Data(name): Data<String>| {
            socket.set_data([name]).unwrap();
            socket.extensions().insert(7_u8);
        });
        client.send(r#"42["name","Ada"]"#).await;
        client.expect_nothing().await;
        assert_eq!(socket.data::<Vec<String>>().unwrap(), ["Ada"]);
        assert_eq!(socket.extensions().get::<u8>(), Some(7));
        let fetched = io.of("/").fetch_sockets().await.unwrap();
        assert_eq!(fetched[0].data::<Vec<String>>().unwrap(), ["Ada"]);
        assert_eq!(io.of("/chat").sockets()[0].extensions().get::<u8>(), None);
    }
}

/// After the handlers of its namespace, once, and those of no other socket.
#[tokio::test]
async fn a_socket_hears_of_its_own_end() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (io, server, mut client, socket) = connected(eio, via).await;
        let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        let (log, mut heard) = log();
        let say = |word: &'static str| {
            let log = log.clone();
            async move |socket: Socket, reason: DisconnectReason| {
                log.say(format!("{word}: {reason}, in {}", socket.rooms().len()));
            }
        };
        socket.join("room");
        socket.on_disconnecting(say("its disconnecting"));
        socket.on_disconnect(say("its disconnect"));
        let _ = io
            .of("/")
            .on_disconnecting(say("disconnecting"))
            .on_disconnect(say("disconnect"));
        client.send("41").await;
        for (step, rooms) in [("disconnecting", 2), ("disconnect", 0)] {
            for whose in ["", "its "] {
                let said = format!("{whose}{step}: client namespace disconnect, in {rooms}");
                heard.expect(&said).await;
            }
        }
        other.send("41").await;
        heard
            .expect("disconnecting: client namespace disconnect, in 1")
            .await;
        heard
            .expect("disconnect: client namespace disconnect, in 0")
            .await;
    }
}
