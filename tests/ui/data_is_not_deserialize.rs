//! `Data` of a type that serde can't read.

use axum_socketio::{SocketIo, extract::Data};

struct Message {
    _text: String,
}

async fn message(Data(message): Data<Message>) {
    drop(message);
}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("message", message);
}
