//! Counts what still runs, so that closing can wait for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::{foreign, server::SocketIo};

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
            // By wakers of whatever executor. Closing has a deadline for those who aren't woken because another one's panics.
            foreign::step(|| leaving.none.notify_waiters());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::Arc,
        task::{Context, Wake, Waker},
    };

    use super::*;

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a test panics on purpose");
        }
    }

    #[tokio::test]
    async fn a_waker_that_panics_is_no_panic_of_the_last_that_has_left() {
        let io = SocketIo::new();
        let last = UnderWay::start(&io);
        let mut none = pin!(io.leaving().none());
        let waker = Waker::from(Arc::new(Panics));
        assert!(none.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(last);
        none.await;
    }
}
