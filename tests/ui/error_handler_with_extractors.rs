//! An error handler takes a socket and an error.

use axum_socketio::{HandlerError, SocketIo};

async fn report(_: HandlerError) {}

fn main() {
    let io = SocketIo::new();
    io.of("/").on_error(report);
}
