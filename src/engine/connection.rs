//! One client's connection.

use std::{fmt, net::SocketAddr, sync::Arc};

use super::{CloseReason, Handshake, Outbound, ReadyState, SendError, Transport};
use crate::{Protocol, id::SessionId};

/// One client's Engine.IO connection, whichever transport carries it: `socket.conn` in JavaScript.
///
/// A handle, cheap to clone.
#[doc(alias = "conn")]
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    id: SessionId,
    protocol: Protocol,
    handshake: Handshake,
}

impl Connection {
    /// The session id. It is a credential: whoever knows it can speak for the client.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.0.id
    }

    /// The generation of the protocol the client chose.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.0.protocol
    }

    /// The transport that carries the connection now.
    #[must_use]
    pub fn transport(&self) -> Transport {
        todo!()
    }

    /// The peer's address, if the server knows it. Behind a proxy it is the proxy's.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.0.handshake.remote_addr()
    }

    /// How far the connection is in its life.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        todo!()
    }

    /// Closes the connection for all its namespaces, after what is queued has been sent.
    pub fn close(&self) {
        self.close_with(CloseReason::ForcedClose);
    }

    /// Waits until everything queued has been handed to the transport, or the connection is closed.
    pub async fn writable(&self) {
        todo!()
    }

    pub(crate) fn close_with(&self, _reason: CloseReason) {
        todo!()
    }

    pub(crate) fn handshake(&self) -> &Handshake {
        &self.0.handshake
    }

    pub(crate) fn send(&self, _out: Outbound) -> Result<(), SendError> {
        todo!()
    }

    pub(crate) fn send_volatile(&self, _out: Outbound) -> Result<(), SendError> {
        todo!()
    }

    pub(crate) fn is_writable(&self) -> bool {
        todo!()
    }

    pub(crate) fn close_after(&self, _timeout: std::time::Duration) {
        todo!()
    }

    pub(crate) fn stay_open(&self) {
        todo!()
    }

    pub(crate) fn resume(&self) {
        todo!()
    }
}

impl fmt::Debug for Connection {
    // Without the session id, which is a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("protocol", &self.protocol())
            .finish_non_exhaustive()
    }
}
