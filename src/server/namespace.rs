//! Namespaces.

mod kin;

use std::{
    fmt,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;

use crate::{
    adapter::Cluster,
    packet::{self, parser::PacketParser},
    room::{Index, Room, Rooms, Target},
    server::{
        AckStream, Broadcast, EmitError, PacketMiddleware, Socket, SocketIo,
        cluster::{Questions, ServerListeners},
        complaints::Complaints,
        dynamic::{ChildOf, Children},
        listeners::Listeners,
        modes::Modes,
        recovery::Recovery,
    },
    sync::{Mutex, MutexGuard},
};

/// A namespace: JS `io.of("/name")`.
///
/// A cheap handle. Handlers are registered on it once and serve every socket that connects to it, now or later. `S` is the
/// state that they may extract from, see [`with_state`](Self::with_state).
///
/// Methods that register take the handle and give it back, so that they chain. Clone it, or call
/// [`SocketIo::of`](crate::SocketIo::of) again, to register elsewhere: it is the same namespace.
pub struct Namespace<S = ()> {
    inner: Arc<NamespaceInner>,
    state: S,
}

pub(crate) struct NamespaceInner {
    name: Arc<str>,
    index: Mutex<Index<Socket>>,
    listeners: Listeners,
    next_ack: AtomicU64,
    modes: Modes,
    kinship: Kinship,
    /// The other servers, if there may be any.
    cluster: Option<Arc<Cluster>>,
    server_listeners: ServerListeners,
    questions: Questions,
    ack_timeout: Duration,
    parser: PacketParser,
    /// Where clients may come back to their sessions.
    recovery: Option<Box<Recovery>>,
    /// Of the server.
    complaints: Arc<Complaints>,
}

/// Whether a namespace has to do with those that come to be when a client asks.
enum Kinship {
    None,
    Parent(Children),
    Child(ChildOf),
}

impl Namespace {
    pub(super) const fn new(inner: Arc<NamespaceInner>) -> Self {
        Self { inner, state: () }
    }
}

impl<S> Namespace<S> {
    /// Handlers registered through the returned handle may extract from `state`: [`State`](axum::extract::State) of it
    /// or of any part for which it has a [`FromRef`](axum::extract::FromRef).
    #[must_use]
    pub fn with_state<T>(self, state: T) -> Namespace<T> {
        Namespace {
            inner: self.inner,
            state,
        }
    }

    /// From now on each handler *finishes* before the next event of the same socket starts one.
    ///
    /// Events wait in a queue of 64 events and 1 MiB. When it is full the server stops reading from that connection, so the client feels
    /// the pressure. Acknowledgements wait behind a full queue too: a handler that awaits one from its own client then
    /// waits until the acknowledgement times out. So do heartbeats: a connection of which no event can be taken for
    /// [`ping_interval`](crate::Builder::ping_interval) + [`ping_timeout`](crate::Builder::ping_timeout), because one handler
    /// takes so long, is closed with `ping timeout`, as nobody can tell whether its client is still there. Work that takes longer
    /// belongs in a task of its own.
    ///
    /// What still waits when the socket leaves is dropped.
    ///
    /// Without this, handlers *start* in the order of their events, and one that waits doesn't hold up the next.
    pub fn sequential(self) -> Self {
        self.inner.modes.set(Modes::SEQUENTIAL);
        self
    }

    /// The name, with its leading `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The sockets that are connected to this server now. JS `namespace.connected`, `namespace.sockets`.
    #[must_use]
    #[doc(alias = "connected")]
    pub fn sockets(&self) -> Vec<Socket> {
        self.everyone().sockets()
    }

    /// How many sockets are connected to this server now.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.inner.children() {
            Some(children) => children.all().iter().map(|child| child.index().len()).sum(),
            None => self.inner.index().len(),
        }
    }

    /// Nobody is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The connected socket of this id.
    #[must_use]
    pub fn socket(&self, id: impl AsRef<str>) -> Option<Socket> {
        let id = id.as_ref();
        match self.inner.children() {
            Some(children) => children
                .all()
                .iter()
                .find_map(|child| child.index().get(id).cloned()),
            None => self.inner.index().get(id).cloned(),
        }
    }

    /// The names of the rooms that somebody joined, in no particular order. Own-id rooms are not listed.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        match self.inner.children() {
            Some(children) => {
                let mut rooms: Vec<Room> = Vec::new();
                for child in children.all() {
                    rooms.extend(child.index().room_names().cloned());
                }
                rooms.sort_unstable();
                rooms.dedup();
                rooms
            }
            None => self.inner.index().room_names().cloned().collect(),
        }
    }

    /// Sends an event to everyone in the namespace. Several arguments are given as a tuple.
    pub fn emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) {
        self.everyone().emit(event, args);
    }

    /// [`emit`](Self::emit) that says when nothing was sent.
    ///
    /// # Errors
    ///
    /// The arguments can't be serialised or the event name is reserved.
    pub fn try_emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) -> Result<(), EmitError> {
        self.everyone().try_emit(event, args)
    }

    /// Sends the event `message`.
    #[doc(alias = "write")]
    pub fn send<A: Serialize>(&self, args: A) {
        self.emit("message", args);
    }

    /// Sends an event to everyone and collects their acknowledgements, see [`Broadcast::emit_with_ack`].
    pub fn emit_with_ack<T>(&self, event: impl AsRef<str>, args: impl Serialize) -> AckStream<T> {
        self.everyone().emit_with_ack(event, args)
    }

    /// A selection of the sockets in these rooms.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.everyone().to(rooms)
    }

    /// JS `in`: another name of [`to`](Self::to).
    #[doc(alias = "in")]
    pub fn within(&self, rooms: impl Rooms) -> Broadcast {
        self.to(rooms)
    }

    /// A selection of everyone who is in none of these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast {
        self.everyone().except(rooms)
    }

    /// A selection of everyone, whose emits are dropped for clients that can't take them at once.
    pub fn volatile(&self) -> Broadcast {
        self.everyone().volatile()
    }

    /// A selection of everyone on this server, other servers left out.
    pub fn local(&self) -> Broadcast {
        self.everyone().local()
    }

    /// A selection of everyone, with or without compression, where `per_message_deflate` is set: with it by default.
    pub fn compress(&self, compress: bool) -> Broadcast {
        self.everyone().compress(compress)
    }

    /// A selection of everyone, whose acknowledgements have to come within this time.
    pub fn timeout(&self, timeout: Duration) -> Broadcast {
        self.everyone().timeout(timeout)
    }

    /// Everyone joins these rooms. JS `socketsJoin`.
    #[doc(alias = "socketsJoin")]
    pub fn join(&self, rooms: impl Rooms) {
        self.everyone().join(rooms);
    }

    /// Everyone leaves these rooms. JS `socketsLeave`.
    #[doc(alias = "socketsLeave")]
    pub fn leave(&self, rooms: impl Rooms) {
        self.everyone().leave(rooms);
    }

    /// Disconnects everyone from the namespace; with `close`, closes their connections. JS `disconnectSockets`.
    #[doc(alias = "disconnectSockets")]
    pub fn disconnect(&self, close: bool) {
        self.everyone().disconnect(close);
    }

    pub(super) const fn inner(&self) -> &Arc<NamespaceInner> {
        &self.inner
    }

    pub(super) fn everyone(&self) -> Broadcast {
        Broadcast::new(self.inner.clone(), Target::default())
    }

    pub(crate) const fn state(&self) -> &S {
        &self.state
    }

    pub(crate) fn add_packet_middleware(&self, middleware: Arc<dyn PacketMiddleware>) {
        // In this order, or a child that comes to be meanwhile could have the middleware and pass it by.
        self.inner.set_filters();
        self.inner.listeners.add_packet_middleware(middleware);
    }

    pub(crate) fn registry(&self) -> &Listeners {
        &self.inner.listeners
    }
}

