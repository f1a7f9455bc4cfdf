//! How the engine and the server above it speak to the log.

use std::net::SocketAddr;

use tracing::Span;

use super::{Connection, Transport};
use crate::Protocol;

/// Peer input that was refused, with the connection or the address that it came from. One macro for all of it, so
/// that it all looks alike and no session id gets in.
macro_rules! refused {
    ($from:expr, $($message:tt)+) => {
        $crate::log::debug!(target: "axum_socketio::refused", from = ?$from, $($message)+)
    };
}
pub(crate) use refused;

/// The span of one session: what happens on behalf of its client happens in it.
///
/// Its id isn't in it, because that is a credential. The transport is that of the handshake.
pub(super) fn session(transport: Transport, protocol: Protocol, remote: Option<SocketAddr>) -> Span {
    tracing::debug_span!(
        target: "axum_socketio::session",
        "session",
        transport = transport.as_str(),
        protocol = protocol.engine_revision(),
        remote = remote.map(tracing::field::display),
    )
}

impl Connection {
    /// The span of the session; if nobody wanted it when the session began, there is none.
    pub(crate) fn span(&self) -> Span {
        self.handshake().span()
    }
}
