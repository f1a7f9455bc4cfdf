//! How a client comes back to its session.

use std::{sync::Arc, time::Instant};

use serde::Deserialize;
use tokio::sync::oneshot;

use super::{
    Recoverable, Recovery,
    history::Position,
    lifeline::Lifeline,
    park::copied,
    parked::{Parked, Pid},
    sessions::{Found, Holder, Lapsed, Sessions},
};
use crate::{
    Protocol, SocketId,
    engine::{self, CloseReason, Connection, Outgoing, SendError},
    packet::{EncodeError, JsonText},
    room::Member as _,
    server::{Client, DisconnectReason, Socket, emit, namespace::NamespaceInner, socket::Status},
    sync::MutexGuard,
};

/// A session that a client has asked for and is about to get.
///
/// What becomes of it is decided once, under the lock of the [sessions](super::sessions::Sessions): the client is let in or isn't, or its
/// connection ends before that and the session waits on, or the client asks for it over another connection.
pub(in crate::server) struct Claim {
    parked: Parked,
    received: Option<Position>,
    /// When the time of the session is over, should it have to wait on.
    until: Instant,
    /// That of the client.
    connection: Connection,
}

/// Why a session that is there can't be had.
enum Unclaimed {
    /// Its socket's disconnect handlers are still to start: until this is told.
    Leaving(oneshot::Receiver<()>),
    /// Another socket has got it just before.
    Taken,
    /// Something of what its client has missed is missing, so it has to end.
    Incomplete(Lapsed),
}

/// A session that a client asks for, and which of its packets it received last.
pub(in crate::server) struct Wanted<'a> {
    recovery: &'a Recovery,
    pid: String,
    /// `Err` if that is no packet of this server.
    received: Result<Option<Position>, Unknown>,
}

#[derive(Clone, Copy)]
struct Unknown;

/// What a client says of the session it had, among the rest of its auth payload.
#[derive(Deserialize)]
struct Question {
    pid: String,
    /// That of the last event it received, if it received any.
    offset: Option<String>,
}

impl Client {
    /// The session that the client asks for, if it does and can have it.
    ///
    /// # Errors
    ///
    /// The socket that was there before is about to leave: its disconnect handlers are to start before the next one's connect handlers.
    /// It is to be asked for once more when that has been told.
    pub(in crate::server) fn claim(
        &self,
        namespace: &Arc<NamespaceInner>,
        wanted: Option<Wanted<'_>>,
    ) -> Result<Option<Arc<Claim>>, oneshot::Receiver<()>> {
        let Some(Wanted {
            recovery,
            pid,
            received,
        }) = wanted
        else {
            return Ok(None);
        };
        let Ok(received) = received else {
            return self.when_left(recovery, namespace, &pid).map_or(Ok(None), Err);
        };
        loop {
            // Its own statement, as the next: guards must be gone before handlers run.
            let mut found = recovery.find(&pid);
            if let Some(Found::Claimed(before)) = found {
                if before.connection.is_same(self.connection()) {
                    return Ok(None);
                }
                before.connection.fail_later(CloseReason::TransportClose);
                // Its socket may have got in just before.
                found = recovery.find(&pid);
            }
            let mut leaves = None;
            if let Some(Found::Connected(holder)) = found {
                if !self.supersedes(namespace, &holder) {
                    return Ok(None);
                }
                leaves = Some(holder.serial);
            }
            match recovery.claim(&pid, received, self.connection(), leaves) {
                Ok(claim) => return Ok(claim),
                Err(Unclaimed::Leaving(left)) => return Err(left),
                Err(Unclaimed::Taken) => {}
                Err(Unclaimed::Incomplete(session)) => {
                    recovery.end_all(vec![session]);
                    return Ok(None);
                }
            }
        }
    }

    /// Has the socket of a session leave that the client can't have, and tells when it has.
    fn when_left(
        &self,
        recovery: &Recovery,
        namespace: &NamespaceInner,
        pid: &str,
    ) -> Option<oneshot::Receiver<()>> {
        let holder = match recovery.find(pid)? {
            Found::Leaving(left) => return Some(left),
            Found::Connected(holder) => holder,
            Found::Parked(..) | Found::Claimed(_) => return None,
        };
        if !self.supersedes(namespace, &holder) {
            return None;
        }
        let mut sessions = recovery.sessions();
        match sessions.find(pid, engine::now())? {
            Found::Leaving(left) => Some(left),
            Found::Connected(now) if now.serial == holder.serial => sessions.when_left(pid),
            _ => None,
        }
    }

    /// Has the socket leave that has the session; `false` if that is the client's own.
    fn supersedes(&self, namespace: &NamespaceInner, holder: &Holder) -> bool {
        // Its own statement: the guard must be gone.
        let before = namespace.index().get(holder.id.as_str()).cloned();
        match before {
            Some(before) if before.client().is(self) => return false,
            Some(before) => before.is_superseded(),
            None => {}
        }
        true
    }

