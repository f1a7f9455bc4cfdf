//! An error that can't be shown.

use axum_socketio::{Ack, SocketIo};

struct Failure;

async fn fails() -> Result<Ack<u32>, Failure> {
    Err(Failure)
}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("fail", fails);
}
