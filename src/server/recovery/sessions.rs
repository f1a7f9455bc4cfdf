//! The sessions of a namespace: those that have a connection, and those that wait for their client.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use tokio::sync::oneshot;

use super::{
    parked::{Parked, Pid},
    resume::Claim,
    together::Together,
};
use crate::{
    SocketId,
    room::{Index, Member as _, Room, shrink},
};

/// How many expiries of sessions that wait no more are not worth looking for.
const STALE_EXPIRIES: usize = 64;

/// The sessions of a namespace.
pub(super) struct Sessions {
    by_pid: HashMap<Pid, Session>,
    parked: Index<Parked>,
    /// In the order in which their time is over.
    expiries: VecDeque<(Instant, Pid)>,
    /// The sockets in rooms that are members only when the middlewares have let them in. What is sent to those rooms meanwhile, the session
    /// that such a socket is to have gets where it waits.
    early: Arc<HashSet<u64>>,
    /// What is to be left by a socket that a client has met, or began to wait when its socket's disconnect handlers had not all started, or
    /// is being given to a client, or is over and that isn't told yet, and who is to be told when it has been, they have, and that is over.
    leaving: HashMap<Pid, Vec<oneshot::Sender<()>>>,
    /// How many of those that are parked have been asked for.
    claimed: usize,
    /// How many can't end yet.
    leave: usize,
    together: Arc<Together>,
}

enum Session {
    Connected(Holder),
    /// It waits, but can't end yet: its socket's disconnect handlers have not all started.
    Leaves(Parked, Instant),
    Parked(Parked, Instant),
    /// A client has asked for it and isn't let in yet: until then all is as if it waited, but that its time can't be over.
    Claimed(Arc<Claim>),
}

/// The socket that has a session.
#[derive(Clone)]
pub(super) struct Holder {
    pub(super) id: SocketId,
    /// Of all the sockets that have this id one after the other, this one.
    pub(super) serial: u64,
}

/// Where a session was found.
pub(super) enum Found {
    Connected(Holder),
    /// Its socket's disconnect handlers have not all started, or a client is being given it, or its end is being told. They will have, and that
    /// will be, when this is told.
    Leaving(oneshot::Receiver<()>),
    Parked(Parked, Instant),
    Claimed(Arc<Claim>),
}

/// A session whose client didn't come back in time.
pub(super) struct Lapsed {
    pub(super) parked: Parked,
    pub(super) rooms: Vec<Room>,
}

impl Sessions {
    pub(super) fn new(together: Arc<Together>) -> Self {
        Self {
            by_pid: HashMap::new(),
            parked: Index::new(),
            expiries: VecDeque::new(),
            early: Arc::default(),
            leaving: HashMap::new(),
            claimed: 0,
            leave: 0,
            together,
        }
    }

    pub(super) fn connected(&mut self, pid: Pid, holder: Holder) {
        self.by_pid.insert(pid, Session::Connected(holder));
    }

    /// The socket of this number joins rooms before it is a member.
    pub(super) fn joins_early(&mut self, serial: u64) {
        Arc::make_mut(&mut self.early).insert(serial);
    }

    /// It is a member, or will never be.
    pub(super) fn is_not_early(&mut self, serial: u64) {
        if !self.early.contains(&serial) {
            return;
        }
        Arc::make_mut(&mut self.early).remove(&serial);
        if self.early.is_empty() {
            self.early = Arc::default();
        }
    }

    /// Those that are in rooms and no members.
    pub(super) fn early(&self) -> Arc<HashSet<u64>> {
        self.early.clone()
    }

    /// The session waits for its client in these rooms, and for its socket to [have left](Self::left). It can't end before it [may](Self::may_end).
    pub(super) fn park(&mut self, parked: &Parked, rooms: Vec<Room>, until: Instant) {
        self.parked.insert(parked.clone());
        self.parked.join(parked, rooms);
        let pid = parked.pid();
        // Somebody may wait for it already.
        self.leaving.entry(pid.clone()).or_default();
        self.by_pid
            .insert(pid.clone(), Session::Leaves(parked.clone(), until));
        self.leave += 1;
    }

