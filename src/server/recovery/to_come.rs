//! The rooms of a session that a socket is about to get: it is in them while middlewares decide, as in Node.

use std::sync::Arc;

use super::{Claim, Recoverable, Recovery, sessions::Sessions};
use crate::{
    room::{Member as _, Room},
    server::Socket,
    sync::MutexGuard,
};

/// A session that a socket may be about to get. Whoever drops it must not hold a lock: it may be the last to have the claim.
pub(in crate::server) struct ToCome<'a> {
    recovery: &'a Recovery,
    claim: Arc<Claim>,
}

impl Socket {
    /// What is to be had before the index is locked. From then on that tells whether the socket has the session by now.
    pub(in crate::server) fn session_to_come(&self) -> Option<ToCome<'_>> {
        let claim = self.recoverable().and_then(Recoverable::claim)?;
        let recovery = self.home().recovery()?;
        Some(ToCome { recovery, claim })
    }
}

impl ToCome<'_> {
    /// The rooms of the session, without the one of its id.
    pub(in crate::server) fn rooms(&self) -> Option<Vec<Room>> {
        let sessions = self.sessions()?;
        Some(sessions.parked().joined(self.claim.parked()).cloned().collect())
    }

    /// Whether the socket is in this room because of the session.
    pub(in crate::server) fn is_in(&self, socket: &Socket, room: &str) -> bool {
        self.sessions().is_some_and(|sessions| {
            if *socket.id() == *room {
                return socket.in_own_room();
            }
            sessions.parked().has_joined(self.claim.parked(), room)
        })
    }

    /// Nothing that is sent to them from now on is kept for it.
    pub(in crate::server) fn leave(&self, rooms: &[Room]) {
        if let Some(mut sessions) = self.sessions() {
            sessions.leave_rooms(self.claim.parked(), rooms);
        }
    }

    /// If the session still is for the socket to have, and it doesn't have it yet.
    fn sessions(&self) -> Option<MutexGuard<'_, Sessions>> {
        let sessions = self.recovery.sessions();
        sessions.is_to_come(&self.claim).then_some(sessions)
    }
}
