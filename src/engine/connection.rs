//! One client's connection.

mod drive;
mod events;
mod hold;
mod over;
mod parting;
mod writable;

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    task::Waker,
    time::Duration,
};

use smallvec::SmallVec;

pub use self::events::Events;
pub(crate) use self::parting::Parting;
use self::writable::Writable;
use super::{
    CloseReason, Handshake, Limit, Outgoing, Overflow, ReadyState, SendError, Transport, clock,
    core::{Core, Effects},
    cork,
    instruments::{Dropped, Instruments, Weight},
    jsonp::Jsonp,
    outbox::{Cost, Full},
    refused,
    service::Shared,
};
use crate::{
    Protocol, foreign,
    id::SessionId,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64},
    },
};

/// One client's Engine.IO connection, whichever transport carries it: `socket.conn` in JavaScript.
///
/// A handle, cheap to clone.
#[doc(alias = "conn")]
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

pub(super) struct Inner {
    id: SessionId,
    shared: Arc<Shared>,
    handshake: Handshake,
    polling: PollingFormat,
    protocol: Protocol,
    /// The driver is running and will look at the outbox before it rests, so nobody needs to wake it.
    awake: AtomicBool,
    /// Somebody listens to what happens. Written under the lock.
    watched: AtomicBool,
    /// `ReadyState`, to be read without the lock.
    ready: AtomicU8,
    /// `Sign`, the client's last one of life, and when it gave that.
    sign: AtomicU8,
    heard: AtomicU64,
    core: Mutex<Core>,
}

/// A packet that has been queued. Those who wait for it are still to be woken, and it is to be counted: nobody knows what a waker does, and
/// the recorder is the application's.
#[must_use = "whoever waits for it is woken by `conclude`"]
pub(crate) struct Queued {
    transport: Transport,
    weight: Weight,
    driver: Option<Waker>,
    /// Hardly any connection has some.
    listeners: Option<Box<Effects>>,
}

/// How the answers to polls are written; decided at the handshake.
#[derive(Debug, Default)]
pub(super) struct PollingFormat {
    /// The client reads no binary.
    pub(super) b64: bool,
    pub(super) jsonp: Option<Box<Jsonp>>,
}

