//! Emitting to many sockets.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    adapter::Payload,
    engine::{Outgoing, SendError},
    room::{Rooms, Selection, Target, listed},
    server::{
        AckStream, EmitError, Socket,
        emit::{self, EventPacket},
        namespace::NamespaceInner,
        pending_acks::{BroadcastWaiter, Reply, Waiter},
    },
};

/// A selection of sockets of one namespace, with flags for what is sent to them.
///
/// A value: it may be kept, cloned and used more than once; whom it means is looked up at each use.
///
/// ```
/// # use axum_socketio::SocketIo;
/// # let io = SocketIo::new();
/// let players = io.of("/game").to(["red", "blue"]).except("spectators");
/// players.emit("round", 1);
/// players.clone().volatile().emit("position", (3.5, 7.25));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a selection does nothing until something is emitted"]
pub struct Broadcast {
    pub(super) namespace: Arc<NamespaceInner>,
    pub(super) target: Target,
    pub(super) flags: Flags,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Flags {
    pub(super) volatile: bool,
    pub(super) compress: bool,
    pub(super) timeout: Option<Duration>,
    /// Other servers are left out.
    pub(super) local: bool,
}

impl Broadcast {
    pub(super) const fn new(namespace: Arc<NamespaceInner>, target: Target) -> Self {
        Self {
            namespace,
            target,
            flags: Flags::DEFAULT,
        }
    }

    pub(super) const fn with_flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// Adds the sockets in these rooms. An empty list adds nobody.
    pub fn to(mut self, rooms: impl Rooms) -> Self {
        self.target.add(rooms);
        self
    }

    /// JS `in`: another name of [`to`](Self::to).
    #[doc(alias = "in")]
    pub fn within(self, rooms: impl Rooms) -> Self {
        self.to(rooms)
    }

    /// Leaves out who is in any of these rooms.
    pub fn except(mut self, rooms: impl Rooms) -> Self {
        self.target.except(rooms);
        self
    }

    /// Emits are dropped for sockets whose transport can't take them at once.
    pub const fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// What is done with the selection concerns the sockets of this server only.
    pub const fn local(mut self) -> Self {
        self.flags.local = true;
        self
    }

    /// Whether WebSockets may compress it, where `per_message_deflate` is set: they may by default.
    pub const fn compress(mut self, compress: bool) -> Self {
        self.flags.compress = compress;
        self
    }

    /// Acknowledgements have to come within this time.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.flags.timeout = Some(timeout);
        self
    }

