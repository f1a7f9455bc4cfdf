//! One client: takes the messages of its connection and routes them to its sockets.

mod fail;
mod farewell;
mod place;
mod questions;

use std::{
    fmt,
    sync::{Arc, PoisonError, Weak, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use smallvec::SmallVec;

use self::{farewell::Farewells, questions::Questions};
pub(super) use self::{
    place::{Admission, Again, Forgotten, Place, Repeated},
    questions::Question,
};
use crate::{
    Protocol,
    engine::{CloseReason, Connection, Limit, Receiver, SessionId},
    foreign,
    packet::{
        self, Body, DecodeError, Packet, PacketType, Pending,
        parser::{Kind, PacketParser},
    },
    server::{Socket, SocketIo, parsed::Parsed},
    sync::{Mutex, MutexGuard, atomic::AtomicU32},
};

/// A client: one connection, with a socket in each namespace that it joined. JS `socket.client`.
#[derive(Clone)]
pub struct Client(Arc<ClientInner>);

pub(super) struct ClientInner {
    this: Weak<Self>,
    io: SocketIo,
    connection: Connection,
    state: Mutex<State>,
    /// How many of its sockets have a full queue, too many handlers that wait, or are [left](Stage::Leaves): while there are any, nothing is
    /// read.
    full: AtomicU32,
    /// How many handlers have tasks of their own, also those of sockets that have left.
    waiting: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which they connected; with those that are still in the middlewares.
    sockets: SmallVec<[Entry; 1]>,
    /// A binary packet whose attachments are on their way.
    pending: Option<Box<Pending>>,
    seldom: Option<Box<Seldom>>,
    closed: bool,
    /// Whether `/` lets an Engine.IO 3 client into other namespaces; see [`Place::Waits`].
    is_root_open: bool,
}

/// What few clients need.
#[derive(Debug, Default)]
struct Seldom {
    /// Since the server has sent the client away from a namespace for the first time.
    farewells: Option<Farewells>,
    questions: Questions,
}

#[derive(Debug)]
struct Entry {
    socket: Socket,
    stage: Stage,
    /// The client has asked for the namespace again, while middlewares decided about the socket or it was leaving. Only the last time counts.
    again: Option<Box<Again>>,
}

/// How far a socket has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// `/` is to be connected first.
    Waits,
    /// In the middlewares.
    Enters,
    Joined,
    /// It has joined and the client leaves it, which goes on elsewhere or waits. Until that has ended nothing is read from the client: it may
    /// ask for the namespace again.
    Leaves,
}

impl Client {
    /// The upper half of a new connection. Engine.IO 3 clients are connected to `/` without asking for it.
    pub(super) fn open(io: SocketIo, connection: Connection) -> Arc<dyn Receiver> {
        let inner = Arc::new_cyclic(|this| ClientInner {
            this: this.clone(),
            io,
            connection,
            state: Mutex::default(),
            full: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
        });
        let client = Self(inner.clone());
        client
            .connection()
            .close_after(client.io().settings().connect_timeout);
        if client.protocol() == Protocol::V3 {
            client.connect("/", None, "");
        }
        match client.parser().kind() {
            Kind::Json => inner,
            parser => Parsed::receiver(inner, parser),
        }
    }

    /// The server that it is connected to.
    #[must_use]
    pub fn io(&self) -> &SocketIo {
        &self.0.io
    }

    /// The id of its session. It is a credential: whoever knows it can speak for the client. JS `client.id`.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        self.connection().id()
    }

    /// The generation of its protocol.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.connection().protocol()
    }

    /// The Engine.IO connection. JS `client.conn`.
    #[must_use]
    #[doc(alias = "conn")]
    pub fn connection(&self) -> &Connection {
        &self.0.connection
    }

    /// The request that opened the connection, made anew. JS `client.request`.
    #[must_use]
    #[doc(alias = "request")]
    pub fn request_parts(&self) -> http::request::Parts {
        self.connection().handshake().parts()
    }

    /// Its connected sockets, in the order in which the client asked for their namespaces.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        let state = self.0.state();
        state
            .sockets
            .iter()
            .filter(|entry| entry.has_joined())
            .map(|entry| entry.socket.clone())
            .collect()
    }

    /// Its connected socket in this namespace. JS `client.nsps[name]`.
    ///
    /// ```
    /// # use axum_socketio::Socket;
    /// async fn in_the_chat_too(socket: Socket) -> bool {
    ///     socket.client().socket("/chat").is_some()
    /// }
    /// ```
    #[must_use]
    #[doc(alias = "nsps")]
    pub fn socket(&self, namespace: impl AsRef<str>) -> Option<Socket> {
        let state = self.0.state();
        let entry = state.find(namespace.as_ref()).filter(|entry| entry.has_joined());
        entry.map(|entry| entry.socket.clone())
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn parser(&self) -> &PacketParser {
        &self.io().settings().parser
    }

    /// A socket's queue got full, too many of its handlers wait, or it is on its way out.
    pub(super) fn pressed(&self) {
        // Below zero, if it was told that this is over before it was told that it began.
        if self.0.full.fetch_add(1, Ordering::AcqRel) == u32::MAX {
            self.connection().resume();
        }
    }

    /// That is over.
    pub(super) fn eased(&self) {
        self.eased_of(1);
    }

    /// So many such are over.
    pub(super) fn eased_of(&self, count: u32) {
        if count > 0 && self.0.full.fetch_sub(count, Ordering::AcqRel) == count {
            self.connection().resume();
        }
    }

    /// A handler gets a task of its own. When there are as many as all its sockets together may have, nothing is read: by leaving and
    /// joining again a client would get round the limit of each.
    pub(super) fn handler_waits(&self) {
        let max = self.max_waiting();
        let before = self.0.waiting.fetch_add(1, Ordering::AcqRel) as usize;
        if before + 1 == max {
            self.pressed();
            let each = self.io().settings().max_events_in_flight;
            self.connection()
                .limit_exceeded(Limit::EventsInFlight, each, None);
        }
    }

    /// That one has ended.
    pub(super) fn handler_ended(&self) {
        let before = self.0.waiting.fetch_sub(1, Ordering::AcqRel) as usize;
        if before == self.max_waiting() {
            self.eased();
        }
    }

    fn max_waiting(&self) -> usize {
        let settings = self.io().settings();
        settings
            .max_events_in_flight
            .saturating_mul(settings.max_namespaces)
    }
}

