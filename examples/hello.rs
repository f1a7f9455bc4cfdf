//! The smallest server: answers one event, passes another on to everybody else.
//!
//! Run it with `cargo run --example hello`; `examples/README.md` shows how to talk to it.

#![expect(
    clippy::print_stdout,
    reason = "a program says on the terminal where it listens"
)]

use axum::{Router, routing::get};
use axum_socketio::{Ack, Socket, SocketIoLayer, extract::Data};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let sockets = SocketIoLayer::new();
    sockets
        .io()
        .of("/")
        // Returning an `Ack` calls the client's callback: socket.emit("ping", "hi", (text) => …)
        .on("ping", async |Data(text): Data<String>| Ack(text))
        .on(
            "chat message",
            async |socket: Socket, Data(text): Data<String>| {
                socket.broadcast().emit("chat message", text);
            },
        );

    let app = Router::new().route("/", get("hello")).layer(sockets);

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}
