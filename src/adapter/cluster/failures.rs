//! What the log and the application hear of a back end that fails.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::{adapter::AdapterError, foreign, throttle::Throttle};

/// So many rows of errors are told in ten seconds.
const MAX_ROWS: u32 = 5;

/// The application's function that is told.
type Told = Arc<dyn Fn(&AdapterError) + Send + Sync>;

/// Rows of errors of a back end, of each of which one is told.
pub(super) struct Failures {
    /// The last message could not be sent, and that has been told.
    failing: AtomicBool,
    /// A back end may fail and send in turn, as often as clients make it.
    rows: Throttle,
    told: Mutex<Option<Told>>,
}

impl Failures {
    pub(super) const fn new() -> Self {
        Self {
            failing: AtomicBool::new(false),
            rows: Throttle::new(MAX_ROWS),
            told: Mutex::new(None),
        }
    }

    pub(super) fn tell(&self, told: Told) {
        let mut slot = self.told();
        let replaced = slot.replace(told);
        drop(slot);
        // The old one may own what its drop calls back with, so it goes without the lock.
        drop(replaced);
    }

    /// A row of which too early a one is not told is told later, if it goes on.
    pub(super) fn handle_error(&self, error: &AdapterError) {
        if self.failing.load(Ordering::Relaxed) {
            return;
        }
        let Some(times) = self.rows.worth_a_line() else {
            return;
        };
        if self.failing.swap(true, Ordering::Relaxed) {
            return;
        }
        self.say(error, times);
    }

    /// Nothing more comes from the back end. That is told whatever has been told before: it happens once.
    pub(super) fn handle_end(&self, error: &AdapterError) {
        self.failing.store(true, Ordering::Relaxed);
        self.say(error, 1);
    }

    fn say(&self, error: &AdapterError, times: u64) {
        crate::log::error!(%error, times, "the adapter fails: other servers are out of reach, local delivery goes on");
        let told = self.told().clone();
        if let Some(told) = told
            && foreign::call(|| told(error)).is_err()
        {
            crate::log::error!("the function given to `on_adapter_error` panicked");
        }
    }

    /// The row is over, if there was one.
    pub(super) fn handle_sent(&self) {
        if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed) {
            crate::log::info!("the adapter sends again");
        }
    }

    fn told(&self) -> MutexGuard<'_, Option<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use super::*;

    fn counting(failures: &Failures) -> Arc<AtomicUsize> {
        let told = Arc::new(AtomicUsize::new(0));
        let counted = told.clone();
        failures.tell(Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        told
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the clock is paused")]
    async fn rows_of_errors_that_follow_each_other_are_told_now_and_then() {
        let (failures, error) = (Failures::new(), AdapterError::new("down"));
        let told = counting(&failures);
        for _ in 0..100 {
            failures.handle_error(&error);
            failures.handle_error(&error);
            failures.handle_sent();
        }
        assert_eq!(told.load(Ordering::Relaxed), MAX_ROWS as usize);
        // A row that goes on is told of, once, though it began when it was too early.
        failures.handle_error(&error);
        tokio::time::sleep(Duration::from_secs(10)).await;
        failures.handle_error(&error);
        failures.handle_error(&error);
        assert_eq!(told.load(Ordering::Relaxed), MAX_ROWS as usize + 1);
    }

    #[test]
    fn the_end_is_told_whatever_has_been_told_before() {
        let (failures, error) = (Failures::new(), AdapterError::new("down"));
        let told = counting(&failures);
        for _ in 0..100 {
            failures.handle_error(&error);
            failures.handle_sent();
        }
        failures.handle_end(&AdapterError::new("over"));
        assert_eq!(told.load(Ordering::Relaxed), MAX_ROWS as usize + 1);
        failures.handle_error(&error);
        assert_eq!(told.load(Ordering::Relaxed), MAX_ROWS as usize + 1);
    }
}
