//! What the lock of a connection protects, and what follows from touching it.

mod watchers;

use std::{
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Waker},
};

use smallvec::SmallVec;

use self::watchers::Watchers;
use super::{
    CloseReason, Outgoing, Receiver, Transport,
    outbox::{Outbox, Queue},
    response::Unread,
    session::Session,
    transport::websocket::Direct,
};
use crate::{Protocol, foreign};

/// The part of a connection that changes.
pub(super) struct Core {
    pub(super) session: Session,
    pub(super) outbox: Outbox,
    /// Gone once it has been told of the end.
    pub(super) receiver: Option<Arc<dyn Receiver>>,
    /// Somebody is calling the receiver, or is about to; it is theirs to tell it of the end.
    pub(super) dispatching: bool,
    /// The client can't read binary frames.
    pub(super) b64: bool,
    /// A client that polls takes any number of packets with one answer.
    pub(super) takes_any_number: bool,
    /// Where others may write, while the driver of a WebSocket rests and has nothing to write.
    pub(super) direct: Option<Direct>,
    /// The thread that has held packets back and will see to them; 0 is none.
    pub(super) corked_by: u32,
    /// How many have what is queued [wait](Self::begin_hold).
    holds: u8,
    /// When the wheel looks at this connection next.
    pub(super) scheduled: Option<u32>,
    /// The driver of the transport: the task of the WebSocket, or the GET that is held.
    driver: Option<Waker>,
    /// Those who seldom wait for anything.
    others: Option<Box<Others>>,
}

#[derive(Default)]
struct Others {
    /// The task of a WebSocket that isn't the transport yet.
    probe: Option<Waker>,
    /// A POST whose next message the receiver doesn't want yet.
    push: Option<Waker>,
    /// Senders who wait for the outbox to be empty, by the numbers they chose.
    drained: BTreeMap<u64, Waker>,
    /// Those who listen to what happens.
    watchers: Watchers,
    /// The long answer that the HTTP server was given last.
    unread: Option<Arc<Unread>>,
    /// How many are about to send what closing has to come after.
    partings: u32,
    /// It is to be closed when they have.
    closes: Option<CloseReason>,
}

/// What is to be done after the lock has been released.
#[derive(Default)]
pub(super) struct Effects {
    wakers: Vec<Waker>,
    /// Others wait in their place.
    pub(super) displaced: Option<Waker>,
    /// What nobody will send. It is dropped last: a drop of the users' own may call back, or panic.
    pub(super) forgotten: Queue,
    pub(super) closed: Option<(Arc<dyn Receiver>, CloseReason, Transport)>,
    /// Whoever ends the session looks after others, too: a task of its own tells the receiver.
    pub(super) apart: bool,
    /// The session ended before it had found a use.
    pub(super) unused: bool,
}

impl Core {
    pub(super) fn new(session: Session, outbox: Outbox, takes_any_number: bool) -> Self {
        Self {
            session,
            outbox,
            receiver: None,
            dispatching: true,
            b64: false,
            takes_any_number,
            direct: None,
            corked_by: 0,
            holds: 0,
            scheduled: None,
            driver: None,
            others: None,
        }
    }

    /// The driver wants to hear of what happens next. What it left before is, like that of all others here, to be dropped after the
    /// lock has been released: a waker may own the last of a task, and nobody knows what that does when it is dropped.
    #[must_use]
    pub(super) fn register_driver(&mut self, cx: &Context<'_>) -> Option<Waker> {
        register(&mut self.driver, cx)
    }

    #[must_use]
    pub(super) fn register_probe(&mut self, cx: &Context<'_>) -> Option<Waker> {
        register(&mut self.others().probe, cx)
    }

    #[must_use]
    pub(super) fn register_push(&mut self, cx: &Context<'_>) -> Option<Waker> {
        register(&mut self.others().push, cx)
    }

    #[must_use]
    pub(super) fn register_drained(&mut self, id: u64, cx: &Context<'_>) -> Option<Waker> {
        self.others().drained.insert(id, cx.waker().clone())
    }

    /// This one doesn't wait any more.
    #[must_use]
    pub(super) fn forget_drained(&mut self, id: u64) -> Option<Waker> {
        self.others.as_mut()?.drained.remove(&id)
    }