    /// The handlers of its socket have heard that it has left. Whether it is the next whose time is over.
    pub(super) fn may_end(&mut self, pid: &Pid) -> bool {
        let Some(Session::Leaves(parked, until)) = self.by_pid.get(pid) else {
            return false;
        };
        let (parked, until) = (parked.clone(), *until);
        self.leave -= 1;
        self.together.waiting.fetch_add(1, Ordering::Relaxed);
        self.wait(&parked, until);
        self.expiries.front().is_some_and(|(_, next)| next == pid)
    }

    /// The handlers of its socket have heard that it has left, or a client has got it, or the application has heard that it is over. Gives back
    /// who is to be told.
    pub(super) fn left(&mut self, pid: &str) -> Vec<oneshot::Sender<()>> {
        let waiting = self.leaving.remove(pid);
        let (left, capacity) = (self.leaving.len(), self.leaving.capacity());
        shrink(left, capacity, |to| self.leaving.shrink_to(to));
        waiting.unwrap_or_default()
    }

    /// A session that had been taken waits again.
    pub(super) fn wait(&mut self, parked: &Parked, until: Instant) {
        self.by_pid
            .insert(parked.pid().clone(), Session::Parked(parked.clone(), until));
        self.expires(parked.pid(), until);
        // Those who have come back leave theirs behind: as often as they like, until the time is over.
        if self.expiries.len() > 2 * self.parked.len() + STALE_EXPIRIES {
            let mut expiries = std::mem::take(&mut self.expiries);
            expiries.retain(|(until, pid)| self.waits_until(pid, *until));
            self.expiries = expiries;
        }
    }

    /// Behind those whose time is over before: one that has been given back goes on with the time that it had.
    fn expires(&mut self, pid: &Pid, until: Instant) {
        let mut at = self.expiries.partition_point(|(other, _)| *other < until);
        while let Some((_, other)) = self.expiries.get(at).filter(|(other, _)| *other == until) {
            if other == pid {
                return;
            }
            at += 1;
        }
        self.expiries.insert(at, (until, pid.clone()));
    }

