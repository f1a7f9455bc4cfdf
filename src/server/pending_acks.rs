//! Who waits for which acknowledgement of a socket.

use std::{collections::HashMap, fmt, sync::PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::{
    SocketId, foreign,
    packet::KeptBody,
    sync::{Mutex, MutexGuard},
};

/// Whom to tell. Dropped without an answer, it tells that the client has left.
#[derive(Debug)]
pub(super) enum Waiter {
    One(oneshot::Sender<KeptBody>),
    Broadcast(BroadcastWaiter),
}

/// One recipient's part in a broadcast that wants acknowledgements.
#[derive(Debug)]
pub(super) struct BroadcastWaiter {
    pub(super) id: SocketId,
    pub(super) replies: mpsc::UnboundedSender<Reply>,
}

/// Why an acknowledgement can't be awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAwaited {
    Left,
    TooMany,
}

pub(super) type Reply = (SocketId, KeptBody);

/// The acknowledgements that a socket owes. Empty, it holds no memory of its own.
#[derive(Default)]
pub(super) struct PendingAcks(Mutex<State>);

/// Sockets that owe nothing, nearly all at any time, shall not carry an empty map.
type Waiters = Box<HashMap<u64, Waiter>>;

#[derive(Default)]
enum State {
    #[default]
    None,
    Some(Waiters),
    /// The socket has left: nobody will answer any more.
    Closed,
}

impl Waiter {
    fn tell(self, ack: KeptBody) {
        match self {
            Self::One(waiter) => drop(waiter.send(ack)),
            Self::Broadcast(waiter) => drop(waiter.replies.send((waiter.id, ack))),
        }
    }
}

impl PendingAcks {
    /// Registers who waits for this id, unless the socket has left, or as many wait as may.
    pub(super) fn insert(&self, id: u64, waiter: Waiter, max: usize) -> Result<(), NotAwaited> {
        let mut state = self.lock();
        if matches!(*state, State::None) {
            *state = State::Some(Box::default());
        }
        match &mut *state {
            State::Some(waiting) if waiting.len() >= max => Err(NotAwaited::TooMany),
            State::Some(waiting) => {
                waiting.insert(id, waiter);
                Ok(())
            }
            State::None | State::Closed => Err(NotAwaited::Left),
        }
    }

    /// Nobody waits for this id any more.
    pub(super) fn remove(&self, id: u64) -> Option<Waiter> {
        let mut state = self.lock();
        let State::Some(waiting) = &mut *state else {
            return None;
        };
        let waiter = waiting.remove(&id);
        if waiting.is_empty() {
            *state = State::None;
        }
        waiter
    }

    /// Tells who waits for this id. Unknown ids are ignored: they came twice, or too late.
    pub(super) fn resolve(&self, id: u64, ack: impl FnOnce() -> KeptBody) {
        if let Some(waiter) = self.remove(id) {
            let ack = ack();
            foreign::step(|| waiter.tell(ack));
        }
    }

    /// The socket has left: everyone who waits is told, and who comes later is refused.
    pub(super) fn clear(&self) {
        let waiting = std::mem::replace(&mut *self.lock(), State::Closed);
        if let State::Some(waiting) = waiting {
            for waiter in waiting.into_values() {
                foreign::step(|| drop(waiter));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PendingAcks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingAcks").finish_non_exhaustive()
    }
}
