//! An extractor of events in a handler of connections.

use axum_socketio::{Socket, SocketIo, extract::Data};

async fn joined(_: Socket, Data(_): Data<String>) {}

fn main() {
    let io = SocketIo::new();
    io.of("/").on_connect(joined);
}
