//! Whether there is a place for one more socket of a client.

use std::mem;

use super::{Client, Entry, Question, Stage, State};
use crate::{
    Protocol,
    engine::{Limit, Outgoing},
    packet::JsonText,
    server::{ConnectError, DisconnectReason, Socket, leave::Leave, namespace::NamespaceInner},
    sync::MutexGuard,
};

/// Whether there is a place for one more socket of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Place {
    Kept,
    /// It is kept, and `/` has to be connected first: in Socket.IO 2.x its middlewares guard every other namespace.
    Waits,
    /// By another socket in the same namespace; or there is no connection any more, or the client has left meanwhile.
    Taken,
    /// The client is in as many namespaces as it may be.
    None,
    /// What the client said to get into its namespaces is more than a message may be.
    Wordy,
}

/// What becomes of a socket that the middlewares have let in.
#[derive(Debug)]
pub(in crate::server) enum Admission {
    /// It takes events from now on.
    Joined,
    /// The connection has ended meanwhile, or is about to be closed.
    Gone,
    /// The client has asked again meanwhile. Its place is kept for [another](Client::replace).
    Again(Box<Again>),
}

/// What becomes of a CONNECT for a namespace that the client has asked for before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Repeated {
    /// It hasn't, or it has left.
    No,
    /// The middlewares are still at it, and will be asked again; or it leaves, and will join again.
    Later,
    Joined,
    /// It has left since: this was being asked about.
    Unwanted,
    /// See [`Place::Wordy`].
    Wordy,
}

/// Another CONNECT for the namespace of a socket about which middlewares decided, or that left.
#[derive(Debug)]
pub(in crate::server) struct Again {
    pub(in crate::server) auth: Option<JsonText>,
}

/// What is known of a socket as its client forgets it.
#[derive(Debug, Default)]
pub(in crate::server) struct Forgotten {
    /// Its client was [not read](Stage::Leaves) because of it, and is to be when the sequence has ended.
    pub(in crate::server) was_held_back: bool,
    pub(in crate::server) again: Option<Box<Again>>,
}

impl Client {
    /// Keeps a place for a socket that wants to connect: that of the question, if there was one, with what the client has said since.
    pub(in crate::server) fn reserve(&self, socket: &Socket, question: Option<&Question>) -> Place {
        let mut state = self.0.state();
        if question.is_some_and(|question| !state.wants(question)) {
            return Place::Taken;
        }
        let again = question.and_then(|question| state.ends(question));
        if state.closed || state.find(socket.namespace_name()).is_some() {
            return Place::Taken;
        }
        if state.places() >= self.io().settings().max_namespaces {
            return Place::None;
        }
        if self.is_wordy(&state, socket.said()) {
            return Place::Wordy;
        }
        let waits = self.protocol() == Protocol::V3 && socket.namespace_name() != "/" && !state.is_root_open;
        let (stage, place) = if waits {
            (Stage::Waits, Place::Waits)
        } else {
            (Stage::Enters, Place::Kept)
        };
        state.sockets.push(Entry {
            socket: socket.clone(),
            stage,
            again,
        });
        place
    }

    /// A limit is why the client isn't let in; gives back what it is told.
    pub(in crate::server) fn has_no_place(&self, place: Place, namespace: &str) -> ConnectError {
        let (limit, max, message) = match place {
            Place::Wordy => (
                Limit::HttpBufferSize,
                self.connection().max_http_buffer_size(),
                "auth too large",
            ),
            _ => (
                Limit::Namespaces,
                self.io().settings().max_namespaces,
                "too many namespaces",
            ),
        };
        self.connection().limit_exceeded(limit, max, Some(namespace));
        ConnectError::new(message)
    }

    /// Whether the client has asked for this namespace before; while the middlewares are at it, they are asked again afterwards, and
    /// about what it has said last, and so they are when it has left. One that asks for a session [has its turn](Self::takes_turn) otherwise.
    pub(in crate::server) fn repeats(
        &self,
        question: &mut Option<Question>,
        namespace: &NamespaceInner,
        auth: Option<&JsonText>,
        for_session: bool,
    ) -> Repeated {
        let mut state = self.0.state();
        if question.as_ref().is_some_and(|question| !state.wants(question)) {
            return Repeated::Unwanted;
        }
        let at = state.position(namespace.name());
        if at.is_none() && (!for_session || self.takes_turn(&mut state, question, namespace, auth)) {
            return Repeated::No;
        }
        if let Some(question) = question {
            state.ends(question);
        }
        if at.is_some_and(|at| state.sockets[at].stage == Stage::Joined) {
            return Repeated::Joined;
        }
        state.says_again(namespace.name(), None);
        let again = Again { auth: auth.cloned() };
        if self.is_wordy(&state, again.said()) {
            return Repeated::Wordy;
        }
        state.says_again(namespace.name(), Some(Box::new(again)));
        Repeated::Later
    }