impl ClientInner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn io(&self) -> &SocketIo {
        &self.io
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn client(&self) -> Client {
        Client(self.this.upgrade().expect("invariant: whoever calls holds it"))
    }

    fn fail(&self, error: &DecodeError, max_attachments: usize) {
        if error.is_too_many_attachments() {
            self.connection
                .limit_exceeded(Limit::Attachments, max_attachments, None);
        }
        self.client().fail(error);
    }

    fn awaits_attachments(&self) -> bool {
        self.state().pending.is_some()
    }

    fn route(&self, packet: &Packet<'_>, text: &str) {
        let mut state = self.state();
        if state.pending.is_some() {
            drop(state);
            return self.client().fail(DecodeError::text_among_attachments());
        }
        if matches!(packet.kind, PacketType::BinaryEvent | PacketType::BinaryAck) && packet.attachments > 0 {
            state.pending = Some(Box::new(Pending::new(text, packet.attachments)));
            return;
        }
        let socket = self.hearer(state, packet.namespace, packet.kind);
        self.deliver(socket, packet.kind, packet.id, packet.body(&[]));
    }

    /// Hands a packet to whom it is for.
    pub(super) fn hear(&self, namespace: &str, kind: PacketType, id: Option<u64>, body: Body<'_>) {
        let socket = self.hearer(self.state(), namespace, kind);
        self.deliver(socket, kind, id, body);
    }

    /// The socket that the packet is for. One that is still in the middlewares hears only that it is to leave.
    fn hearer(&self, mut state: MutexGuard<'_, State>, namespace: &str, kind: PacketType) -> Option<Socket> {
        let is_leave = kind == PacketType::Disconnect;
        if is_leave {
            state.takes_back(namespace);
        }
        if let Some(entry) = state.find(namespace) {
            return (entry.has_joined() || is_leave).then(|| entry.socket.clone());
        }
        let is_held_back = is_leave && state.leaves_none(namespace);
        drop(state);
        if is_held_back {
            self.client().pressed();
        }
        None
    }

