//! Acknowledgements in both directions. Every one that the server waits for ends: with the answer, with a timeout, or
//! because the client has gone.
//!
//! Run it with `cargo run --example acks`; `examples/README.md` shows how to talk to it.

#![expect(
    clippy::print_stdout,
    reason = "a program says on the terminal where it listens"
)]

use std::{collections::BTreeMap, time::Duration};

use axum::Router;
use axum_socketio::{Ack, AckSender, Socket, SocketIo, SocketIoLayer, extract::Data};
use serde::Serialize;
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
        .on("add", add)
        .on("divide", divide)
        .on("brew", brew)
        .on("ask me", ask_me)
        .on("vote", vote);
}

/// The client's callback gets one argument: socket.emit("add", 1, 2, (sum) => …)
async fn add(Data(a): Data<i64>, Data(b): Data<i64>) -> Ack<Option<i64>> {
    Ack(a.checked_add(b))
}

/// A tuple is several arguments, so this is Node's convention: (error, result) => …
async fn divide(Data(a): Data<f64>, Data(b): Data<f64>) -> Ack<(Option<&'static str>, Option<f64>)> {
    Ack(if b == 0.0 {
        (Some("division by zero"), None)
    } else {
        (None, Some(a / b))
    })
}

/// With the `AckSender` a handler answers first and works on afterwards. It runs only if the client wants an answer; with
/// `Option<AckSender>` it would run always.
async fn brew(socket: Socket, Data(tea): Data<String>, ack: AckSender) {
    ack.send("started");
    tokio::task::yield_now().await; // the kettle
    socket.emit("ready", tea);
}

/// The other direction: the client answers the server, or doesn't.
async fn ask_me(socket: Socket) {
    let name = socket
        .timeout(Duration::from_secs(5))
        .emit_with_ack::<String>("what is your name", ())
        .await;
    match name {
        Ok(name) => socket.emit("greeting", format!("Hello, {name}!")),
        Err(error) => socket.emit("greeting", format!("You keep your name to yourself ({error}).")),
    }
}

#[derive(Serialize)]
struct Tally {
    votes: BTreeMap<String, usize>,
    complete: bool,
}

/// Asks everybody and counts what comes within five seconds. The error of `collect_all` keeps the answers that came.
async fn vote(socket: Socket, Data(question): Data<String>) -> Ack<Tally> {
    let everybody = socket.io().of("/").timeout(Duration::from_secs(5));
    let (answers, complete) = match everybody
        .emit_with_ack::<String>("question", question)
        .collect_all()
        .await
    {
        Ok(answers) => (answers, true),
        Err(missing) => (missing.replies, false),
    };
    let mut votes = BTreeMap::new();
    for answer in answers {
        *votes.entry(answer).or_default() += 1;
    }
    Ack(Tally { votes, complete })
}
