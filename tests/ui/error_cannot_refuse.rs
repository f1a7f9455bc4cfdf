//! A middleware whose error can't become a refusal.

use axum_socketio::SocketIo;

async fn signed_in() -> Result<(), std::io::Error> {
    Ok(())
}

fn main() {
    let io = SocketIo::new();
    io.of("/").middleware(signed_in);
}
