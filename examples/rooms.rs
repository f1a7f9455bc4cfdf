//! Rooms: sockets that are spoken to together. A socket joins and leaves as it likes, an empty room doesn't exist.
//!
//! Run it with `cargo run --example rooms`; `examples/README.md` shows how to talk to it.

#![expect(
    clippy::print_stdout,
    reason = "a program says on the terminal where it listens"
)]

use axum::Router;
use axum_socketio::{Ack, Socket, SocketIo, SocketIoLayer, extract::Data};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let sockets = SocketIoLayer::new();
    register(sockets.io());

    let app = Router::new().layer(sockets);
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

fn register(io: &SocketIo) {
    io.of("/")
        .on("join", join)
        .on("leave", leave)
        .on("say", say)
        .on("say to both", say_to_both)
        .on("say but not to", say_but_not_to)
        .on("my rooms", async |socket: Socket| Ack(socket.rooms()));
}

/// Answers with the number of sockets in the room, this one included.
async fn join(socket: Socket, Data(room): Data<String>) -> Ack<usize> {
    socket.join(room.clone());
    // From a socket a room means the others; from the namespace it means everybody in it.
    socket
        .to(room.clone())
        .emit("joined", (room.clone(), socket.id()));
    Ack(socket.io().of("/").within(room).sockets().len())
}

async fn leave(socket: Socket, Data(room): Data<String>) {
    socket.leave(room.clone());
    socket.to(room.clone()).emit("left", (room, socket.id()));
}

/// Each `Data` takes the next argument: socket.emit("say", room, text).
async fn say(socket: Socket, Data(room): Data<String>, Data(text): Data<String>) {
    socket.to(room.clone()).emit("said", (room, text));
}

/// Who is in both rooms hears it once.
async fn say_to_both(socket: Socket, Data((one, other)): Data<(String, String)>, Data(text): Data<String>) {
    socket.to(one).to(other).emit("said", ("both", text));
}

async fn say_but_not_to(socket: Socket, Data(muted): Data<String>, Data(text): Data<String>) {
    socket
        .broadcast()
        .except(muted)
        .emit("said", ("everybody else", text));
}
