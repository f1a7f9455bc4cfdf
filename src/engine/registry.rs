//! All sessions of one engine.

use std::{
    borrow::Borrow,
    collections::HashSet,
    hash::{Hash, Hasher},
    sync::{Arc, PoisonError, atomic::Ordering},
};

use super::{CloseReason, Connection};
use crate::{
    foreign,
    id::SessionId,
    sync::{Mutex, MutexGuard, Notify, atomic::AtomicUsize},
};

/// The sessions by their id.
#[derive(Default)]
pub(super) struct Registry {
    sessions: Mutex<Sessions>,
    under_way: Arc<Count>,
}

/// How many sessions begin and aren't entered yet, how many receivers are still to be told of the end of theirs, and how many clients are
/// still to say that they have read all of it.
#[derive(Default)]
struct Count {
    sessions: AtomicUsize,
    emptied: Notify,
}

/// A session on its way in or out. Until it is dropped the registry doesn't count as empty.
pub(super) struct UnderWay(Arc<Count>);

#[derive(Default)]
struct Sessions {
    by_id: HashSet<ById>,
    /// Ids of the application's own making whose sessions are about to be entered.
    reserved: HashSet<SessionId>,
    /// Set once the engine is closed: no session may come after that.
    closed: Option<CloseReason>,
}

/// Why a session that has begun is not to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwelcome {
    /// There are as many as there may be. It is not entered.
    Full,
    /// The engine has been closed meanwhile.
    Closed(CloseReason),
}

/// A connection that is found by its session id.
struct ById(Connection);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::AcqRel);
        // By wakers of whatever executor. Closing has a deadline for those who aren't woken because another one's panics.
        foreign::step(|| self.0.emptied.notify_waiters());
    }
}

impl Registry {
    /// A session begins; `None` once the engine is closed.
    pub(super) fn begin(&self) -> Option<UnderWay> {
        let sessions = self.lock();
        // Under the lock, so that whoever closes the engine sees it.
        sessions.closed.is_none().then(|| self.start())
    }

    /// Enters a session that has begun. An error says why it is to be closed.
    pub(super) fn insert(&self, connection: &Connection, max: usize) -> Result<(), Unwelcome> {
        let mut sessions = self.lock();
        if sessions.closed.is_none() && sessions.by_id.len() >= max {
            return Err(Unwelcome::Full);
        }
        sessions.by_id.insert(ById(connection.clone()));
        sessions
            .closed
            .map_or(Ok(()), |reason| Err(Unwelcome::Closed(reason)))
    }

    /// Keeps an id for a session to come; false if it is taken.
    pub(super) fn reserve(&self, id: &SessionId) -> bool {
        let mut sessions = self.lock();
        !sessions.by_id.contains(id.as_str()) && sessions.reserved.insert(id.clone())
    }

    /// The session has been entered, or will never be.
    pub(super) fn release(&self, id: &SessionId) {
        self.lock().reserved.remove(id);
    }

    pub(super) fn get(&self, id: &str) -> Option<Connection> {
        self.lock().by_id.get(id).map(|found| found.0.clone())
    }

    /// Takes a session out. Until the guard is dropped its receiver is to be told.
    ///
    /// One that was never entered stands in nobody's way: another one may have its id by now.
    pub(super) fn remove(&self, connection: &Connection) -> UnderWay {
        let telling = self.start();
        let id = connection.id().as_str();
        let mut sessions = self.lock();
        let entered = sessions.by_id.get(id);
        let is_it = entered.is_some_and(|entered| entered.0.is_same(connection));
        let removed = is_it.then(|| sessions.by_id.take(id));
        if sessions.by_id.is_empty() {
            sessions.by_id.shrink_to_fit();
        } else if sessions.by_id.len() < sessions.by_id.capacity() / 4 {
            let twice = sessions.by_id.len() * 2;
            sessions.by_id.shrink_to(twice);
        }
        drop(sessions);
        drop(removed);
        telling
    }

    pub(super) fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// The client of a session is still to answer its end.
    pub(super) fn ending(&self) -> UnderWay {
        self.start()
    }

    /// How many begin, or end and have receivers that haven't been told or clients that haven't answered.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.sessions.load(Ordering::Acquire)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed.is_some()
    }

    /// Lets nobody in any more, and returns those who are there.
    pub(super) fn close(&self, reason: CloseReason) -> Vec<Connection> {
        let mut sessions = self.lock();
        sessions.closed.get_or_insert(reason);
        sessions.by_id.iter().map(|entry| entry.0.clone()).collect()
    }

    /// Waits until no session is left, nor anyone who is to hear of the end of one.
    pub(super) async fn emptied(&self) {
        let emptied = self.under_way.emptied.notified();
        tokio::pin!(emptied);
        emptied.as_mut().enable();
        while self.len() > 0 || self.under_way() > 0 {
            emptied.as_mut().await;
            emptied.set(self.under_way.emptied.notified());
            emptied.as_mut().enable();
        }
    }

    fn start(&self) -> UnderWay {
        self.under_way.sessions.fetch_add(1, Ordering::AcqRel);
        UnderWay(Arc::clone(&self.under_way))
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        self.0.id().as_str()
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().as_str().hash(state);
    }
}

#[cfg(all(test, models))]
mod models;
