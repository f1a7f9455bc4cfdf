//! Whether servers of a bus fall behind, so that clients are slowed before anything is lost.
//!
//! ```text
//!            more than `BEHIND` waits               nothing taken for a while
//!  Keeping ─────────────────────────────► Behind ─────────────────────────────► Stuck
//!     ▲                                   │    ▲                                  │
//!     └─ half of that waits, or it left ──┘    └────────── one was taken ─────────┘
//! ```

use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use crate::foreign;

/// What may wait for a server, in bytes, before others are held up: some 230 events, which are heard within milliseconds.
const BEHIND: usize = 64 << 10;

/// Nobody is held up any more when no more waits.
const CAUGHT_UP: usize = BEHIND / 2;

/// How long a server that is behind may take nothing before it is not waited for.
pub(super) const STUCK_AFTER: Duration = Duration::from_millis(250);

/// How one server keeps up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    #[default]
    Keeping,
    /// The others are held up.
    Behind {
        /// Since somebody has looked last.
        moved: bool,
    },
    /// It takes nothing; the others are not held up for its sake.
    Stuck,
}

/// What the servers of a bus have in common: how many of them are behind.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    behind: AtomicUsize,
    relief: Notify,
}

/// A server that was behind is not any more: to be [told](Pressure::tell) without a lock.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fell(bool);

impl Pace {
    /// One more message waits.
    pub(super) const fn handle_said(self, bytes: usize) -> Self {
        match self {
            Self::Keeping if bytes > BEHIND => Self::Behind { moved: false },
            pace => pace,
        }
    }

    /// One was taken.
    pub(super) const fn handle_heard(self, left: usize) -> Self {
        match self {
            Self::Behind { .. } if left <= CAUGHT_UP => Self::Keeping,
            Self::Stuck if left <= BEHIND => Self::Keeping,
            Self::Behind { .. } | Self::Stuck => Self::Behind { moved: true },
            Self::Keeping => Self::Keeping,
        }
    }

    /// A while has passed.
    pub(super) const fn handle_time(self) -> Self {
        match self {
            Self::Behind { moved: true } => Self::Behind { moved: false },
            Self::Behind { moved: false } => Self::Stuck,
            pace => pace,
        }
    }

    const fn is_behind(self) -> bool {
        matches!(self, Self::Behind { .. })
    }
}

impl Pressure {
    pub(super) fn is_on(&self) -> bool {
        self.behind.load(Ordering::Acquire) > 0
    }

    /// A server's pace changes. Called under its lock.
    pub(super) fn change(&self, pace: &mut Pace, next: Pace) -> Fell {
        let before = std::mem::replace(pace, next);
        match (before.is_behind(), next.is_behind()) {
            (false, true) => {
                self.behind.fetch_add(1, Ordering::AcqRel);
                Fell(false)
            }
            (true, false) => Fell(self.behind.fetch_sub(1, Ordering::AcqRel) == 1),
            _ => Fell(false),
        }
    }

    pub(super) fn tell(&self, fell: Fell) {
        if fell.0 {
            // By wakers of whatever executor; who isn't woken looks by itself before long.
            foreign::step(|| self.relief.notify_waiters());
        }
    }

    /// Resolves when no server is behind. `look` passes [time](Pace::handle_time) for each of them.
    pub(super) async fn eased(&self, look: impl Fn()) {
        loop {
            let relief = pin!(self.relief.notified());
            if !self.is_on() {
                return;
            }
            if timeout(STUCK_AFTER, relief).await.is_err() {
                look();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        task::{Context, Wake, Waker},
    };

    use super::*;

    const BEHIND_AND_MOVING: Pace = Pace::Behind { moved: true };
    const BEHIND_AND_STILL: Pace = Pace::Behind { moved: false };

    #[test]
    fn a_server_is_behind_until_half_of_what_waited_is_taken() {
        assert_eq!(Pace::Keeping.handle_said(BEHIND), Pace::Keeping);
        let behind = Pace::Keeping.handle_said(BEHIND + 1);
        assert_eq!(behind, BEHIND_AND_STILL);
        assert_eq!(behind.handle_said(10 * BEHIND), behind);
        assert_eq!(behind.handle_heard(CAUGHT_UP + 1), BEHIND_AND_MOVING);
        assert_eq!(behind.handle_heard(CAUGHT_UP), Pace::Keeping);
        assert_eq!(Pace::Keeping.handle_heard(BEHIND + 1), Pace::Keeping);
    }

    #[test]
    fn a_server_that_takes_nothing_is_stuck_until_it_takes_something() {
        let still = BEHIND_AND_MOVING.handle_time();
        assert_eq!(still, BEHIND_AND_STILL);
        let stuck = still.handle_time();
        assert_eq!(stuck, Pace::Stuck);
        assert_eq!(stuck.handle_time(), Pace::Stuck);
        assert_eq!(stuck.handle_said(10 * BEHIND), Pace::Stuck);
        assert_eq!(stuck.handle_heard(BEHIND + 1), BEHIND_AND_MOVING);
        assert_eq!(stuck.handle_heard(BEHIND), Pace::Keeping);
        assert_eq!(Pace::Keeping.handle_time(), Pace::Keeping);
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a test panics on purpose");
        }
    }

    #[tokio::test]
    async fn who_waits_for_the_end_and_panics_is_not_the_one_who_tells_of_it() {
        let (pressure, mut pace) = (Pressure::default(), Pace::Keeping);
        let _ = pressure.change(&mut pace, BEHIND_AND_STILL);
        let mut eased = pin!(pressure.eased(|| {}));
        let waker = Waker::from(Arc::new(Panics));
        assert!(eased.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        pressure.tell(pressure.change(&mut pace, Pace::Keeping));
        eased.await;
    }

    #[test]
    fn the_last_server_that_catches_up_is_told_of() {
        let pressure = Pressure::default();
        let (mut one, mut other) = (Pace::Keeping, Pace::Keeping);
        assert_eq!(pressure.change(&mut one, BEHIND_AND_STILL), Fell(false));
        assert_eq!(pressure.change(&mut other, BEHIND_AND_STILL), Fell(false));
        assert_eq!(pressure.change(&mut one, BEHIND_AND_MOVING), Fell(false));
        assert_eq!(pressure.change(&mut one, Pace::Keeping), Fell(false));
        assert!(pressure.is_on());
        assert_eq!(pressure.change(&mut other, Pace::Stuck), Fell(true));
        assert!(!pressure.is_on());
    }
}
