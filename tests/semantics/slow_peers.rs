use std::time::Duration;

use axum::extract::State;
use axum_socketio::{Ack, DisconnectReason, Socket, SocketIo, engine::Overflow, extract::Data};
use bytes::Bytes;

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, Packet, TestClient, TestServer, Via},
};

/// The network takes a few megabytes for a peer that doesn't read; then its buffer here fills.
#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_and_the_others_miss_nothing() {
    for eio in [Eio::V3, Eio::V4] {
        let (log, mut heard) = log();
        // No heartbeat gets between the chunks.
        let builder = SocketIo::builder().ping_interval(Duration::from_secs(3600));
        let (io, main) = io(builder.max_send_buffer(256 * 1024));
        let _ = main.with_state(log).on_disconnect(
            async |socket: Socket, reason: DisconnectReason, State(log): State<Log>| {
                log.say(format!("{} {reason}", socket.id()));
            },
        );
        let server = TestServer::start(&io).await;
        let mut reads = TestClient::connect(&server, eio, Via::WebSocket).await;
        let mut stalls = TestClient::open(&server, eio, Via::WebSocket).await;
        let id = stalls.join("/").await;
        let chunk = "a".repeat(64 * 1024);
        let mut rounds = 0;
        while io.of("/").len() == 2 {
            io.of("/").emit("chunk", (rounds, &chunk));
            reads.expect(format!(r#"42["chunk",{rounds},"{chunk}"]"#)).await;
            rounds += 1;
            assert!(rounds < 2000, "128 MB went somewhere");
        }
        heard.expect(&format!("{id} transport error")).await;
        reads.expect_nothing().await;
    }
}

/// A polling client that doesn't come back is in the same position.
#[tokio::test]
async fn a_client_that_does_not_poll_is_disconnected_when_its_buffer_is_full() {
    for eio in [Eio::V3, Eio::V4] {
        let (log, mut heard) = log();
        let (io, main) = io(SocketIo::builder().max_send_buffer(64 * 1024));
        let _ = main
            .with_state(log)
            .on_disconnect(async |reason: DisconnectReason, State(log): State<Log>| log.say(reason));
        let server = TestServer::start(&io).await;
        let client = TestClient::connect(&server, eio, Via::Polling).await;
        for _ in 0..100 {
            io.of("/").emit("chunk", "a".repeat(1024));
        }
        heard.expect("transport error").await;
        drop(client);
    }
}

/// Whoever sends writes to a client whose task rests, as far as the network takes it; the rest is the task's. Several packets at a time, so
/// that some of them are left: short ones that are written together, and with attachments between them.
#[tokio::test]
async fn what_the_network_takes_only_in_part_arrives_whole_and_in_order() {
    for (size, at_once, bytes) in [(400, 50, false), (4_000, 3, true), (40_000, 1, true)] {
        // No heartbeat gets between the chunks.
        let builder = SocketIo::builder().ping_interval(Duration::from_secs(3600));
        let (io, main) = io(builder.max_send_buffer(64 << 20));
        let text = "é".repeat(size);
        let rounds = 3_000_000 / size / at_once;
        let _ = main.with_state(text.clone()).on(
            "say",
            async move |io: SocketIo,
                        State(text): State<String>,
                        Data(n): Data<usize>,
                        Data(to): Data<String>| {
                for n in n * at_once..(n + 1) * at_once {
                    io.of("/").to(&*to).emit("said", (n, &text));
                    if bytes {
                        io.of("/").to(&*to).emit("bytes", Bytes::from(text.clone()));
                    }
                }
                Ack(n)
            },
        );
        let server = TestServer::start(&io).await;
        let mut reader = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        let id = reader.join("/").await;
        // The task of a WebSocket runs its handlers, and writes to others when it has done its own.
        let mut speaker = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        for n in 0..rounds {
            speaker.send(format!(r#"42{n}["say",{n},"{id}"]"#)).await;
            speaker.expect(format!("43{n}[{n}]")).await;
            // Its pong must not come between the halves of a frame.
            reader.ping().await;
        }
        for n in 0..rounds * at_once {
            reader.expect(format!(r#"42["said",{n},"{text}"]"#)).await;
            if bytes {
                reader
                    .expect(r#"451-["bytes",{"_placeholder":true,"num":0}]"#)
                    .await;
                reader.expect(Packet::Binary(text.clone().into_bytes())).await;
            }
        }
        reader.expect_nothing().await;
    }
}

/// More sockets than one thread writes to in one go.
#[tokio::test]
async fn a_broadcast_from_a_handler_reaches_every_socket_of_a_large_namespace_in_order() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("say", async |io: SocketIo, Data(n): Data<usize>| {
        io.of("/").emit("said", n);
        io.of("/").emit("said", n + 1);
    });
    let server = TestServer::start(&io).await;
    let mut clients = Vec::new();
    for _ in 0..600 {
        clients.push(TestClient::connect(&server, Eio::V4, Via::WebSocket).await);
    }
    for n in [0, 2, 4] {
        clients[0].send(format!(r#"42["say",{n}]"#)).await;
    }
    for client in &mut clients {
        for n in 0..6 {
            client.expect(format!(r#"42["said",{n}]"#)).await;
        }
    }
}

/// Its TCP connection stays open and takes what is sent, but nobody answers.
#[tokio::test]
async fn a_peer_that_has_vanished_is_removed_in_time() {
    let (log, mut heard) = log();
    let builder = SocketIo::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(300));
    let (io, main) = io(builder);
    let _ = main
        .with_state(log)
        .on_connect(async |socket: Socket| socket.join("hall"))
        .on_disconnect(async |reason: DisconnectReason, State(log): State<Log>| log.say(reason));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let vanished = TestClient::connect(&server, eio, via).await;
        let begun = now();
        heard.expect("ping timeout").await;
        // Deadlines are exact to a quarter of a second, and there are two of them; the rest is for a busy machine.
        assert!(
            begun.elapsed() < Duration::from_millis(600 + 500) + Duration::from_secs(10),
            "after {:?}",
            begun.elapsed()
        );
        assert!(io.of("/").is_empty());
        assert!(io.of("/").rooms().is_empty());
        assert_eq!(io.engine().clients_count(), 0);
        drop(vanished);
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is about time that passes")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Where packets are dropped for which there is no room, and not their clients: without these a client would wait for ever, or take itself
/// for connected.
#[tokio::test]
async fn a_client_for_whose_coming_and_going_there_is_no_room_is_disconnected() {
    for eio in [Eio::V3, Eio::V4] {
        for ask in ["40/other,", "40/unknown,", r#"42["leave"]"#] {
            let builder = SocketIo::builder().overflow(Overflow::DropNewest);
            let (io, main) = io(builder.max_send_buffer(1_000));
            let (log, mut heard) = log();
            let _ = main
                .with_state(log)
                .on("fill", async |socket: Socket| {
                    socket.emit("fills", "x".repeat(2_000))
                })
                .on("leave", async |socket: Socket| socket.disconnect(false))
                .on_disconnect(async |reason: DisconnectReason, State(log): State<Log>| {
                    log.say(reason.as_str());
                });
            let _ = io.of("/other");
            let server = TestServer::start(&io).await;
            let mut client = TestClient::connect(&server, eio, Via::Polling).await;
            client.send_all([r#"42["fill"]"#, ask]).await;
            while client.recv().await.is_some() {}
            let reason = if ask.starts_with("40") {
                "transport error"
            } else {
                "server namespace disconnect"
            };
            heard.expect(reason).await;
        }
    }
}
