//! Whoever sends only sends: what follows from it happens elsewhere.

use std::cell::Cell;

use axum::extract::State;
use axum_socketio::{Socket, SocketIo};

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

thread_local! {
    /// Handlers that are running on this thread, one inside another. Beside each other, on
    /// several, they may.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

#[tokio::test]
async fn a_cascade_of_full_buffers_does_not_run_one_handler_inside_another() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder().max_send_buffer(8 * 1024));
    let _ = main
        .with_state(log)
        .on_disconnect(async |socket: Socket, State(log): State<Log>| {
            let around = DEPTH.replace(DEPTH.get() + 1);
            socket.broadcast().emit("left", "x".repeat(1024));
            DEPTH.set(around);
            log.say(around);
        });
    let server = TestServer::start(&io).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(TestClient::connect(&server, Eio::V4, Via::Polling).await);
    }
    for _ in 0..10 {
        io.of("/").emit("chunk", "x".repeat(1024));
    }
    assert_eq!(heard.drain(), [""; 0], "a handler ran inside of an emit");
    for _ in &clients {
        heard.expect("0").await;
    }
    assert!(io.of("/").is_empty());
    assert_eq!(io.engine().clients_count(), 0);
}

#[tokio::test]
async fn handlers_that_send_each_other_away_do_not_nest_without_end() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_disconnect(async |socket: Socket, State(log): State<Log>| {
            let around = DEPTH.replace(DEPTH.get() + 1);
            socket.broadcast().disconnect(false);
            DEPTH.set(around);
            log.say(if around < 8 { "flat" } else { "deep" });
        });
    let server = TestServer::start(&io).await;
    let mut clients = Vec::new();
    for _ in 0..30 {
        clients.push(TestClient::connect(&server, Eio::V4, Via::Polling).await);
    }
    io.of("/").sockets()[0].disconnect(false);
    for _ in &clients {
        heard.expect("flat").await;
    }
    assert!(io.of("/").is_empty());
}

#[tokio::test]
async fn a_socket_leaves_without_a_runtime_too() {
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .on_disconnecting(async || tokio::task::yield_now().await)
        .on_disconnect(async || tokio::task::yield_now().await);
    let server = TestServer::start(&io).await;
    let _client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    disconnect_in_a_plain_thread(&io).unwrap();
    assert!(io.of("/").is_empty());
}

#[tokio::test]
async fn a_handler_that_never_ends_leaves_no_ghost() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on_disconnecting(async || std::future::pending::<()>().await);
    let server = TestServer::start(&io).await;
    let _client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    disconnect_in_a_plain_thread(&io).unwrap();
    assert!(io.of("/").is_empty());
    assert!(io.of("/").rooms().is_empty());
}

fn disconnect_in_a_plain_thread(io: &SocketIo) -> std::thread::Result<()> {
    let socket = io.of("/").sockets().pop().unwrap();
    std::thread::spawn(move || socket.disconnect(false)).join()
}
