//! Events that came before their turn.
//!
//! ```text
//!              connect handlers have started          a handler waits (sequential namespaces)
//!   Held ──────────────────────────────────► Open ──────────────────────────────────────────► Held
//!    ▲ new socket                              ▲                                                │
//!    └─ events queue up                        └──────────── the queue has been worked off ─────┘
//! ```

use std::collections::VecDeque;

use crate::{
    packet::KeptBody,
    server::{DisconnectReason, running::UnderWay},
};

/// How many events may wait before the connection is not read any more.
const MAX_EVENTS: usize = 64;

/// How many bytes of events may wait before the connection is not read any more.
const MAX_BYTES: usize = 1 << 20;

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
    bytes: usize,
    /// Too much waits; told once, and taken back once.
    full: bool,
    /// The socket is to leave as soon as its connect handlers have started.
    leaving: Option<Leave>,
    connecting: bool,
}

/// An event kept for later.
#[derive(Debug)]
pub(super) struct StoredEvent {
    pub(super) body: KeptBody,
    pub(super) ack: Option<u64>,
}

/// How a socket is to leave.
#[derive(Debug)]
pub(super) struct Leave {
    pub(super) reason: DisconnectReason,
    /// The client is told with a DISCONNECT packet.
    pub(super) farewell: bool,
    /// Whoever closes the server waits for this.
    pub(super) _under_way: UnderWay,
}

/// What became of an event at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// Nothing: the gate is open.
    No,
    Yes,
    /// It waits, and with it too much does.
    Full,
}

/// What comes next for who works off the queue.
#[derive(Debug)]
pub(super) enum Next {
    Event(StoredEvent),
    Leave(Leave),
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

    /// Queues an event if the gate is shut.
    pub(super) fn store(&mut self, event: impl FnOnce() -> StoredEvent) -> Stored {
        let Self::Held(held) = self else { return Stored::No };
        let event = event();
        held.bytes += event.size();
        held.events.push_back(event);
        let overflows = !held.full && held.is_too_much();
        held.full |= overflows;
        if overflows { Stored::Full } else { Stored::Yes }
    }

    /// Shuts the gate: a handler waits and the next event has to wait for it.
    pub(super) fn hold(&mut self) {
        *self = Self::Held(Box::default());
    }

    /// Puts the leave behind the connect handlers, if those have not started; gives it back if there is no need to.
    pub(super) fn postpone(&mut self, leave: Leave) -> Option<Leave> {
        match self {
            Self::Held(held) if held.connecting => {
                held.leaving.get_or_insert(leave);
                None
            }
            _ => Some(leave),
        }
    }

    /// What to do next, and whether the queue was full and is no more. Opens the gate when nothing waits any more.
    pub(super) fn next(&mut self) -> (Next, bool) {
        let Self::Held(held) = self else {
            return (Next::Opened, false);
        };
        held.connecting = false;
        if let Some(leave) = held.leaving.take() {
            return (Next::Leave(leave), false);
        }
        let Some(event) = held.events.pop_front() else {
            *self = Self::Open;
            return (Next::Opened, false);
        };
        held.bytes -= event.size();
        let eased = held.full && !held.is_too_much();
        held.full &= !eased;
        (Next::Event(event), eased)
    }

    /// Gives up what waits, because the socket has left. It is to be dropped without the lock: whoever closes the server may be woken, and
    /// nobody knows what the drop of a user's own bytes does.
    #[must_use]
    pub(super) fn clear(&mut self) -> Option<Box<Held>> {
        match std::mem::replace(self, Self::Open) {
            Self::Open => None,
            Self::Held(held) => Some(held),
        }
    }
}

impl Held {
    /// Whether the connection isn't read because of it.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    fn is_too_much(&self) -> bool {
        self.events.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES
    }
}

impl StoredEvent {
    fn size(&self) -> usize {
        self.body.size()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{Arc, Mutex, mpsc},
        task::{Context, Wake, Waker},
    };

    use super::*;
    use crate::server::SocketIo;

    struct Told(Arc<Mutex<Inbox>>, mpsc::Sender<bool>);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            // Whether the lock is free.
            self.1.send(self.0.try_lock().is_ok()).unwrap();
        }
    }

    #[test]
    fn who_waits_for_a_leave_that_is_given_up_is_woken_without_the_lock() {
        let io = SocketIo::new();
        let inbox = Arc::new(Mutex::new(Inbox::connecting()));
        let leave = Leave {
            reason: DisconnectReason::TransportClose,
            farewell: false,
            _under_way: UnderWay::start(&io),
        };
        assert!(inbox.lock().unwrap().postpone(leave).is_none());
        let (told, heard) = mpsc::channel();
        let waker = Waker::from(Arc::new(Told(inbox.clone(), told)));
        let mut closed = pin!(io.leaving().none());
        let waits = closed.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(waits.is_pending());
        let given_up = inbox.lock().unwrap().clear();
        drop(given_up);
        assert!(heard.try_recv().unwrap());
    }
}
