//! The driver of the wheel: one task for all connections of an engine.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval_at};

use super::{
    clock,
    connection::{Connection, Inner},
    wheel::Wheel,
};
use crate::foreign;

/// How exact deadlines are.
const TICK: Duration = Duration::from_millis(250);

/// Reminders before the other tasks of the thread have their turn.
const REMINDERS: usize = 64;

/// The deadlines of all connections of an engine.
pub(super) struct Timers {
    epoch: Instant,
    state: Mutex<State>,
}

struct State {
    wheel: Wheel<Weak<Inner>>,
    running: bool,
}

/// Lets the next deadline start a new task, however this one ended.
struct Running {
    timers: Arc<Timers>,
    ended: bool,
}

impl Timers {
    pub(super) fn new() -> Arc<Self> {
        let state = State {
            wheel: Wheel::new(),
            running: false,
        };
        Arc::new(Self {
            epoch: clock::now(),
            state: Mutex::new(state),
        })
    }

    /// Time as a number, for atomics.
    pub(super) fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn instant(&self, nanos: u64) -> Instant {
        self.epoch + Duration::from_nanos(nanos)
    }

    /// The first tick that isn't before this moment.
    pub(super) fn tick_after(&self, deadline: Instant) -> u32 {
        let ticks = self.nanos(deadline).div_ceil(tick_nanos());
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    /// Has the connection look at the time at this tick.
    pub(super) fn insert(self: &Arc<Self>, tick: u32, connection: &Connection) {
        let mut state = self.lock();
        state.wheel.insert(tick, connection.downgrade());
        if state.running {
            return;
        }
        // Without a runtime there is nobody to wait; the next deadline set within one starts the task.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        state.running = true;
        // A runtime that is shutting down drops the task at once, and its end takes the lock.
        drop(state);
        runtime.spawn(run(Running {
            timers: Arc::clone(self),
            ended: false,
        }));
    }

    /// A connection is gone: its deadlines are nobody's, and keep its memory.
    pub(super) fn forget(&self) {
        self.lock().wheel.forget(is_there);
    }

    /// How many deadlines are set.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().wheel.len()
    }

    fn advance(&self, now: Instant) -> Vec<(u32, Weak<Inner>)> {
        let ticks = u32::try_from(self.ticks(now)).unwrap_or(u32::MAX);
        self.lock().wheel.advance(ticks, is_there)
    }

    /// The last tick that isn't after this moment.
    fn tick_before(&self, now: Instant) -> Instant {
        self.instant(self.ticks(now) * tick_nanos())
    }

    fn ticks(&self, now: Instant) -> u64 {
        self.nanos(now) / tick_nanos()
    }

    /// Whether the task may end. Decided under the lock, so that no deadline is set in between.
    fn stop_if_empty(&self) -> bool {
        let mut state = self.lock();
        state.running = !state.wheel.is_empty();
        !state.running
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.timers.lock().running = false;
        }
    }
}

async fn run(mut running: Running) {
    // In step with the ticks that deadlines are rounded up to: between them, each would be noticed up to a whole one later. From the last one,
    // so that nobody waits for the next who is due already.
    let begun = running.timers.tick_before(clock::now());
    let mut ticks = interval_at(begun.into(), TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // Once it is decided that the task ends, another one may have been started.
    while !running.ended {
        ticks.tick().await;
        let now = clock::now();
        for some in running.timers.advance(now).chunks(REMINDERS) {
            for (tick, connection) in some {
                remind(connection, now, *tick);
            }
            tokio::task::yield_now().await;
        }
        running.ended = running.timers.stop_if_empty();
    }
}

/// A panic in what a deadline causes, in a waker perhaps, must not take the heartbeats of the others with it. What may take its time, to
/// tell a receiver of the end, isn't done here but by a task of its own.
fn remind(connection: &Weak<Inner>, now: Instant, tick: u32) {
    let Some(connection) = Connection::upgrade(connection) else {
        return;
    };
    if foreign::call(|| connection.handle_timeout(now, tick)).is_err() {
        crate::log::error!("a panic when a connection was reminded of its deadline");
    }
}

fn is_there(connection: &Weak<Inner>) -> bool {
    connection.strong_count() > 0
}

const fn tick_nanos() -> u64 {
    TICK.as_nanos() as u64
}
