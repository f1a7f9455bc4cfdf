//! Why a socket left, in the words of the Node server.

use std::time::Duration;

use axum::extract::State;
use axum_socketio::{DisconnectReason, Socket, SocketIo, extract::Data};

use crate::{
    io,
    log::{Heard, Log, log},
    wire::{Eio, Request, TestClient, TestServer, Via},
};

async fn telling(builder: axum_socketio::Builder) -> (SocketIo, TestServer, Heard) {
    let (log, heard) = log();
    let (io, main) = io(builder);
    let _ = main
        .with_state(log)
        .on("leave", async |socket: Socket, Data(close): Data<bool>| {
            socket.disconnect(close)
        })
        .on("close", async |socket: Socket| socket.connection().close())
        .on_disconnect(async |State(log): State<Log>, reason: DisconnectReason| log.say(reason));
    let server = TestServer::start(&io).await;
    (io, server, heard)
}

/// What the client sends, and what becomes of it, whatever the generation and the transport.
#[tokio::test]
async fn what_a_client_sends_has_the_same_reason_everywhere() {
    let (_io, server, mut heard) = telling(SocketIo::builder()).await;
    let cases = [
        ("41", "client namespace disconnect"),
        (r#"42["leave",false]"#, "server namespace disconnect"),
        (r#"42["leave",true]"#, "server namespace disconnect"),
        (r#"42["close"]"#, "forced close"),
        // No packet of Engine.IO.
        ("x", "parse error"),
        // No packet of Socket.IO.
        ("42[]", "forced close"),
        (r#"451-["nobody",{"_placeholder":true,"num":5}]"#, ""),
    ];
    for (eio, via) in TestClient::EVERY_WAY {
        for (packet, reason) in cases {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.send(packet).await;
            if reason.is_empty() {
                client.send([1]).await;
            }
            // A connection that the server closes over polling ends when the client has fetched the end.
            if matches!(packet, r#"42["close"]"# | "42[]") || reason.is_empty() {
                client.expect_closed().await;
            }
            heard
                .expect(if reason.is_empty() { "forced close" } else { reason })
                .await;
        }
    }
}

#[tokio::test]
async fn a_client_that_closes_its_transport_says_transport_close() {
    let (_io, server, mut heard) = telling(SocketIo::builder()).await;
    for (eio, via) in TestClient::EVERY_WAY {
        TestClient::connect(&server, eio, via).await.close().await;
        heard.expect("transport close").await;
    }
}

#[tokio::test]
async fn a_websocket_that_breaks_off_says_transport_close() {
    let (_io, server, mut heard) = telling(SocketIo::builder()).await;
    for eio in [Eio::V3, Eio::V4] {
        drop(TestClient::connect(&server, eio, Via::WebSocket).await);
        heard.expect("transport close").await;
    }
}

#[tokio::test]
async fn overlapping_polls_say_transport_error() {
    let (_io, server, mut heard) = telling(SocketIo::builder()).await;
    for eio in [Eio::V3, Eio::V4] {
        let client = TestClient::connect(&server, eio, Via::Polling).await;
        let first = Request::get(client.target()).start(server.addr).await;
        let second = Request::get(client.target()).start(server.addr).await;
        tokio::join!(first.response(), second.response());
        heard.expect("transport error").await;
    }
}

#[tokio::test]
async fn an_aborted_poll_says_transport_error() {
    let (io, server, mut heard) = telling(SocketIo::builder()).await;
    for eio in [Eio::V3, Eio::V4] {
        let mut client = TestClient::connect(&server, eio, Via::Polling).await;
        // This one proves by its echo that polls arrive.
        client.expect_nothing().await;
        let connection = io.of("/").sockets()[0].connection().clone();
        let poll = Request::get(client.target()).start(server.addr).await;
        // An HTTP server drops what ends before it looked at it.
        while !connection.is_writable() {
            Request::get("/elsewhere").send(server.addr).await;
        }
        drop(poll);
        heard.expect("transport error").await;
    }
}

#[tokio::test]
async fn a_message_over_the_limit_says_transport_error() {
    let (_io, server, mut heard) = telling(SocketIo::builder().max_http_buffer_size(1000)).await;
    for eio in [Eio::V3, Eio::V4] {
        let mut client = TestClient::connect(&server, eio, Via::WebSocket).await;
        client
            .send(format!(r#"42["nobody","{}"]"#, "a".repeat(1000)))
            .await;
        client.expect_closed().await;
        heard.expect("transport error").await;
    }
}

#[tokio::test]
async fn a_heartbeat_in_the_wrong_direction_says_transport_error() {
    let (_io, server, mut heard) = telling(SocketIo::builder()).await;
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = TestClient::connect(&server, Eio::V4, via).await;
        client.send("2").await;
        heard.expect("transport error").await;
    }
}

#[tokio::test]
async fn a_client_that_goes_silent_says_ping_timeout() {
    let builder = SocketIo::builder()
        .ping_interval(Duration::from_millis(500))
        .ping_timeout(Duration::from_millis(500));
    let (io, server, mut heard) = telling(builder).await;
    for (eio, via) in TestClient::EVERY_WAY {
        // It stays connected to the network, reads nothing and says nothing.
        let silent = TestClient::connect(&server, eio, via).await;
        heard.expect("ping timeout").await;
        assert!(io.of("/").is_empty());
        assert_eq!(io.engine().clients_count(), 0);
        drop(silent);
    }
}

#[tokio::test]
async fn a_server_that_closes_says_server_shutting_down() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (io, server, mut heard) = telling(SocketIo::builder()).await;
        let mut client = TestClient::connect(&server, eio, via).await;
        tokio::join!(io.close(), client.expect_closed());
        heard.expect("server shutting down").await;
    }
}
