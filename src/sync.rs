//! The locks and atomics whose races matter, through one door.
//!
//! Behind it is `std`. Built with `--cfg models`, which only `tests/models` does, it is `loom`: that runs a test again for every
//! order in which threads may meet here, and for every value that an atomic may give.

#[cfg(not(models))]
pub(crate) use std::{
    sync::{Mutex, MutexGuard, atomic},
    thread_local,
};
#[cfg(not(models))]
pub(crate) use tokio::sync::Notify;

#[cfg(models)]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic};

/// loom's, which knows no constants.
#[cfg(models)]
macro_rules! of_each_thread {
    ($(#[$attr:meta])* $vis:vis static $name:ident: $type:ty = const { $init:expr };) => {
        loom::thread_local! { $(#[$attr])* $vis static $name: $type = $init; }
    };
    ($($other:tt)*) => {
        loom::thread_local! { $($other)* }
    };
}

#[cfg(models)]
pub(crate) use of_each_thread as thread_local;

#[cfg(all(test, models))]
pub(crate) use loom::{future::block_on, thread};

/// Tokio's, whose own order loom doesn't see: who is notified sees what was done before.
#[cfg(models)]
#[derive(Debug, Default)]
pub(crate) struct Notify {
    inner: tokio::sync::Notify,
    order: Mutex<()>,
}

#[cfg(models)]
impl Notify {
    pub(crate) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        drop(self.order.lock());
        self.inner.notified()
    }

    pub(crate) fn notify_waiters(&self) {
        drop(self.order.lock());
        self.inner.notify_waiters();
    }
}

/// Runs the model in every order of its threads that takes a thread the turn at most so many times, and says how many there were.
#[cfg(all(test, models))]
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    let orders = Arc::new(AtomicU64::new(0));
    let counted = orders.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 20_000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("{} orders", orders.load(Ordering::Relaxed));
}
