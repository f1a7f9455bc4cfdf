//! One client's connection.

use std::{
    fmt,
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::{
    CloseReason, Handshake, Outbound, Overflow, ReadyState, SendError, Transport, clock,
    core::{Core, Effects},
    jsonp::Jsonp,
    outbox::{Control, Full},
    refused,
    service::Shared,
    session::TimeoutStep,
};
use crate::{Protocol, id::SessionId};

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
    /// `ReadyState`, to be read without the lock.
    ready: AtomicU8,
    /// When the client last gave a sign of life.
    heard: AtomicU64,
    core: Mutex<Core>,
}

/// How the answers to polls are written; decided at the handshake.
#[derive(Debug, Default)]
pub(super) struct PollingFormat {
    /// The client reads no binary.
    pub(super) b64: bool,
    pub(super) jsonp: Option<Box<Jsonp>>,
}

impl Connection {
    /// The session id. It is a credential: whoever knows it can speak for the client.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.0.id
    }

    /// The generation of the protocol the client chose.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.0.protocol
    }

    /// The transport that carries the connection now, or carried it last.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.lock().session.transport()
    }

    /// The peer's address, if the server knows it. Behind a proxy it is the proxy's.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.0.handshake.remote_addr()
    }

    /// How far the connection is in its life.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        ReadyState::from_u8(self.0.ready.load(Ordering::Acquire))
    }

    /// Closes the connection for all its namespaces, after what is queued has been sent.
    pub fn close(&self) {
        self.close_with(CloseReason::ForcedClose);
    }

    /// Waits until everything queued has been handed to the transport, or the connection is closed.
    pub async fn writable(&self) {
        poll_fn(|cx| self.poll_drained(cx)).await;
    }

    pub(crate) fn close_with(&self, reason: CloseReason) {
        let now = clock::now();
        self.update(now, |core, _| {
            let queued = !core.outbox.is_drained();
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
    /// The connection is closed, or its send buffer is full; then [`Overflow`] has been applied.
    pub(crate) fn send(&self, out: Outbound) -> Result<(), SendError> {
        let sent = self.push(out, |core| {
            if core.session.accepts_packets() {
                Ok(())
            } else {
                Err(SendError::Closed)
            }
        });
        if sent == Err(SendError::Full) && self.0.shared.config.overflow == Overflow::Disconnect {
            refused!(self, "the send buffer is full");
            self.fail(CloseReason::TransportError);
        }
        sent
    }

    /// Queues a packet if the transport can take it at this moment.
    ///
    /// # Errors
    ///
    /// The connection is closed, or its transport isn't writable; then nothing has happened.
    pub(crate) fn send_volatile(&self, out: Outbound) -> Result<(), SendError> {
        self.push(out, |core| match core.session.accepts_packets() {
            false => Err(SendError::Closed),
            true if core.is_writable() => Ok(()),
            true => Err(SendError::NotWritable),
        })
    }

    /// Whether the transport could take a packet at this moment.
    pub(crate) fn is_writable(&self) -> bool {
        self.lock().is_writable()
    }

    /// Closes the connection unless [`stay_open`](Self::stay_open) comes in time.
    pub(crate) fn close_after(&self, timeout: Duration) {
        let now = clock::now();
        self.update(now, |core, _| core.session.expire_at(now + timeout));
    }

    /// The connection has a purpose and isn't closed for want of one any more.
    pub(crate) fn stay_open(&self) {
        self.lock().session.stay_open();
    }

    /// Has the driver ask the receiver again whether it is ready.
    pub(crate) fn resume(&self) {
        let mut effects = Effects::default();
        self.lock().wake_all(&mut effects);
        effects.wake();
    }

    fn push(
        &self,
        out: Outbound,
        allowed: impl FnOnce(&Core) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let mut core = self.lock();
        allowed(&core)?;
        let pushed = core.outbox.push(out, self.0.shared.config.max_send_buffer);
        let waker = if self.0.awake.load(Ordering::Relaxed) || core.outbox.is_writing() {
            None
        } else {
            core.take_driver()
        };
        drop(core);
        if let Some(waker) = waker {
            waker.wake();
        }
        pushed.map_err(|Full| SendError::Full)
    }

    fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut core = self.lock();
        if core.outbox.is_drained() || core.session.closed().is_some() {
            return Poll::Ready(());
        }
        core.register_drained(cx);
        Poll::Pending
    }
}

/// For the drivers.
impl Connection {
    pub(super) fn new(
        id: SessionId,
        protocol: Protocol,
        shared: Arc<Shared>,
        handshake: Handshake,
        polling: PollingFormat,
        core: Core,
    ) -> Self {
        Self(Arc::new(Inner {
            id,
            shared,
            handshake,
            polling,
            protocol,
            awake: AtomicBool::new(false),
            ready: AtomicU8::new(ReadyState::Opening as u8),
            heard: AtomicU64::new(0),
            core: Mutex::new(core),
        }))
    }

    pub(super) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(super) fn upgrade(inner: &Weak<Inner>) -> Option<Self> {
        inner.upgrade().map(Self)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(super) fn polling_format(&self) -> &PollingFormat {
        &self.0.polling
    }

    /// Whether messages are still delivered.
    pub(super) fn is_open(&self) -> bool {
        self.ready_state() == ReadyState::Open
    }

    /// The client gave a sign of life.
    pub(super) fn heard(&self, now: Instant) {
        self.0
            .heard
            .store(self.0.shared.timers.nanos(now), Ordering::Relaxed);
    }

    /// The driver runs: until it rests it needn't be woken.
    pub(super) fn set_awake(&self, awake: bool) {
        self.0.awake.store(awake, Ordering::Relaxed);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Core> {
        self.0.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the session at once.
    pub(super) fn fail(&self, reason: CloseReason) {
        self.update(clock::now(), |core, _| core.session.fail(reason));
    }

    pub(super) fn send_control(&self, control: Control) {
        self.update(clock::now(), |core, effects| {
            core.outbox.push_control(control);
            core.wake_driver(effects);
        });
    }

    /// Whoever called the receiver has finished.
    pub(super) fn end_dispatch(&self) {
        self.update(clock::now(), |core, _| core.dispatching = false);
    }

    /// The time for which this connection was entered into the wheel has come.
    pub(super) fn handle_timeout(&self, now: Instant, tick: u32) {
        let heard = self.0.shared.timers.instant(self.0.heard.load(Ordering::Relaxed));
        self.update(now, |core, effects| {
            // An entry that an earlier one has replaced.
            if core.scheduled != Some(tick) {
                return;
            }
            core.scheduled = None;
            core.outbox.shrink();
            match core.session.handle_timeout(now, heard, &self.0.shared.config) {
                TimeoutStep::Ping => {
                    core.outbox.push_control(Control::Ping);
                    core.wake_driver(effects);
                }
                TimeoutStep::ProbeLost => core.wake_probe(effects),
                TimeoutStep::Nothing | TimeoutStep::Closed => {}
            }
        });
    }

    /// Changes the state under the lock, and does what follows from it after the lock is released.
    pub(super) fn update<R>(&self, now: Instant, change: impl FnOnce(&mut Core, &mut Effects) -> R) -> R {
        let mut effects = Effects::default();
        let mut core = self.lock();
        let before = core.session.ready_state();
        let result = change(&mut core, &mut effects);
        let after = core.session.ready_state();
        if after != before && matches!(after, ReadyState::Closing | ReadyState::Closed) {
            core.wake_all(&mut effects);
        }
        core.settle(&mut effects);
        self.0.ready.store(after as u8, Ordering::Release);
        let tick = self.next_tick(&mut core, now);
        drop(core);
        self.apply(effects, tick);
        result
    }

    fn apply(&self, mut effects: Effects, tick: Option<u32>) {
        let shared = &self.0.shared;
        if let Some(tick) = tick {
            shared.timers.insert(tick, self);
        }
        if let Some((receiver, reason)) = effects.closed.take() {
            shared.registry.remove(self.id().as_str());
            effects.wake();
            receiver.on_close(reason);
        } else {
            effects.wake();
        }
    }

    /// When the wheel has to look at this connection, unless it will do so before.
    fn next_tick(&self, core: &mut Core, now: Instant) -> Option<u32> {
        let shared = &self.0.shared;
        let heard = shared.timers.instant(self.0.heard.load(Ordering::Relaxed));
        let deadline = core.session.poll_timeout(now, heard, &shared.config)?;
        let tick = shared.timers.tick_after(deadline);
        if core.scheduled.is_some_and(|scheduled| scheduled <= tick) {
            return None;
        }
        core.scheduled = Some(tick);
        Some(tick)
    }
}

impl Core {
    fn is_writable(&self) -> bool {
        self.session.is_writable() && self.outbox.is_drained()
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
