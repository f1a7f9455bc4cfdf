//! Listening to a connection.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;

use super::Connection;
use crate::engine::{
    Event,
    core::{Core, Effects},
    event,
    packet::Packet,
};

/// What happens on a connection, in the order in which it happens. Made by [`Connection::events`].
///
/// A stream, and [`next`](Self::next) without `StreamExt`. It ends after [`Event::Close`]. Dropping it ends the listening.
#[must_use = "events are for reading"]
pub struct Events {
    connection: Connection,
    id: u64,
}

impl Connection {
    /// Listens to what happens on the connection from now on: packets in either direction, the upgrade, the end.
    /// JS `socket.conn.on(…)`.
    ///
    /// Each listener gets everything, in order. It is for whoever debugs, meters or records: events are copies, and nothing
    /// waits for them to be read. Up to 1,024 events and 1 MiB of packets wait for a listener; whoever is slower than that
    /// misses what comes next, and gets [`Event::Lagged`] with the number of missed events in their place. The end is never
    /// missed. A connection that nobody listens to pays nothing.
    ///
    /// Packets hold whatever clients and server say to each other, passwords perhaps: think before you store them.
    ///
    /// ```
    /// use axum_socketio::{Socket, SocketIo, engine::Event};
    ///
    /// let io = SocketIo::new();
    /// io.of("/").on_connect(async |socket: Socket| {
    ///     let mut events = socket.connection().events();
    ///     while let Some(event) = events.next().await {
    ///         match event {
    ///             Event::Upgrade(transport) => println!("{} is on {transport} now", socket.id()),
    ///             Event::Close(reason) => println!("{} has gone: {reason}", socket.id()),
    ///             _ => {}
    ///         }
    ///     }
    /// });
    /// ```
    #[doc(alias = "on")]
    pub fn events(&self) -> Events {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut core = self.lock();
        core.watch(id);
        self.0.watched.store(true, Ordering::Relaxed);
        drop(core);
        Events {
            connection: self.clone(),
            id,
        }
    }

    /// Whether anybody listens. Under the lock that is certain; else somebody may just begin to.
    pub(in crate::engine) fn is_watched(&self) -> bool {
        self.0.watched.load(Ordering::Relaxed)
    }

    /// A packet has come in.
    #[cold]
    pub(in crate::engine) fn tell_packet(&self, packet: &Packet<'_>) {
        self.tell(&Event::Packet(event::Packet::incoming(packet)));
    }

    /// A binary message has come in.
    #[cold]
    pub(in crate::engine) fn tell_binary(&self, data: &Bytes) {
        self.tell(&Event::Packet(event::Packet::of_binary(data.clone())));
    }

    fn tell(&self, event: &Event) {
        let mut effects = Effects::default();
        self.lock().tell(event, &mut effects);
        effects.wake();
    }

    /// Something has been queued, and somebody listens.
    #[cold]
    pub(super) fn tell_pushed(core: &mut Core) -> Box<Effects> {
        let mut effects = Box::<Effects>::default();
        core.tell_created(&mut effects);
        effects
    }
}

impl Events {
    /// The next event; `None` after the end of the connection. It can be dropped and called again without missing any.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&self, cx: &Context<'_>) -> Poll<Option<Event>> {
        let mut effects = Effects::default();
        let event = self.connection.lock().poll_event(self.id, cx, &mut effects);
        drop(effects);
        event
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut core = self.connection.lock();
        let listener = core.unwatch(self.id);
        self.connection
            .0
            .watched
            .store(core.is_watched(), Ordering::Relaxed);
        drop(core);
        drop(listener);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
