//! The engine as a whole.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Weak},
};

use http::Request;
use http_body::Body;

use super::{Acceptor, CloseReason, config::Config, future::Handle};

/// All Engine.IO connections of a server: `io.engine` in JavaScript.
///
/// A handle, cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    config: Config,
    acceptor: Weak<dyn Acceptor>,
}

impl Engine {
    /// An engine that tells this acceptor of every new session. The acceptor owns the engine, hence the weak reference.
    pub(crate) fn new(config: Config, acceptor: Weak<dyn Acceptor>) -> Self {
        Self(Arc::new(Shared { config, acceptor }))
    }

    /// The number of open connections.
    #[doc(alias = "clientsCount")]
    #[must_use]
    pub fn clients_count(&self) -> usize {
        todo!()
    }

    /// Answers a request whose path is the engine's.
    pub(crate) fn handle<B>(&self, _request: Request<B>, _peer: Option<SocketAddr>) -> Handle<B>
    where
        B: Body,
    {
        todo!()
    }

    pub(crate) fn random_socket_id(&self) -> crate::SocketId {
        todo!()
    }

    /// Closes every connection and refuses new ones from now on.
    pub(crate) fn close(&self, _reason: CloseReason) {
        todo!()
    }

    /// Waits until no connection is left.
    pub(crate) async fn closed(&self) {
        todo!()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
