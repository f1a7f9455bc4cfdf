//! A socket of any server.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    SocketId, Value,
    adapter::Snapshot,
    room::{Member as _, Room, Rooms, Target},
    server::{AckError, AckStream, Broadcast, Socket, cluster::snapshot, namespace::NamespaceInner},
};

/// A socket of any server of the cluster: what it was at the moment of asking, and what can be done to it from afar.
///
/// From [`Broadcast::fetch_sockets`]. What is done is sent to the socket's server and is not answered but for acknowledgements.
#[derive(Clone)]
pub struct RemoteSocket {
    seen: Arc<Seen>,
    namespace: Arc<NamespaceInner>,
    timeout: Option<Duration>,
}

/// What it was, shared by all who have asked at the same time.
pub(super) struct Seen {
    id: SocketId,
    /// Where it is one of this server.
    serial: Option<u64>,
    snapshot: Snapshot,
    /// Made when somebody looks at it.
    handshake: OnceLock<Value>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").finish_non_exhaustive()
    }
}

impl Seen {
    /// One of this server.
    pub(super) fn here(socket: &Socket) -> Arc<Self> {
        Self::new(Some(socket.serial()), snapshot::of(socket))
    }

    /// One of another server.
    pub(super) fn there(snapshot: Snapshot) -> Arc<Self> {
        Self::new(None, snapshot)
    }

    fn new(serial: Option<u64>, snapshot: Snapshot) -> Arc<Self> {
        Arc::new(Self {
            id: SocketId::from(&*snapshot.id),
            serial,
            snapshot,
            handshake: OnceLock::new(),
        })
    }

    /// The socket whose selection it is, or the one that follows it.
    pub(super) fn is_left_out_of(&self, target: &Target) -> bool {
        self.serial.is_some_and(|serial| {
            target.except_member == Some(serial) || target.except_id.as_ref() == Some(&self.id)
        })
    }
}

impl RemoteSocket {
    pub(super) const fn new(seen: Arc<Seen>, namespace: Arc<NamespaceInner>) -> Self {
        Self {
            seen,
            namespace,
            timeout: None,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &SocketId {
        &self.seen.id
    }

    /// The handshake as Node shows it: an object of `headers`, `time`, `address`, `xdomain`, `secure`, `issued` (milliseconds), `url`,
    /// `query` and `auth`.
    #[must_use]
    pub fn handshake(&self) -> &Value {
        let Seen {
            handshake, snapshot, ..
        } = &*self.seen;
        handshake.get_or_init(|| snapshot.handshake.to_value())
    }

    /// The rooms that it was in, with that of its own id.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        &self.seen.snapshot.rooms
    }

    /// What was set with [`Socket::set_data`](crate::Socket::set_data), as a type of yours.
    ///
    /// # Errors
    ///
    /// It is no `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(self.seen.snapshot.data.clone())
    }

    /// What is sent to it has to be acknowledged within this time.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends an event. Several arguments are a tuple.
    pub fn emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) {
        self.selection().emit(event, args);
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
        Box::pin(first(self.selection().emit_with_ack(event, args)))
    }

    /// The socket joins these rooms.
    pub fn join(&self, rooms: impl Rooms) {
        self.selection().join(rooms);
    }

    /// The socket leaves these rooms.
    pub fn leave(&self, rooms: impl Rooms) {
        self.selection().leave(rooms);
    }

    /// Disconnects the socket; with `close`, closes its connection.
    pub fn disconnect(&self, close: bool) {
        self.selection().disconnect(close);
    }

    fn selection(&self) -> Broadcast {
        let mut selection = Broadcast::new(self.namespace.clone(), Target::default()).to(&self.seen.id);
        selection.flags.timeout = self.timeout;
        selection
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_and_the_one_that_follows_it_are_left_out_of_its_selection() {
        let seen = |serial, id: &str| {
            let snapshot = Snapshot {
                id: id.into(),
                ..Snapshot::default()
            };
            Seen::new(serial, snapshot)
        };
        let target = Target {
            except_member: Some(7),
            except_id: Some("id".into()),
            ..Target::default()
        };
        assert!(seen(Some(7), "id").is_left_out_of(&target));
        assert!(seen(Some(8), "id").is_left_out_of(&target));
        assert!(!seen(Some(8), "other").is_left_out_of(&target));
        assert!(!seen(None, "other").is_left_out_of(&target));
        assert!(!seen(Some(7), "id").is_left_out_of(&Target::default()));
    }
}
