//! Handlers that wait, counted per socket.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::{engine::Limit, server::Socket};

/// How many handlers of a socket's events have tasks of their own.
#[derive(Debug, Default)]
pub(super) struct InFlight(AtomicU32);

/// One of them; dropping it says that it has ended.
#[derive(Debug)]
pub(super) struct Flight(Socket);

impl Flight {
    /// At the limit nothing is read from the client until enough have ended.
    pub(super) fn take_off(socket: &Socket) -> Self {
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
        Self(socket.clone())
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let socket = &self.0;
        let before = socket.in_flight().0.fetch_sub(1, Ordering::AcqRel) as usize;
        if before == socket.io().settings().max_events_in_flight {
            socket.client().eased();
        }
    }
}
