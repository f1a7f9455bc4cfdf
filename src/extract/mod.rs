//! Typed arguments of handlers.
//!
//! A handler says what it needs by the types of its arguments:
//!
//! | | event | connection, middleware | disconnection | HTTP handler |
//! |---|---|---|---|---|
//! | [`Socket`](crate::Socket) | ✓ | ✓ | ✓ | |
//! | [`SocketIo`](crate::SocketIo) | ✓ | ✓ | ✓ | ✓ |
//! | [`State<T>`](axum::extract::State), axum's | ✓ | ✓ | ✓ | ✓ |
//! | [`Extension<T>`](axum::Extension), axum's | ✓ | ✓ | ✓ | ✓ |
//! | [`Data<T>`], [`Rest<T>`], [`EventName`], [`Event`], [`AckSender`] | ✓ | | | |
//! | [`Auth<T>`] | | ✓ | | |
//! | `Query`, `TypedHeader`, `ConnectInfo`, `CookieJar` and all of axum's [`FromRequestParts`](axum::extract::FromRequestParts) | | ✓ | | ✓ |
//! | [`DisconnectReason`](crate::DisconnectReason) | | | ✓ | |
//!
//! `Extension<T>` reads `socket.extensions()` in handlers of events and disconnections, and the extensions of the
//! handshake request in those of connections: what a tower layer put there can be kept for later with
//! `socket.extensions()`.
//!
//! `Option<E>` and `Result<E, E::Rejection>` of an extractor are extractors that don't refuse. (For connections the
//! extractor says what `Option` means, see [`OptionalFromRequestParts`](axum::extract::OptionalFromRequestParts).)
//!
//! ```
//! use axum_socketio::{AckSender, Socket, SocketIo, extract::{Data, Rest}};
//!
//! // socket.emit("invite", "hall", "ada", "grace", (invited) => …)
//! async fn invite(socket: Socket, Data(room): Data<String>, Rest(names): Rest<String>, ack: Option<AckSender>) {
//!     println!("{socket:?} invites {names:?} to {room}");
//!     if let Some(ack) = ack {
//!         ack.send(names.len());
//!     }
//! }
//!
//! let io = SocketIo::new();
//! io.of("/").on("invite", invite);
//! ```
//!
//! Write your own for events with [`FromEvent`], for disconnections with [`FromDisconnect`], for connections with
//! axum's `FromRequestParts`.

mod auth;
mod context;
mod data;
mod disconnect;
mod event;
mod request;
#[cfg(test)]
mod tests;

pub use self::{
    auth::{Auth, AuthRejection},
    context::MissingExtension,
    data::{Data, EventName, NoAckWanted},
    disconnect::FromDisconnect,
    event::FromEvent,
    request::{MissingSocket, MissingSocketIo},
};
pub use crate::{
    packet::{ArgError, Rest},
    server::{AckSender, DisconnectParts, Event, EventParts},
};