    /// A client has asked for it, perhaps after another of its connections, which doesn't get it then.
    pub(super) fn claimed(&mut self, claim: &Arc<Claim>) {
        let pid = claim.parked().pid();
        if !matches!(self.by_pid.get(pid), Some(Session::Claimed(_))) {
            self.claimed += 1;
            self.together.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        self.by_pid.insert(pid.clone(), Session::Claimed(claim.clone()));
    }

    /// What has been asked for is for who has asked to dispose of. `false` if it isn't any more: of all who try once, one may.
    pub(super) fn redeem(&mut self, claim: &Arc<Claim>) -> bool {
        let held = self.is_held(claim);
        if held {
            self.forget(claim.parked().pid().as_str());
        }
        held
    }

    fn is_held(&self, claim: &Arc<Claim>) -> bool {
        let known = self.by_pid.get(claim.parked().pid());
        matches!(known, Some(Session::Claimed(known)) if Arc::ptr_eq(known, claim))
    }

    /// Whether who has asked for it is still to get it: what becomes of that isn't decided, or it is being let in.
    pub(super) fn is_to_come(&self, claim: &Arc<Claim>) -> bool {
        let is_redeemed = || !self.by_pid.contains_key(claim.parked().pid());
        self.is_held(claim) || self.parked.has(claim.parked()) && is_redeemed()
    }

    /// It waits in these rooms no more.
    pub(super) fn leave_rooms(&mut self, parked: &Parked, rooms: &[Room]) {
        for room in rooms {
            if *room == *parked.id() {
                parked.leave_own_room();
            } else {
                self.parked.leave(parked, room);
            }
        }
    }

    /// The same, and who asks for it meanwhile waits until [that is over](Self::left).
    pub(super) fn begin_entry(&mut self, claim: &Arc<Claim>) -> bool {
        let held = self.redeem(claim);
        if held {
            self.leaving.entry(claim.parked().pid().clone()).or_default();
        }
        held
    }

    pub(super) fn find(&mut self, pid: &str, now: Instant) -> Option<Found> {
        if let Some(waiting) = self.leaving.get_mut(pid) {
            return Some(Found::Leaving(wait_in(waiting)));
        }
        match self.by_pid.get(pid)? {
            Session::Connected(holder) => Some(Found::Connected(holder.clone())),
            Session::Leaves(parked, until) | Session::Parked(parked, until) => {
                (now <= *until).then(|| Found::Parked(parked.clone(), *until))
            }
            Session::Claimed(claim) => (now <= claim.until()).then(|| Found::Claimed(claim.clone())),
        }
    }

    /// Tells when its socket, which is about to leave, [has left](Self::left). Who asks for it meanwhile waits, too.
    pub(super) fn when_left(&mut self, pid: &str) -> Option<oneshot::Receiver<()>> {
        let (pid, _) = self.by_pid.get_key_value(pid)?;
        Some(wait_in(self.leaving.entry(pid.clone()).or_default()))
    }

    /// Its pid is good for nothing from now on. One that waits goes on to hear what is sent to it.
    pub(super) fn forget(&mut self, pid: &str) {
        drop(self.take(pid));
    }

    /// Its socket leaves for good. Who asks for it all the same begins anew when that [has left](Self::left).
    pub(super) fn end_leaving(&mut self, pid: &Pid) {
        self.forget(pid.as_str());
        self.leaving.entry(pid.clone()).or_default();
    }

    fn take(&mut self, pid: &str) -> Option<Session> {
        let session = self.by_pid.remove(pid);
        let (left, capacity) = (self.by_pid.len(), self.by_pid.capacity());
        shrink(left, capacity, |to| self.by_pid.shrink_to(to));
        match session {
            Some(Session::Claimed(_)) => self.claimed -= 1,
            Some(Session::Leaves(..)) => self.leave -= 1,
            _ => return session,
        }
        self.together.waiting.fetch_add(1, Ordering::Relaxed);
        session
    }

    /// It has ended as one that waits: it has a socket, or its time is over. Gives back its rooms.
    pub(super) fn leave(&mut self, parked: &Parked) -> Vec<Room> {
        let before = self.parked.len();
        let rooms = self.parked.remove(parked);
        self.together
            .waiting
            .fetch_sub(before - self.parked.len(), Ordering::Relaxed);
        rooms
    }

    pub(super) const fn parked(&self) -> &Index<Parked> {
        &self.parked
    }

    /// Those whose clients haven't come back in time; they are forgotten.
    pub(super) fn lapsed(&mut self, now: Instant) -> Vec<Lapsed> {
        let mut lapsed = Vec::new();
        while self.expiries.front().is_some_and(|(until, _)| *until < now) {
            lapsed.extend(self.end_first());
        }
        lapsed
    }

    /// Those that have waited longest, if more wait than may, without those that can't end yet; they are forgotten.
    pub(super) fn surplus(&mut self, max: usize) -> Vec<Lapsed> {
        let mut surplus = Vec::new();
        while self.len() - self.leave > max && !self.expiries.is_empty() {
            surplus.extend(self.end_first());
        }
        surplus
    }

    /// Ends what is next to end, unless its client is back.
    fn end_first(&mut self) -> Option<Lapsed> {
        let (until, pid) = self.expiries.pop_front()?;
        let (left, capacity) = (self.expiries.len(), self.expiries.capacity());
        shrink(left, capacity, |to| self.expiries.shrink_to(to));
        if !self.waits_until(&pid, until) {
            return None;
        }
        self.end(&pid)
    }

    /// All that wait; they are forgotten.
    pub(super) fn end_all(&mut self) -> Vec<Lapsed> {
        let waits = |session: &Session| matches!(session, Session::Leaves(..) | Session::Parked(..));
        let waiting = self.by_pid.iter().filter(|(_, session)| waits(session));
        let pids: Vec<Pid> = waiting.map(|(pid, _)| pid.clone()).collect();
        self.forget_expiries();
        pids.iter().filter_map(|pid| self.end(pid)).collect()
    }

    fn end(&mut self, pid: &Pid) -> Option<Lapsed> {
        let (Session::Leaves(parked, _) | Session::Parked(parked, _)) = self.by_pid.get(pid)? else {
            return None;
        };
        let parked = parked.clone();
        Some(self.lapse(parked))
    }

    /// It is over. Who asks for it waits until [that has been told](Self::left).
    pub(super) fn lapse(&mut self, parked: Parked) -> Lapsed {
        self.forget(parked.pid().as_str());
        self.leaving.entry(parked.pid().clone()).or_default();
        let rooms = self.leave(&parked);
        Lapsed { parked, rooms }
    }

    /// When the next one's time is over.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.front().map(|(until, _)| *until)
    }

