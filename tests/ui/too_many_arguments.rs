//! Seventeen arguments.

use axum_socketio::{SocketIo, extract::Data};

type D = Data<u8>;

#[allow(clippy::too_many_arguments)]
async fn many(_: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D, _: D) {}

fn main() {
    let io = SocketIo::new();
    io.of("/").on("many", many);
}
