//! Counts what still runs, so that closing can wait for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many handlers of leaving sockets are still under way.
#[derive(Debug)]
pub(super) struct Running {
    count: AtomicUsize,
    none: Notify,
}

/// One of them; dropping it says that it has ended.
#[derive(Debug)]
pub(super) struct Run<R: AsRunning>(R);

/// Where the counter is found when a run ends.
pub(super) trait AsRunning {
    fn running(&self) -> &Running;
}

impl Running {
    pub(super) const fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            none: Notify::const_new(),
        }
    }

    pub(super) fn start<R: AsRunning>(owner: R) -> Run<R> {
        owner.running().count.fetch_add(1, Ordering::AcqRel);
        Run(owner)
    }

    /// Resolves when nothing runs.
    pub(super) async fn none(&self) {
        loop {
            let notified = self.none.notified();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl<R: AsRunning> Drop for Run<R> {
    fn drop(&mut self) {
        let running = self.0.running();
        if running.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            running.none.notify_waiters();
        }
    }
}
