//! An extractor of connections in a handler of events.

use axum_socketio::{SocketIo, extract::Auth};

async fn message(Auth(_): Auth<String>) {}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("message", message);
}
