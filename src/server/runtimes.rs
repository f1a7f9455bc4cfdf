//! The runtimes that the connections of a server live in.
//!
//! Whoever uses a socket may do so on a thread without a runtime, or in a runtime that is gone in a moment. What has to go on then, such as a
//! handler that waits, goes on where connections live.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use tokio::{
    runtime::{EnterGuard, Handle, Id},
    sync::oneshot,
};

use crate::foreign;

/// Enters it, unless that panics, as it does while tokio is at work in this thread: what is spawned in a runtime that has ended is dropped there.
pub(super) fn enter(runtime: &Handle) -> Option<EnterGuard<'_>> {
    foreign::call(|| runtime.enter()).ok()
}

/// Those that connections live in, as long as they run.
#[derive(Debug, Default)]
pub(super) struct Runtimes(RwLock<Vec<Home>>);

#[derive(Debug)]
struct Home {
    runtime: Handle,
    /// Ends the task that is to end with the runtime, if the server is gone before.
    _server: oneshot::Sender<()>,
}

/// What a task in a runtime has, to be dropped with it.
struct Lasts {
    runtimes: Weak<Runtimes>,
    id: Id,
}

impl Runtimes {
    /// A connection lives where this is called.
    pub(super) fn meet(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if !is_among(&self.read(), runtime.id()) {
            self.add(&runtime);
        }
    }

    #[cold]
    fn add(self: &Arc<Self>, runtime: &Handle) {
        let (server, gone) = oneshot::channel();
        let home = Home {
            runtime: runtime.clone(),
            _server: server,
        };
        {
            let mut homes = self.write();
            if is_among(&homes, runtime.id()) {
                return;
            }
            homes.push(home);
        }
        let lasts = Lasts {
            runtimes: Arc::downgrade(self),
            id: runtime.id(),
        };
        // Without the lock: a runtime that is shutting down drops the task at once.
        runtime.spawn(async move {
            let _ = gone.await;
            drop(lasts);
        });
    }

    /// Where that is to run which goes on: here, if connections live here, or else where some do; or here after all, if none does anywhere.
    pub(super) fn choose(&self) -> Option<Handle> {
        let here = Handle::try_current().ok();
        let homes = self.read();
        match homes.last() {
            Some(home) if !here.as_ref().is_some_and(|here| is_among(&homes, here.id())) => {
                Some(home.runtime.clone())
            }
            _ => here,
        }
    }

    /// The runtime that is to be entered before handlers are polled here, if no connections live here: what they wait for would end with this
    /// thread's.
    pub(super) fn elsewhere(&self) -> Option<Handle> {
        let here = match Handle::try_current() {
            Ok(here) => Some(here.id()),
            // The thread ends, and enters nothing any more.
            Err(error) if error.is_thread_local_destroyed() => return None,
            Err(_) => None,
        };
        let homes = self.read();
        let home = homes.last()?;
        let is_home = here.is_some_and(|here| is_among(&homes, here));
        (!is_home).then(|| home.runtime.clone())
    }

    /// Whether connections live anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// That one has ended, or is about to.
    pub(super) fn forget(&self, id: Id) {
        let mut homes = self.write();
        let at = homes.iter().position(|home| home.runtime.id() == id);
        let home = at.map(|at| homes.remove(at));
        drop(homes);
        // Its task is woken without the lock.
        drop(home);
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Home>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Home>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lasts {
    fn drop(&mut self) {
        if let Some(runtimes) = self.runtimes.upgrade() {
            runtimes.forget(self.id);
        }
    }
}

fn is_among(homes: &[Home], id: Id) -> bool {
    homes.iter().any(|home| home.runtime.id() == id)
}
