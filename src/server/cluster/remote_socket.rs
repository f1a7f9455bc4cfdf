//! A socket of any server.

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    SocketId, Value,
    adapter::Snapshot,
    room::{Room, Rooms},
    server::{AckError, AckStream, Broadcast},
};

/// A socket of any server of the cluster: what it was at the moment of asking, and what can be done to it from afar.
///
/// From [`Broadcast::fetch_sockets`]. What is done is sent to the socket's server and is not answered but for acknowledgements.
#[derive(Clone)]
pub struct RemoteSocket {
    id: SocketId,
    snapshot: Snapshot,
    selection: Broadcast,
}

impl RemoteSocket {
    /// One of the sockets that a selection meant.
    pub(super) fn new(of: &Broadcast, snapshot: Snapshot) -> Self {
        let id = SocketId::from(&*snapshot.id);
        let selection = Broadcast::new(of.namespace.clone(), crate::room::Target::default()).to(&id);
        Self {
            id,
            snapshot,
            selection,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &SocketId {
        &self.id
    }

    /// The handshake as Node shows it: an object of `headers`, `time`, `address`, `xdomain`, `secure`, `issued` (milliseconds), `url`,
    /// `query` and `auth`.
    #[must_use]
    pub const fn handshake(&self) -> &Value {
        &self.snapshot.handshake
    }

    /// The rooms that it was in, with that of its own id.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        &self.snapshot.rooms
    }

    /// What was set with [`Socket::set_data`](crate::Socket::set_data), as a type of yours.
    ///
    /// # Errors
    ///
    /// It is no `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(self.snapshot.data.clone())
    }

    /// What is sent to it has to be acknowledged within this time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.selection = self.selection.timeout(timeout);
        self
    }

    /// Sends an event. Several arguments are a tuple.
    pub fn emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) {
        self.selection.emit(event, args);
    }

    /// Sends an event, at once, and gives the acknowledgement.
    ///
    /// # Errors
    ///
    /// No acknowledgement came in time, the socket has left, or what came is no `T`.
    pub fn emit_with_ack<T: DeserializeOwned + Send + 'static>(
        &self,
        event: impl AsRef<str>,
        args: impl Serialize,
    ) -> BoxFuture<'static, Result<T, AckError>> {
        Box::pin(first(self.selection.emit_with_ack(event, args)))
    }

    /// The socket joins these rooms.
    pub fn join(&self, rooms: impl Rooms) {
        self.selection.join(rooms);
    }

    /// The socket leaves these rooms.
    pub fn leave(&self, rooms: impl Rooms) {
        self.selection.leave(rooms);
    }

    /// Disconnects the socket; with `close`, closes its connection.
    pub fn disconnect(&self, close: bool) {
        self.selection.disconnect(close);
    }
}

async fn first<T: DeserializeOwned>(mut acks: AckStream<T>) -> Result<T, AckError> {
    match futures_util::StreamExt::next(&mut acks).await {
        Some(answer) => answer.map(|(_, value)| value),
        None => Err(AckError::disconnected()),
    }
}

impl fmt::Debug for RemoteSocket {
    // The handshake holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSocket").finish_non_exhaustive()
    }
}
