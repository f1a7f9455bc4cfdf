//! Functions as handlers.
//!
//! A handler is an async function or closure whose arguments are [extractors](crate::extract): each says what it needs,
//! and gets it.
//!
//! ```
//! use axum::extract::State;
//! use axum_socketio::{Ack, DisconnectReason, Socket, SocketIo, extract::Data};
//!
//! #[derive(Clone)]
//! struct Greeting(&'static str);
//!
//! async fn greet(State(Greeting(word)): State<Greeting>, Data(name): Data<String>) -> Ack<String> {
//!     Ack(format!("{word}, {name}"))
//! }
//!
//! let io = SocketIo::new();
//! io.of("/")
//!     .with_state(Greeting("Hello"))
//!     .on("greet", greet)
//!     .on("log", async |socket: Socket, Data(line): Data<String>| println!("{socket:?}: {line}"))
//!     .on_disconnect(async |reason: DisconnectReason| println!("{reason:?}"));
//! ```
//!
//! | handler of | trait | arguments | returns |
//! |---|---|---|---|
//! | `on`, `on_any` | [`EventHandler`] | [`FromEvent`](crate::extract::FromEvent) | [`IntoReply`] |
//! | `on_connect` | [`ConnectHandler`] | axum's [`FromRequestParts`](axum::extract::FromRequestParts) | [`IntoOutcome`] |
//! | `middleware` | [`MiddlewareHandler`] | axum's [`FromRequestParts`](axum::extract::FromRequestParts) | [`IntoVerdict`] |
//! | `packet_middleware`, [`Socket::middleware`](crate::Socket::middleware) | [`PacketMiddlewareHandler`] | [`FromEvent`](crate::extract::FromEvent) | [`IntoPassage`] |
//! | `on_disconnecting`, `on_disconnect` | [`DisconnectHandler`] | [`FromDisconnect`](crate::extract::FromDisconnect) | [`IntoOutcome`] |
//! | `on_error` | [`ErrorHandler`] | `Socket`, `HandlerError` | `()` |
//!
//! # Which functions
//!
//! * They are `async`, and their futures `Send`: a handler that waits moves to a task of its own. A guard of a std
//!   mutex that lives over an `.await` makes it otherwise.
//! * They are `Clone + Send + Sync + 'static`. Functions are; a closure is if what it captures is. Each call clones
//!   the closure, so capture an `Arc` of what is large.
//! * They have up to 16 arguments, extracted from left to right; the first that refuses ends it, the handler is not
//!   called and [`on_error`](crate::Namespace::on_error) is told. `Option<E>` and `Result<E, E::Rejection>` of an
//!   extractor `E` never refuse.
//! * A panic is caught and told to `on_error`; the connection stays.

mod arguments;
mod arity;
mod connect;
mod disconnect;
mod erased;
mod error;
mod event;
mod function;
mod middleware;
mod namespace;
mod never;
mod packet_middleware;
mod refused;
mod reply;
mod reserved;
mod socket;
#[cfg(test)]
mod tests;

pub use crate::server::{Failed, Refused};

pub use self::{
    arguments::{ConnectArgs, DisconnectArgs, EventArgs, FromHandshake},
    connect::ConnectHandler,
    disconnect::DisconnectHandler,
    error::ErrorHandler,
    event::EventHandler,
    function::{Function, HandlerFuture},
    middleware::MiddlewareHandler,
    packet_middleware::PacketMiddlewareHandler,
    reply::{Ack, IntoOutcome, IntoPassage, IntoReply, IntoVerdict},
};
