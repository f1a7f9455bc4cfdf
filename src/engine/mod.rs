//! Engine.IO: sessions over HTTP long-polling and WebSockets, for both client generations.

mod admission;
#[cfg(any(test, benching))]
pub(crate) mod benching;
mod client_bundle;
mod clock;
mod close;
mod config;
mod connection;
mod core;
mod cork;
mod deflate;
mod drain;
mod event;
mod future;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handshake;
mod heartbeat;
mod http_compression;
mod idle;
mod instruments;
mod jsonp;
mod limit;
mod open;
mod outbox;
mod outgoing;
mod packet;
mod path;
mod payload_v3;
mod payload_v4;
mod query;
mod refusal;
mod registry;
mod response;
mod route;
mod service;
mod session;
mod timer;
mod trace;
mod transport;
mod transport_kind;
mod turn;
mod wheel;

#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;

pub use crate::id::SessionId;
pub(crate) use admission::Admission;
pub(crate) use client_bundle::ClientFile;
pub use client_bundle::{ClientBundle, ClientBundleError};
pub(crate) use clock::now;
pub(crate) use close::SendError;
pub use close::{CloseReason, ReadyState};
pub(crate) use config::Config;
pub use config::Overflow;
pub(crate) use connection::Parting;
pub use connection::{Connection, Events};
pub(crate) use cork::Cork;
#[cfg(feature = "deflate")]
pub use deflate::PerMessageDeflate;
pub use event::{Event, Packet, PacketType};
pub(crate) use future::Handle;
pub use handshake::Encrypted;
pub(crate) use handshake::{Handshake, MAX_HEAD};
#[cfg(feature = "deflate")]
pub use http_compression::HttpCompression;
pub(crate) use idle::{Activity, Awaited, FOR_EVER, IdleStream, Serving, Stopping};
pub(crate) use instruments::{RefusalReason, Stopwatch};
pub(crate) use limit::LimitHook;
pub use limit::{Limit, LimitExceeded};
pub(crate) use outgoing::{HEADROOM, Outgoing};
pub(crate) use path::{PathMatch, PathRule};
pub(crate) use response::AnswerBody;
pub use response::Refused;
pub use service::Engine;
pub(crate) use service::random_session_id;
pub(crate) use trace::refused;
pub use transport_kind::Transport;

/// Told of every new session.
pub(crate) trait Acceptor: Send + Sync + 'static {
    /// Gives the upper half of a new connection. What is sent meanwhile leaves together with the open packet.
    fn accept(&self, connection: &Connection) -> Arc<dyn Receiver>;
}

/// The upper half of one connection.
///
/// Called in the order things happened, never concurrently, never under a lock.
pub(crate) trait Receiver: Send + Sync + 'static {
    /// A text message, without its Engine.IO packet type.
    fn on_text(&self, text: &str);

    /// A binary message.
    fn on_binary(&self, data: Bytes);

    /// The connection is over: called once, after the last message. The engine has forgotten the session by then.
    fn on_close(&self, reason: CloseReason);

    /// Whether the next message may come. While it is pending, nothing is read from the transport.
    fn poll_ready(&self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