    fn deliver(&self, socket: Option<Socket>, kind: PacketType, id: Option<u64>, body: Body<'_>) {
        let Some(socket) = socket else {
            return self.deliver_to_none(kind);
        };
        match kind {
            PacketType::Event | PacketType::BinaryEvent => socket.receive_event(body, id),
            PacketType::Ack | PacketType::BinaryAck => {
                // Also where nobody waits for it: a payload that makes no sense closes the connection.
                if let Err(error) = body.ack() {
                    return self.client().fail(error);
                }
                if let Some(id) = id {
                    socket.acks().resolve(id, || body.keep());
                }
            }
            PacketType::Disconnect => self.client().leaves(socket),
            PacketType::ConnectError | PacketType::Connect => {}
        }
    }

    /// Node 4 closes the connection for a packet to a namespace that was not joined; Node 2 ignores it. A DISCONNECT is ignored for both, and
    /// anything of a client that has been sent away: it may have met the DISCONNECT of the server, which is no reason to end the other namespaces.
    fn deliver_to_none(&self, kind: PacketType) {
        let is_strict = self.connection.protocol() == Protocol::V4 && kind != PacketType::Disconnect;
        if is_strict && !self.state().was_sent_away() {
            self.client()
                .refuse("a packet for a namespace that was not joined");
        }
    }

    fn hear_text(&self, text: &str) {
        let settings = self.io.settings();
        if packet::is_nested_deeper(text, settings.max_json_depth) {
            self.connection
                .limit_exceeded(Limit::JsonDepth, settings.max_json_depth, None);
            return self.client().fail(DecodeError::nested_too_deeply());
        }
        let limit = settings.max_attachments;
        match packet::decode(text, self.connection.protocol(), limit) {
            Ok(packet) if packet.kind != PacketType::Connect => self.route(&packet, text),
            // Whatever it says, also what would be ignored at another time.
            _ if self.awaits_attachments() => self.client().fail(DecodeError::text_among_attachments()),
            Ok(packet) => self
                .client()
                .connect(packet.namespace, packet.query, packet.payload),
            Err(error) if error.is_ignorable() => crate::log::debug!(%error, "a packet was ignored"),
            Err(error) if error.is_out_of_state() => self.client().refuse(&error.to_string()),
            Err(error) => self.fail(&error, limit),
        }
    }

    fn hear_binary(&self, data: Bytes) {
        let mut state = self.state();
        let Some(pending) = state.pending.as_mut() else {
            drop(state);
            return self.client().fail(DecodeError::unannounced_binary());
        };
        if !pending.push(data) {
            return;
        }
        let Some(complete) = state.pending.take() else {
            return;
        };
        drop(state);
        let (text, attachments) = complete.into_parts();
        let limit = self.io.settings().max_attachments;
        let decoded = packet::decode_checked(&text, self.connection.protocol(), limit).and_then(|packet| {
            packet::check_placeholders(packet.payload, attachments.len(), limit).map(|()| packet)
        });
        match decoded {
            Ok(packet) => {
                self.hear(
                    packet.namespace,
                    packet.kind,
                    packet.id,
                    packet.body(&attachments),
                );
            }
            Err(error) => self.fail(&error, limit),
        }
    }
}

impl Receiver for ClientInner {
    fn on_text(&self, text: &str) {
        self.hear_text(text);
        self.keep_pace();
    }

    fn on_binary(&self, data: Bytes) {
        self.hear_binary(data);
        self.keep_pace();
    }

    fn on_close(&self, reason: CloseReason) {
        let mut state = self.state();
        state.closed = true;
        state.pending = None;
        let sockets: Vec<_> = state.sockets.drain(..).collect();
        drop(state);
        // Before any handler runs: its client may be about to ask for it over the next connection.
        for entry in &sockets {
            foreign::step(|| entry.lets_go_of_session());
        }
        // All of them leave before any is dropped.
        for entry in &sockets {
            foreign::step(|| {
                if entry.has_joined() {
                    entry.socket.depart(reason.into());
                } else {
                    // Its middlewares may take for ever, and nobody who closes the server waits for them.
                    entry.socket.discard();
                }
            });
        }
        foreign::dispose_each(sockets);
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
        if self.full.load(Ordering::Acquire) == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Entry {
    fn has_joined(&self) -> bool {
        matches!(self.stage, Stage::Joined | Stage::Leaves)
    }
}

impl State {
    fn has_joined(&self, namespace: &str) -> bool {
        self.find(namespace).is_some_and(Entry::has_joined)
    }

    fn find(&self, namespace: &str) -> Option<&Entry> {
        self.sockets
            .iter()
            .find(|entry| entry.socket.namespace_name() == namespace)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connection", self.connection())
            .finish_non_exhaustive()
    }
}