impl NamespaceInner {
    pub(super) fn new(name: impl Into<Arc<str>>, cluster: Option<Arc<Cluster>>, io: &SocketIo) -> Self {
        let settings = io.settings();
        Self {
            name: name.into(),
            index: Mutex::new(Index::new()),
            listeners: Listeners::default(),
            next_ack: AtomicU64::new(0),
            modes: Modes::default(),
            kinship: Kinship::None,
            cluster,
            server_listeners: ServerListeners::default(),
            questions: Questions::default(),
            ack_timeout: settings.ack_timeout,
            parser: settings.parser.clone(),
            recovery: None,
            complaints: io.complaints().clone(),
        }
    }

    pub(super) fn with_recovery(mut self, io: &SocketIo) -> Self {
        let together = self.parent_children().map(Children::together).unwrap_or_default();
        self.recovery = Recovery::of(io, together);
        self
    }

    /// A parent has no sockets, and no other server knows it.
    pub(super) fn new_parent(name: &str, io: &SocketIo) -> Self {
        Self {
            kinship: Kinship::Parent(Children::default()),
            ..Self::new(name, None, io)
        }
    }

    /// A child has what its parent has got by now.
    pub(super) fn new_child(link: ChildOf, cluster: Option<Arc<Cluster>>, io: &SocketIo) -> Self {
        let mut child = Self::new(link.shared_name(), cluster, io);
        let parent = link.parent();
        child.listeners = parent.listeners.snapshot();
        child.server_listeners = parent.server_listeners.snapshot();
        child.modes = parent.modes.snapshot();
        child.kinship = Kinship::Child(link);
        child
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The same, for those who keep it as long as the namespace.
    pub(super) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(super) const fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.as_ref()
    }

