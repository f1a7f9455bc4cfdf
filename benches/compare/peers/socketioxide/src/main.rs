//! socketioxide behind axum, with handlers as its guide writes them: typed, errors of `emit` discarded.
//!
//! `PORT` is the port on 127.0.0.1, `THREADS` the number of worker threads. Nagle's algorithm is off, which the guide does
//! not do: with it, two small writes in a row wait for the peer's delayed acknowledgement, and every latency is 40 ms.

use axum::{Router, serve::ListenerExt};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};

#[derive(Deserialize, Serialize)]
struct Record {
    a_id: String,
    body: String,
    meta: Meta,
    tags: Vec<String>,
    user: User,
    v: u32,
}

#[derive(Deserialize, Serialize)]
struct Meta {
    flags: (u32, u32, u32, bool, ()),
    lang: String,
    score: f64,
}

#[derive(Deserialize, Serialize)]
struct User {
    id: u64,
    name: String,
}

async fn connected(socket: SocketRef) {
    socket.on("echo", async |socket: SocketRef, Data(text): Data<String>| {
        socket.emit("echo", &text).ok();
    });
    socket.on(
        "echo-json",
        async |socket: SocketRef, Data(record): Data<Record>| {
            socket.emit("echo-json", &record).ok();
        },
    );
    socket.on("echo-ack", async |Data(text): Data<String>, ack: AckSender| {
        ack.send(&text).ok();
    });
    socket.on("ping-bin", async |socket: SocketRef, Data(bytes): Data<Bytes>| {
        socket.emit("pong-bin", &bytes).ok();
    });
    socket.on("bcast", async |io: SocketIo, Data(text): Data<String>| {
        io.emit("bcast", &text).await.ok();
    });
    socket.on(
        "join",
        async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
            socket.join(room);
            ack.send("joined").ok();
        },
    );
    socket.on(
        "room",
        async |io: SocketIo, Data((room, text)): Data<(String, String)>| {
            io.to(room).emit("room", &text).await.ok();
        },
    );
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
        let (layer, io) = SocketIo::new_layer();
        io.ns("/", connected);
        let port = number("PORT").unwrap_or(3000);
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
        let listener = listener.tap_io(|stream| {
            stream.set_nodelay(true).ok();
        });
        axum::serve(listener, Router::new().layer(layer)).await
    })
}
