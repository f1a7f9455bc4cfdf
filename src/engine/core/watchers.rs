//! Those who listen to what happens on a connection.

use std::{
    collections::{BTreeMap, VecDeque},
    task::{Context, Poll, Waker},
};

use super::{Core, Effects};
use crate::engine::{
    CloseReason, Transport,
    event::{Event, Packet},
    outbox::Control,
};

/// Events that wait for one listener at most.
const MAX_EVENTS: usize = 1024;

/// Bytes of packets that wait for one listener at most; one packet may always wait.
const MAX_BYTES: usize = 1 << 20;

/// The listeners by the numbers they chose.
#[derive(Default)]
pub(super) struct Watchers {
    listeners: BTreeMap<u64, Listener>,
    /// Something has been queued of which nobody has been told yet that it is out.
    undrained: bool,
}

/// What waits for one listener.
#[derive(Default)]
pub(in crate::engine) struct Listener {
    events: VecDeque<Event>,
    bytes: usize,
    /// How many events were left out since the last of those that wait.
    missed: u64,
    closed: Option<CloseReason>,
    done: bool,
    waker: Option<Waker>,
}

impl Core {
    /// A listener that hears of everything from now on.
    pub(in crate::engine) fn watch(&mut self, id: u64) {
        let listener = Listener {
            closed: self.session.closed(),
            ..Listener::default()
        };
        let undrained = !self.outbox.is_drained();
        let watchers = &mut self.others().watchers;
        watchers.undrained |= undrained;
        watchers.listeners.insert(id, listener);
    }

    /// This one has heard enough. What it hasn't read is to be dropped after the lock has been released.
    pub(in crate::engine) fn unwatch(&mut self, id: u64) -> Option<Listener> {
        self.others.as_mut()?.watchers.listeners.remove(&id)
    }

    pub(in crate::engine) fn is_watched(&self) -> bool {
        let others = self.others.as_ref();
        others.is_some_and(|others| !others.watchers.is_empty())
    }

    /// The next event for this listener; `None` after the end.
    pub(in crate::engine) fn poll_event(
        &mut self,
        id: u64,
        cx: &Context<'_>,
        effects: &mut Effects,
    ) -> Poll<Option<Event>> {
        let others = self.others.as_mut();
        match others.and_then(|others| others.watchers.listeners.get_mut(&id)) {
            Some(listener) => listener.poll_next(cx, effects),
            None => Poll::Ready(None),
        }
    }

    pub(in crate::engine) fn tell(&mut self, event: &Event, effects: &mut Effects) {
        if let Some(others) = &mut self.others {
            others.watchers.tell(event, effects);
        }
    }

    /// Something has been queued last.
    pub(in crate::engine) fn tell_created(&mut self, effects: &mut Effects) {
        let (Some(others), Some(item)) = (&mut self.others, self.outbox.last()) else {
            return;
        };
        if others.watchers.is_empty() {
            return;
        }
        others.watchers.undrained = true;
        for packet in Packet::outgoing(item) {
            others.watchers.tell(&Event::PacketCreate(packet), effects);
        }
    }

    /// Queues a packet that must not be lost.
    ///
    /// Over long-polling it overtakes what is queued: of that a response carries sixteen packets, and a
    /// client that fetches one after the other would be called silent for a ping that it hasn't got yet.
    pub(in crate::engine) fn push_control(&mut self, control: Control, effects: &mut Effects) {
        let overtakes = self.session.transport() == Transport::Polling;
        if (overtakes && self.outbox.begins_with(control)) || !self.outbox.push_control(control) {
            return;
        }
        self.tell_created(effects);
        if overtakes {
            self.outbox.last_comes_first();
        }
    }

    pub(in crate::engine) fn tell_closed(&mut self, reason: CloseReason, effects: &mut Effects) {
        if let Some(others) = &mut self.others {
            for listener in others.watchers.listeners.values_mut() {
                if !listener.done {
                    listener.closed.get_or_insert(reason);
                    effects.wakers.extend(listener.waker.take());
                }
            }
        }
    }
}

impl Watchers {
    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Everything queued is out. Those who are to be woken therefore.
    pub(super) fn drained(&mut self) -> Vec<Waker> {
        let mut effects = Effects::default();
        if std::mem::take(&mut self.undrained) {
            self.tell(&Event::Drain, &mut effects);
        }
        effects.wakers
    }

    fn tell(&mut self, event: &Event, effects: &mut Effects) {
        for listener in self.listeners.values_mut() {
            listener.push(event);
            effects.wakers.extend(listener.waker.take());
        }
    }
}

impl Listener {
    /// Keeps an event for the listener. Once one has been left out so are all others, until it has read what waits: so there
    /// is one gap, and it knows where.
    fn push(&mut self, event: &Event) {
        if self.done || self.closed.is_some() {
            return;
        }
        let size = event.size();
        let full = self.events.len() >= MAX_EVENTS || (self.bytes > 0 && self.bytes + size > MAX_BYTES);
        if self.missed > 0 || full {
            self.missed += 1;
            return;
        }
        self.bytes += size;
        self.events.push_back(event.clone());
    }

    fn poll_next(&mut self, cx: &Context<'_>, effects: &mut Effects) -> Poll<Option<Event>> {
        if let Some(event) = self.events.pop_front() {
            self.bytes -= event.size();
            return Poll::Ready(Some(event));
        }
        if self.missed > 0 {
            return Poll::Ready(Some(Event::Lagged(std::mem::take(&mut self.missed))));
        }
        if let Some(reason) = self.closed.take() {
            self.done = true;
            return Poll::Ready(Some(Event::Close(reason)));
        }
        if self.done {
            return Poll::Ready(None);
        }
        effects.displaced = super::register(&mut self.waker, cx);
        Poll::Pending
    }
}