    /// Sends an event to the selected sockets. Several arguments are given as a tuple, `()` is none.
    ///
    /// What a handler sends leaves when the handler returns or waits: don't block the thread in between.
    ///
    /// The packet is encoded once, however many they are. Never blocks: a socket whose outbox is full is handled as
    /// [`Builder::overflow`](crate::Builder::overflow) says, the others don't notice. What can't be serialised is traced; to hear
    /// of it use [`try_emit`](Self::try_emit).
    pub fn emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) {
        let event = event.as_ref();
        if let Err(error) = self.try_emit(event, args) {
            let namespace = &self.namespace;
            namespace.complain_of_loss(Some(event), &error, "a broadcast was lost");
        }
    }

    /// [`emit`](Self::emit) that says when nothing was sent.
    ///
    /// # Errors
    ///
    /// The arguments can't be serialised or the event name is reserved. That single sockets could not be reached is no
    /// error.
    pub fn try_emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) -> Result<(), EmitError> {
        NamespaceInner::check_event(event.as_ref())?;
        if let Some(mut children) = self.of_children() {
            return children.try_for_each(|child| child.emit_own(event.as_ref(), &args));
        }
        self.emit_own(event.as_ref(), &args)
    }

    /// To the sockets of this namespace, which is no parent.
    #[inline]
    fn emit_own<A: Serialize>(&self, event: &str, args: &A) -> Result<(), EmitError> {
        if let Some(cluster) = self.cluster() {
            return self.emit_across(cluster, event, args);
        }
        if self.namespace.recovery().is_some() {
            return self.emit_payload(&Payload::event(event, args)?);
        }
        let selection = self.select();
        if selection.is_empty() {
            return Ok(());
        }
        let packet = self.encode(None, event, args)?;
        self.deliver_to_all(&selection, packet)
    }

    /// Sends the event `message`.
    #[doc(alias = "write")]
    pub fn send<A: Serialize>(&self, args: A) {
        self.emit("message", args);
    }

    /// Sends an event and gives the clients' acknowledgements as a stream. The event is sent at once.
    ///
    /// They have to come within [`Builder::ack_timeout`](crate::Builder::ack_timeout), or the time set with
    /// [`timeout`](Self::timeout). Clients that leave meanwhile are not waited for.
    pub fn emit_with_ack<T>(&self, event: impl AsRef<str>, args: impl Serialize) -> AckStream<T> {
        let event = event.as_ref();
        if let Err(error) = NamespaceInner::check_event(event) {
            return AckStream::failed(error);
        }
        if let Some(children) = self.of_children() {
            return self.ask_children(&children.collect::<Vec<_>>(), event, &args);
        }
        if let Some(cluster) = self.cluster() {
            return self.ask_across(cluster, event, &args);
        }
        let id = self.namespace.next_ack();
        match self.encode(Some(id), event, &args) {
            Ok(packet) => self.ask(id, packet),
            Err(error) => AckStream::failed(error),
        }
    }

    /// Sends an event of this id to the selected sockets of this server.
    pub(super) fn ask<T>(&self, id: u64, packet: EventPacket) -> AckStream<T> {
        let sockets = self.sockets();
        let timeout = self
            .flags
            .timeout
            .or_else(|| sockets.first().map(|socket| socket.io().settings().ack_timeout));
        let (replies, receiver) = mpsc::unbounded_channel();
        self.ask_each(id, &packet, &sockets, &replies);
        let asked = AckStream::new(sockets, id, receiver, timeout.unwrap_or_default());
        asked.with_result(packet.into_result())
    }

    /// Sends an event of this id through selections of several namespaces.
    fn ask_children<T, A: Serialize>(&self, children: &[Self], event: &str, args: &A) -> AckStream<T> {
        let id = self.namespace.next_ack();
        let encoded: Result<Vec<_>, _> = children
            .iter()
            .map(|child| child.encode(Some(id), event, args))
            .collect();
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(error) => return AckStream::failed(error),
        };
        let (replies, receiver) = mpsc::unbounded_channel();
        let (mut asked, mut result) = (Vec::new(), Ok(()));
        for (child, packet) in children.iter().zip(encoded) {
            let sockets = child.sockets();
            child.ask_each(id, &packet, &sockets, &replies);
            asked.extend(sockets);
            result = result.and(packet.into_result());
        }
        let timeout = self.flags.timeout.unwrap_or_else(|| self.namespace.ack_timeout());
        AckStream::new(asked, id, receiver, timeout).with_result(result)
    }

    fn ask_each(
        &self,
        id: u64,
        packet: &EventPacket,
        sockets: &[Socket],
        replies: &mpsc::UnboundedSender<Reply>,
    ) {
        for socket in sockets {
            if self.namespace.tells_outgoing() {
                socket.tell_outgoing(packet);
            }
            let waiter = BroadcastWaiter {
                id: socket.id().clone(),
                replies: replies.clone(),
            };
            let written = packet.of(socket);
            if socket.await_ack(id, Waiter::Broadcast(waiter)).is_ok()
                && !written.is_some_and(|outgoing| self.deliver(socket, outgoing))
            {
                socket.acks().remove(id);
            }
        }
    }

    /// The selected sockets of this server.
    ///
    /// [`fetch_sockets`](Self::fetch_sockets) gives those of all servers.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        if let Some(children) = self.of_children() {
            return children.flat_map(|child| child.sockets()).collect();
        }
        self.select()
            .iter()
            .filter(|socket| socket.is_connected())
            .cloned()
            .collect()
    }

    /// The selected sockets join these rooms. JS `socketsJoin`.
    #[doc(alias = "socketsJoin")]
    pub fn join(&self, rooms: impl Rooms) {
        let rooms = listed(rooms);
        if let Some(children) = self.of_children() {
            return children.for_each(|child| child.join(&rooms));
        }
        self.sockets().iter().for_each(|socket| socket.join(&rooms));
        self.join_across(rooms);
    }

    /// The selected sockets leave these rooms. JS `socketsLeave`.
    #[doc(alias = "socketsLeave")]
    pub fn leave(&self, rooms: impl Rooms) {
        let rooms = listed(rooms);
        if let Some(children) = self.of_children() {
            return children.for_each(|child| child.leave(&rooms));
        }
        self.sockets().iter().for_each(|socket| socket.leave(&rooms));
        self.leave_across(rooms);
    }

    /// Disconnects the selected sockets; with `close`, closes their connections. JS `disconnectSockets`.
    #[doc(alias = "disconnectSockets")]
    pub fn disconnect(&self, close: bool) {
        if let Some(children) = self.of_children() {
            return children.for_each(|child| child.disconnect(close));
        }
        self.sockets().iter().for_each(|socket| socket.disconnect(close));
        self.disconnect_across(close);
    }

    /// The same selection in each child, if the namespace is a parent.
    #[inline]
    pub(super) fn of_children(&self) -> Option<impl Iterator<Item = Self>> {
        let children = self.namespace.children()?.all();
        Some(children.into_iter().map(|namespace| Self {
            namespace,
            ..self.clone()
        }))
    }

    pub(super) fn select(&self) -> Selection<Socket> {
        self.namespace.index().select(&self.target)
    }

    fn encode<A: Serialize>(&self, id: Option<u64>, event: &str, args: &A) -> Result<EventPacket, EmitError> {
        let (parser, name) = (self.namespace.parser(), self.namespace.name());
        let packet = emit::event(parser, name, id, event, args, self.flags.compress)?;
        Ok(self.shared(packet))
    }

    /// The packet, ready for many: where the server compresses, once for all of them.
    pub(super) fn shared(&self, packet: EventPacket) -> EventPacket {
        if self.namespace.compresses() {
            packet.share_compressed()
        } else {
            packet
        }
    }

    /// Tells the recipients that have listeners for what is sent to them.
    pub(super) fn tell_outgoing(&self, selection: &Selection<Socket>, packet: &EventPacket) {
        if self.namespace.tells_outgoing() {
            let connected = selection.iter().filter(|socket| socket.is_reachable());
            connected.for_each(|socket| socket.tell_outgoing(packet));
        }
    }

    pub(super) fn deliver_to_all(
        &self,
        selection: &Selection<Socket>,
        packet: EventPacket,
    ) -> Result<(), EmitError> {
        self.tell_outgoing(selection, &packet);
        let EventPacket::Same(outgoing) = packet else {
            selection.each(|socket| {
                if let Some(outgoing) = packet.of(socket) {
                    self.deliver(socket, outgoing);
                }
            });
            return packet.into_result();
        };
        selection.each(|socket| {
            self.deliver(socket, &outgoing);
        });
        Ok(())
    }

    /// To a socket that was selected, and may not have entered yet, or have left meanwhile.
    pub(super) fn deliver(&self, socket: &Socket, outgoing: &Outgoing) -> bool {
        self.flags
            .send(socket, outgoing.clone(), Socket::is_reachable)
            .is_ok()
    }
}

impl Flags {
    const DEFAULT: Self = Self {
        volatile: false,
        compress: true,
        timeout: None,
        local: false,
    };

    /// Queues a packet for the client of a socket that is in.
    pub(super) fn send(
        self,
        socket: &Socket,
        outgoing: Outgoing,
        is_in: impl FnOnce(&Socket) -> bool,
    ) -> Result<(), SendError> {
        let (connection, is_in) = (socket.connection(), || is_in(socket));
        if self.volatile {
            connection.send_volatile(outgoing, is_in)
        } else {
            connection.send_if(outgoing, is_in)
        }
    }
}

impl Default for Flags {
    fn default() -> Self {
        Self::DEFAULT
    }
}