    /// When the time of each is over.
    pub(super) fn expiries(&self) -> Vec<Instant> {
        let ends = |(until, pid): &(Instant, Pid)| self.waits_until(pid, *until).then_some(*until);
        self.expiries.iter().filter_map(ends).collect()
    }

    fn waits_until(&self, pid: &Pid, until: Instant) -> bool {
        matches!(self.by_pid.get(pid), Some(Session::Parked(_, kept)) if *kept == until)
    }

    /// Nobody is here, or may come back.
    pub(super) fn is_nobody(&self) -> bool {
        self.by_pid.is_empty() && self.parked.len() == 0
    }

    /// Forgets when the time of those was over who don't wait any more.
    pub(super) fn forget_expiries(&mut self) {
        self.expiries = VecDeque::new();
    }

    /// None waits, and none will have to be looked at as its time is over.
    pub(super) fn is_idle(&self) -> bool {
        self.len() == 0 && self.expiries.is_empty()
    }

    /// How many wait, and have not been asked for.
    pub(super) fn len(&self) -> usize {
        self.parked.len() - self.claimed
    }
}

/// Waits with those who are to be told, of whom the ones that have gone are forgotten.
fn wait_in(waiting: &mut Vec<oneshot::Sender<()>>) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    waiting.retain(|waiting| !waiting.is_closed());
    waiting.push(sender);
    receiver
}

