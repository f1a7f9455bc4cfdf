//! An event handler with a state, on a namespace without one.

use axum::extract::State;
use axum_socketio::SocketIo;

#[derive(Clone)]
struct App;

async fn message(State(_): State<App>) {}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("message", message);
}
