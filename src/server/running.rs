//! Counts what still runs, so that closing can wait for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::server::SocketIo;

/// How many sockets are leaving, and how many handlers of leaving sockets are still under way.
#[derive(Debug)]
pub(super) struct Running {
    count: AtomicUsize,
    none: Notify,
}

/// One of them; dropping it says that it has ended.
#[derive(Debug)]
pub(super) struct UnderWay(SocketIo);

impl Running {
    pub(super) const fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            none: Notify::const_new(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Resolves when nothing runs.
    pub(super) async fn none(&self) {
        loop {
            let notified = self.none.notified();
            if self.count() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl UnderWay {
    pub(super) fn start(io: &SocketIo) -> Self {
        io.leaving().count.fetch_add(1, Ordering::AcqRel);
        Self(io.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let leaving = self.0.leaving();
        if leaving.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            leaving.none.notify_waiters();
        }
    }
}
