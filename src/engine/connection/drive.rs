//! What the drivers do with a connection.

use std::{
    mem,
    sync::{Arc, PoisonError, Weak, atomic::Ordering},
    time::Instant,
};

use super::{Connection, Inner, PollingFormat, over::Over};
use crate::{
    Protocol,
    engine::{
        CloseReason, Handshake, ReadyState, clock,
        core::{Core, Effects},
        heartbeat::{Heard, Sign},
        outbox::Control,
        service::Shared,
        session::TimeoutStep,
    },
    id::SessionId,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64},
    },
};

impl Connection {
    pub(in crate::engine) fn new(
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
            sign: AtomicU8::new(Sign::Said as u8),
            watched: AtomicBool::new(false),
            ready: AtomicU8::new(ReadyState::Opening as u8),
            heard: AtomicU64::new(0),
            core: Mutex::new(core),
        }))
    }

    pub(in crate::engine) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(in crate::engine) fn upgrade(inner: &Weak<Inner>) -> Option<Self> {
        inner.upgrade().map(Self)
    }

    /// Whether these are handles of one connection.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(in crate::engine) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(in crate::engine) fn polling_format(&self) -> &PollingFormat {
        &self.0.polling
    }

    /// Whether messages are still delivered.
    pub(in crate::engine) fn is_open(&self) -> bool {
        self.ready_state() == ReadyState::Open
    }

    /// The client said something that shows that it lives.
    pub(in crate::engine) fn heard(&self, now: Instant) {
        self.note(now, Sign::Said);
    }

    /// The driver runs: until it rests it needn't be woken.
    pub(in crate::engine) fn set_awake(&self, awake: bool) {
        self.0.awake.store(awake, Ordering::Relaxed);
    }

    /// Nothing is read until the receiver wants the next message. From the first time on the client has the time of a heartbeat.
    pub(in crate::engine) fn set_blocked(&self) {
        if !self.is_blocked() {
            self.note(clock::now(), Sign::Blocked);
        }
    }

    /// The receiver wants the next message. What the client has said meanwhile, a pong perhaps, is still to be read.
    ///
    /// Not to be called for less: a task is woken for many reasons, and each would keep a client that has gone.
    pub(in crate::engine) fn unblock(&self) {
        if self.is_blocked() {
            self.note(clock::now(), Sign::ReadOn);
        }
    }

    fn is_blocked(&self) -> bool {
        self.0.sign.load(Ordering::Relaxed) == Sign::Blocked as u8
    }

    /// The time first: who reads in between takes it for one of the sign before, which does no harm.
    fn note(&self, now: Instant, sign: Sign) {
        let nanos = self.0.shared.timers.nanos(now);
        self.0.heard.store(nanos, Ordering::Relaxed);
        self.0.sign.store(sign as u8, Ordering::Release);
    }

    /// The client's last sign of life.
    fn last_heard(&self) -> Heard {
        let sign = Sign::from_u8(self.0.sign.load(Ordering::Acquire));
        let at = self.0.heard.load(Ordering::Relaxed);
        Heard {
            at: self.0.shared.timers.instant(at),
            sign,
        }
    }

    pub(in crate::engine) fn lock(&self) -> MutexGuard<'_, Core> {
        self.0.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the session at once.
    pub(in crate::engine) fn fail(&self, reason: CloseReason) {
        self.update(clock::now(), |core, _| core.session.fail(reason));
    }

    /// The same, and a task of its own tells the receiver. For whoever ends several.
    pub(in crate::engine) fn cut(&self, reason: CloseReason) {
        self.update(clock::now(), |core, effects| {
            effects.apart = true;
            core.session.fail(reason);
        });
    }

    /// Ends the session at once, and leaves it to others to tell the receiver.
    ///
    /// For senders: they may hold locks, may be the receiver of another session that is being told of its end, and need not
    /// be in a runtime.
    pub(crate) fn fail_later(&self, reason: CloseReason) {
        let mut effects = Effects::default();
        let mut core = self.lock();
        if core.session.closed().is_some() {
            return;
        }
        core.session.fail(reason);
        effects.forgotten = core.forget();
        core.wake_all(&mut effects);
        core.tell_closed(reason, &mut effects);
        self.0.ready.store(ReadyState::Closed as u8, Ordering::Release);
        // The driver of a WebSocket, a GET that is held and a POST come first; where there is none, the wheel does it.
        let timers = &self.0.shared.timers;
        let tick = timers.tick_after(clock::now()).saturating_add(1);
        core.scheduled = Some(tick);
        drop(core);
        timers.insert(tick, self);
        effects.wake();
    }

    pub(in crate::engine) fn send_control(&self, control: Control) {
        self.update(clock::now(), |core, effects| {
            core.push_control(control, effects);
            core.wake_driver(effects);
        });
    }

    /// Whoever called the receiver has finished.
    pub(in crate::engine) fn end_dispatch(&self) {
        self.update(clock::now(), |core, _| {
            core.dispatching = false;
            core.direct = None;
        });
    }

    /// The time for which this connection was entered into the wheel has come. If it ends the session, a task tells the receiver.
    pub(in crate::engine) fn handle_timeout(&self, now: Instant, tick: u32) {
        let heard = self.last_heard();
        self.update(now, |core, effects| {
            // Whatever comes of it, the end of a session that somebody else has failed as well.
            effects.apart = true;
            // An entry that an earlier one has replaced.
            if core.scheduled != Some(tick) {
                return;
            }
            core.scheduled = None;
            core.outbox.shrink();
            match core.session.handle_timeout(now, heard, &self.0.shared.config) {
                TimeoutStep::Ping => {
                    core.push_control(Control::Ping, effects);
                    core.wake_driver(effects);
                }
                TimeoutStep::ProbeLost => core.wake_probe(effects),
                TimeoutStep::Nothing | TimeoutStep::Closed => {}
            }
        });
    }

    /// Changes the state under the lock, and does what follows from it after the lock is released.
    pub(in crate::engine) fn update<R>(
        &self,
        now: Instant,
        change: impl FnOnce(&mut Core, &mut Effects) -> R,
    ) -> R {
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
        if effects.unused {
            shared.handshakes.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(tick) = tick {
            shared.timers.insert(tick, self);
        }
        let Some((receiver, reason, transport)) = effects.closed.take() else {
            return effects.wake();
        };
        shared
            .instruments
            .disconnected(transport, self.protocol(), reason);
        let over = Over {
            connection: self.clone(),
            reason,
            // Before it is left to a task: whoever waits for the last session would not find it any more.
            _telling: shared.registry.remove(self),
            receiver,
            _forgotten: mem::take(&mut effects.forgotten),
        };
        effects.wake();
        if effects.apart {
            over.tell_apart();
        }
    }

    /// When the wheel has to look at this connection, unless it will do so before.
    fn next_tick(&self, core: &mut Core, now: Instant) -> Option<u32> {
        let shared = &self.0.shared;
        let heard = self.last_heard();
        let deadline = core.session.poll_timeout(now, heard, &shared.config)?;
        let tick = shared.timers.tick_after(deadline);
        if core.scheduled.is_some_and(|scheduled| scheduled <= tick) {
            return None;
        }
        core.scheduled = Some(tick);
        Some(tick)
    }
}
