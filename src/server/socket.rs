//! Sockets.

mod kept;

use std::{
    fmt,
    sync::{Arc, OnceLock, PoisonError, atomic::Ordering},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Protocol, SocketId,
    engine::{Connection, Limit},
    packet::JsonText,
    room::{Member, Room, Rooms, listed},
    server::{
        Client, EmitError, Extensions, Handshake, Namespace, SocketIo,
        in_flight::InFlight,
        inbox::Inbox,
        namespace::NamespaceInner,
        pending_acks::{NotAwaited, PendingAcks, Waiter},
        recovery::{Recoverable, ToCome},
        socket_listeners::SocketListeners,
        starts::Starts,
    },
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8},
    },
};

/// A client in a namespace: JS `socket`.
///
/// A cheap handle: clones are the same socket. It may be kept after the client has left; emits then go nowhere.
#[derive(Clone)]
pub struct Socket(Arc<SocketInner>);

struct SocketInner {
    serial: u64,
    id: SocketId,
    namespace: Arc<NamespaceInner>,
    client: Client,
    status: AtomicU8,
    left_own_room: AtomicBool,
    starts: Starts,
    in_flight: InFlight,
    auth: Option<JsonText>,
    inbox: Mutex<Inbox>,
    acks: PendingAcks,
    /// What only some sockets have.
    own: OnceLock<Box<Own>>,
}

#[derive(Debug, Default)]
struct Own {
    listeners: SocketListeners,
    extensions: Extensions,
    data: Mutex<serde_json::Value>,
    handshake: OnceLock<Handshake>,
    recoverable: OnceLock<Box<Recoverable>>,
}

/// Where a socket is in its life; it only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Status {
    /// In the middlewares.
    Connecting,
    Connected,
    /// `disconnecting` handlers start; rooms are still there.
    Disconnecting,
    Disconnected,
}

impl Socket {
    pub(super) fn new(
        client: Client,
        namespace: Arc<NamespaceInner>,
        id: SocketId,
        auth: Option<JsonText>,
    ) -> Self {
        Self(Arc::new(SocketInner {
            serial: client.io().next_serial(),
            id,
            namespace,
            client,
            status: AtomicU8::new(Status::Connecting as u8),
            left_own_room: AtomicBool::new(false),
            starts: Starts::new(),
            in_flight: InFlight::default(),
            auth,
            inbox: Mutex::new(Inbox::connecting()),
            acks: PendingAcks::default(),
            own: OnceLock::new(),
        }))
    }

    /// The id of the socket: also the name of a room that only this socket is in.
    #[must_use]
    pub fn id(&self) -> &SocketId {
        &self.0.id
    }

    /// The namespace that the socket is in. JS `socket.nsp`.
    #[must_use]
    #[doc(alias = "nsp")]
    pub fn namespace(&self) -> Namespace {
        Namespace::new(self.0.namespace.clone())
    }

    /// The name of its namespace, with the leading `/`.
    #[must_use]
    pub fn namespace_name(&self) -> &str {
        self.0.namespace.name()
    }

    /// The server that the socket is connected to.
    #[must_use]
    pub fn io(&self) -> &SocketIo {
        self.0.client.io()
    }

    /// The client behind it, which may have sockets in other namespaces.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The Engine.IO connection. JS `socket.conn`.
    #[must_use]
    #[doc(alias = "conn")]
    pub fn connection(&self) -> &Connection {
        self.0.client.connection()
    }

    /// Resolves when everything sent so far has been handed to the transport, or the connection has ended: a producer that
    /// waits for it follows a slow client instead of filling its buffer.
    ///
    /// ```
    /// # use axum_socketio::{AckSender, Socket};
    /// async fn download(socket: Socket) {
    ///     for line in 0..1_000_000 {
    ///         socket.writable().await;
    ///         socket.emit("line", line);
    ///     }
    /// }
    /// ```
    #[doc(alias = "drain")]
    pub async fn writable(&self) {
        self.connection().writable().await;
    }

