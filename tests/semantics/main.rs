//! What the server promises to handlers and clients, proved over the wire.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

#[path = "../support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the protocol suites")]
mod wire;

mod acks;
mod apart;
mod back;
mod draining;
mod drops;
mod dynamic;
mod entering;
mod errors;
mod handshake;
mod isolation;
mod leaving;
mod listen;
mod listeners;
mod log;
mod members;
mod middleware;
mod misuse;
mod order;
mod order_beside_locks;
mod packet_middleware;
mod reasons;
mod recovery;
mod robustness;
mod rooms;
mod root;
mod runtimes;
mod senders;
mod sent_away;
mod sequential;
mod shutdown;
mod slow_peers;
mod starting;
mod threads;
mod volatile;

use axum_socketio::{Builder, Namespace, Socket, SocketIo, Value, extract::Rest};

/// A server with these options, whose `/` echoes `message`: that is how tests find out that nothing else is on its way.
fn io(builder: Builder) -> (SocketIo, Namespace) {
    let io = builder.build().unwrap();
    let main = echoing(io.of("/"));
    (io, main)
}

fn echoing(namespace: Namespace) -> Namespace {
    namespace.on("message", async |socket: Socket, args: Rest<Value>| {
        socket.emit("message-back", args)
    })
}
