//! Events that came before their turn.
//!
//! ```text
//!              connect handlers have started          a handler waits (sequential namespaces) or is out of breath (others)
//!   Held ──────────────────────────────────► Open ──────────────────────────────────────────► Held
//!    ▲ new socket                              ▲                                                │
//!    └─ events queue up                        └──────────── the queue has been worked off ─────┘
//! ```
//!
//! A leave waits for connect handlers. One that the client or its connection has begun waits for the events before it, too: those that came
//! while these were to start, and those whose handlers would have started if they weren't out of breath. That takes a moment; in a sequential
//! namespace, where they may wait for as long as they like, it doesn't. After that each waits for handlers that other threads are starting
//! just now, with the gate shut: see [`starts`](super::starts).

use std::{collections::VecDeque, mem};

use crate::{
    engine::Parting,
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
    leaves: Leaves,
    /// Nobody works the queue off until a handler has ended.
    stalled: bool,
    /// The socket is to leave when its turn has come.
    leaving: Option<Leave>,
    /// That is when handlers have started which other threads start just now, whatever else waits: whoever does so last takes the leave.
    behind_starts: bool,
}

/// When a socket leaves whose gate is shut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Leaves {
    #[default]
    AtOnce,
    /// Not before its connect handlers have started.
    Connected,
    /// After the events that came before, unless the server sends it away.
    InTurn,
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
    /// The client is told with a DISCONNECT packet, and whoever closes its connection does so after that.
    pub(super) farewell: Option<Parting>,
    /// It comes after the events before it that have queued up, but in sequential namespaces.
    pub(super) in_turn: bool,
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

/// What became of a leave at the gate.
#[derive(Debug)]
pub(super) enum Postponed {
    /// Nothing: it is to happen now.
    No(Leave),
    /// It waits; or another one does, and this is given back, to be dropped without the lock: it may close the connection.
    Yes(Option<Leave>),
}

/// What comes next for who works off the queue.
#[derive(Debug)]
pub(super) enum Next {
    Event(StoredEvent),
    Leave(Leave),
    /// Nothing: the gate is open, or stays shut since somebody else has the socket leave.
    Opened,
}