    /// How many wait for the outbox to be empty.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.others.as_ref().map_or(0, |others| others.drained.len())
    }

    /// The one to wake when there is something to send.
    pub(super) fn take_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }

    /// Those who waited for the outbox to be empty; most of the time nobody does.
    pub(super) fn take_drained(&mut self) -> Option<impl Iterator<Item = Waker> + use<>> {
        let others = self.others.as_mut()?;
        let told = others.watchers.drained();
        Some(std::mem::take(&mut others.drained).into_values().chain(told))
    }

    /// Writes what is queued without the driver. `false` if it has to see to it. `written` is to be dropped after the lock has been
    /// released.
    pub(super) fn write_directly(
        &mut self,
        protocol: Protocol,
        written: &mut SmallVec<[Outgoing; 1]>,
    ) -> bool {
        match &self.direct {
            Some(direct) if !self.b64 => direct.flush(&mut self.outbox, protocol, written),
            _ => false,
        }
    }

    /// What has been taken from the outbox may become a long answer, which ends with the session.
    pub(super) fn begin_answer(&mut self) -> Arc<Unread> {
        self.others().unread.insert(Arc::default()).clone()
    }

    /// A long answer is being made, or the HTTP server holds it back because nobody reads it.
    pub(super) fn is_unread(&self) -> bool {
        let unread = self.others.as_ref().and_then(|others| others.unread.as_ref());
        unread.is_some_and(|unread| !unread.is_taken())
    }

    /// What is queued waits, unless too many have it wait already.
    #[must_use]
    pub(super) fn begin_hold(&mut self) -> bool {
        let holds = self.holds.checked_add(1);
        self.holds = holds.unwrap_or(self.holds);
        holds.is_some()
    }

    /// Whether that was the last.
    #[must_use]
    pub(super) fn end_hold(&mut self) -> bool {
        self.holds -= 1;
        self.holds == 0
    }

    /// Whether what is queued waits. Closing has it sent.
    pub(super) fn is_held(&self) -> bool {
        self.holds > 0 && self.session.accepts_packets()
    }

    /// Closing has to come after what is about to be sent.
    pub(super) fn begin_parting(&mut self) {
        self.others().partings += 1;
    }

    /// Whether closing has to wait.
    pub(super) fn close_later(&mut self, reason: CloseReason) -> bool {
        let others = self.others.as_mut().filter(|others| others.partings > 0);
        others.map(|others| others.closes.get_or_insert(reason)).is_some()
    }

    /// Whether it is closed as soon as that has been sent, or is being closed.
    pub(super) fn is_to_close(&self) -> bool {
        self.others.as_ref().is_some_and(|others| others.closes.is_some())
    }

    /// It has been sent, or never will be. Whether it is time to close.
    pub(super) fn end_parting(&mut self) -> Option<CloseReason> {
        let others = self.others();
        others.partings -= 1;
        // It stays: nobody is let in between this and the close.
        others.closes.filter(|_| others.partings == 0)
    }

    pub(super) fn wake_driver(&mut self, effects: &mut Effects) {
        effects.wakers.extend(self.driver.take());
    }

    pub(super) fn wake_probe(&mut self, effects: &mut Effects) {
        let others = self.others.as_mut();
        effects
            .wakers
            .extend(others.and_then(|others| others.probe.take()));
    }

    pub(super) fn wake_drained(&mut self, effects: &mut Effects) {
        effects.wakers.extend(self.take_drained().into_iter().flatten());
    }

    pub(super) fn wake_all(&mut self, effects: &mut Effects) {
        self.wake_driver(effects);
        if let Some(mut others) = self.others.take() {
            let drained = std::mem::take(&mut others.drained);
            effects.wakers.extend(others.probe.take());
            effects.wakers.extend(others.push.take());
            effects.wakers.extend(drained.into_values());
            // Whoever listens does so until the end, and reads on after it.
            if !others.watchers.is_empty() || others.unread.is_some() || others.partings > 0 {
                self.others = Some(others);
            }
        }
    }

    /// If the session has ended, its packets are dropped, and its receiver is to be told unless it is busy.
    pub(super) fn settle(&mut self, effects: &mut Effects) {
        let Some(reason) = self.session.closed() else {
            return;
        };
        effects.forgotten = self.forget();
        self.tell_closed(reason, effects);
        if !self.dispatching {
            let transport = self.session.transport();
            effects.closed = self.receiver.take().map(|receiver| (receiver, reason, transport));
            effects.unused = self.session.stay_open();
        }
    }

    /// Nobody will send or read any more what there is for the client. It is to be dropped after the lock has been released.
    pub(super) fn forget(&mut self) -> Queue {
        if let Some(unread) = self.others.as_mut().and_then(|others| others.unread.take()) {
            unread.give_up();
        }
        self.outbox.clear()
    }

    fn others(&mut self) -> &mut Others {
        self.others.get_or_insert_default()
    }
}

impl Effects {
    pub(super) fn wake(&mut self) {
        foreign::wake(self.wakers.drain(..));
    }
}

fn register(slot: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    match slot {
        Some(waker) if waker.will_wake(cx.waker()) => None,
        _ => slot.replace(cx.waker().clone()),
    }
}
