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
//! just now, with the gate shut: see [`leave`](super::leave) and [`starts`](super::starts).

use std::{collections::VecDeque, mem};

use crate::{
    packet::KeptBody,
    server::leave::{Behind, Cause, Leave, Leaving, Order, Verdict, behind},
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
    /// When the socket leaves, should it be to.
    order: Order,
    /// Nobody works the queue off until a handler has ended.
    stalled: bool,
    /// The socket is to leave, and that has to wait.
    leaving: Option<Leaving>,
}

/// An event kept for later.
#[derive(Debug)]
pub(super) struct StoredEvent {
    pub(super) body: KeptBody,
    pub(super) ack: Option<u64>,
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
    /// The socket's [leave](Inbox::has_its_turn).
    Leave,
    /// Nothing: the gate is open, or stays shut since somebody else has the socket leave.
    Opened,
}

impl Inbox {
    /// Of a socket whose connect handlers have not started.
    pub(super) fn connecting() -> Self {
        Self::Held(Box::new(Held {
            order: Order::Connected,
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
            held.order = Order::InTurn;
        }
    }

    /// The connect handlers have started. A leave comes after the events before it, or before all that waits.
    pub(super) fn has_connected(&mut self, in_turn: bool) -> Option<Verdict> {
        let Self::Held(held) = self else { return None };
        if held.order != Order::Connected {
            return None;
        }
        held.order = if in_turn { Order::InTurn } else { Order::AtOnce };
        let leaving = held.leaving.as_mut()?;
        leaving.wait(Behind::Events);
        Some(leaving.verdict())
    }

    /// The socket is to leave. `starts` is asked whether other threads start handlers just now, if nothing else holds that up.
    pub(super) fn leave(&mut self, leave: Leave, cause: Cause, starts: impl FnOnce() -> bool) -> Verdict {
        let (leaving, second) = match self.take_leaving() {
            Some(mut first) => {
                let second = first.meet(leave, cause);
                (first, Some(second))
            }
            None => (Leaving::new(leave, cause), None),
        };
        let behind = match leaving.behind() {
            Behind::Starts => Behind::Starts,
            _ => behind(self.order(), cause),
        };
        Verdict {
            second,
            ..self.put(leaving, behind, starts)
        }
    }

    /// The turn of the leave has come; or it has left before, or somebody else has it leave.
    pub(super) fn has_its_turn(&mut self, starts: impl FnOnce() -> bool) -> Option<Verdict> {
        let leaving = self.take_leaving_if(|behind| behind != Behind::Starts)?;
        Some(self.put(leaving, Behind::Nothing, starts))
    }

    /// Whether events that the leave waits for have been given to handlers since this was asked before.
    pub(super) fn has_moved(&mut self) -> bool {
        let Self::Held(held) = self else { return false };
        held.leaving.as_mut().is_some_and(Leaving::has_moved)
    }

    /// The leave has waited for as long as it may.
    pub(super) fn has_waited(&mut self) -> Option<Verdict> {
        let leaving = self.take_leaving()?;
        Some(self.put(leaving, Behind::Nothing, || false))
    }

    /// The last of the handlers has started that held the leave up, if any.
    pub(super) fn has_started(&mut self) -> Option<Verdict> {
        let leaving = self.take_leaving_if(|behind| behind == Behind::Starts)?;
        Some(self.put(leaving, Behind::Nothing, || false))
    }

    fn put(&mut self, mut leaving: Leaving, behind: Behind, starts: impl FnOnce() -> bool) -> Verdict {
        leaving.wait(match behind {
            Behind::Nothing if starts() => Behind::Starts,
            behind => behind,
        });
        let mut verdict = leaving.verdict();
        if leaving.behind() == Behind::Nothing {
            verdict.now = Some(leaving.into_leave());
        } else {
            verdict.goes_on = self.goes_on();
            self.held().leaving = Some(leaving);
        }
        verdict
    }

    /// Gives up a leave that waits.
    pub(super) fn take_leave(&mut self) -> Option<Leave> {
        self.take_leaving().map(Leaving::into_leave)
    }

    fn take_leaving(&mut self) -> Option<Leaving> {
        self.take_leaving_if(|_| true)
    }

    fn take_leaving_if(&mut self, is_it: impl FnOnce(Behind) -> bool) -> Option<Leaving> {
        let Self::Held(held) = self else { return None };
        held.leaving.take_if(|leaving| is_it(leaving.behind()))
    }

    fn leaving(&self) -> Option<&Leaving> {
        let Self::Held(held) = self else { return None };
        held.leaving.as_ref()
    }

    /// Whether the socket is to leave as soon as it can.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving().is_some()
    }

    pub(super) fn is_behind_starts(&self) -> bool {
        self.leaving()
            .is_some_and(|leaving| leaving.behind() == Behind::Starts)
    }

    fn order(&self) -> Order {
        match self {
            Self::Open => Order::AtOnce,
            Self::Held(held) => held.order,
        }
    }

    fn held(&mut self) -> &mut Held {
        if self.is_open() {
            self.hold();
        }
        match self {
            Self::Held(held) => held,
            Self::Open => unreachable!("invariant: it is held by now"),
        }
    }

    /// What to do next, and whether the queue was full and is no more. Opens the gate when nothing waits any more.
    pub(super) fn next(&mut self) -> (Next, bool) {
        let Self::Held(held) = self else {
            return (Next::Opened, false);
        };
        match &held.leaving {
            // What waits is given up with it.
            Some(leaving) if leaving.behind() == Behind::Starts => return (Next::Opened, false),
            Some(_) if held.order != Order::InTurn || held.events.is_empty() => {
                return (Next::Leave, false);
            }
            Some(_) | None => {}
        }
        let Some(event) = held.events.pop_front() else {
            *self = Self::Open;
            return (Next::Opened, false);
        };
        if let Some(leaving) = &mut held.leaving {
            leaving.move_up();
        }
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
            held.order = Order::InTurn;
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
    use crate::server::{DisconnectReason, SocketIo, leave::Reach, running::UnderWay};

    struct Told(Arc<Mutex<Inbox>>, mpsc::Sender<bool>);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            // Whether the lock is free.
            self.1.send(self.0.try_lock().is_ok()).unwrap();
        }
    }

