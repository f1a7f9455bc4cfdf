//! The option that has clients get back what they missed.

use std::{fmt, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;

use crate::{
    SocketId,
    room::Room,
    server::{Builder, recovery::sessions::Lapsed},
};

/// Connection state recovery, for [`Builder::connection_state_recovery`]: JS `connectionStateRecovery` (4.6).
///
/// ```
/// use std::time::Duration;
/// use axum_socketio::{SocketIo, recovery::ConnectionStateRecovery};
///
/// let recovery = ConnectionStateRecovery::new()
///     .max_disconnection_duration(Duration::from_secs(30))
///     .on_expired(|session| println!("{} hasn't come back to {:?}", session.id(), session.rooms()));
/// let io = SocketIo::builder().connection_state_recovery(recovery).build()?;
/// # Ok::<(), axum_socketio::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConnectionStateRecovery {
    pub(in crate::server) max_disconnection_duration: Duration,
    pub(super) skip_middlewares: bool,
    pub(super) max_log_size: usize,
    pub(super) max_waiting_sessions: usize,
    pub(super) on_expired: Option<ExpiryHook>,
}

/// Hears of sessions that end without their client.
#[derive(Clone)]
pub(super) struct ExpiryHook(pub(super) Arc<dyn Fn(&ExpiredSession) + Send + Sync>);

/// A session whose client didn't come back in time, or wasn't let in again, for [`ConnectionStateRecovery::on_expired`].
#[derive(Clone)]
pub struct ExpiredSession {
    id: SocketId,
    rooms: Vec<Room>,
    data: serde_json::Value,
}

impl ConnectionStateRecovery {
    /// The defaults, which are Node's: two minutes, and middlewares are skipped.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_disconnection_duration: Duration::from_secs(120),
            skip_middlewares: true,
            max_log_size: 16 << 20,
            max_waiting_sessions: 10_000,
            on_expired: None,
        }
    }

    /// How long a client may be away: 2 minutes by default. It counts from the moment at which its socket has left, which for one that has
    /// vanished is up to `ping_interval` + `ping_timeout` later than its last sign of life.
    #[must_use]
    pub const fn max_disconnection_duration(mut self, duration: Duration) -> Self {
        self.max_disconnection_duration = duration;
        self
    }

    /// Whether a client that is recovered is let in without asking the middlewares again: true by default. Who is turned away has lost its
    /// session.
    ///
    /// What they are asked about is in the rooms of the session, and has its id, its data and its extensions. A room that one has it leave is left at
    /// once: what is sent to that from then on isn't kept for the client, also if its connection ends before they have decided and the session
    /// waits on.
    ///
    /// While they decide, something of what the client has missed may be given up, or no longer have room in its send buffer. Then it
    /// begins anew as the socket that they have been asked about: with its id, its data and its extensions, since these may be theirs by then, but in
    /// no room other than theirs, and [`recovered`](crate::Socket::recovered) doesn't hold any more. Where they aren't asked, its connection is
    /// closed instead.
    #[must_use]
    pub const fn skip_middlewares(mut self, skip: bool) -> Self {
        self.skip_middlewares = skip;
        self
    }

    /// How many bytes of packets each namespace keeps for those who may have missed them: 16 MiB by default. A packet is kept once, however
    /// many it was sent to. The oldest are given up first, and whoever misses one of those begins anew. The children of a pattern, of which
    /// clients may have any number made, keep so many together: the longest of their logs are cut.
    ///
    /// Where WebSocket messages are compressed, what has been made of a packet for many is kept with it: about as much again as it is
    /// compressed, or twice, if some ask for a smaller window.
    ///
    /// Besides, each session has a list of what it was sent: 16 bytes for what came in a row of the namespace's packets, 64 KB at most.
    #[must_use]
    pub const fn max_log_size(mut self, bytes: usize) -> Self {
        self.max_log_size = bytes;
        self
    }

    /// How many sessions each namespace keeps for clients that are away: 10,000 by default. For one more, the one that has waited longest
    /// ends: clients that come and go as fast as they can shall not fill the memory. In the children of a pattern so many wait together,
    /// and for one more an eighth of them ends. Those whose disconnect handlers have not all started yet don't count.
    ///
    /// An event to its rooms costs for each about a thirteenth of what a client costs that is there, and each takes up to 64 KB of memory. Whoever
    /// connects and breaks off 83 times a second keeps 10,000 of them: a server whose clients aren't trusted, and whose events are many, has fewer.
    #[must_use]
    pub const fn max_waiting_sessions(mut self, sessions: usize) -> Self {
        self.max_waiting_sessions = sessions;
        self
    }

    /// Hears of every session that ends because its client didn't come back in time, or only when something of what it has missed was gone, or
    /// was too much, or was not let in again: nobody, by default.
    ///
    /// The socket's disconnect handlers ran when its connection was lost, or have at least started. Whoever tells others only now that somebody
    /// has gone spares them the comings and goings of a weak network. Where the client is back and begins anew, this comes before its connect
    /// handlers start, but it doesn't wait longer for a hook that another thread is in than half of
    /// [`connect_timeout`](Builder::connect_timeout); its new socket has the same id if middlewares [have been asked](Self::skip_middlewares)
    /// about it.
    #[must_use]
    pub fn on_expired(mut self, hook: impl Fn(&ExpiredSession) + Send + Sync + 'static) -> Self {
        self.on_expired = Some(ExpiryHook(Arc::new(hook)));
        self
    }
}

