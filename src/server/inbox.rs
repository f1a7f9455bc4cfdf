//! Events that came before their turn.
//!
//! ```text
//!              connect handlers have started          a handler waits (sequential namespaces)
//!   Held ──────────────────────────────────► Open ──────────────────────────────────────────► Held
//!    ▲ new socket                              ▲                                                │
//!    └─ events queue up                        └──────────── the queue has been worked off ─────┘
//! ```

use std::collections::VecDeque;

use bytes::Bytes;

use crate::server::DisconnectReason;

/// The gate in front of a socket's handlers.
#[derive(Debug)]
pub(super) enum Inbox {
    /// Events are dispatched as they come.
    Open,
    /// Events queue up.
    Held(Box<Held>),
}

#[derive(Debug, Default)]
pub(super) struct Held {
    events: VecDeque<StoredEvent>,
    /// The socket left before its connect handlers had started: they come first.
    leaving: Option<DisconnectReason>,
    connecting: bool,
}

/// An event kept for later.
#[derive(Debug)]
pub(super) struct StoredEvent {
    pub(super) payload: Box<str>,
    pub(super) ack: Option<u64>,
    pub(super) attachments: Vec<Bytes>,
}

/// What comes next for who works off the queue.
#[derive(Debug)]
pub(super) enum Next {
    Event(StoredEvent),
    Leave(DisconnectReason),
    Opened,
}

impl Inbox {
    /// Of a socket whose connect handlers have not started.
    pub(super) fn connecting() -> Self {
        Self::Held(Box::new(Held {
            connecting: true,
            ..Held::default()
        }))
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Queues an event if the gate is shut, and says how many wait now.
    pub(super) fn store(&mut self, event: impl FnOnce() -> StoredEvent) -> Option<usize> {
        let Self::Held(held) = self else { return None };
        held.events.push_back(event());
        Some(held.events.len())
    }

    /// Shuts the gate: a handler waits and the next event has to wait for it.
    pub(super) fn hold(&mut self) {
        *self = Self::Held(Box::default());
    }

    /// Puts the leave behind the connect handlers, if those have not started; `false` if there is no need to.
    pub(super) fn postpone(&mut self, reason: DisconnectReason) -> bool {
        match self {
            Self::Held(held) if held.connecting => {
                held.leaving.get_or_insert(reason);
                true
            }
            _ => false,
        }
    }

    /// What to do next; opens the gate when nothing waits any more.
    pub(super) fn next(&mut self) -> Next {
        let Self::Held(held) = self else {
            return Next::Opened;
        };
        held.connecting = false;
        if let Some(reason) = held.leaving.take() {
            return Next::Leave(reason);
        }
        match held.events.pop_front() {
            Some(event) => Next::Event(event),
            None => {
                *self = Self::Open;
                Next::Opened
            }
        }
    }

    /// How many events wait.
    pub(super) fn waiting(&self) -> usize {
        match self {
            Self::Open => 0,
            Self::Held(held) => held.events.len(),
        }
    }

    /// Forgets what waits: the socket has left.
    pub(super) fn clear(&mut self) -> usize {
        let waiting = self.waiting();
        *self = Self::Open;
        waiting
    }
}