    fn leave(io: &SocketIo, reason: DisconnectReason) -> Leave {
        Leave {
            reason,
            farewell: None,
            _under_way: UnderWay::start(io),
        }
    }

    #[test]
    fn who_waits_for_a_leave_that_is_given_up_is_woken_without_the_lock() {
        let io = SocketIo::new();
        let inbox = Arc::new(Mutex::new(Inbox::connecting()));
        let leave = leave(&io, DisconnectReason::TransportClose);
        let verdict = inbox.lock().unwrap().leave(leave, Cause::Gone, || false);
        assert!(verdict.now.is_none() && verdict.second.is_none());
        let (told, heard) = mpsc::channel();
        let waker = Waker::from(Arc::new(Told(inbox.clone(), told)));
        let mut closed = pin!(io.leaving().none());
        let waits = closed.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(waits.is_pending());
        let given_up = inbox.lock().unwrap().clear();
        drop(given_up);
        assert!(heard.try_recv().unwrap());
    }

    const AWAY: DisconnectReason = DisconnectReason::ServerNamespaceDisconnect;
    const LEFT: DisconnectReason = DisconnectReason::ClientNamespaceDisconnect;
    const LOST: DisconnectReason = DisconnectReason::TransportClose;

    fn in_turn() -> Inbox {
        let mut inbox = Inbox::Open;
        inbox.pause();
        inbox
    }

