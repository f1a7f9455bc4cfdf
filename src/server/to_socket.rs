//! Emitting to one socket.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::oneshot;

use crate::{
    room::{Member as _, Rooms, Target},
    server::{
        AckFuture, Broadcast, EmitError, HandlerError, Socket,
        broadcast::Flags,
        emit::{self, EventPacket},
        error::HandlerErrorKind,
        namespace::NamespaceInner,
        pending_acks::Waiter,
    },
};

/// One socket with flags for what is sent to it: `socket.volatile()`, `socket.compress(false)`, `socket.timeout(d)`.
///
/// A value: it may be kept, and used more than once. [`to`](Self::to) and its likes turn it into a [`Broadcast`] that keeps
/// the flags.
#[derive(Clone, Debug)]
#[must_use = "flags do nothing until something is emitted"]
pub struct ToSocket {
    socket: Socket,
    flags: Flags,
}

impl Socket {
    /// Sends an event to the client. Several arguments are given as a tuple, `()` is none.
    ///
    /// Never blocks. If the socket has left, nothing happens; if its outbox is full, the connection is closed (see
    /// [`Builder::overflow`](crate::Builder::overflow)); what can't be serialised and reserved names are reported to
    /// `on_error`. To hear of these use [`try_emit`](Self::try_emit).
    pub fn emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) {
        self.flagged().emit(event, args);
    }

    /// [`emit`](Self::emit) that says when nothing was sent.
    ///
    /// # Errors
    ///
    /// The socket has disconnected, its outbox is full, the arguments can't be serialised, or the name is reserved.
    pub fn try_emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) -> Result<(), EmitError> {
        self.flagged().try_emit(event, args)
    }

    /// Sends the event `message`.
    #[doc(alias = "write")]
    pub fn send<A: Serialize>(&self, args: A) {
        self.emit("message", args);
    }

    /// Sends an event and gives the client's acknowledgement as a future. The event is sent at once.
    ///
    /// It has to come within [`Builder::ack_timeout`](crate::Builder::ack_timeout); for another time use
    /// [`timeout`](Self::timeout) first.
    pub fn emit_with_ack<T>(&self, event: impl AsRef<str>, args: impl Serialize) -> AckFuture<T> {
        self.flagged().emit_with_ack(event, args)
    }

    /// Emits to this socket that are dropped if the transport can't take them at once.
    pub fn volatile(&self) -> ToSocket {
        self.flagged().volatile()
    }

    /// Emits to this socket with or without compression, where `per_message_deflate` is set: with it by default.
    pub fn compress(&self, compress: bool) -> ToSocket {
        self.flagged().compress(compress)
    }

    /// Emits to this socket whose acknowledgements have to come within this time.
    pub fn timeout(&self, timeout: Duration) -> ToSocket {
        self.flagged().timeout(timeout)
    }

    /// A selection of the sockets in these rooms but this one.
    pub fn to(&self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// JS `in`: another name of [`to`](Self::to).
    #[doc(alias = "in")]
    pub fn within(&self, rooms: impl Rooms) -> Broadcast {
        self.to(rooms)
    }

    /// A selection of everyone in the namespace but this socket and those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().except(rooms)
    }

    /// A selection of everyone in the namespace but this socket.
    pub fn broadcast(&self) -> Broadcast {
        self.flagged().broadcast()
    }

    /// A selection of everyone on this server but this socket, other servers left out.
    pub fn local(&self) -> Broadcast {
        self.broadcast().local()
    }

    fn flagged(&self) -> ToSocket {
        ToSocket {
            socket: self.clone(),
            flags: Flags::default(),
        }
    }
}

impl ToSocket {
    /// As [`Socket::emit`], with the flags.
    pub fn emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) {
        let event = event.as_ref();
        if let Err(error) = self.try_emit(event, args)
            && (error.is_encode() || error.is_reserved())
        {
            self.socket
                .report(&HandlerError::new(Some(event), HandlerErrorKind::Emit, error));
        }
    }

    /// As [`Socket::try_emit`], with the flags.
    ///
    /// # Errors
    ///
    /// As [`Socket::try_emit`]; a volatile event that could not leave at once is an error for which
    /// [`is_full`](EmitError::is_full) holds.
    pub fn try_emit<A: Serialize>(&self, event: impl AsRef<str>, args: A) -> Result<(), EmitError> {
        let event = event.as_ref();
        if !self.flags.volatile && self.socket.home().recovery().is_some() {
            NamespaceInner::check_event(event)?;
            if let Some(emitted) = self.socket.emit_recoverably(event, &args, self.flags.compress) {
                return emitted;
            }
        }
        self.deliver(self.encode(event, None, &args)?)
    }

    /// As [`Socket::emit_with_ack`], with the flags.
    pub fn emit_with_ack<T>(&self, event: impl AsRef<str>, args: impl Serialize) -> AckFuture<T> {
        let id = self.socket.home().next_ack();
        let outgoing = match self.encode(event.as_ref(), Some(id), &args) {
            Ok(outgoing) => outgoing,
            Err(error) => return AckFuture::failed(error.into()),
        };
        let (waiter, reply) = oneshot::channel();
        if let Err(error) = self.socket.await_ack(id, Waiter::One(waiter)) {
            return AckFuture::failed(error.into());
        }
        let timeout = self
            .flags
            .timeout
            .unwrap_or(self.socket.io().settings().ack_timeout);
        match self.deliver(outgoing) {
            Ok(()) => AckFuture::waiting(self.socket.clone(), id, reply, timeout),
            Err(error) => {
                self.socket.acks().remove(id);
                AckFuture::failed(error.into())
            }
        }
    }

    /// Drops what the transport can't take at once.
    pub const fn volatile(mut self) -> Self {
        self.flags.volatile = true;
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

    /// The sockets in these rooms but this one, with the flags.
    pub fn to(self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// JS `in`: another name of [`to`](Self::to).
    #[doc(alias = "in")]
    pub fn within(self, rooms: impl Rooms) -> Broadcast {
        self.to(rooms)
    }

    /// Everyone but this socket and those in these rooms, with the flags.
    pub fn except(self, rooms: impl Rooms) -> Broadcast {
        self.broadcast().except(rooms)
    }

    /// Everyone but this socket, with the flags.
    pub fn broadcast(self) -> Broadcast {
        let home = self.socket.home();
        let target = Target {
            except_member: Some(self.socket.serial()),
            // Its client may be back when the selection is used: as another member of the same id.
            except_id: home.recovery().map(|_| self.socket.id().clone()),
            ..Target::default()
        };
        Broadcast::new(home.clone(), target).with_flags(self.flags)
    }

    fn encode<A: Serialize>(
        &self,
        event: &str,
        ack: Option<u64>,
        args: &A,
    ) -> Result<EventPacket, EmitError> {
        NamespaceInner::check_event(event)?;
        if self.socket.has_left() {
            return Err(EmitError::closed());
        }
        let home = self.socket.home();
        Ok(emit::event(
            home.parser(),
            home.name(),
            ack,
            event,
            args,
            self.flags.compress,
        )?)
    }

    fn deliver(&self, packet: EventPacket) -> Result<(), EmitError> {
        if self.socket.home().tells_outgoing() {
            self.socket.tell_outgoing(&packet);
        }
        let outgoing = packet.into_outgoing(&self.socket)?;
        let sent = self
            .flags
            .send(&self.socket, outgoing, |socket| !socket.has_left());
        Ok(sent?)
    }
}
