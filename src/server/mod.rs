//! Sockets and namespaces: what the engine's messages mean, who hears an emit, who waits for an acknowledgement.
//!
//! `client` takes the messages of one connection and routes them to its sockets, `connect` and `disconnect` are the two
//! sequences of a socket's life, `dispatch` starts handlers in the order of arrival, `broadcast` selects and sends, `cluster` does the same
//! across servers.

mod ack;
mod bound;
mod broadcast;
mod builder;
mod client;
mod cluster;
mod complaints;
mod connect;
mod cookie;
mod custom;
mod cut_off;
mod departure;
mod disconnect;
mod dispatch;
mod drain;
mod dynamic;
mod emit;
mod error;
mod event;
mod event_error;
mod extensions;
mod failed;
mod gate;
#[cfg(feature = "deflate")]
mod http_compression;
mod in_flight;
mod inbox;
mod io;
mod js_date;
mod late;
mod leave;
mod listeners;
mod modes;
mod namespace;
mod origins;
mod outgoing_listeners;
mod packet_middleware;
mod parsed;
mod pending_acks;
#[cfg(feature = "deflate")]
mod per_message_deflate;
mod receive;
mod recovery;
mod refused;
mod running;
mod runtimes;
mod said;
mod sequence;
mod socket;
mod socket_handshake;
mod socket_listeners;
mod starts;
mod to_socket;
mod trace;

#[cfg(test)]
#[cfg(not(models))]
mod every_leave;
#[cfg(all(test, models))]
mod models;

pub(crate) use self::bound::Mount;
pub(crate) use self::dispatch::{
    BoxError, ConnectListener, DisconnectListener, ErrorListener, EventListener, Middleware,
    PacketMiddleware, Passage, Rejected, Run,
};
pub(crate) use self::gate::{Ask, BoxFuture, Gate, OnHeaders, Sharing};
pub(crate) use self::socket_listeners::{Hears, Position};
pub use self::{
    ack::{AckFuture, AckSender, AckStream},
    broadcast::Broadcast,
    builder::{BuildError, Builder},
    client::Client,
    cluster::{RemoteSocket, ServerEvent},
    cookie::{Cookie, SameSite},
    disconnect::DisconnectReason,
    dispatch::{DisconnectParts, EventParts},
    drain::{Drain, DrainReport},
    dynamic::NamespaceRequest,
    error::{AckError, BroadcastAckError, ConnectError, EmitError, HandlerError},
    event::Event,
    event_error::EventError,
    extensions::Extensions,
    failed::Failed,
    io::SocketIo,
    namespace::Namespace,
    origins::{AsyncOrigins, InvalidOrigin, OriginPolicy, OriginRefused, Origins},
    recovery::{ConnectionStateRecovery, ExpiredSession},
    refused::Refused,
    socket::Socket,
    socket_handshake::Handshake,
    socket_listeners::ListenerId,
    to_socket::ToSocket,
};
