//! What one does harms no other.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::extract::State;
use axum_socketio::{DisconnectReason, HandlerError, Socket, SocketIo, extract::Data};
use tokio::io::AsyncWriteExt as _;

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

async fn tell(socket: Socket, error: HandlerError) {
    let log = socket.extensions().get::<Log>().expect("put there on connect");
    let kinds = [
        error.is_panicked(),
        error.is_failed(),
        error.is_rejected(),
        error.is_decode(),
    ];
    log.say(format!("{:?} {kinds:?}", error.event()));
}

/// Handlers that panic before, at and after their first await, ones that fail, ones whose extractor refuses.
#[tokio::test]
async fn handlers_that_go_wrong_are_reported_and_harm_nothing() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .on_connect(async move |socket: Socket| {
            socket.extensions().insert(log.clone());
        })
        .on("panic", async || panic!("a test panics on purpose"))
        .on("panic later", async || {
            tokio::task::yield_now().await;
            panic!("a test panics on purpose");
        })
        .on("fail", async || Err::<(), _>("no"))
        .on("number", async |Data(_): Data<u32>| {})
        .on_error(tell);
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        let cases = [
            (r#"42["panic"]"#, r#"Some("panic") [true, false, false, false]"#),
            (
                r#"42["panic later"]"#,
                r#"Some("panic later") [true, false, false, false]"#,
            ),
            (r#"42["fail"]"#, r#"Some("fail") [false, true, false, false]"#),
            (
                r#"42["number","x"]"#,
                r#"Some("number") [false, false, true, false]"#,
            ),
            (r#"42["number"]"#, r#"Some("number") [false, false, true, false]"#),
        ];
        for (event, report) in cases {
            client.send(event).await;
            heard.expect(report).await;
            client.expect_nothing().await;
        }
    }
}

/// Also what a client sends that is no packet is reported, before it is closed for it.
#[tokio::test]
async fn a_packet_that_makes_no_sense_is_reported() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .on_connect(async move |socket: Socket| {
            socket.extensions().insert(log.clone());
        })
        .on_error(tell);
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send("42[]").await;
        client.expect_closed().await;
        heard.expect("None [false, false, false, true]").await;
    }
}

#[tokio::test]
async fn a_connect_handler_that_panics_leaves_the_socket_connected() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on_connect(async || panic!("a test panics on purpose"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        TestClient::connect(&server, eio, via)
            .await
            .expect_nothing()
            .await;
    }
}

/// The clean-up of a socket survives its handlers.
#[tokio::test]
async fn disconnect_handlers_that_panic_do_not_keep_the_others_from_running() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_connect(async |socket: Socket| socket.join("hall"))
        .on_disconnecting(async || panic!("a test panics on purpose"))
        .on_disconnect(async || panic!("a test panics on purpose"))
        .on_disconnect(async |State(log): State<Log>| log.say("left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        TestClient::connect(&server, eio, via).await.close().await;
        heard.expect("left").await;
        assert!(io.of("/").is_empty());
        assert!(io.of("/").rooms().is_empty());
    }
}

#[tokio::test]
async fn an_error_handler_that_panics_harms_nothing() {
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .on("fail", async || Err::<(), _>("no"))
        .on_error(async |_: Socket, _: HandlerError| panic!("a test panics on purpose"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["fail"]"#).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn garbage_on_one_connection_leaves_another_untouched() {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut untouched = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let garbage = [
        "",
        "x",
        "4",
        "49",
        "42[",
        "42{",
        "451-[\"a\"]",
        "4511111111111111111111-[]",
        "2probe",
        "5",
        "0{}",
    ];
    for (eio, via) in TestClient::EVERY_WAY {
        for text in garbage {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.send(text).await;
            untouched.expect_nothing().await;
        }
    }
    for bytes in [
        &b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\r\n"[..],
        b"\0\xff\xfe",
        b"\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        untouched.expect_nothing().await;
    }
}

/// A handler that blocks nothing but itself: others are served while it waits.
#[tokio::test]
async fn a_handler_that_waits_holds_up_nobody() {
    let started = Arc::new(AtomicUsize::new(0));
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(started.clone())
        .on("wait", async |State(started): State<Arc<AtomicUsize>>| {
            started.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["wait"]"#).await;
        client.expect_nothing().await;
    }
    assert_eq!(started.load(Ordering::Relaxed), 4);
}

/// Panics when it is dropped.
#[derive(Clone)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a test panics on purpose");
    }
}

#[tokio::test]
async fn listeners_that_panic_when_they_are_dropped_keep_nobody_from_hearing_of_the_end() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_connect(async |socket: Socket| {
            for bomb in [Bomb, Bomb] {
                socket.on("never", async move || {
                    let _ = &bomb;
                });
            }
        })
        .on_disconnect(async |State(log): State<Log>, reason: DisconnectReason| log.say(reason));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["message",1]"#).await;
        client.expect(r#"42["message-back",1]"#).await;
        io.of("/").disconnect(false);
        client.expect("41").await;
        heard.expect("server namespace disconnect").await;
    }
    assert!(io.of("/").is_empty());
}
