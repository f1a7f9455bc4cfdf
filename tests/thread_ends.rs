//! What threads drop as they end. It has a process of its own, in which nobody has paused tokio's clock: a clock that may be paused can't be
//! asked there.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

#[path = "support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the protocol suites")]
mod wire;

use std::cell::Cell;

use axum_socketio::{Socket, SocketIo};
use tokio::runtime::Handle;
use wire::{Eio, TestClient, TestServer, Via};

/// Uses a socket as it is dropped.
struct Parting(Socket, Use);

type Use = fn(&Socket);

impl Drop for Parting {
    fn drop(&mut self) {
        (self.1)(&self.0);
    }
}

thread_local! {
    static PARTING: Cell<Option<Parting>> = const { Cell::new(None) };
}

#[tokio::test]
async fn what_a_thread_drops_as_it_ends_may_use_sockets() {
    let io = SocketIo::new();
    let _ = io
        .of("/")
        .on_disconnect(async |socket: Socket| socket.namespace().emit("left", ()));
    let server = TestServer::start(&io).await;
    let uses: [(Use, &str); 4] = [
        (|socket| socket.emit("bye", ()), r#"42["bye"]"#),
        (|socket| socket.namespace().emit("bye", ()), r#"42["bye"]"#),
        (
            |socket| drop(socket.emit_with_ack::<()>("bye", ())),
            r#"420["bye"]"#,
        ),
        (|socket| socket.disconnect(false), "41"),
    ];
    for (at_the_end, packet) in uses {
        let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        let id = client.join("/").await;
        let socket = io.of("/").socket(id).unwrap();
        std::thread::spawn(move || {
            // Before the server and tokio keep anything with the thread, which is gone sooner then.
            PARTING.set(Some(Parting(socket.clone(), at_the_end)));
            socket.emit("hello", ());
            assert!(Handle::try_current().is_err());
        });
        client.expect(r#"42["hello"]"#).await;
        client.expect(packet).await;
        client.close().await;
    }
}
