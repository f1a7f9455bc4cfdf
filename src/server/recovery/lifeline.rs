//! Where the packets of one session go, whichever connection it has at the moment.

use std::sync::PoisonError;

use super::{
    history::{History, Position},
    log::Log,
};
use crate::{
    engine::{Connection, Outgoing, SendError},
    sync::{Mutex, MutexGuard},
};

/// The packets of a session, in one order for its connections and its history: whatever two threads send to it at a time, and
/// whether it has a connection at that moment or is about to get one.
#[derive(Debug, Default)]
pub(super) struct Lifeline(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    history: History,
    to: To,
}

#[derive(Debug, Default)]
enum To {
    Connection(Connection),
    /// Nobody at the moment: it is kept.
    #[default]
    Nobody,
    /// Nobody ever again.
    Ended,
}

impl Lifeline {
    /// That of a session which begins.
    pub(super) fn begin(log: &Log, connection: Connection) -> Self {
        Self(Mutex::new(State {
            history: History::since(log.last()),
            to: To::Connection(connection),
        }))
    }

    /// Sends a packet that is in the log, now or when the client is back.
    pub(super) fn send(&self, log: &Log, position: Position, packet: &Outgoing) -> Result<(), SendError> {
        let mut state = self.state();
        state.history.forget_before(log.base());
        let connection = match &state.to {
            To::Connection(connection) => connection.clone(),
            To::Nobody => {
                state.history.push(position);
                return Err(SendError::Closed);
            }
            To::Ended => return Err(SendError::Closed),
        };
        let sent = connection.offer(packet.clone());
        state.history.push(position);
        // Before code of the application runs, or wakers of an executor of its own, which may send again.
        drop(state);
        connection.conclude(sent)
    }

    /// Forgets what the log has forgotten.
    pub(super) fn forget(&self, log: &Log) {
        self.state().history.forget_before(log.base());
    }

    /// Has packets wait for the client.
    pub(super) fn wait(&self) {
        self.state().to = To::Nobody;
    }

    pub(super) fn end(&self) {
        *self.state() = State {
            history: History::default(),
            to: To::Ended,
        };
    }

    /// Whether a client that received this packet last can be given all that it missed over this connection.
    pub(super) fn can_resume(&self, log: &Log, received: Option<Position>, connection: &Connection) -> bool {
        let state = self.state();
        let missed = state.history.after(received);
        // Without a copy of any: what the log gives up meanwhile would be dropped under the locks.
        missed.is_some_and(|positions| log.has(positions, most(connection)))
    }

    /// Sends what the client has missed and then this packet, and from now on everything. If something is missing by now, its history
    /// begins anew with the other packet, or nothing is sent if there is none, and the answer is `false`.
    pub(super) fn resume(
        &self,
        log: &Log,
        received: Option<Position>,
        connection: &Connection,
        welcome: Outgoing,
        or_else: Option<Outgoing>,
    ) -> Result<bool, SendError> {
        let mut state = self.state();
        let missed = state.history.after(received);
        let missed = missed.map(|positions| log.get(positions, most(connection)));
        let resumed = matches!(missed, Some(Ok(_)));
        let (mut packets, partial) = match missed {
            Some(Ok(packets)) => (packets, Vec::new()),
            Some(Err(partial)) => (Vec::new(), partial),
            None => (Vec::new(), Vec::new()),
        };
        let Some(answer) = (if resumed { Some(welcome) } else { or_else }) else {
            drop(state);
            return Ok(false);
        };
        packets.push(answer);
        // What comes before the welcome a client doesn't remember to have had. If the connection broke in between it would ask for all of
        // it again, and then hear it twice: npm's keeps what it has not been able to hand on.
        let sent = connection.offer_together(&packets);
        // Else it hasn't heard that something is missing, and may ask again.
        if !resumed && matches!(sent.last(), Some(Ok(_))) {
            state.history = History::since(log.last());
        }
        state.to = To::Connection(connection.clone());
        drop(state);
        // What isn't sent is dropped without the lock.
        drop((packets, partial));
        let mut sent = sent.into_iter();
        sent.try_for_each(|sent| connection.conclude(sent))
            .map(|()| resumed)
    }

    /// For how many runs of positions there is memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.state().history.capacity()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of what it has missed a client is sent: no more than half of the room that its other namespaces have left in its send buffer. It would be
/// disconnected again before long, or at once, and come back for even more.
fn most(connection: &Connection) -> usize {
    connection.max_send_buffer().saturating_sub(connection.buffered()) / 2
}
