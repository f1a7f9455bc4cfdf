//! What one server of a bus has still to hear.

use std::{
    collections::VecDeque,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use futures_util::Stream;
use tokio::task::consume_budget;

use super::{
    MAX_WAITING, Said,
    pressure::{Fell, Pace, Pressure},
};
use crate::{
    adapter::{AdapterError, Envelope},
    room::shrink,
};

/// Its lock is taken under that of the bus, and nobody is woken under either.
pub(super) struct Ear {
    unheard: Mutex<Unheard>,
    pressure: Arc<Pressure>,
}

#[derive(Default)]
struct Unheard {
    messages: VecDeque<Arc<Said>>,
    bytes: usize,
    pace: Pace,
    /// Messages that found no room, of which the server hasn't been told.
    missed: usize,
    /// Nothing more comes.
    ended: bool,
    waker: Option<Waker>,
}

/// A server's end of its line.
pub(super) struct Listening(pub(super) Arc<Ear>);

impl Ear {
    pub(super) fn new(pressure: Arc<Pressure>) -> Self {
        Self {
            unheard: Mutex::default(),
            pressure,
        }
    }

    /// Something is said to the server. Whoever listens is to be woken.
    pub(super) fn handle_said(&self, said: &Arc<Said>) -> Option<Waker> {
        let mut unheard = self.unheard();
        if unheard.ended {
            return None;
        }
        if unheard.bytes > 0 && unheard.bytes + said.size > MAX_WAITING {
            unheard.missed += 1;
            return None;
        }
        unheard.bytes += said.size;
        unheard.messages.push_back(said.clone());
        let next = unheard.pace.handle_said(unheard.bytes);
        // It can only rise.
        let _ = self.pressure.change(&mut unheard.pace, next);
        unheard.waker.take()
    }

    /// The server has left; what has been said is still to be heard, and nobody is held up by it. Whoever listens is to be woken.
    pub(super) fn handle_left(&self) -> Option<Waker> {
        let mut unheard = self.unheard();
        unheard.ended = true;
        let fell = self.pressure.change(&mut unheard.pace, Pace::Keeping);
        let waker = unheard.waker.take();
        drop(unheard);
        self.pressure.tell(fell);
        waker
    }

    /// A while has passed in which others were held up. What came of it is to be told without the lock of the bus.
    pub(super) fn handle_time(&self) -> Fell {
        let mut unheard = self.unheard();
        let next = unheard.pace.handle_time();
        self.pressure.change(&mut unheard.pace, next)
    }

    /// The next message, to be copied without the lock; that some were missed comes before those that still wait.
    fn poll_heard(&self, waker: Waker) -> Poll<Option<Result<Arc<Said>, AdapterError>>> {
        let mut unheard = self.unheard();
        if unheard.missed > 0 {
            let missed = std::mem::take(&mut unheard.missed);
            return Poll::Ready(Some(Err(AdapterError::new(format!(
                "the server is too slow for the bus: {missed} messages were lost"
            )))));
        }
        if let Some(said) = unheard.messages.pop_front() {
            let fell = self.handle_heard(&mut unheard, said.size);
            drop(unheard);
            self.pressure.tell(fell);
            return Poll::Ready(Some(Ok(said)));
        }
        if unheard.ended {
            return Poll::Ready(None);
        }
        let displaced = unheard.waker.replace(waker);
        drop(unheard);
        drop(displaced);
        Poll::Pending
    }

    fn handle_heard(&self, unheard: &mut Unheard, size: usize) -> Fell {
        unheard.bytes -= size;
        let (left, capacity) = (unheard.messages.len(), unheard.messages.capacity());
        shrink(left, capacity, |to| unheard.messages.shrink_to(to));
        let next = unheard.pace.handle_heard(unheard.bytes);
        self.pressure.change(&mut unheard.pace, next)
    }

    fn unheard(&self) -> MutexGuard<'_, Unheard> {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last one to hear a message gets it as it is.
fn own(said: Arc<Said>) -> Envelope {
    Arc::try_unwrap(said).map_or_else(|said| said.envelope.clone(), |said| said.envelope)
}

impl Stream for Listening {
    type Item = Result<Envelope, AdapterError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // As a channel of tokio's: a flood leaves the thread to others now and then.
        ready!(pin!(consume_budget()).poll(cx));
        let heard = ready!(self.0.poll_heard(cx.waker().clone()));
        Poll::Ready(heard.map(|heard| heard.map(own)))
    }
}

impl Drop for Listening {
    /// Nobody listens any more. What waits, and whoever did, are dropped without the lock.
    fn drop(&mut self) {
        let mut unheard = self.0.unheard();
        let fell = self.0.pressure.change(&mut unheard.pace, Pace::Keeping);
        let ended = Unheard {
            ended: true,
            ..Unheard::default()
        };
        let given_up = std::mem::replace(&mut *unheard, ended);
        drop(unheard);
        self.0.pressure.tell(fell);
        drop(given_up);
    }
}