impl Inbox {
    /// Of a socket whose connect handlers have not started.
    pub(super) fn connecting() -> Self {
        Self::Held(Box::new(Held {
            leaves: Leaves::Connected,
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

    /// Shuts the gate if it is open: handlers that don't wait are late, and what comes next, leaves as well, has to come after them.
    pub(super) fn pause(&mut self) {
        if self.is_open() {
            self.hold();
        }
        if let Self::Held(held) = self {
            held.leaves = Leaves::InTurn;
        }
    }

    /// The connect handlers have started. A leave comes after the events before it, or before all that waits.
    pub(super) fn has_connected(&mut self, in_turn: bool) {
        if let Self::Held(held) = self
            && held.leaves == Leaves::Connected
        {
            held.leaves = if in_turn { Leaves::InTurn } else { Leaves::AtOnce };
        }
    }

    /// Puts the leave behind what has to come first.
    pub(super) fn postpone(&mut self, mut leave: Leave) -> Postponed {
        let Self::Held(held) = self else {
            return Postponed::No(leave);
        };
        if held.behind_starts {
            return Postponed::Yes(Some(leave));
        }
        // Who has said good-bye isn't back for the session, whoever has it leave before its turn.
        if let (None, Some(first)) = (&leave.farewell, &held.leaving) {
            leave.reason = first.reason;
        }
        match held.leaves {
            Leaves::AtOnce => return Postponed::No(leave),
            Leaves::InTurn if !leave.in_turn => return Postponed::No(leave),
            Leaves::Connected | Leaves::InTurn => {}
        }
        if held.leaving.is_some() {
            return Postponed::Yes(Some(leave));
        }
        held.leaving = Some(leave);
        Postponed::Yes(None)
    }

    /// Puts the leave behind handlers that other threads start just now, and gives it back if there is one before it.
    pub(super) fn put_behind_starts(&mut self, leave: Leave) -> Option<Leave> {
        if self.is_open() {
            self.hold();
        }
        let Self::Held(held) = self else {
            return Some(leave);
        };
        held.behind_starts = true;
        if held.leaving.is_some() {
            return Some(leave);
        }
        held.leaving = Some(leave);
        None
    }

    /// The leave that handlers which are being started hold up.
    pub(super) fn take_behind_starts(&mut self) -> Option<Leave> {
        let Self::Held(held) = self else { return None };
        held.leaving.take_if(|_| held.behind_starts)
    }

    pub(super) fn is_behind_starts(&self) -> bool {
        matches!(self, Self::Held(held) if held.behind_starts)
    }

    /// A leave waits for connect handlers.
    pub(super) fn is_behind_connecting(&self) -> bool {
        matches!(self, Self::Held(held) if held.leaves == Leaves::Connected && held.leaving.is_some())
    }

    /// Gives up a leave that waits.
    pub(super) fn take_leave(&mut self) -> Option<Leave> {
        let Self::Held(held) = self else { return None };
        held.leaving.take()
    }

    /// The leave that waits.
    pub(super) fn leaving(&self) -> Option<&Leave> {
        let Self::Held(held) = self else { return None };
        held.leaving.as_ref()
    }

    /// Whether the socket is to leave as soon as it can.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving().is_some()
    }

    /// Whether the socket is to leave, and its client needn't be told.
    pub(super) fn has_gone(&self) -> bool {
        self.leaving().is_some_and(|leave| leave.farewell.is_none())
    }

    /// What to do next, and whether the queue was full and is no more. Opens the gate when nothing waits any more.
    pub(super) fn next(&mut self) -> (Next, bool) {
        let Self::Held(held) = self else {
            return (Next::Opened, false);
        };
        if held.behind_starts {
            // What waits is given up with it.
            return (Next::Opened, false);
        }
        let turn = held.leaves != Leaves::InTurn || held.events.is_empty();
        if let Some(leave) = held.leaving.take_if(|_| turn) {
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

    /// As many handlers wait as may: leaves the events that come next to [the end](Self::goes_on) of one, unless a leave waits for them. Whether
    /// there is something to be left.
    pub(super) fn stall(&mut self) -> bool {
        let Self::Held(held) = self else { return false };
        held.stalled = held.leaving.is_none() && !held.events.is_empty();
        if held.stalled {
            held.leaves = Leaves::InTurn;
        }
        held.stalled
    }

    /// A handler has ended, or a leave waits; whether the queue is to be worked off because of that.
    pub(super) fn goes_on(&mut self) -> bool {
        let Self::Held(held) = self else { return false };
        mem::take(&mut held.stalled)
    }

    /// Gives up what waits, because the socket has left. It is to be dropped without the lock: whoever closes the server may be woken, and
    /// nobody knows what the drop of a user's own bytes does.
    #[must_use]
    pub(super) fn clear(&mut self) -> Option<Box<Held>> {
        match mem::replace(self, Self::Open) {
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
            farewell: None,
            in_turn: true,
            _under_way: UnderWay::start(&io),
        };
        let postponed = inbox.lock().unwrap().postpone(leave);
        assert!(matches!(postponed, Postponed::Yes(_)));
        let (told, heard) = mpsc::channel();
        let waker = Waker::from(Arc::new(Told(inbox.clone(), told)));
        let mut closed = pin!(io.leaving().none());
        let waits = closed.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(waits.is_pending());
        let given_up = inbox.lock().unwrap().clear();
        drop(given_up);
        assert!(heard.try_recv().unwrap());
    }

    #[test]
    fn who_is_waited_for_leaves_before_events_whose_handlers_are_late() {
        let mut inbox = Inbox::Open;
        inbox.pause();
        let leave = Leave {
            in_turn: false,
            ..leave()
        };
        assert!(matches!(inbox.postpone(leave), Postponed::No(_)));
    }

    #[test]
    fn who_leaves_before_the_turn_of_its_leave_does_so_for_the_same_reason() {
        let mut inbox = Inbox::Open;
        inbox.pause();
        let goodbye = Leave {
            reason: DisconnectReason::ClientNamespaceDisconnect,
            ..leave()
        };
        assert!(matches!(inbox.postpone(goodbye), Postponed::Yes(None)));
        let lost = Leave {
            in_turn: false,
            ..leave()
        };
        let Postponed::No(leave) = inbox.postpone(lost) else {
            panic!("it waits");
        };
        assert_eq!(leave.reason, DisconnectReason::ClientNamespaceDisconnect);
    }

    fn leave() -> Leave {
        Leave {
            reason: DisconnectReason::TransportClose,
            farewell: None,
            in_turn: true,
            _under_way: UnderWay::start(&SocketIo::new()),
        }
    }

    #[test]
    fn nobody_works_off_what_is_behind_handlers_that_start() {
        let mut inbox = Inbox::Open;
        assert!(inbox.put_behind_starts(leave()).is_none());
        assert!(matches!(inbox.next(), (Next::Opened, false)));
        assert!(!inbox.is_open());
        assert!(inbox.take_behind_starts().is_some());
        assert!(inbox.take_behind_starts().is_none());
    }

    #[test]
    fn a_leave_in_turn_is_behind_handlers_that_start_once_the_server_sends_the_socket_away() {
        let mut inbox = Inbox::Open;
        inbox.pause();
        assert!(matches!(inbox.postpone(leave()), Postponed::Yes(None)));
        assert!(inbox.take_behind_starts().is_none());
        assert!(inbox.put_behind_starts(leave()).is_some());
        assert!(inbox.take_behind_starts().is_some());
    }
}
