//! A closure whose captured value can't be cloned.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum_socketio::SocketIo;

fn main() {
    let io = SocketIo::new();
    let count = AtomicUsize::new(0);
    io.of("/").on("count", async move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
}
