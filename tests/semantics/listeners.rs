//! What one socket has for itself: catch-all listeners, error listeners, and taking them away.

use axum::extract::State;
use axum_socketio::{
    Ack, DisconnectReason, HandlerError, Namespace, Socket, SocketIo, Value,
    extract::{Data, EventName, Rest},
};
use bytes::Bytes;

use crate::{
    echoing, io,
    log::{Heard, Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

/// A handler that says what it hears, with a word in front.
macro_rules! saying {
    ($log:expr, $word:literal) => {{
        let log = $log.clone();
        async move |EventName(event): EventName, args: Rest<Value>| {
            log.say(format!("{} {event} {:?}", $word, args.0.len()));
        }
    }};
}

/// A server with one connected socket.
async fn connected(eio: Eio, via: Via) -> (SocketIo, TestServer, TestClient, Socket) {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let client = TestClient::connect(&server, eio, via).await;
    let socket = io.of("/").sockets().remove(0);
    (io, server, client, socket)
}

async fn drained(client: &mut TestClient, heard: &mut Heard) -> Vec<String> {
    client.expect_nothing().await;
    heard.drain()
}

#[tokio::test]
async fn catch_all_listeners_run_before_the_named_ones_and_prepended_ones_first() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (_io, _server, mut client, socket) = connected(eio, via).await;
        let (log, mut heard) = log();
        socket.on("a", saying!(log, "named"));
        socket.on_any(saying!(log, "any"));
        socket.prepend_any(saying!(log, "prepended"));
        socket.prepend_any(saying!(log, "prepended last"));
        client.send(r#"42["a",1,2]"#).await;
        for said in ["prepended last a 2", "prepended a 2", "any a 2", "named a 2"] {
            heard.expect(said).await;
        }
    }
}

#[tokio::test]
async fn catch_all_listeners_go_alone_or_all_at_once() {
    let (_io, _server, mut client, socket) = connected(Eio::V4, Via::WebSocket).await;
    let (log, mut heard) = log();
    socket.on_any(saying!(log, "first"));
    let second = socket.on_any(saying!(log, "second"));
    socket.on("a", saying!(log, "named"));
    assert!(socket.remove_listener(second));
    assert!(!socket.remove_listener(second));
    client.send(r#"42["a"]"#).await;
    assert_eq!(
        drained(&mut client, &mut heard).await,
        ["first a 0", "named a 0", "first message 1"]
    );
    socket.off_any();
    client.send(r#"42["a"]"#).await;
    assert_eq!(drained(&mut client, &mut heard).await, ["named a 0"]);
}

/// Whatever sends it: the socket, a selection, a question, a volatile emit; binary too.
#[tokio::test]
async fn outgoing_listeners_hear_every_event_on_its_way_to_their_client() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (io, _server, mut client, socket) = connected(eio, via).await;
        let (log, mut heard) = log();
        socket.on_any_outgoing(saying!(log, "out"));
        socket.prepend_any_outgoing(saying!(log, "first"));
        let bytes = log.clone();
        socket.on_any_outgoing(async move |Data(data): Data<Value>| {
            if let Some(data) = data.as_bytes() {
                bytes.say(format!("{data:?}"));
            }
        });
        socket.on("ask", async || Ack(1));
        socket.emit("direct", (1, "two"));
        io.of("/").emit("all", ());
        io.of("/").to(socket.id()).volatile().emit("room", 3);
        drop(socket.emit_with_ack::<u8>("question", 1));
        drop(io.of("/").emit_with_ack::<u8>("survey", 1));
        socket.emit("picture", Bytes::from_static(b"\x01\x02"));
        socket.broadcast().emit("others", 1);
        for event in ["direct 2", "all 0"] {
            heard.expect(&format!("first {event}")).await;
            heard.expect(&format!("out {event}")).await;
        }
        let rest = heard.drain();
        let rest: Vec<_> = rest.iter().map(String::as_str).collect();
        assert_eq!(
            rest,
            [
                "first room 1",
                "out room 1",
                "first question 1",
                "out question 1",
                "first survey 1",
                "out survey 1",
                "first picture 1",
                "out picture 1",
                r#"b"\x01\x02""#,
            ]
        );
        // The answer to a question is no event.
        client.send(r#"421["ask"]"#).await;
        // Behind what was sent before.
        while client.recv().await != Some("431[1]".into()) {}
        assert_eq!(heard.drain(), [""; 0]);
    }
}

#[tokio::test]
async fn an_outgoing_listener_is_told_before_the_client_and_may_send_itself() {
    let (_io, _server, mut client, socket) = connected(Eio::V4, Via::WebSocket).await;
    let (log, mut heard) = log();
    let (says, sender) = (log.clone(), socket.clone());
    let sent = std::sync::Arc::new(tokio::sync::Notify::new());
    let waits = sent.clone();
    socket.on_any_outgoing(async move |EventName(event): EventName| {
        says.say(&event);
        sender.emit("copy", &event);
        waits.notified().await;
        sender.emit("later", event);
    });
    socket.emit("news", 1);
    client.expect(r#"42["copy","news"]"#).await;
    client.expect(r#"42["news",1]"#).await;
    sent.notify_one();
    client.expect(r#"42["later","news"]"#).await;
    assert_eq!(heard.drain(), ["news"]);
    socket.off_any_outgoing();
    socket.emit("news", 2);
    client.expect(r#"42["news",2]"#).await;
    assert_eq!(heard.drain(), [""; 0]);
}

#[tokio::test]
async fn an_outgoing_listener_hears_of_its_own_client_only() {
    let (io, main) = io(SocketIo::builder());
    let (log, mut heard) = log();
    let server = TestServer::start(&io).await;
    let mut one = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    main.sockets()[0].on_any_outgoing(saying!(log, "one"));
    let mut two = TestClient::connect(&server, Eio::V3, Via::Polling).await;
    main.emit("both", ());
    main.except(main.sockets()[0].id()).emit("others", ());
    one.expect(r#"42["both"]"#).await;
    two.expect(r#"42["both"]"#).await;
    let heard = heard.drain();
    assert_eq!(heard[0], "one both 0");
    assert!(heard.len() < 3, "{heard:?}");
}

fn failing(main: Namespace) -> Namespace {
    main.on("fail", async || Err::<(), _>("no"))
}

#[tokio::test]
async fn error_listeners_of_a_socket_hear_after_that_of_the_namespace() {
    let (io, main) = io(SocketIo::builder());
    let (log, mut heard) = log();
    let says = |word: &'static str, log: &Log| {
        let log = log.clone();
        async move |_: Socket, error: HandlerError| log.say(format!("{word} {error}"))
    };
    let _ = failing(main).on_error(says("namespace", &log));
    let server = TestServer::start(&io).await;
    let mut one = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let socket = io.of("/").sockets().remove(0);
    let first = socket.on_error(says("first", &log));
    socket.on_error(says("second", &log));
    one.send(r#"42["fail"]"#).await;
    for word in ["namespace", "first", "second"] {
        heard
            .expect(&format!(r#"{word} a handler failed (event "fail")"#))
            .await;
    }
    socket.remove_listener(first);
    one.send(r#"42["fail"]"#).await;
    assert_eq!(drained(&mut one, &mut heard).await.len(), 2);
    socket.remove_listeners("error");
    one.send(r#"42["fail"]"#).await;
    assert_eq!(drained(&mut one, &mut heard).await.len(), 1);
}

/// Node tells `error` listeners of what a client sends under that name too; here they are told apart.
#[tokio::test]
async fn an_event_named_error_is_an_event() {
    let (_io, _server, mut client, socket) = connected(Eio::V4, Via::WebSocket).await;
    let (log, mut heard) = log();
    let says = log.clone();
    socket.on_error(async move |_: Socket, _: HandlerError| says.say("an error"));
    socket.on("error", saying!(log, "event"));
    client.send(r#"42["error",1]"#).await;
    assert_eq!(drained(&mut client, &mut heard).await, ["event error 1"]);
    assert_eq!(socket.event_names(), ["error".into()]);
}

#[tokio::test]
async fn a_packet_that_makes_no_sense_is_told_to_the_error_listeners_of_its_sockets() {
    for eio in [Eio::V3, Eio::V4] {
        let (_io, _server, mut client, socket) = connected(eio, Via::WebSocket).await;
        let (log, mut heard) = log();
        socket.on_error(async move |_: Socket, error: HandlerError| log.say(error.is_decode()));
        client.send("42{").await;
        heard.expect("true").await;
    }
}

/// As Node 4.8 has it: it makes sense, but not from a client, which is no error of its sockets.
#[tokio::test]
async fn a_connect_error_from_a_client_ends_its_connection_and_is_told_to_nobody() {
    for via in [Via::Polling, Via::WebSocket] {
        for packet in ["44", r#"44"x""#, r#"44{"message":"x"}"#] {
            let (log, mut heard) = log();
            let (io, main) = io(SocketIo::builder());
            let errors = log.clone();
            let _ = main
                .with_state(log)
                .on_error(async move |_: Socket, error: HandlerError| errors.say(error))
                .on_disconnect(async |State(log): State<Log>, reason: DisconnectReason| log.say(reason));
            let server = TestServer::start(&io).await;
            let mut client = TestClient::connect(&server, Eio::V4, via).await;
            client.send(packet).await;
            client.expect_closed().await;
            heard.expect("forced close").await;
        }
    }
}

#[tokio::test]
async fn listeners_of_one_event_or_of_all_are_taken_away() {
    let (io, main) = io(SocketIo::builder());
    let (log, mut heard) = log();
    let _ = main.on("a", saying!(log, "namespace"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let socket = io.of("/").sockets().remove(0);
    socket.on("a", saying!(log, "own"));
    socket.once("a", saying!(log, "once"));
    socket.on("b", saying!(log, "own"));
    let says = log.clone();
    socket.on_disconnect(async move || says.say("gone"));
    socket.on_any(saying!(log, "any"));
    assert_eq!(socket.event_names(), ["a", "b", "disconnect"].map(Box::from));
    client.send(r#"42["a"]"#).await;
    client.send(r#"42["a"]"#).await;
    assert_eq!(
        drained(&mut client, &mut heard).await,
        [
            "any a 0",
            "namespace a 0",
            "own a 0",
            "once a 0",
            "any a 0",
            "namespace a 0",
            "own a 0",
            "any message 1"
        ]
    );
    socket.remove_listeners("a");
    assert_eq!(socket.event_names(), ["b", "disconnect"].map(Box::from));
    client.send(r#"42["a"]"#).await;
    assert_eq!(
        drained(&mut client, &mut heard).await,
        ["any a 0", "namespace a 0", "any message 1"]
    );
    socket.remove_all_listeners();
    assert_eq!(socket.event_names(), [] as [Box<str>; 0]);
    client.send(r#"42["b"]"#).await;
    assert_eq!(
        drained(&mut client, &mut heard).await,
        ["any b 0", "any message 1"]
    );
    client.close().await;
    // Its `on_disconnect` was taken away as well: a whole connection later nothing has been said.
    TestClient::connect(&server, Eio::V4, Via::WebSocket)
        .await
        .expect_nothing()
        .await;
    assert_eq!(heard.drain(), [""; 0]);
}

#[tokio::test]
async fn a_client_knows_its_sockets_by_namespace() {
    let (io, main) = io(SocketIo::builder());
    let _ = echoing(io.of("/chat"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        let id = client.join("/chat").await;
        let socket = io.of("/chat").socket(&id).unwrap();
        let of_client = socket.client();
        assert_eq!(of_client.id().as_str(), client.sid());
        assert_eq!(of_client.id(), of_client.connection().id());
        assert_eq!(of_client.protocol(), socket.protocol());
        assert_eq!(of_client.socket("/chat"), Some(socket.clone()));
        assert!(
            of_client
                .socket("/")
                .is_some_and(|root| main.socket(root.id()).is_some())
        );
        assert_eq!(of_client.socket("/other"), None);
        assert_eq!(of_client.request_parts().uri, socket.request_parts().uri);
        socket.disconnect(false);
        assert_eq!(of_client.socket("/chat"), None);
    }
}
