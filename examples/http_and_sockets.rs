//! One application behind HTTP routes and sockets: both share axum's state, and a route speaks to the sockets.
//!
//! Run it with `cargo run --example http_and_sockets`; `examples/README.md` shows how to talk to it.

#![expect(
    clippy::print_stdout,
    reason = "a program says on the terminal where it listens"
)]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::{FromRef, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_socketio::{Ack, Socket, SocketIo, extract::Data};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Clone, Deserialize, Serialize)]
struct News {
    title: String,
    text: String,
}

/// The state of the whole application. Handlers take the part they need, sockets as well as routes: `FromRef`.
#[derive(Clone, Default)]
struct App {
    board: Board,
    readers: Readers,
}

#[derive(Clone, Default)]
struct Board(Arc<Mutex<Vec<News>>>);

#[derive(Clone, Default)]
struct Readers(Arc<AtomicUsize>);

// axum's feature `macros` derives these.
impl FromRef<App> for Board {
    fn from_ref(app: &App) -> Self {
        app.board.clone()
    }
}

impl FromRef<App> for Readers {
    fn from_ref(app: &App) -> Self {
        app.readers.clone()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = App::default();
    let io = SocketIo::builder().build()?;
    io.of("/news")
        .with_state(app.clone())
        .on_connect(came)
        .on("latest", latest)
        .on_disconnect(went);

    let site = Router::new()
        .route("/announce", post(announce))
        .route("/readers", get(readers))
        .layer(io.layer())
        .with_state(app);

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, site).await?)
}

/// An HTTP handler: the layer has put the `SocketIo` where its extractor finds it.
async fn announce(io: SocketIo, State(board): State<Board>, Json(news): Json<News>) -> StatusCode {
    io.of("/news").emit("news", &news);
    board.add(news);
    StatusCode::ACCEPTED
}

async fn readers(State(readers): State<Readers>) -> String {
    readers.0.load(Ordering::Relaxed).to_string()
}

/// A listener of the sockets, with the same `State`: socket.emit("latest", 3, (news) => …)
async fn latest(State(board): State<Board>, Data(count): Data<usize>) -> Ack<Vec<News>> {
    Ack(board.latest(count))
}

async fn came(socket: Socket, State(board): State<Board>, State(readers): State<Readers>) {
    readers.0.fetch_add(1, Ordering::Relaxed);
    for news in board.latest(3) {
        socket.emit("news", news);
    }
}

async fn went(State(readers): State<Readers>) {
    readers.0.fetch_sub(1, Ordering::Relaxed);
}

impl Board {
    fn add(&self, news: News) {
        self.0
            .lock()
            .expect("invariant: nothing panics while the board is locked")
            .push(news);
    }

    /// The last ones, oldest first.
    fn latest(&self, count: usize) -> Vec<News> {
        let board = self
            .0
            .lock()
            .expect("invariant: nothing panics while the board is locked");
        board[board.len().saturating_sub(count)..].to_vec()
    }
}
