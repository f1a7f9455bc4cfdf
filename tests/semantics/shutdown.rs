use std::{sync::Arc, time::Duration};

use axum::extract::State;
use axum_socketio::{DisconnectReason, Drain, SocketIo};
use futures::FutureExt as _;
use tokio::sync::Notify;

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, Request, TestClient, TestServer, Via, Ws, within},
};

/// Handlers that wait are waited for.
#[tokio::test]
async fn close_returns_when_every_disconnect_handler_has_ended() {
    let (log, mut heard) = log();
    let gate = Arc::new(Notify::new());
    let (io, main) = io(SocketIo::builder());
    let _ = main.with_state((log, gate.clone())).on_disconnect(
        async |State((log, gate)): State<(Log, Arc<Notify>)>, reason: DisconnectReason| {
            log.say(reason);
            gate.notified().await;
            log.say("ended");
        },
    );
    let server = TestServer::start(&io).await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        clients.push(TestClient::connect(&server, eio, via).await);
    }
    let close = io.close();
    tokio::pin!(close);
    assert!((&mut close).now_or_never().is_none());
    let clients = async {
        for client in &mut clients {
            client.expect_closed().await;
        }
        for _ in 0..4 {
            heard.expect("server shutting down").await;
        }
    };
    tokio::select! {
        biased;
        () = &mut close => panic!("closed before the handlers had ended"),
        () = clients => {}
    }
    assert!((&mut close).now_or_never().is_none());
    for _ in 0..4 {
        gate.notify_one();
    }
    within(close).await;
    assert_eq!(heard.drain(), ["ended"; 4]);
    assert_eq!(io.engine().clients_count(), 0);
    assert!(io.of("/").is_empty());
}

/// No disconnect handler ever hears of those who were never connected.
#[tokio::test]
async fn whom_a_middleware_never_lets_in_is_not_waited_for() {
    let (io, _) = io(SocketIo::builder());
    let _ = io
        .of("/slow")
        .middleware(async || std::future::pending::<()>().await);
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        for leaves in [false, true] {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.send("40/slow,").await;
            if leaves {
                client.send("41/slow,").await;
            }
            client.expect_nothing().await;
            client.close().await;
        }
    }
    let drain = Drain::new(Duration::ZERO).grace(Duration::from_secs(3600));
    assert!(within(io.drain(drain)).await.is_clean());
}

#[tokio::test]
async fn a_server_without_clients_closes_at_once() {
    let (io, _) = io(SocketIo::builder());
    within(io.close()).await;
}

#[tokio::test]
async fn pending_polls_are_answered_when_the_server_closes() {
    for (eio, end) in [(Eio::V4, "1"), (Eio::V3, "1:1")] {
        let (io, _) = io(SocketIo::builder());
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, eio, Via::Polling).await;
        client.expect_nothing().await;
        let poll = Request::get(client.target()).start(server.addr).await;
        within(io.close()).await;
        let response = poll.response().await;
        // If the poll came too late there is no session any more.
        assert!(response.status == 400 || response.text() == end, "{response:?}");
    }
}

#[tokio::test]
async fn handshakes_are_refused_once_the_server_closes() {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    within(io.close()).await;
    for eio in [Eio::V3, Eio::V4] {
        let response = Request::get(eio.target("polling")).send(server.addr).await;
        assert_eq!(
            (response.status, response.text()),
            (503, r#"{"code":7,"message":"Server shutting down"}"#)
        );
        let refused = Ws::try_open(server.addr, &eio.target("websocket")).await;
        assert_eq!(refused.unwrap_err(), (503, "Server shutting down".to_owned()));
    }
}