impl Builder {
    /// Has clients that lost their connection for a while get their socket back: its id, its rooms, its [`data`](crate::Socket::data), its
    /// [`extensions`](crate::Socket::extensions), and the events that they missed, once and in order. Off by default, as in Node.
    ///
    /// Disconnect handlers run when the connection is lost; the socket is in no room any more and counted nowhere, but what is emitted to
    /// its rooms, or through a handle of it, waits. When the client is back, connect handlers run again, with a new
    /// [`Socket`](crate::Socket) of which
    /// [`recovered`](crate::Socket::recovered) holds. It takes a client of JS 4.6 or newer, and a connection that was lost: whoever was sent away or
    /// has said good-bye begins anew, as do all after a restart.
    ///
    /// What waits are events of [`emit`](crate::Socket::emit), to one or to many, that are not volatile; what asks for an acknowledgement
    /// is not sent again.
    ///
    /// Each such event costs its client one string more, an argument after the others that tells how far it has come. Clients of Engine.IO
    /// 3 don't get it. A volatile event has none: if its last argument is a text, the client takes that for it, and if nothing else comes
    /// before the connection is lost, it begins anew. Put something else last.
    ///
    /// Whoever has missed more than half of [`max_send_buffer`](Self::max_send_buffer) begins anew, too: a slow client that is disconnected
    /// because its buffer is full shall not be given the same again. Where other namespaces of its connection have filled some of it, that is
    /// half of the rest. A session is given out once, and to one connection: if the old one
    /// isn't known to be dead yet, it is closed, also while a middleware decides on it. One whose connection ends before the middlewares have
    /// decided waits on, as long as it would have. In a cluster it is given out by the server that the client had been connected to.
    ///
    /// Data and extensions are kept as they are when the connection is lost, after the `disconnecting` handlers; what is done later with
    /// the socket that had it, but for emitting, the next one doesn't hear of. Its connect handlers never start before the disconnect
    /// handlers of that one.
    ///
    /// A duration of nothing, or one of 2³² seconds, is an error of [`build`](Self::build).
    #[doc(alias = "connectionStateRecovery")]
    pub fn connection_state_recovery(mut self, recovery: ConnectionStateRecovery) -> Self {
        self.settings.recovery = Some(Arc::new(recovery));
        self
    }
}

impl Default for ConnectionStateRecovery {
    fn default() -> Self {
        Self::new()
    }
}

impl ExpiredSession {
    pub(super) fn of(lapsed: Lapsed) -> Self {
        let kept = lapsed.parked.kept();
        Self {
            id: kept.id.clone(),
            data: kept.data.clone(),
            rooms: lapsed.rooms,
        }
    }

    /// The id that its socket had.
    #[must_use]
    pub const fn id(&self) -> &SocketId {
        &self.id
    }

    /// The rooms that its socket was in, without the one of its id.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    /// The [data](crate::Socket::data) of its socket.
    ///
    /// # Errors
    ///
    /// It is no `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.data)
    }
}

impl fmt::Debug for ExpiredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpiredSession")
            .field("id", &self.id)
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ExpiryHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpiryHook")
    }
}
