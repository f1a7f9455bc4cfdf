//! A lock that is held while the handler waits.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum_socketio::{SocketIo, extract::Data};

type Log = Arc<Mutex<Vec<String>>>;

async fn message(State(log): State<Log>, Data(text): Data<String>) {
    let mut log = log.lock().unwrap();
    tokio::task::yield_now().await;
    log.push(text);
}

fn main() {
    let io = SocketIo::new();
    io.of("/").with_state(Log::default()).on("message", message);
}