    /// Tells the client once more that it is connected, unless it is still to be told at all; `false` if this socket isn't in any more.
    pub(in crate::server) fn tells_again(&self, socket: &Socket) -> bool {
        if socket.is_entering() {
            return true;
        }
        let answer = match socket.welcome_again() {
            Ok(answer) => answer,
            unwritten => {
                self.tell(unwritten);
                return true;
            }
        };
        let state = self.0.state();
        let stays = state.position_of(socket).is_some();
        self.tell_under(state, stays.then_some(&answer));
        stays
    }

    /// The middlewares let the socket in.
    pub(in crate::server) fn admit(&self, socket: &Socket) -> Admission {
        let mut state = self.0.state();
        // Under the lock: whoever closes the connection and has its sockets leave sees this one, or is seen.
        let is_over = self.connection().is_to_close();
        let Some(at) = state.position_of(socket).filter(|_| !is_over) else {
            return Admission::Gone;
        };
        let entry = &mut state.sockets[at];
        if let Some((again, left)) = entry.asks_again() {
            drop(state);
            drop(left);
            return Admission::Again(again);
        }
        entry.stage = Stage::Joined;
        // What was read since is a CONNECT at most, which is kept.
        let is_held_back = socket.inbox().is_leaving() && entry.begins_to_leave();
        drop(state);
        if is_held_back {
            self.pressed();
        }
        self.connection().stay_open();
        Admission::Joined
    }

    /// The middlewares don't let the socket in. Its client is told so with this packet and it loses its place; unless the client has asked again
    /// meanwhile: then that is kept for [another](Self::replace).
    pub(in crate::server) fn turn_away(
        &self,
        socket: &Socket,
        refusal: Option<&Outgoing>,
    ) -> Option<Box<Again>> {
        let mut state = self.0.state();
        // There is none if there was no place for it.
        let at = state.position_of(socket);
        let again = at.and_then(|at| state.sockets[at].asks_again());
        if let Some((again, left)) = again {
            drop(state);
            drop(left);
            return Some(again);
        }
        let _entry = at.map(|at| state.sockets.remove(at));
        self.tell_under(state, refusal);
        None
    }

    /// Tells the client this, if anything, before the lock is free: what tells it of a leave, or answers a CONNECT that comes now, comes after it.
    pub(super) fn tell_under(&self, state: MutexGuard<'_, State>, packet: Option<&Outgoing>) {
        let offered = packet.map(|packet| self.connection().offer(packet.clone()));
        drop(state);
        if let Some(offered) = offered {
            let sent = self.connection().conclude(offered);
            self.is_left_in_the_dark(sent);
        }
    }

    /// Gives the place of a socket that isn't let in to the next; `false` if the client doesn't want it any more.
    pub(in crate::server) fn replace(&self, socket: &Socket, next: &Socket) -> bool {
        let mut state = self.0.state();
        let Some(at) = state.position_of(socket) else {
            return false;
        };
        if !state.sockets[at].is_wanted() {
            // At once: a CONNECT that comes now is another.
            let left = state.sockets.remove(at);
            drop(state);
            drop(left);
            return false;
        }
        let before = mem::replace(&mut state.sockets[at].socket, next.clone());
        drop(state);
        drop(before);
        true
    }

    /// Takes the place of a socket that isn't let in: for the next a question stands there. Gives back what the client says with its CONNECT,
    /// which it may have said anew; `None` if it doesn't want to be let in any more.
    pub(in crate::server) fn take_place(
        &self,
        socket: &Socket,
        again: Box<Again>,
    ) -> Option<(Question, Box<Again>)> {
        let mut state = self.0.state();
        let at = state.position_of(socket)?;
        let mut left = state.sockets.remove(at);
        // At once: a DISCONNECT that comes now is for the next.
        let is_wanted = left.is_wanted();
        let again = left.again.take().unwrap_or(again);
        let said = again.said() + socket.home().made_up();
        let question = is_wanted.then(|| self.asks(&mut state, socket.namespace_name().into(), said));
        drop(state);
        drop(left);
        Some((question?, again))
    }

    /// Which of the sockets that waited for `/` is next. There is none, and none waits any more, when all have been let go on; if `/` has
    /// been left meanwhile, they wait for the next time.
    pub(in crate::server) fn next_behind_root(&self) -> Option<Socket> {
        let mut state = self.0.state();
        if !state.has_joined("/") {
            return None;
        }
        let next = state.sockets.iter_mut().find(|entry| entry.stage == Stage::Waits);
        let Some(next) = next else {
            state.is_root_open = true;
            return None;
        };
        next.stage = Stage::Enters;
        Some(next.socket.clone())
    }

    /// Its socket in a namespace into which it has been let and that it has not begun to leave.
    pub(in crate::server) fn stays_in(&self, namespace: &str) -> Option<Socket> {
        let state = self.0.state();
        let entry = state.find(namespace);
        entry
            .filter(|entry| entry.stage == Stage::Joined)
            .map(|entry| entry.socket.clone())
    }

