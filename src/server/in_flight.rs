//! Handlers that wait, counted per socket, and all of a client's: a socket may leave and come again, and its handlers stay.

use std::sync::atomic::Ordering;

use crate::{
    engine::Limit,
    server::{Socket, inbox::Next, late::Late},
    sync::atomic::AtomicU32,
};

/// How many handlers of a socket's events have tasks of their own.
#[derive(Debug, Default)]
pub(super) struct InFlight(AtomicU32);

/// A handler with a task of its own; dropping it says that it has ended.
#[derive(Debug)]
pub(super) struct Flight {
    socket: Socket,
    /// It is one of an event.
    of_event: bool,
}

impl InFlight {
    fn is_full(&self, max: usize) -> bool {
        self.0.load(Ordering::Acquire) as usize >= max
    }
}

impl Socket {
    /// What comes next in the queue; `None` if as many handlers wait as may: then whichever ends has the rest worked off.
    pub(super) fn next_in_queue(&self) -> Option<Next> {
        let max = self.io().settings().max_events_in_flight;
        let mut inbox = self.inbox();
        // Under the lock: who ends is counted before it looks whether somebody waits for that.
        if self.in_flight().is_full(max) && inbox.stall() {
            return None;
        }
        let (next, eased) = inbox.next();
        // Before handlers run.
        drop(inbox);
        if eased {
            self.client().eased();
        }
        Some(next)
    }
}

impl Flight {
    /// One more handler of an event. At the limit nothing is read from the client until enough have ended.
    pub(super) fn of_event(socket: &Socket) -> Self {
        let max = socket.io().settings().max_events_in_flight;
        let before = socket.in_flight().0.fetch_add(1, Ordering::AcqRel) as usize;
        if before + 1 == max {
            socket.client().pressed();
            // Now and not with one more, which will not be read.
            let namespace = Some(socket.namespace_name());
            socket
                .connection()
                .limit_exceeded(Limit::EventsInFlight, max, namespace);
        }
        Self::new(socket, true)
    }

    /// One more handler of something else. It counts for the client only.
    pub(super) fn of_other(socket: &Socket) -> Self {
        Self::new(socket, false)
    }

    fn new(socket: &Socket, of_event: bool) -> Self {
        socket.client().handler_waits();
        Self {
            socket: socket.clone(),
            of_event,
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let socket = &self.socket;
        socket.client().handler_ended();
        if !self.of_event {
            return;
        }
        let before = socket.in_flight().0.fetch_sub(1, Ordering::AcqRel) as usize;
        if before == socket.io().settings().max_events_in_flight {
            socket.client().eased();
            // Its own statement: handlers must not run under the guard.
            let goes_on = socket.inbox().goes_on();
            if goes_on {
                socket.fall_behind(Late::default());
            }
        }
    }
}
