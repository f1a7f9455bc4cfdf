//! The server that the comparison loads: six handlers, written as a user would write them.
//!
//! `PORT` is the port on 127.0.0.1, `THREADS` the number of worker threads.

use axum::Router;
use axum_socketio::{Ack, Socket, SocketIo, extract::Data};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What the load generator sends to `echo`: a text, or an object of its own.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Echo {
    Text(String),
    Other(axum_socketio::Value),
}

fn handlers(io: &SocketIo) {
    io.of("/")
        .on("echo", async |socket: Socket, Data(what): Data<Echo>| socket.emit("echo", what))
        .on("echo-ack", async |Data(what): Data<Echo>| Ack(what))
        .on("ping-bin", async |socket: Socket, Data(bytes): Data<Bytes>| socket.emit("pong-bin", bytes))
        .on("bcast", async |io: SocketIo, Data(text): Data<String>| io.of("/").emit("bcast", text))
        .on("join", async |socket: Socket, Data(room): Data<String>| socket.join(room))
        .on("room", async |io: SocketIo, Data(room): Data<String>, Data(text): Data<String>| {
            io.of("/").to(room).emit("room", text);
        });
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() -> std::io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = number("THREADS") {
        runtime.worker_threads(threads);
    }
    runtime.enable_all().build()?.block_on(async {
        let io = SocketIo::new();
        handlers(&io);
        let port = number("PORT").unwrap_or(3000);
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
        axum::serve(listener, Router::new().layer(io.layer())).await
    })
}
