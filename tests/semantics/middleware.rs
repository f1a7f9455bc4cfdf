use std::{future::pending, sync::Arc, time::Duration};

use axum::extract::State;
use axum_socketio::{ConnectError, Socket, SocketIo, extract::Auth};
use serde::Deserialize;
use tokio::sync::Notify;

use crate::{
    echoing, io,
    log::{Log, log},
    wire::{Eio, TestClient, TestServer, Via, Ws},
};

#[derive(Deserialize)]
struct Credentials {
    token: String,
}

#[tokio::test]
async fn middlewares_run_in_the_order_of_registration_and_the_first_refusal_ends_it() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let _ = io
        .of("/admin")
        .with_state(log)
        .middleware(async |State(log): State<Log>| log.say("first"))
        .middleware(async |State(log): State<Log>, Auth(given): Auth<Credentials>| {
            log.say("second");
            if given.token == "good" {
                Ok(())
            } else {
                Err(ConnectError::new("bad token"))
            }
        })
        .middleware(async |State(log): State<Log>| log.say("third"))
        .on_connect(async |State(log): State<Log>| log.say("connected"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"40/admin,{"token":"bad"}"#).await;
    client.expect(r#"44/admin,{"message":"bad token"}"#).await;
    assert_eq!(heard.drain(), ["first", "second"]);
    client.send(r#"40/admin,{"token":"good"}"#).await;
    assert!(client.text().await.starts_with("40/admin,{"));
    client.expect_nothing().await;
    assert_eq!(heard.drain(), ["first", "second", "third", "connected"]);
}

/// Those of `/` are not asked about `/admin`.
#[tokio::test]
async fn each_namespace_has_its_own_middlewares() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.middleware(async || Err::<(), _>("not here"));
    let _ = echoing(io.of("/admin"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    client.send("40").await;
    client.expect(r#"44{"message":"not here"}"#).await;
    client.join("/admin").await;
}

#[tokio::test]
async fn an_extractor_that_refuses_is_a_refusal() {
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/admin").middleware(async |Auth(_): Auth<Credentials>| {});
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/admin,").await;
    let refusal = client.text().await;
    assert!(refusal.starts_with(r#"44/admin,{"message":""#), "{refusal}");
    client.expect_nothing().await;
}

#[tokio::test]
async fn a_middleware_that_panics_refuses_and_harms_nobody() {
    let (io, _) = io(SocketIo::builder());
    let _ = io
        .of("/admin")
        .middleware(async || panic!("a test panics on purpose"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/admin,").await;
    let refusal = client.text().await;
    assert!(refusal.starts_with(r#"44/admin,{"message":""#), "{refusal}");
    assert!(
        !refusal.contains("on purpose"),
        "what went wrong inside is not for clients"
    );
    client.expect_nothing().await;
}

/// A middleware that waits for the test.
fn gated(io: &SocketIo, name: &str) -> Arc<Notify> {
    let gate = Arc::new(Notify::new());
    let _ = io
        .of(name)
        .with_state(gate.clone())
        .middleware(async |State(gate): State<Arc<Notify>>| {
            gate.notified().await;
        });
    gate
}

#[tokio::test]
async fn a_middleware_that_waits_holds_up_its_own_connect_only() {
    let (io, _) = io(SocketIo::builder());
    let gate = gated(&io, "/slow");
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send("40/slow,").await;
        client.expect_nothing().await;
        gate.notify_one();
        assert!(client.text().await.starts_with("40/slow,"));
    }
}

/// Over Engine.IO 3 the CONNECT of `/` comes with the handshake, unless a middleware has to decide first.
#[tokio::test]
async fn the_main_namespace_of_old_clients_waits_for_its_middleware() {
    let (io, _) = io(SocketIo::builder());
    let gate = gated(&io, "/");
    let server = TestServer::start(&io).await;
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = TestClient::open(&server, Eio::V3, via).await;
        client.send("2").await;
        client.expect("3").await;
        gate.notify_one();
        client.expect("40").await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_meanwhile_is_never_connected() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let gate = gated(&io, "/slow");
    let _ = io
        .of("/slow")
        .with_state(log)
        .middleware(async |State(log): State<Log>| log.say("passed"))
        .on_connect(async |State(log): State<Log>| log.say("connected"))
        .on_disconnect(async |State(log): State<Log>| log.say("disconnected"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send("40/slow,").await;
        client.expect_nothing().await;
        client.close().await;
        gate.notify_one();
        heard.expect("passed").await;
        // A whole connection later nothing else has happened.
        TestClient::connect(&server, eio, via)
            .await
            .expect_nothing()
            .await;
        assert_eq!(heard.drain(), [""; 0]);
        assert!(io.of("/slow").is_empty());
    }
}

#[tokio::test]
async fn rooms_that_a_middleware_joins_do_not_outlive_the_client_though_it_never_ends() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let gate = Arc::new(Notify::new());
    let state = (log.clone(), gate.clone());
    let _ = io.of("/slow").with_state(state).middleware(
        async |socket: Socket, State((log, gate)): State<(Log, Arc<Notify>)>| {
            socket.join("early");
            log.say("early");
            gate.notified().await;
            socket.join("late");
            log.say("late");
            pending::<()>().await;
        },
    );
    let _ = io
        .of("/next")
        .with_state(log)
        .on_disconnect(async |State(log): State<Log>| log.say("left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send("40/slow,").await;
        heard.expect("early").await;
        client.join("/next").await;
        client.close().await;
        heard.expect("left").await;
        assert!(io.of("/slow").rooms().is_empty());
        gate.notify_one();
        heard.expect("late").await;
        assert!(io.of("/slow").rooms().is_empty());
    }
}

#[tokio::test]
async fn a_socket_in_the_middlewares_is_not_connected_and_hears_no_broadcast() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let _ = io
        .of("/slow")
        .with_state(log)
        .middleware(async |socket: Socket, State(log): State<Log>| {
            socket.join("early");
            log.say(format!("{} {:?}", socket.is_connected(), socket.namespace_name()));
        });
    let gate = gated(&io, "/slow");
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/slow,").await;
    heard.expect(r#"false "/slow""#).await;
    io.of("/slow").emit("news", 1);
    io.of("/slow").to("early").emit("news", 2);
    client.expect_nothing().await;
    gate.notify_one();
    assert!(client.text().await.starts_with("40/slow,"));
    io.of("/slow").to("early").emit("news", 3);
    client.expect(r#"42/slow,["news",3]"#).await;
}

/// Clients of Engine.IO 3 ask for `/` by coming: so they are counted and given the time to connect like all others.
#[tokio::test]
async fn an_old_client_that_is_not_let_in_is_closed_when_the_time_to_connect_is_over() {
    let builder = SocketIo::builder().connect_timeout(Duration::from_millis(300));
    let (io, main) = io(builder.max_handshakes(2));
    let _ = main.middleware(
        async |socket: Socket| match socket.handshake().query("as").as_deref() {
            Some("friend") => Ok(()),
            Some("stranger") => Err(ConnectError::new("not here")),
            _ => std::future::pending().await,
        },
    );
    let server = TestServer::start(&io).await;
    let open = async |who: &str| {
        let target = format!("{}&as={who}", Eio::V3.target("websocket"));
        let mut ws = Ws::open(server.addr, &target).await;
        ws.recv().await;
        ws
    };
    let mut friend = open("friend").await;
    friend.expect("40").await;
    let mut waiting = open("anybody").await;
    let mut stranger = open("stranger").await;
    stranger.expect(r#"44"not here""#).await;
    let target = Eio::V3.target("websocket");
    let (status, _) = Ws::try_open(server.addr, &target).await.err().unwrap();
    assert_eq!(status, 503, "two are on their way in");
    waiting.expect_close().await;
    stranger.expect_close().await;
    friend.send(r#"42["message",1]"#).await;
    friend.expect(r#"42["message-back",1]"#).await;
}

/// A namespace that only lets in who says so, a permit of the gate at a time, and says whom it was asked about.
fn asking(io: &SocketIo, log: Log) -> Arc<Notify> {
    let gate = Arc::new(Notify::new());
    let opens = gate.clone();
    let _ = io
        .of("/slow")
        .with_state(log)
        .middleware(
            async move |State(log): State<Log>, Auth(given): Auth<Credentials>| {
                log.say(format!("asked about {}", given.token));
                opens.notified().await;
                if given.token.starts_with("good") {
                    Ok(())
                } else {
                    Err("bad token")
                }
            },
        )
        .on_connect(async |State(log): State<Log>| log.say("connected"))
        .on_disconnect(async |State(log): State<Log>| log.say("left"));
    gate
}

/// Clients 2.x say who they are in the query of the namespace: `socket.close(); socket.query = …; socket.open()`.
#[tokio::test]
async fn an_old_client_that_asks_again_while_a_middleware_decides_has_one_answer_to_what_it_said_last() {
    for via in [Via::WebSocket, Via::Polling] {
        for (first, last) in [("good", "good 2"), ("bad", "good"), ("good", "bad")] {
            let (log, mut heard) = log();
            let (io, _) = io(SocketIo::builder());
            let gate = asking(&io, log);
            let server = TestServer::start(&io).await;
            let mut client = TestClient::connect(&server, Eio::V3, via).await;
            client.send(format!("40/slow?token={first}")).await;
            heard.expect(&format!("asked about {first}")).await;
            client.send(format!("40/slow?token={last}")).await;
            client.expect_nothing().await;
            gate.notify_one();
            heard.expect(&format!("asked about {last}")).await;
            client.expect_nothing().await;
            gate.notify_one();
            if last == "bad" {
                client.expect(r#"44/slow,"bad token""#).await;
            } else {
                client.expect("40/slow,").await;
                heard.expect("connected").await;
            }
            client.expect_nothing().await;
            assert_eq!(heard.drain(), [""; 0]);
            assert_eq!(io.of("/slow").len(), usize::from(last != "bad"));
        }
    }
}

/// As npm's client does after `socket.disconnect().connect()`: it says nothing when it leaves before it is connected.
#[tokio::test]
async fn a_client_that_asks_again_while_a_middleware_decides_has_one_answer_to_what_it_said_last() {
    for via in [Via::WebSocket, Via::Polling] {
        for (first, last) in [("good", "good 2"), ("bad", "good"), ("good", "bad")] {
            let (log, mut heard) = log();
            let (io, _) = io(SocketIo::builder());
            let gate = asking(&io, log);
            let server = TestServer::start(&io).await;
            let mut client = TestClient::connect(&server, Eio::V4, via).await;
            client.send(format!(r#"40/slow,{{"token":"{first}"}}"#)).await;
            heard.expect(&format!("asked about {first}")).await;
            for _ in 0..100 {
                client.send(r#"40/slow,{"token":"never heard of"}"#).await;
            }
            client.send(format!(r#"40/slow,{{"token":"{last}"}}"#)).await;
            client.expect_nothing().await;
            gate.notify_one();
            heard.expect(&format!("asked about {last}")).await;
            client.expect_nothing().await;
            gate.notify_one();
            if last == "bad" {
                client.expect(r#"44/slow,{"message":"bad token"}"#).await;
                assert_eq!(heard.drain(), [""; 0]);
            } else {
                assert!(client.text().await.starts_with("40/slow,{"));
                heard.expect("connected").await;
            }
            client.expect_nothing().await;
            assert_eq!(io.of("/slow").len(), usize::from(last != "bad"));
            assert_eq!(io.of("/").len(), 1);
        }
    }
}

#[tokio::test]
async fn a_client_that_asks_again_and_leaves_is_asked_about_no_more() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let gate = asking(&io, log);
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"40/slow,{"token":"good"}"#).await;
    client.send(r#"40/slow,{"token":"good 2"}"#).await;
    client.send("41/slow,").await;
    client.expect_nothing().await;
    gate.notify_one();
    for words in ["asked about good", "connected", "left"] {
        heard.expect(words).await;
    }
    assert!(io.of("/slow").is_empty());
    client.text().await;
    // One that is connected is told so once more, and nobody is asked.
    client.send(r#"40/slow,{"token":"good 3"}"#).await;
    gate.notify_one();
    heard.expect("asked about good 3").await;
    heard.expect("connected").await;
    let told = client.text().await;
    client.send(r#"40/slow,{"token":"good 4"}"#).await;
    client.expect(told).await;
    client.expect_nothing().await;
    assert_eq!(heard.drain(), [""; 0]);
}

#[tokio::test]
async fn a_client_that_asks_again_while_a_predicate_decides_has_one_answer() {
    let (io, _) = io(SocketIo::builder());
    let gate = Arc::new(Notify::new());
    let opens = gate.clone();
    let rooms = io.of_matching_async(move |_| {
        let opens = opens.clone();
        async move {
            opens.notified().await;
            true
        }
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in [(Eio::V4, Via::WebSocket), (Eio::V4, Via::Polling)] {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send("40/room,").await;
        client.send("40/room,").await;
        client.expect_nothing().await;
        gate.notify_waiters();
        assert!(client.text().await.starts_with("40/room,{"));
        client.expect_nothing().await;
        assert_eq!(rooms.len(), 1);
        client.send("41/room,").await;
        client.expect_nothing().await;
    }
}