    /// The session whose pid the client says.
    pub(in crate::server) fn asks_for<'a>(
        &self,
        namespace: &'a NamespaceInner,
        auth: Option<&JsonText>,
    ) -> Option<Wanted<'a>> {
        let recovery = namespace.recovery()?;
        if self.protocol() != Protocol::V4 {
            return None;
        }
        let question: Question = serde_json::from_str(auth?.get()).ok()?;
        let received = match &question.offset {
            Some(offset) => recovery.log.position(offset).map(Some).ok_or(Unknown),
            None => Ok(None),
        };
        Some(Wanted {
            recovery,
            pid: question.pid,
            received,
        })
    }
}

impl Recovery {
    fn find(&self, pid: &str) -> Option<Found> {
        self.sessions().find(pid, engine::now())
    }

    /// The session, unless it isn't there. The socket of the number `leaves` has left, or is about to: behind handlers of its own, or in the
    /// midst of them on another thread.
    fn claim(
        &self,
        pid: &str,
        received: Option<Position>,
        connection: &Connection,
        leaves: Option<u64>,
    ) -> Result<Option<Arc<Claim>>, Unclaimed> {
        // Another connection's is dropped when the lock is free.
        let found;
        let mut sessions = self.sessions();
        let now = engine::now();
        found = sessions.find(pid, now);
        let (parked, until) = match &found {
            Some(Found::Parked(parked, until)) => (parked.clone(), *until),
            Some(Found::Claimed(before)) => (before.parked.clone(), before.until),
            Some(Found::Connected(holder)) if Some(holder.serial) != leaves => return Err(Unclaimed::Taken),
            Some(Found::Connected(_)) => {
                let left = sessions.when_left(pid);
                return left.map_or(Ok(None), |left| Err(Unclaimed::Leaving(left)));
            }
            Some(Found::Leaving(_)) => {
                drop(sessions);
                return match found {
                    Some(Found::Leaving(left)) => Err(Unclaimed::Leaving(left)),
                    _ => Ok(None),
                };
            }
            None => {
                // Its time may just be over: that is told before its client begins anew.
                let lapsed = sessions.lapsed(now);
                drop(sessions);
                self.end_all(lapsed);
                return Ok(None);
            }
        };
        if parked.lifeline().can_resume(&self.log, received, connection) {
            let claim = Arc::new(Claim {
                parked,
                received,
                until,
                connection: connection.clone(),
            });
            sessions.claimed(&claim);
            return Ok(Some(claim));
        }
        Err(Unclaimed::Incomplete(sessions.lapse(parked)))
    }

    /// Its client isn't let in again, or can't be sent all that it has missed.
    fn end(&self, claim: &Claim) {
        // Its own statement, as above.
        let lapsed = self.sessions().lapse(claim.parked.clone());
        self.end_all(vec![lapsed]);
    }
}

impl Claim {
    pub(in crate::server) fn id(&self) -> &SocketId {
        &self.parked.kept().id
    }

    pub(super) const fn parked(&self) -> &Parked {
        &self.parked
    }

    pub(super) const fn until(&self) -> Instant {
        self.until
    }
}

impl Socket {
    /// The client has come back over another connection, so this one is dead, whatever its transport thinks.
    fn is_superseded(&self) {
        self.depart_in_time(DisconnectReason::TransportClose);
        self.connection().fail_later(CloseReason::TransportClose);
    }

    /// What the socket is to have again is there before the middlewares run.
    pub(in crate::server) fn take_over(&self, claim: Arc<Claim>) {
        let kept = claim.parked.kept();
        self.restore(
            kept.data.clone(),
            copied(|| http::Extensions::clone(&kept.extensions)),
        );
        self.set_in_own_room(claim.parked.in_own_room());
        self.set_recoverable(Recoverable::again(claim));
    }

    /// Whether the client is let in without the middlewares.
    pub(in crate::server) fn skips_middlewares(&self) -> bool {
        let recovery = self.home().recovery();
        recovery.is_some_and(|recovery| recovery.options.skip_middlewares) && self.recovered()
    }

    /// The client isn't let in, so its session is over.
    pub(in crate::server) fn gives_up_session(&self) {
        let claim = self.recoverable().and_then(Recoverable::take_claim);
        let (Some(recovery), Some(claim)) = (self.home().recovery(), claim) else {
            return;
        };
        // Under one lock: whoever asks for it meanwhile waits.
        let lapsed = {
            let mut sessions = recovery.sessions();
            let held = sessions.redeem(&claim);
            held.then(|| sessions.lapse(claim.parked.clone()))
        };
        recovery.end_all(lapsed.into_iter().collect());
    }

    /// The client has gone again before it got its session, perhaps while middlewares decide, which may take for ever: that waits on.
    pub(in crate::server) fn gives_back_session(&self) {
        let claim = self.recoverable().and_then(Recoverable::take_claim);
        let (Some(recovery), Some(claim)) = (self.home().recovery(), claim) else {
            return;
        };
        // Under one lock: whoever asks for it meanwhile finds it.
        let mut sessions = recovery.sessions();
        if sessions.redeem(&claim) {
            self.lets_wait(recovery, sessions, &claim);
        }
    }