    /// WebSockets may have agreed on compression.
    pub(super) fn compresses(&self) -> bool {
        self.modes.has(Modes::COMPRESSES)
    }

    pub(super) fn set_compresses(&self) {
        self.modes.set(Modes::COMPRESSES);
    }

    pub(super) fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_deref()
    }

    pub(super) fn complaints(&self) -> &Complaints {
        &self.complaints
    }

    pub(super) const fn parser(&self) -> &PacketParser {
        &self.parser
    }

    /// Where no other time is given. Only a clustered namespace has to know it without asking a socket.
    pub(super) const fn ack_timeout(&self) -> Duration {
        self.ack_timeout
    }

    pub(super) const fn server_listeners(&self) -> &ServerListeners {
        &self.server_listeners
    }

    pub(super) const fn questions(&self) -> &Questions {
        &self.questions
    }

    pub(super) const fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index<Socket>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ids count up from 0, shared by all sockets and broadcasts of the namespace, as in Node, and by all children of a parent.
    pub(super) fn next_ack(&self) -> u64 {
        let counter = match &self.kinship {
            Kinship::Child(link) => &link.parent().next_ack,
            Kinship::None | Kinship::Parent(_) => &self.next_ack,
        };
        counter.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn is_sequential(&self) -> bool {
        self.modes.has(Modes::SEQUENTIAL)
    }

    /// Events are not simply given to their listeners.
    pub(super) fn is_special(&self) -> bool {
        self.modes.has(Modes::SEQUENTIAL | Modes::FILTERS)
    }

    /// Some socket, or all, have had a packet middleware.
    pub(super) fn filters(&self) -> bool {
        self.modes.has(Modes::FILTERS)
    }

    pub(super) fn set_filters(&self) {
        self.modes.set(Modes::FILTERS);
    }

    /// Some socket has had a listener for what is sent to it.
    pub(super) fn tells_outgoing(&self) -> bool {
        self.modes.has(Modes::TELLS_OUTGOING)
    }

    pub(super) fn set_tells_outgoing(&self) {
        self.modes.set(Modes::TELLS_OUTGOING);
    }

    /// The names that belong to the protocol can't be emitted.
    pub(super) fn check_event(event: &str) -> Result<(), EmitError> {
        if packet::is_reserved(event) {
            Err(EmitError::reserved(event))
        } else {
            Ok(())
        }
    }
}

impl<S: Clone> Clone for Namespace<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            state: self.state.clone(),
        }
    }
}

impl<S> fmt::Debug for Namespace<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NamespaceInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceInner")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