impl Connection {
    /// The session id. JS `conn.id`.
    ///
    /// It is a credential: whoever knows it can speak for a client that polls, and read what is sent to it. So it is here for
    /// those who ask for it, a load balancer's table perhaps, and isn't in the `Debug` output of anything, nor in the log. To
    /// name a client to others there is the [`id`](crate::Socket::id) of its socket.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.0.id
    }

    /// The generation of the protocol the client chose. JS `conn.protocol`.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.0.protocol
    }

    /// The transport that carries the connection now, or carried it last. JS `conn.transport.name`.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.lock().session.transport()
    }

    /// The peer's address, if the server knows it. Behind a proxy it is the proxy's. JS `conn.remoteAddress`.
    #[must_use]
    #[doc(alias = "remoteAddress")]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.0.handshake.remote_addr()
    }

    /// How far the connection is in its life. JS `conn.readyState`.
    #[must_use]
    #[doc(alias = "readyState")]
    pub fn ready_state(&self) -> ReadyState {
        ReadyState::from_u8(self.0.ready.load(Ordering::Acquire))
    }

    /// Closes the connection for all its namespaces, after what is queued has been sent: at most 5 s over a WebSocket, and
    /// 30 s over long-polling, whose client has to fetch it. JS `conn.close()`.
    ///
    /// From now on nothing is received. Its sockets leave with the reason `forced close` when the connection is closed. If one of them is being
    /// [sent away](crate::Socket::disconnect) at this moment its client is told so before, and until then other namespaces are heard, but none is joined.
    pub fn close(&self) {
        if !self.is_closed_later(CloseReason::ForcedClose) {
            self.close_with(CloseReason::ForcedClose);
        }
    }

    /// Closes the connection at once; what is queued is thrown away. JS `conn.close(true)`.
    ///
    /// Its sockets leave with the reason `forced close`, from a task, so that no disconnect handler runs inside of this call.
    #[doc(alias = "discard")]
    pub fn close_now(&self) {
        self.fail_later(CloseReason::ForcedClose);
    }

    /// Waits until everything queued has been handed to the transport, or the connection is closed.
    pub async fn writable(&self) {
        Writable::new(self).await;
    }

    pub(crate) fn close_with(&self, reason: CloseReason) {
        self.close_told(reason, false);
    }

    /// The same, and where that ends the session at once, a task of its own tells the receiver. For whoever closes several.
    pub(super) fn close_apart(&self, reason: CloseReason) {
        if !self.is_closed_later(reason) {
            self.close_told(reason, true);
        }
    }

    fn close_told(&self, reason: CloseReason, apart: bool) {
        // Whoever ended the session sees to it that its receiver is told: a handler of another one that closes this one, too,
        // isn't to run the handlers of this one inside of its own.
        if self.ready_state() == ReadyState::Closed {
            return;
        }
        let now = clock::now();
        self.update(now, |core, effects| {
            effects.apart = apart;
            // An answer that is still being read ends with the session, so that isn't to be over before.
            let queued = !core.outbox.is_drained() || core.is_unread();
            core.session.close(reason, queued, now);
        });
    }

    pub(crate) fn handshake(&self) -> &Handshake {
        &self.0.handshake
    }

    /// Queues a packet and wakes the driver. Never blocks.
    ///
    /// # Errors
    ///
    /// The connection is closed, or its send buffer is full; then [`Overflow`] has been applied. Whoever sends is never the
    /// one who tells the receiver of the end.
    pub(crate) fn send(&self, out: Outgoing) -> Result<(), SendError> {
        self.conclude(self.offer(out))
    }

    /// [`send`](Self::send), unless whoever it is for has left. That is asked under the lock: what tells the client of a leave, or answers its
    /// next CONNECT, is queued after the leave and under the same lock, so nothing comes behind it.
    pub(crate) fn send_if(&self, out: Outgoing, is_in: impl FnOnce() -> bool) -> Result<(), SendError> {
        self.conclude(self.push(out, |core| core.accepts_packets_for(is_in)))
    }

    /// The first half of [`send`](Self::send), which runs no code of the application.
    pub(crate) fn offer(&self, out: Outgoing) -> Result<Queued, SendError> {
        self.push(out, Core::accepts_packets)
    }

    /// The same for several, up to the first for which there is no room. If the client polls it gets all with one answer, as from Node's
    /// server, and from then on as many with each as there are: it is to be none for which that is too much.
    pub(crate) fn offer_together(&self, packets: &[Outgoing]) -> Vec<Result<Queued, SendError>> {
        let mut offered = Vec::with_capacity(packets.len());
        let mut core = self.lock();
        core.takes_any_number = true;
        for packet in packets {
            let room = core
                .accepts_packets()
                .and_then(|()| self.room_for(packet, &mut core));
            let is_last = room.is_err();
            offered.push(room.map(|cost| self.queue(packet.clone(), cost, &mut core)));
            if is_last {
                break;
            }
        }
        drop(core);
        offered
    }

    /// The second half: wakes, counts, and does what follows if the send buffer was full.
    pub(crate) fn conclude(&self, sent: Result<Queued, SendError>) -> Result<(), SendError> {
        let sent = sent.map(|queued| self.count(queued));
        if sent == Err(SendError::Full) {
            self.0.shared.instruments.dropped(Dropped::BufferFull);
            let config = &self.0.shared.config;
            if config.overflow == Overflow::Disconnect {
                // First: the log may be shown to clients.
                self.fail_later(CloseReason::TransportError);
                refused!(self, "the send buffer is full");
            }
            self.limit_exceeded(Limit::SendBuffer, config.max_send_buffer, None);
        }
        sent
    }

    /// How many bytes may wait in the outbox.
    pub(crate) fn max_send_buffer(&self) -> usize {
        self.0.shared.config.max_send_buffer
    }

    /// How many of them do.
    pub(crate) fn buffered(&self) -> usize {
        self.lock().outbox.waiting()
    }

    /// How long the client may take to answer a heartbeat.
    pub(crate) fn ping_timeout(&self) -> Duration {
        self.0.shared.config.ping_timeout
    }

    /// How large a message of the client may be.
    pub(crate) fn max_http_buffer_size(&self) -> usize {
        self.0.shared.config.max_http_buffer_size
    }

    /// Queues a packet if the transport can take it at this moment and, as [`send_if`](Self::send_if), if whoever it is for has not left.
    ///
    /// # Errors
    ///
    /// That has left, the connection is closed, or its transport isn't writable; then nothing has happened.
    pub(crate) fn send_volatile(&self, out: Outgoing, is_in: impl FnOnce() -> bool) -> Result<(), SendError> {
        let sent = self.push(out, |core| {
            core.accepts_packets_for(is_in)?;
            core.is_writable().then_some(()).ok_or(SendError::NotWritable)
        });
        let sent = sent.map(|queued| self.count(queued));
        if sent == Err(SendError::NotWritable) {
            self.0.shared.instruments.dropped(Dropped::Volatile);
        }
        sent
    }

    /// Closes the connection unless [`stay_open`](Self::stay_open) comes in time.
    pub(crate) fn close_after(&self, timeout: Duration) {
        let now = clock::now();
        let waits = self.update(now, |core, _| core.session.expire_at(now + timeout));
        if waits {
            self.0.shared.handshakes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The connection has a purpose and isn't closed for want of one any more.
    pub(crate) fn stay_open(&self) {
        let waited = self.lock().session.stay_open();
        if waited {
            self.0.shared.handshakes.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// If it waits for a use and more do than may, it counts as one of them no longer: of several only those that are too many do so. Whether it did.
    pub(super) fn gives_up_place(&self) -> bool {
        let shared = &self.0.shared;
        let (waiting, max) = (&shared.handshakes, shared.config.max_handshakes);
        let mut core = self.lock();
        let leaves = |count: usize| (count > max).then(|| count - 1);
        core.session.waits_for_use()
            && waiting
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, leaves)
                .is_ok()
            && core.session.stay_open()
    }

    /// Whether the transport could take a packet at this moment: everything before it has been written, and for
    /// long-polling a request waits. JS `conn.transport.writable`.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.lock().is_writable()
    }

    /// Has the driver ask the receiver again whether it is ready.
    pub(crate) fn resume(&self) {
        let mut effects = Effects::default();
        self.lock().wake_all(&mut effects);
        effects.wake();
    }

    /// Nothing of others runs under the lock: no drop of what isn't queued, no recorder of metrics.
    fn push(
        &self,
        out: Outgoing,
        allowed: impl FnOnce(&Core) -> Result<(), SendError>,
    ) -> Result<Queued, SendError> {
        let mut core = self.lock();
        match allowed(&core).and_then(|()| self.room_for(&out, &mut core)) {
            Ok(cost) => {
                let queued = self.queue(out, cost, &mut core);
                drop(core);
                Ok(queued)
            }
            Err(error) => {
                drop(core);
                Err(error)
            }
        }
    }

    fn room_for(&self, out: &Outgoing, core: &mut Core) -> Result<Cost, SendError> {
        let config = &self.0.shared.config;
        core.outbox.room_for(out, config.max_send_buffer).map_err(|Full| {
            if config.overflow == Overflow::Disconnect {
                core.outbox.overflow();
            }
            SendError::Full
        })
    }

    fn queue(&self, out: Outgoing, cost: Cost, core: &mut Core) -> Queued {
        let weight = Instruments::weigh(&out);
        core.outbox.push(out, cost);
        let transport = core.session.transport();
        let busy = self.0.awake.load(Ordering::Relaxed) || core.outbox.is_writing();
        let driver = if busy || core.is_held() || self.is_held_back(core) {
            None
        } else {
            core.take_driver()
        };
        let listeners = self.is_watched().then(|| Self::tell_pushed(core));
        Queued {
            transport,
            weight,
            driver,
            listeners,
        }
    }

    fn count(&self, queued: Queued) {
        foreign::wake(queued.driver);
        if let Some(mut listeners) = queued.listeners {
            listeners.wake();
        }
        self.0.shared.instruments.sent(queued.transport, queued.weight);
    }
}

impl Connection {
    /// The cork of this thread sees to what has been queued.
    fn is_held_back(&self, core: &mut Core) -> bool {
        if core.direct.is_none() || !core.outbox.is_written_at_once() {
            return false;
        }
        let thread = cork::hold_back(self, core.corked_by);
        core.corked_by = thread.unwrap_or(core.corked_by);
        thread.is_some()
    }

    /// Writes what was held back, unless the driver is about to.
    pub(crate) fn flush(&self) {
        self.flush_under(self.lock());
    }

    fn flush_under(&self, mut core: MutexGuard<'_, Core>) {
        core.corked_by = 0;
        if core.is_held() {
            return;
        }
        if self.0.awake.load(Ordering::Relaxed) || core.outbox.is_empty() || core.outbox.is_writing() {
            return;
        }
        let (queued, mut written) = (core.outbox.queued(), SmallVec::new());
        let is_done = core.write_directly(self.protocol(), &mut written);
        // The driver counts what is left to it. That may be more: the packet that opens the connection has cost nothing until now.
        let flushed = queued.saturating_sub(core.outbox.queued());
        let driver = if is_done { None } else { core.take_driver() };
        let drained = if is_done { core.take_drained() } else { None };
        drop(core);
        foreign::wake(driver.into_iter().chain(drained.into_iter().flatten()));
        self.0.shared.instruments.flushed(flushed);
    }
}

impl Core {
    fn accepts_packets(&self) -> Result<(), SendError> {
        self.session
            .accepts_packets()
            .then_some(())
            .ok_or(SendError::Closed)
    }

    fn accepts_packets_for(&self, is_in: impl FnOnce() -> bool) -> Result<(), SendError> {
        self.accepts_packets()?;
        is_in().then_some(()).ok_or(SendError::Closed)
    }

    fn is_writable(&self) -> bool {
        self.session.is_writable() && self.outbox.is_drained()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.timers.forget();
    }
}

impl fmt::Debug for Connection {
    // Without the session id, which is a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("protocol", &self.protocol())
            .field("ready_state", &self.ready_state())
            .finish_non_exhaustive()
    }
}
