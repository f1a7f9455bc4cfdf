//! A closure that isn't async.

use axum_socketio::{SocketIo, extract::Data};

fn main() {
    let io = SocketIo::new();
    io.of("/").on("message", |Data(text): Data<String>| println!("{text}"));
}