    /// Has the session wait on, for as long as it would have without its client, and not forget it in vain.
    fn lets_wait(&self, recovery: &Recovery, mut sessions: MutexGuard<'_, Sessions>, claim: &Claim) {
        sessions.wait(&claim.parked, claim.until);
        let surplus = sessions.surplus(recovery.options.max_waiting_sessions);
        drop(sessions);
        // Its time may be over before that of all others, or be over by now.
        recovery.idle.notify_one();
        recovery.end_all(surplus);
        self.home().end_surplus_together(recovery);
        self.home().look_after_recovery();
    }

    /// Tells the client that it is connected, and makes it a member of the namespace: with what it had, or as a new one. `false` if it has
    /// gone.
    pub(in crate::server) fn enter_recoverably(&self, recovery: &Recovery) -> bool {
        let Some(recoverable) = self.recoverable() else {
            return self.enter_anew(recovery);
        };
        // It has it until it is in: rooms that it leaves meanwhile are those of the session.
        let claim = recoverable.claim();
        let Some(claim) = claim.filter(|claim| recovery.sessions().begin_entry(claim)) else {
            // It has been given back, or another connection of the client has got it.
            self.connection().fail_later(CloseReason::TransportClose);
            return false;
        };
        let entered = self.enter_again(recovery, &claim);
        drop(recoverable.take_claim());
        recovery.can_be_had(self.home(), claim.parked.pid());
        entered
    }

    fn enter_anew(&self, recovery: &Recovery) -> bool {
        let pid = self.new_pid();
        if !self.client().tell(self.welcome(&pid))
            || self.advance(Status::Connecting, Status::Connected).is_err()
        {
            return false;
        }
        let lifeline = Lifeline::begin(&recovery.log, self.connection().clone());
        self.set_recoverable(Recoverable::anew(pid.clone(), Arc::new(lifeline)));
        let mut index = self.home().index();
        let mut sessions = recovery.sessions();
        sessions.connected(pid, self.holder());
        sessions.is_not_early(self.serial());
        index.insert(self.clone());
        true
    }

    fn enter_again(&self, recovery: &Recovery, claim: &Claim) -> bool {
        let (pid, other) = (claim.parked.pid().clone(), self.new_pid());
        // Who has got past the middlewares because of its session gets in with that or not at all.
        let begins_anew = !self.skips_middlewares();
        let packets = self.welcome(&pid).and_then(|welcome| {
            let or_else = begins_anew.then(|| self.welcome(&other)).transpose()?;
            Ok((welcome, or_else))
        });
        let (welcome, or_else) = match packets {
            Ok(packets) => packets,
            Err(error) => {
                recovery.end(claim);
                return self.client().tell(Err(error));
            }
        };
        let lifeline = claim.parked.lifeline();
        let resumed = lifeline.resume(&recovery.log, claim.received, self.connection(), welcome, or_else);
        self.client().is_left_in_the_dark(resumed.map(drop));
        // One for which there was no room would ask for the same again, and there might be none for ever.
        if resumed == Err(SendError::Full) || resumed == Ok(false) && !begins_anew {
            recovery.end(claim);
            self.connection().fail_later(CloseReason::TransportClose);
            return false;
        }
        let (Ok(resumed), Ok(())) = (resumed, self.advance(Status::Connecting, Status::Connected)) else {
            lifeline.wait();
            self.lets_wait(recovery, recovery.sessions(), claim);
            return false;
        };
        let pid = if resumed { pid } else { other };
        if let Some(recoverable) = self.recoverable() {
            recoverable.settle(pid.clone(), resumed);
        }
        // Under both: whoever emits meanwhile finds it in the one or in the other.
        let mut index = self.home().index();
        let mut sessions = recovery.sessions();
        let rooms = sessions.leave(&claim.parked);
        sessions.connected(pid, self.holder());
        sessions.is_not_early(self.serial());
        index.insert(self.clone());
        if resumed {
            index.join(self, rooms);
            return true;
        }
        self.set_in_own_room(true);
        drop((sessions, index));
        // It is in none: its connect handlers, which start afterwards, see to that. What it has besides is what middlewares have seen, or given
        // it, and nobody can tell which.
        let parked = claim.parked.clone();
        recovery.tell_expired(Lapsed { parked, rooms });
        true
    }

    fn holder(&self) -> Holder {
        Holder {
            id: self.id().clone(),
            serial: self.serial(),
        }
    }

    fn new_pid(&self) -> Pid {
        Pid::new(&self.io().engine().random_socket_id())
    }

    /// What the client has been told when it was let in.
    pub(in crate::server) fn welcome_again(&self) -> Result<Outgoing, EncodeError> {
        self.welcome_with(self.recoverable().map(Recoverable::pid).as_ref())
    }

    fn welcome(&self, pid: &Pid) -> Result<Outgoing, EncodeError> {
        self.welcome_with(Some(pid))
    }

    fn welcome_with(&self, pid: Option<&Pid>) -> Result<Outgoing, EncodeError> {
        let (parser, name) = (self.home().parser(), self.namespace_name());
        let pid = pid.map(Pid::as_str);
        emit::connect(parser, self.protocol(), name, self.id().as_str(), pid)
    }
}