    /// The socket has left.
    pub(in crate::server) fn forget(&self, socket: &Socket) -> Forgotten {
        let mut state = self.0.state();
        let entry = state.position_of(socket).map(|at| state.sockets.remove(at));
        state.is_root_open &= state.has_joined("/");
        drop(state);
        entry.map_or_else(Forgotten::default, |entry| Forgotten {
            was_held_back: entry.stage == Stage::Leaves,
            again: entry.again,
        })
    }

    /// The client leaves by itself. Its place may meanwhile be [given](Self::replace) to another, which leaves then.
    pub(super) fn leaves(&self, socket: Socket) {
        let mut leaving = Some(socket);
        while let Some(socket) = leaving {
            if self.waits_no_more(&socket) {
                return socket.discard();
            }
            socket.depart(DisconnectReason::ClientNamespaceDisconnect);
            leaving = self.successor(&socket);
        }
    }

    /// The one that has its place now. If it has that still, or there is none, the leave waits or goes on elsewhere, and what comes next comes
    /// after it.
    fn successor(&self, socket: &Socket) -> Option<Socket> {
        let mut state = self.0.state();
        let name = socket.namespace_name();
        let at = state.position(name);
        let entry = at.map(|at| &mut state.sockets[at]);
        if let Some(next) = entry.as_ref().filter(|entry| entry.socket != *socket) {
            return Some(next.socket.clone());
        }
        let is_held_back = match entry {
            Some(entry) => {
                let is_held_back = entry.begins_to_leave();
                state.needs_no_farewell(name);
                is_held_back
            }
            None => {
                // Its place may be that of a question by now.
                state.takes_back(name);
                state.leaves_none(name)
            }
        };
        drop(state);
        if is_held_back {
            self.pressed();
        }
        None
    }

    /// The client doesn't want it any more. Whether it waited for `/`, which it does no more either. If it is in, nothing is read until it has left: that may
    /// be done on another thread as soon as it begins.
    fn waits_no_more(&self, socket: &Socket) -> bool {
        let mut state = self.0.state();
        let Some(at) = state.position_of(socket) else {
            return false;
        };
        let entry = &mut state.sockets[at];
        entry.again = None;
        let is_held_back = entry.begins_to_leave();
        let waits = entry.stage == Stage::Waits;
        if waits {
            state.sockets.remove(at);
        }
        drop(state);
        if is_held_back {
            self.pressed();
        }
        waits
    }

    /// Whether so much more is too much to be kept of what the client says to get into its namespaces: names that it has
    /// made up, and `auth`.
    pub(super) fn is_wordy(&self, state: &State, more: usize) -> bool {
        let kept = state.sockets.iter().map(Entry::said);
        kept.sum::<usize>() + state.asked_with() + more > self.connection().max_http_buffer_size()
    }
}

impl Again {
    /// How many bytes of it are kept.
    pub(super) fn said(&self) -> usize {
        self.auth.as_ref().map_or(0, |auth| auth.get().len())
    }
}

impl Entry {
    /// What the client has said to get in, in bytes.
    fn said(&self) -> usize {
        self.socket.said() + self.again.as_ref().map_or(0, |again| again.said())
    }

    /// What the client has asked for since, and what it had said between the two, to be dropped without the lock.
    fn asks_again(&mut self) -> Option<(Box<Again>, Option<Leave>)> {
        let again = self.again.take()?;
        Some((again, self.socket.inbox().take_leave()))
    }

    /// Its connection has ended: if it wasn't in yet, its session waits on; unless the client has said good-bye.
    pub(super) fn lets_go_of_session(&self) {
        if self.is_wanted() {
            self.socket.gives_back_session();
        } else {
            self.socket.gives_up_session();
        }
    }

    /// Whether the client hasn't left since it asked last.
    fn is_wanted(&self) -> bool {
        self.again.is_some() || !self.socket.inbox().is_leaving()
    }

    /// The client leaves it. Whether it is in, so that nothing is to be read until it has left.
    fn begins_to_leave(&mut self) -> bool {
        let has_joined = self.stage == Stage::Joined;
        if has_joined {
            self.stage = Stage::Leaves;
        }
        has_joined
    }
}

impl State {
    fn position(&self, namespace: &str) -> Option<usize> {
        let named = |entry: &Entry| entry.socket.namespace_name() == namespace;
        self.sockets.iter().position(named)
    }

    fn position_of(&self, socket: &Socket) -> Option<usize> {
        self.sockets.iter().position(|entry| entry.socket == *socket)
    }

    /// What the client has said last while its socket there, or the question whose turn it is, keeps it waiting.
    fn says_again(&mut self, namespace: &str, said: Option<Box<Again>>) {
        let kept = match self.position(namespace) {
            Some(at) => Some(&mut self.sockets[at].again),
            None => self.whose_turn(namespace).map(|asked| &mut asked.again),
        };
        if let Some(kept) = kept {
            *kept = said;
        }
    }

    /// How many namespaces the client is in, or may come to be in.
    pub(super) fn places(&self) -> usize {
        self.sockets.len() + self.questions()
    }
}
