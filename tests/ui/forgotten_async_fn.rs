//! A function that isn't async.

use axum_socketio::{Ack, SocketIo, extract::Data};

fn echo(Data(text): Data<String>) -> Ack<String> {
    Ack(text)
}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("message", echo);
}
