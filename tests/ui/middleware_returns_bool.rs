//! A middleware whose verdict is no `Result`.

use axum_socketio::{SocketIo, extract::Auth};

async fn signed_in(Auth(token): Auth<String>) -> bool {
    token == "secret"
}

fn main() {
    let io = SocketIo::new();
    io.of("/").middleware(signed_in);
}
