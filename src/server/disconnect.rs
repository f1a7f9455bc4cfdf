//! How a socket leaves.
//!
//! The sequence is Node's: `disconnecting` handlers start while the rooms are still there, then the socket leaves its rooms,
//! its namespace and its client, pending acknowledgements end, and `disconnect` handlers start. It runs exactly once for a
//! socket that had connected, and never for one that had not.

use std::fmt;

use crate::{
    engine::{CloseReason, Outbound},
    server::{
        Socket,
        dispatch::{self, DisconnectListener, DisconnectParts},
        emit,
        listeners::List,
        running::Running,
        socket::Status,
    },
};

/// Why a socket left.
///
/// [`as_str`](Self::as_str) gives the spelling of Node's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client left the namespace, its connection may go on: `client namespace disconnect`.
    ClientNamespaceDisconnect,
    /// The server called [`Socket::disconnect`]: `server namespace disconnect`.
    ServerNamespaceDisconnect,
    /// The connection ended: `transport close`.
    TransportClose,
    /// The connection failed, or the client broke the rules of the transport: `transport error`.
    TransportError,
    /// The client answered no heartbeat: `ping timeout`.
    PingTimeout,
    /// The client sent what is no Engine.IO packet: `parse error`.
    ParseError,
    /// The server closed the connection, among other reasons for a Socket.IO packet that makes no sense: `forced close`.
    ForcedClose,
    /// The server gave up a connection that it could not close properly: `forced server close`.
    ForcedServerClose,
    /// The server is shutting down: `server shutting down`.
    ServerShuttingDown,
}

impl DisconnectReason {
    /// The reason as Node's server spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::ServerShuttingDown => "server shutting down",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<CloseReason> for DisconnectReason {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::TransportClose => Self::TransportClose,
            CloseReason::TransportError => Self::TransportError,
            CloseReason::PingTimeout => Self::PingTimeout,
            CloseReason::ParseError => Self::ParseError,
            CloseReason::ForcedClose => Self::ForcedClose,
            CloseReason::ForcedServerClose => Self::ForcedServerClose,
            CloseReason::ServerShuttingDown => Self::ServerShuttingDown,
        }
    }
}

/// Takes the socket out of its namespace and its client when it is dropped: even if what runs before panics.
struct Leaving<'a>(&'a Socket);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let Self(socket) = self;
        socket.set_status(Status::Disconnected);
        socket.home().index().remove(socket);
        socket.client().forget(socket);
        socket.discard_waiting();
    }
}

impl Socket {
    /// Disconnects this socket from its namespace: the client's `disconnect` event says `io server disconnect`, and it does
    /// not reconnect by itself.
    ///
    /// With `close`, every socket of the same client leaves and its connection is closed after what is queued has been sent.
    /// Handlers hear the reason `server namespace disconnect` in both cases. Does nothing if the socket has left already.
    pub fn disconnect(&self, close: bool) {
        if close {
            for socket in self.client().sockets() {
                socket.disconnect(false);
            }
            self.connection().close();
        } else if self.is_connected() {
            let farewell = emit::disconnect(self.home().name());
            // Whether the client can still be told doesn't matter: it leaves.
            let _ = self.connection().send(Outbound::Own(farewell));
            self.leave_namespace(DisconnectReason::ServerNamespaceDisconnect);
        }
    }

    /// The sequence of leaving, or nothing where it has begun already.
    pub(super) fn leave_namespace(&self, reason: DisconnectReason) {
        if self.inbox().postpone(reason) {
            return;
        }
        match self.advance(Status::Connected, Status::Disconnecting) {
            Ok(()) => {}
            Err(Status::Connecting) => return self.discard(),
            Err(_) => return,
        }
        let leaving = Leaving(self);
        let listeners = self.home().listeners();
        self.run_all(
            listeners.disconnecting().as_ref(),
            &self.own_listeners().disconnecting(),
            reason,
        );
        tracing::debug!(namespace = self.namespace_name(), socket = self.public_id(), %reason, "a socket left");
        drop(leaving);
        let own = self.own_listeners().disconnect();
        self.drop_own_listeners();
        self.run_all(listeners.disconnect().as_ref(), &own, reason);
    }

    /// Forgets a socket that never became connected; no handler hears of it.
    pub(super) fn discard(&self) {
        drop(Leaving(self));
        self.drop_own_listeners();
    }

    fn run_all(
        &self,
        shared: Option<&List<dyn DisconnectListener>>,
        own: &[std::sync::Arc<dyn DisconnectListener>],
        reason: DisconnectReason,
    ) {
        let shared = shared.into_iter().flat_map(|list| list.iter());
        for listener in shared.chain(own) {
            let mut parts = DisconnectParts::new(self, reason);
            let run = dispatch::prepare(self, None, || listener.call(&mut parts));
            if let Some(rest) = run.and_then(|run| dispatch::start(self, None, run)) {
                let (socket, guard) = (self.clone(), Running::start(self.client().io().clone()));
                dispatch::spawn(async move {
                    dispatch::finish(&socket, None, rest).await;
                    drop(guard);
                });
            }
        }
    }
}
