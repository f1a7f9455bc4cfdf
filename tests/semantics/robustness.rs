//! What goes wrong in one place, or at a bad moment, stays there.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::extract::State;
use axum_socketio::{HandlerError, Socket, SocketIo};
use tokio::sync::Notify;

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

/// Says that whoever owned it is gone.
struct LastWord(Log);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.say("dropped");
    }
}

#[tokio::test]
async fn a_listener_added_after_the_leave_is_not_kept() {
    let (log, mut heard) = log();
    let database = Arc::new(Notify::new());
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state((log, database.clone()))
        .on_connect(
            async |socket: Socket, State((log, database)): State<(Log, Arc<Notify>)>| {
                log.say("connecting");
                database.notified().await;
                // A listener that owns its socket: kept by it, neither would ever be dropped.
                let (own, last_word) = (socket.clone(), Arc::new(LastWord(log.clone())));
                socket.on("event", async move || {
                    let _ = &last_word;
                    own.emit("event", 1);
                });
                log.say("registered");
            },
        )
        .on_disconnect(async |State((log, _)): State<(Log, Arc<Notify>)>| log.say("left"));
    let server = TestServer::start(&io).await;
    let client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    heard.expect("connecting").await;
    client.close().await;
    heard.expect("left").await;
    database.notify_one();
    heard.expect("dropped").await;
    heard.expect("registered").await;
}

#[tokio::test]
async fn an_emit_never_runs_disconnect_handlers() {
    let (log, mut heard) = log();
    let lock = Arc::new(Mutex::new(()));
    let (io, main) = io(SocketIo::builder().max_send_buffer(64 * 1024));
    let _ = main.with_state((log, lock.clone())).on_disconnect(
        async |State((log, lock)): State<(Log, Arc<Mutex<()>>)>| {
            let deadlock = lock.try_lock().is_err();
            log.say(deadlock);
        },
    );
    let server = TestServer::start(&io).await;
    let _client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    {
        let _guard = lock.lock().unwrap();
        for _ in 0..100 {
            io.of("/").emit("chunk", "a".repeat(1024));
        }
    }
    heard.expect("false").await;
}

#[tokio::test]
async fn on_error_is_not_told_of_itself() {
    /// Where a server that tells it all the same is stopped, before its stack is full.
    const ENOUGH: usize = 50;

    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("fail", async || Err::<(), _>("no")).on_error(
        async move |socket: Socket, error: HandlerError| {
            if count.fetch_add(1, Ordering::SeqCst) < ENOUGH {
                // A reserved name, which is an error again.
                socket.emit("connect_error", error.to_string());
            }
        },
    );
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["fail"]"#).await;
    client.expect_nothing().await;
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn catch_all_listeners_come_before_those_of_the_event() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_connect(async |socket: Socket, State(log): State<Log>| {
            socket.on_any(async move || log.say("own any"));
        })
        .on("event", async |State(log): State<Log>| log.say("shared event"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["event"]"#).await;
    heard.expect("own any").await;
    heard.expect("shared event").await;
}

#[tokio::test]
async fn nothing_follows_the_farewell_of_a_connect_handler() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/a").on_connect(async move |socket: Socket| {
        socket.disconnect(false);
        log.say(socket.is_connected());
        socket.emit("after", 1);
        socket.disconnect(false);
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/a").await;
    client.expect("41/a,").await;
    heard.expect("false").await;
    client.expect_nothing().await;
}

#[tokio::test]
async fn disconnecting_a_socket_that_has_left_spares_its_siblings() {
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/a");
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/a").await;
    let socket = io.of("/a").socket(id).unwrap();
    client.send("41/a,").await;
    client.expect_nothing().await;
    assert!(!socket.is_connected());
    socket.disconnect(true);
    client.expect_nothing().await;
}

#[tokio::test]
async fn a_middleware_that_awaits_an_answer_hears_that_the_client_left() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/a").middleware(async move |socket: Socket| {
        log.say("asking");
        let answer = socket.emit_with_ack::<u32>("question", ()).await;
        log.say(answer.unwrap_err().is_disconnected());
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/a,").await;
    heard.expect("asking").await;
    client.close().await;
    heard.expect("true").await;
}

#[tokio::test]
async fn a_panicking_serialize_harms_nobody() {
    struct Bad;

    impl serde::Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("as the test wants")
        }
    }

    let (io, main) = io(SocketIo::builder());
    let _ = main.on("bad", async |socket: Socket| socket.emit("event", Bad));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["bad"]"#).await;
    client.expect_nothing().await;
}
