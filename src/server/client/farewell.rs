//! Clients that are to be told that they were sent away.
//!
//! That comes last, when their disconnect handlers have started. A client that meanwhile has left by itself and asked for the same namespace
//! again would take it for the end of the socket that it gets now.

use std::mem;

use super::{Client, Stage, State};
use crate::{
    room::Member as _,
    server::{Socket, emit},
};

/// The sockets that are being sent away; none is kept, too, to know that there were any.
#[derive(Debug, Default)]
pub(super) struct Farewells(Vec<Farewell>);

#[derive(Debug)]
struct Farewell {
    serial: u64,
    namespace: Box<str>,
    /// The client is still to be told.
    is_owed: bool,
    /// The client has left by itself meanwhile, and nothing is read until this has ended: it may ask for the namespace again, and the handlers
    /// of its last socket come first.
    is_awaited: bool,
}

impl Client {
    /// It is to be told that this socket has been sent away.
    pub(in crate::server) fn owes_farewell(&self, socket: &Socket) {
        let farewell = Farewell {
            serial: socket.serial(),
            namespace: socket.namespace_name().into(),
            is_owed: true,
            is_awaited: false,
        };
        let mut state = self.0.state();
        let entry = state.find(socket.namespace_name());
        // It has left by itself meanwhile.
        if entry.is_some_and(|entry| entry.stage == Stage::Leaves) {
            return;
        }
        let seldom = state.seldom.get_or_insert_default();
        seldom.farewells.get_or_insert_default().0.push(farewell);
    }

    /// The client asks for this namespace: it knows that it has left before, or doesn't care.
    pub(in crate::server) fn needs_no_farewell(&self, namespace: &str) {
        self.0.state().needs_no_farewell(namespace);
    }

    /// Tells it, unless it has asked for the namespace again. Whether it still can be told doesn't matter.
    pub(in crate::server) fn bid_farewell(&self, socket: &Socket) {
        let (parser, name) = (socket.home().parser(), socket.namespace_name());
        let packet = match emit::disconnect(parser, socket.protocol(), name) {
            Ok(packet) => packet,
            unwritten => {
                self.tell(unwritten);
                return;
            }
        };
        let mut state = self.0.state();
        let is_owed = state.settles(|farewell| farewell.serial == socket.serial());
        self.tell_under(state, is_owed.then_some(&packet));
    }

    /// The socket that was sent away has left. Whether the client isn't read because it waits for that.
    #[must_use]
    pub(in crate::server) fn has_parted(&self, socket: &Socket) -> bool {
        let mut state = self.0.state();
        let farewells = state.seldom.as_mut().and_then(|seldom| seldom.farewells.as_mut());
        let Some(Farewells(farewells)) = farewells else {
            return false;
        };
        let ended = farewells
            .iter()
            .position(|farewell| farewell.serial == socket.serial())
            .map(|at| farewells.remove(at));
        if farewells.is_empty() {
            *farewells = Vec::new();
        }
        ended.is_some_and(|farewell| farewell.is_awaited)
    }
}

impl State {
    pub(super) fn needs_no_farewell(&mut self, namespace: &str) {
        self.settles(|farewell| *farewell.namespace == *namespace);
    }

    /// The client leaves a namespace in which it has no socket any more, perhaps because it is being sent away: that has crossed with this.
    /// Whether nothing is to be read from it until that has ended.
    #[must_use]
    pub(super) fn leaves_none(&mut self, namespace: &str) -> bool {
        self.needs_no_farewell(namespace);
        let last = self
            .farewells()
            .rev()
            .find(|farewell| *farewell.namespace == *namespace);
        last.is_some_and(|farewell| !mem::replace(&mut farewell.is_awaited, true))
    }

    /// Whether any such is owed, which it is no more.
    fn settles(&mut self, which: impl Fn(&Farewell) -> bool) -> bool {
        let mut was_owed = false;
        for farewell in self.farewells().filter(|farewell| which(farewell)) {
            was_owed |= mem::take(&mut farewell.is_owed);
        }
        was_owed
    }

    fn farewells(&mut self) -> impl DoubleEndedIterator<Item = &mut Farewell> {
        let farewells = self.seldom.iter_mut().flat_map(|seldom| &mut seldom.farewells);
        farewells.flat_map(|farewells| &mut farewells.0)
    }

    /// Whether the server has sent the client away from some namespace, of which that may not have heard yet.
    pub(super) fn was_sent_away(&self) -> bool {
        self.seldom
            .as_ref()
            .is_some_and(|seldom| seldom.farewells.is_some())
    }
}
