//! Handlers that wait, counted per socket, and all of a client's: a socket may leave and come again, and its handlers stay.

use std::sync::atomic::Ordering;

use crate::{engine::Limit, server::Socket, sync::atomic::AtomicU32};

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
        }
    }
}
