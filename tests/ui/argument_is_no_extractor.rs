//! An argument of the event without `Data`.

use axum_socketio::{Socket, SocketIo};

async fn message(socket: Socket, text: String) {
    println!("{socket:?}: {text}");
}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("message", message);
}
