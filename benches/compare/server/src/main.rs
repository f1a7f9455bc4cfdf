//! The server that the comparison loads: its handlers are written as a user would write them.
//!
//! `PORT` is the port on 127.0.0.1, `THREADS` the number of worker threads.

mod record;

use axum::Router;
use axum_socketio::{Ack, Socket, SocketIo, extract::Data};
use bytes::Bytes;

use crate::record::{Record, TextOrRecord};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn handlers(io: &SocketIo) {
    io.of("/")
        .on("echo", async |socket: Socket, Data(what): Data<TextOrRecord>| {
            socket.emit("echo", what)
        })
        .on("echo-json", async |socket: Socket, Data(record): Data<Record>| {
            socket.emit("echo-json", record)
        })
        .on("echo-ack", async |Data(text): Data<String>| Ack(text))
        .on("ping-bin", async |socket: Socket, Data(bytes): Data<Bytes>| {
            socket.emit("pong-bin", bytes)
        })
        .on("bcast", async |io: SocketIo, Data(text): Data<String>| {
            io.of("/").emit("bcast", text)
        })
        .on("join", async |socket: Socket, Data(room): Data<String>| {
            socket.join(room);
            Ack("joined")
        })
        .on(
            "room",
            async |io: SocketIo, Data(room): Data<String>, Data(text): Data<String>| {
                io.of("/").to(room).emit("room", text);
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
        let io = SocketIo::new();
        handlers(&io);
        let port = number("PORT").unwrap_or(3000);
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
        axum::serve(listener, Router::new().layer(io.layer())).await
    })
}
