//! A value that answers nothing.

use axum_socketio::{SocketIo, extract::Data};

async fn echo(Data(text): Data<String>) -> String {
    text
}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("echo", echo);
}
