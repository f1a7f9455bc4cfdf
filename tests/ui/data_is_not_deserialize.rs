//! `Data` of a type that serde can't read.

use axum_socketio::{SocketIo, extract::Data};

struct Message {
    _text: String,
}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("message", async |Data(message): Data<Message>| drop(message));
}