    /// The generation of the client's protocol.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.connection().protocol()
    }

    /// Middlewares have admitted the socket and it isn't about to leave. Its `disconnecting` handlers find it connected, and so do those of events
    /// that came before its leave and start while that waits for them.
    ///
    /// A handler that looks whether its own socket is there, and notes that, has noted it before the disconnect handlers of that start, as in Node, if there is
    /// no `await` between the two. What it notes about another's socket, and what a task of the application's own does, has no such promise: another thread may have that
    /// leave at any moment. There a lock that disconnect handlers want is held from the look to the note.
    #[doc(alias = "connected")]
    #[must_use]
    pub fn is_connected(&self) -> bool {
        match self.status() {
            Status::Connected => !self.starts().is_out_of_reach(),
            // As in Node, where `disconnecting` handlers run; handlers that go on elsewhere aren't waited for.
            Status::Disconnecting => self.leaves_here(),
            Status::Connecting | Status::Disconnected => false,
        }
    }

    /// It is in its namespace, though it may be about to leave.
    pub(super) fn is_inside(&self) -> bool {
        matches!(self.status(), Status::Connected | Status::Disconnecting)
    }

    /// It is connected, and hasn't been told of as one that leaves: it is sent nothing any more then, or it would miss what was sent in between.
    pub(super) fn is_reachable(&self) -> bool {
        self.is_connected() && !self.starts().is_out_of_reach()
    }

    /// The request that opened the connection, and what the client sent to connect to this namespace.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        self.own().handshake.get_or_init(|| self.handle_of_handshake())
    }

    /// How many bytes are kept of what the client sent to connect to this namespace.
    pub(super) fn said(&self) -> usize {
        let auth = self.0.auth.as_ref().map_or(0, |auth| auth.get().len());
        auth + self.home().made_up()
    }

    /// The handshake request, made anew from what the connection keeps of it. JS `socket.request`.
    #[must_use]
    #[doc(alias = "request")]
    pub fn request_parts(&self) -> http::request::Parts {
        let mut parts = self.connection().handshake().parts();
        parts.extensions.insert(self.clone());
        parts.extensions.insert(self.io().clone());
        parts
    }

    /// Values of your own types, kept with the socket in this process.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.own().extensions
    }

    /// The data kept with the socket, as a type of yours. JSON null, if none was set.
    ///
    /// For values that never leave this process, [`extensions`](Self::extensions) are cheaper.
    ///
    /// # Errors
    ///
    /// What is kept is no `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        // A copy, because reading it runs code of `T`.
        T::deserialize(self.data_value())
    }

    /// Replaces the data kept with the socket.
    ///
    /// # Errors
    ///
    /// The data can't be serialised as JSON; then the old data stays.
    pub fn set_data(&self, data: impl Serialize) -> Result<(), serde_json::Error> {
        let data = serde_json::to_value(data)?;
        *self.own().data.lock().unwrap_or_else(PoisonError::into_inner) = data;
        Ok(())
    }

    /// Whether the client got back what it had before it lost its connection, see
    /// [`Builder::connection_state_recovery`](crate::Builder::connection_state_recovery): its id, its rooms, its data, and the events that it
    /// missed. JS `socket.recovered`.
    ///
    /// ```
    /// # use axum_socketio::Socket;
    /// async fn connected(socket: Socket) {
    ///     if !socket.recovered() {
    ///         socket.join("lobby");
    ///         socket.emit("history", "the last hundred lines");
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.recoverable().is_some_and(Recoverable::is_recovered)
    }

    /// The rooms that the socket is in, the one of its own id first.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        let to_come = self.session_to_come();
        let index = self.0.namespace.index();
        let session = to_come.as_ref().and_then(ToCome::rooms);
        let is_inside = self.is_inside() || session.is_some();
        let own = (is_inside && self.in_own_room()).then(|| Room::from(self.id()));
        let others = session.into_iter().flatten();
        let others = others.filter(|room| !index.has_joined(self, room.as_str()));
        let joined = index.joined(self).cloned();
        own.into_iter().chain(joined).chain(others).collect()
    }

    /// Whether the socket is in this room.
    #[must_use]
    pub fn is_in(&self, room: impl AsRef<str>) -> bool {
        let room = room.as_ref();
        let own = self.is_inside() && self.in_own_room() && *self.id() == *room;
        let to_come = self.session_to_come();
        let index = self.home().index();
        own || index.has_joined(self, room) || to_come.as_ref().is_some_and(|it| it.is_in(self, room))
    }

    /// Joins rooms. Takes effect at once; does nothing for a socket that has left.
    pub fn join(&self, rooms: impl Rooms) {
        let rooms = listed(rooms);
        let mut index = self.0.namespace.index();
        // Read under the lock: whoever leaves sets the status before it takes the socket out of its rooms.
        if self.status() == Status::Disconnected {
            return;
        }
        let (own, others): (Vec<_>, Vec<_>) = rooms.into_iter().partition(|room| *room == *self.id());
        if !own.is_empty() {
            self.0.left_own_room.store(false, Ordering::Relaxed);
        }
        self.may_join_early(&index);
        index.join(self, others);
    }

    /// Leaves rooms. Those it isn't in don't matter; the room of its own id can be left too.
    pub fn leave(&self, rooms: impl Rooms) {
        let rooms = listed(rooms);
        let to_come = self.session_to_come();
        let mut index = self.0.namespace.index();
        for room in &rooms {
            if *room == *self.id() {
                self.0.left_own_room.store(true, Ordering::Relaxed);
            } else {
                index.leave(self, room);
            }
        }
        if let Some(session) = &to_come {
            session.leave(&rooms);
        }
    }

    /// Where sessions are recovered, and it is an Engine.IO 4 client's that is connected or about to be.
    pub(super) fn recoverable(&self) -> Option<&Recoverable> {
        self.0
            .own
            .get()?
            .recoverable
            .get()
            .map(|recoverable| &**recoverable)
    }

    pub(super) fn set_recoverable(&self, recoverable: Recoverable) {
        let set = self.own().recoverable.set(Box::new(recoverable));
        debug_assert!(set.is_ok(), "a socket is one session's");
    }

    pub(super) fn set_in_own_room(&self, is_in: bool) {
        self.0.left_own_room.store(!is_in, Ordering::Relaxed);
    }

    pub(super) fn home(&self) -> &Arc<NamespaceInner> {
        &self.0.namespace
    }

    pub(super) fn acks(&self) -> &PendingAcks {
        &self.0.acks
    }

    /// Registers who waits for an acknowledgement of the client.
    pub(super) fn await_ack(&self, id: u64, waiter: Waiter) -> Result<(), EmitError> {
        let max = self.io().settings().max_pending_acks;
        match self.acks().insert(id, waiter, max) {
            Ok(()) => Ok(()),
            Err(NotAwaited::Left) => Err(EmitError::closed()),
            Err(NotAwaited::TooMany) => {
                let namespace = Some(self.namespace_name());
                self.connection()
                    .limit_exceeded(Limit::PendingAcks, max, namespace);
                Err(EmitError::too_many_acks())
            }
        }
    }

    pub(super) fn starts(&self) -> &Starts {
        &self.0.starts
    }

    pub(super) fn in_flight(&self) -> &InFlight {
        &self.0.in_flight
    }

    pub(super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.0.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The listeners of this socket, if it ever had any.
    pub(super) fn own_listeners(&self) -> Option<&SocketListeners> {
        self.0.own.get().map(|own| &own.listeners)
    }

    /// The listeners of this socket, to add one.
    pub(crate) fn listeners(&self) -> &SocketListeners {
        &self.own().listeners
    }

    /// Drops the listeners and lets no more in. Makes the place for them if there is none, or one that is added at this
    /// moment would stay.
    pub(super) fn close_own_listeners(&self) {
        self.own().listeners.close();
    }

    /// The id for the log and `Debug`: none for clients of Engine.IO 3, whose ids give their session away.
    pub(super) fn public_id(&self) -> Option<&str> {
        (self.protocol() == Protocol::V4).then(|| self.id().as_str())
    }

    pub(super) fn has_left(&self) -> bool {
        self.status() == Status::Disconnected || self.starts().is_lost()
    }

    pub(super) fn status(&self) -> Status {
        match self.0.status.load(Ordering::Acquire) {
            0 => Status::Connecting,
            1 => Status::Connected,
            2 => Status::Disconnecting,
            _ => Status::Disconnected,
        }
    }

    pub(super) fn set_status(&self, status: Status) {
        self.0.status.store(status as u8, Ordering::Release);
    }

    /// Moves on if the status is `from`; otherwise says what it is.
    pub(super) fn advance(&self, from: Status, to: Status) -> Result<(), Status> {
        let moved = self
            .0
            .status
            .compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire);
        moved.map(drop).map_err(|_| self.status())
    }

    fn own(&self) -> &Own {
        self.0.own.get_or_init(Box::default)
    }
}

impl Member for Socket {
    fn serial(&self) -> u64 {
        self.0.serial
    }

    fn id(&self) -> &SocketId {
        &self.0.id
    }

    fn in_own_room(&self) -> bool {
        !self.0.left_own_room.load(Ordering::Relaxed)
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Socket {}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("namespace", &self.namespace_name())
            .field("id", &self.public_id())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
