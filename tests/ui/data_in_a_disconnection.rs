//! An extractor of events in a handler of disconnections.

use axum_socketio::{Socket, SocketIo, extract::Data};

async fn left(_: Socket, Data(_): Data<String>) {}

fn main() {
    let io = SocketIo::new();
    io.of("/").on_disconnect(left);
}