    /// What the leave of a socket is behind that these have had leave, and why it leaves.
    fn after(
        mut inbox: Inbox,
        causes: &[(Cause, DisconnectReason)],
        starts: bool,
    ) -> (Behind, DisconnectReason) {
        let io = SocketIo::new();
        let mut left = None;
        for (cause, reason) in causes {
            let verdict = inbox.leave(leave(&io, *reason), *cause, || starts);
            left = left.or(verdict.now);
        }
        let behind = inbox.leaving().map_or(Behind::Nothing, Leaving::behind);
        (behind, inbox.take_leave().or(left).unwrap().reason)
    }

    #[test]
    fn the_first_that_has_a_socket_leave_says_why_and_the_others_only_when() {
        use Cause::*;
        let (away, left, lost, awaited) = ((SentAway, AWAY), (Gone, LEFT), (Gone, LOST), (Awaited, LOST));
        let rows: [(&[_], _, _); 9] = [
            (&[left], Behind::Events, LEFT),
            (&[lost, lost], Behind::Events, LOST),
            (&[left, lost], Behind::Events, LEFT),
            (&[left, awaited], Behind::Events, LEFT),
            (&[lost, awaited], Behind::Events, LOST),
            // The handlers of the events before it find it connected, and may be who sends it away.
            (&[left, away], Behind::Nothing, AWAY),
            (&[lost, away], Behind::Nothing, AWAY),
            (&[away], Behind::Nothing, AWAY),
            (&[awaited], Behind::Events, LOST),
        ];
        for (causes, behind, why) in rows {
            assert_eq!(after(in_turn(), causes, false), (behind, why), "{causes:?}");
            let behind = match behind {
                Behind::Nothing => Behind::Starts,
                behind => behind,
            };
            assert_eq!(after(in_turn(), causes, true), (behind, why), "{causes:?}");
            let (_, first) = causes[0];
            let connecting = after(Inbox::connecting(), causes, true);
            assert_eq!(connecting, (Behind::ConnectHandlers, first));
        }
    }

    #[test]
    fn whatever_has_a_socket_leave_that_waits_for_handlers_waits_with_it() {
        let io = SocketIo::new();
        for (cause, reason) in [
            (Cause::SentAway, AWAY),
            (Cause::Gone, LOST),
            (Cause::Awaited, LOST),
        ] {
            let mut inbox = Inbox::Open;
            let first = inbox.leave(leave(&io, LEFT), Cause::Gone, || true);
            let second = inbox.leave(leave(&io, reason), cause, || false);
            assert!(first.now.is_none() && second.now.is_none());
            assert_eq!(second.second.unwrap().reason, reason);
            // Nobody works off what is behind them.
            assert!(matches!(inbox.next(), (Next::Opened, false)));
            assert!(inbox.has_its_turn(|| false).is_none() && !inbox.is_open());
            let verdict = inbox.has_started().unwrap();
            assert_eq!(verdict.now.unwrap().reason, LEFT);
            assert!(inbox.has_started().is_none() && !inbox.is_leaving());
        }
    }

    #[test]
    fn the_turn_of_a_leave_comes_behind_connect_handlers_events_and_starts() {
        let io = SocketIo::new();
        let mut inbox = Inbox::connecting();
        let event = || StoredEvent {
            body: KeptBody::Values(Box::default()),
            ack: None,
        };
        assert_eq!(inbox.store(event), Stored::Yes);
        let verdict = inbox.leave(leave(&io, LOST), Cause::Gone, || false);
        assert!(verdict.now.is_none());
        let signs = inbox.has_connected(true).unwrap().signs;
        assert_eq!((signs.reach, signs.hears), (Reach::Here, true));
        assert!(matches!(inbox.next(), (Next::Event(_), false)));
        assert!(matches!(inbox.next(), (Next::Leave, false)));
        assert!(inbox.has_its_turn(|| true).unwrap().now.is_none());
        assert!(inbox.is_behind_starts());
        assert!(inbox.has_started().unwrap().now.is_some());
    }
}