impl Drop for Sessions {
    fn drop(&mut self) {
        let waiting = self.len() - self.leave;
        self.together.waiting.fetch_sub(waiting, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{foreign::Foreign, server::recovery::parked::Kept};

    fn parked(number: u64) -> Parked {
        let kept = Kept {
            id: SocketId::from(format!("socket {number}")),
            data: serde_json::Value::Null,
            extensions: Foreign::new(http::Extensions::new()),
            lifeline: Arc::default(),
        };
        let pid = Pid::new(&SocketId::from(format!("session {number}")));
        Parked::new(number, true, pid, kept)
    }

    #[test]
    fn who_comes_and_goes_as_often_as_it_likes_leaves_no_trail() {
        let now = crate::engine::now();
        let mut sessions = Sessions::new(Arc::default());
        let parked = parked(1);
        let (id, pid) = (parked.id().clone(), parked.pid().clone());
        for round in 1..10_000 {
            let until = now + Duration::from_millis(round);
            sessions.park(&parked, Vec::new(), until);
            assert_eq!(sessions.together.waiting.load(Ordering::Relaxed), 0);
            sessions.may_end(&pid);
            assert_eq!(sessions.together.waiting.load(Ordering::Relaxed), 1);
            assert!(sessions.expiries.len() <= 2 + STALE_EXPIRIES);
            assert_eq!(sessions.expiries(), [until]);
            sessions.forget(pid.as_str());
            sessions.leave(&parked);
            let holder = Holder {
                id: id.clone(),
                serial: round,
            };
            sessions.connected(pid.clone(), holder);
        }
        let together = sessions.together.clone();
        assert_eq!(together.waiting.load(Ordering::Relaxed), 0);
        sessions.park(&parked, Vec::new(), now);
        drop(sessions);
        assert_eq!(together.waiting.load(Ordering::Relaxed), 0);
        let mut sessions = Sessions::new(together.clone());
        sessions.park(&parked, Vec::new(), now);
        sessions.may_end(&pid);
        drop(sessions);
        assert_eq!(together.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_session_ends_when_the_disconnect_handlers_of_its_socket_have_started_and_not_before() {
        let now = crate::engine::now();
        let mut sessions = Sessions::new(Arc::default());
        let at = |number| now + Duration::from_millis(number);
        let [first, second, third] = [1, 2, 3].map(parked);
        for (parked, until) in [(&first, at(10)), (&second, at(20)), (&third, at(30))] {
            sessions.park(parked, Vec::new(), until);
        }
        assert!(sessions.may_end(second.pid()));
        // Nothing for the task that looks after them to come back to at once, again and again.
        assert_eq!(sessions.next_expiry(), Some(at(20)));
        let pids =
            |lapsed: Vec<Lapsed>| -> Vec<Pid> { lapsed.iter().map(|it| it.parked.pid().clone()).collect() };
        // As many as may.
        assert_eq!(sessions.surplus(1).len(), 0);
        assert!(pids(sessions.lapsed(at(25))) == [second.pid().clone()]);
        assert_eq!(
            (sessions.surplus(0).len(), sessions.len(), sessions.next_expiry()),
            (0, 2, None)
        );
        assert!(!sessions.is_idle());
        assert!(sessions.may_end(first.pid()));
        // It has been told before.
        assert!(!sessions.may_end(first.pid()));
        assert!(pids(sessions.surplus(0)) == [first.pid().clone()]);
        // The server is closed.
        assert!(pids(sessions.end_all()) == [third.pid().clone()]);
        assert!(!sessions.may_end(third.pid()));
        assert!(sessions.is_idle());
        assert_eq!(sessions.together.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_session_that_is_given_back_goes_on_with_the_time_that_it_had() {
        let now = crate::engine::now();
        let mut sessions = Sessions::new(Arc::default());
        let at = |number| now + Duration::from_millis(number);
        let [first, second] = [1, 2].map(parked);
        for (parked, until) in [(&first, at(10)), (&second, at(20))] {
            sessions.park(parked, Vec::new(), until);
            sessions.may_end(parked.pid());
        }
        // Before its time would have been over, and after that.
        for time in [5, 15] {
            sessions.forget(first.pid().as_str());
            assert_eq!(sessions.lapsed(at(time)).len(), 0);
            sessions.wait(&first, at(10));
            assert_eq!(sessions.expiries(), [at(10), at(20)]);
        }
        let lapsed = sessions.lapsed(at(15));
        assert_eq!(lapsed.len(), 1);
        assert!(lapsed[0].parked.pid() == first.pid());
    }

    #[test]
    fn tables_of_sessions_that_were_many_once_are_small_again() {
        const MANY: u64 = 10_000;
        let now = crate::engine::now();
        let mut sessions = Sessions::new(Arc::default());
        for number in 0..MANY {
            let until = now + Duration::from_millis(number);
            sessions.park(&parked(number), Vec::new(), until);
        }
        for number in 0..MANY {
            let pid = Pid::new(&SocketId::from(format!("session {number}")));
            sessions.may_end(&pid);
            let waiting = sessions.left(pid.as_str());
            assert!(waiting.is_empty());
        }
        let lapsed = sessions.lapsed(now + Duration::from_millis(MANY - 10));
        assert_eq!((lapsed.len(), sessions.len()), (9_990, 10));
        for lapsed in lapsed {
            assert!(sessions.left(lapsed.parked.pid().as_str()).is_empty());
        }
        let Sessions {
            by_pid,
            expiries,
            leaving,
            ..
        } = &sessions;
        let capacities = [by_pid.capacity(), expiries.capacity(), leaving.capacity()];
        assert!(
            capacities.iter().all(|capacity| *capacity < 128),
            "{capacities:?}"
        );
    }
}
