//! A state that the namespace hasn't got.

use axum::extract::State;
use axum_socketio::SocketIo;

#[derive(Clone)]
struct App;

#[derive(Clone)]
struct Store;

async fn message(State(_): State<Store>) {}

fn main() {
    let io = SocketIo::new();
    io.of("/").with_state(App).on("message", message);
}
