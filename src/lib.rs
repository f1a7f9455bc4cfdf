//! A Socket.IO server as a Tower layer for axum.
//!
//! It serves every Socket.IO client in use, JS 1.x to 4.x and those of other languages, over HTTP long-polling and
//! WebSockets, on the port of your axum application.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use axum_socketio::{Ack, Socket, SocketIoLayer, extract::Data};
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let sockets = SocketIoLayer::new();
//!     sockets.io().of("/")
//!         .on("ping", async |Data(text): Data<String>| Ack(text))
//!         .on("chat message", async |socket: Socket, Data(text): Data<String>| {
//!             socket.broadcast().emit("chat message", text);
//!         });
//!
//!     let app = Router::new().route("/", get("hello")).layer(sockets);
//!     axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
//! }
//! ```
//!
//! # How it fits together
//!
//! * [`SocketIo`] is the server. [`SocketIo::builder`] sets options; [`SocketIo::layer`] and [`SocketIo::service`] mount it
//!   (module [`layer`]).
//! * [`Namespace`], from [`SocketIo::of`], is where handlers are registered: functions of extractors
//!   (modules [`handler`] and [`extract`]).
//! * [`Socket`] is one client in one namespace. It emits to that client, joins [`Room`]s, and selects others.
//! * [`Broadcast`] is a selection of sockets: `socket.to("room")`, `io.of("/").except("muted")`.
//! * Several servers are one to their clients with an adapter (module [`adapter`]).
//! * Acknowledgements are returned from handlers as [`Ack`], and awaited as futures (module [`ack`]).
//!
//! # State, HTTP handlers and sockets together
//!
//! ```
//! use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
//! use axum_socketio::{Ack, Socket, SocketIo, extract::Data};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Default)]
//! struct Store;
//!
//! #[derive(Clone, Deserialize, Serialize)]
//! struct News { headline: String }
//!
//! // Each `Data` takes the next argument, so the signature reads like the JS listener `(room, text, ack) => …`.
//! async fn message(
//!     socket: Socket,
//!     State(_store): State<Store>,
//!     Data(room): Data<String>,
//!     Data(text): Data<String>,
//! ) -> Ack<bool> {
//!     socket.to(room).emit("message", (socket.id(), text));
//!     Ack(true)
//! }
//!
//! // The server is an extractor in ordinary axum handlers.
//! async fn announce(io: SocketIo, Json(news): Json<News>) -> StatusCode {
//!     io.of("/chat").to("lobby").emit("news", news);
//!     StatusCode::ACCEPTED
//! }
//!
//! let io = SocketIo::new();
//! io.of("/chat").with_state(Store).on("message", message);
//! let app: Router = Router::new().route("/announce", post(announce)).layer(io.layer());
//! ```
//!
//! # Arguments
//!
//! Arguments are serde types. Emitting a tuple sends several arguments, `()` none, anything else one. `bytes::Bytes`
//! (and whatever serialises as bytes, such as `serde_bytes`) travels as a binary attachment, wherever in a value it
//! stands; a `Vec<u8>` is a list of numbers, as everywhere in serde. [`Value`] is any argument whose shape is not known beforehand.
//!
//! # What is promised
//!
//! Events of one socket start their handlers in the order in which they were sent, and arrive at most once. Emitting never
//! blocks: what a client is too slow to read waits in a bounded buffer, and a client that lets it overflow is
//! disconnected rather than served with gaps. Every acknowledgement future resolves. A client that vanishes is noticed
//! within the ping interval and timeout, and its disconnect handlers run.
//!
//! # Cargo features
//!
//! None is on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `deflate` | `Builder::per_message_deflate` and `Builder::http_compression`, with their options in [`engine`] |
//! | `metrics` | counters, gauges and histograms for the recorder of the crate `metrics`, see [`observability`] |
//! | `msgpack` | `parser::Msgpack`, the packets of npm's `socket.io-msgpack-parser` |

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../docs/from-socketio-js.md")]
mod from_socketio_js {}

#[cfg(doctest)]
#[doc = include_str!("../docs/deploys.md")]
mod deploys {}

#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
mod testing {}

#[doc = include_str!("../docs/observability.md")]
pub mod observability {}

pub mod adapter;
#[cfg(any(test, benching))]
pub mod benching;
pub mod engine;
pub mod extract;
mod foreign;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod handler;
mod id;
pub mod layer;
mod log;
mod packet;
mod protocol;
mod room;
mod server;
mod sync;
mod throttle;
mod websocket;

pub use crate::{
    handler::Ack,
    id::{ServerId, SocketId},
    layer::SocketIoLayer,
    packet::{Value, parser},
    protocol::Protocol,
    room::{Room, Rooms},
    server::{
        AckSender, Broadcast, BuildError, Builder, Client, ConnectError, DisconnectReason, Drain,
        DrainReport, EmitError, EventError, HandlerError, Handshake, Namespace, NamespaceRequest,
        RemoteSocket, ServerEvent, Socket, SocketIo,
    },
};

/// Acknowledgements: awaited from clients, and given to them later than a handler's return.
///
/// An emit that wants an answer is a future, a broadcast that wants answers a stream. The type is what the client passes
/// to its callback.
///
/// ```
/// use std::time::Duration;
///
/// use axum_socketio::{Ack, AckSender, Socket, SocketIo, extract::Data};
///
/// // socket.on("rename", (name, ack) => ack(true))
/// async fn rename(socket: Socket, Data(name): Data<String>) -> Ack<bool> {
///     match socket.timeout(Duration::from_secs(5)).emit_with_ack::<bool>("rename", name).await {
///         Ok(agreed) => Ack(agreed),
///         Err(error) => {
///             eprintln!("{error}"); // error.is_timeout(), error.is_disconnected() …
///             Ack(false)
///         }
///     }
/// }
///
/// // Asks everybody, and says how many of how many answered in time.
/// async fn count(io: SocketIo) -> Ack<(usize, usize)> {
///     let answers = io.of("/").timeout(Duration::from_secs(1)).emit_with_ack::<()>("are you there", ());
///     let asked = answers.recipients();
///     let answered = match answers.collect_all().await {
///         Ok(replies) => replies.len(),
///         Err(error) => error.replies.len(), // what came before the time was up
///     };
///     Ack((answered, asked))
/// }
///
/// // Answers first and works on afterwards.
/// async fn brew(socket: Socket, ack: AckSender) {
///     ack.send("started");
///     socket.emit("ready", ());
/// }
///
/// let io = SocketIo::new();
/// io.of("/").on("rename", rename).on("count", count).on("brew", brew);
/// ```
pub mod ack {
    pub use crate::server::{AckError, AckFuture, AckSender, AckStream, BroadcastAckError};
}

/// What belongs to a [`Socket`]: flags for what it sends, values kept with it, its own listeners.
pub mod socket {
    pub use crate::server::{Extensions, ListenerId, ToSocket};
}

/// Limits: which there are, and what [`Builder::on_limit`] is told.
pub mod limit {
    pub use crate::engine::{Limit, LimitExceeded};
}

/// Connection state recovery, see [`Builder::connection_state_recovery`].
pub mod recovery {
    pub use crate::server::{ConnectionStateRecovery, ExpiredSession};
}

/// What belongs to a [`Value`].
pub mod value {
    pub use crate::packet::Map;
}
