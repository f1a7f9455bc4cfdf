//! Binary data: `Bytes` is a binary attachment wherever it stands, alone, in a struct, in a list of structs. In
//! JavaScript the same place holds a `Buffer`, a `Uint8Array` or an `ArrayBuffer`.
//!
//! Run it with `cargo run --example binary`; `examples/README.md` shows how to talk to it.

#![expect(
    clippy::print_stdout,
    reason = "a program says on the terminal where it listens"
)]

use axum::Router;
use axum_socketio::{Ack, Socket, SocketIo, extract::Data};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// Options have the names of the specification. This one bounds a polling body and a WebSocket message alike.
const LARGEST_DRAWING: usize = 4 << 20;

#[derive(Clone, Deserialize, Serialize)]
struct Drawing {
    title: String,
    preview: Bytes,
    layers: Vec<Layer>,
}

#[derive(Clone, Deserialize, Serialize)]
struct Layer {
    name: String,
    pixels: Bytes,
}

#[derive(Serialize)]
struct Receipt {
    title: String,
    bytes: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let io = SocketIo::builder()
        .max_http_buffer_size(LARGEST_DRAWING)
        .build()?;
    io.of("/").on("invert", invert).on("draw", draw);

    let app = Router::new().layer(io.layer());
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// Bytes in, bytes out: socket.emit("invert", new Uint8Array([1, 2]), (bytes) => …)
async fn invert(Data(bytes): Data<Bytes>) -> Ack<Bytes> {
    Ack(bytes.iter().map(|byte| !byte).collect())
}

/// The others get the drawing as it came; passing `Bytes` on copies nothing.
async fn draw(socket: Socket, Data(drawing): Data<Drawing>) -> Ack<Receipt> {
    socket.broadcast().emit("drawn", &drawing);
    let layers: usize = drawing.layers.iter().map(|layer| layer.pixels.len()).sum();
    Ack(Receipt {
        title: drawing.title,
        bytes: drawing.preview.len() + layers,
    })
}
