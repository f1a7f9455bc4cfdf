//! Clients that are to be told that they were sent away.
//!
//! That comes last, when their disconnect handlers have started. A client that meanwhile has left by itself and asked for the same namespace
//! again would take it for the end of the socket that it gets now.

use super::{Client, Stage, State};
use crate::{
    room::Member as _,
    server::{Socket, emit},
};

/// Of which sockets a client is still to be told; none is kept, too, to know that there were any.
#[derive(Debug, Default)]
pub(super) struct Farewells(Vec<Owed>);

#[derive(Debug)]
struct Owed {
    serial: u64,
    namespace: Box<str>,
}

impl Client {
    /// It is to be told that this socket has been sent away.
    pub(in crate::server) fn owes_farewell(&self, socket: &Socket) {
        let owed = Owed {
            serial: socket.serial(),
            namespace: socket.namespace_name().into(),
        };
        let mut state = self.0.state();
        let entry = state.find(socket.namespace_name());
        // It has left by itself meanwhile.
        if entry.is_some_and(|entry| entry.stage == Stage::Leaves) {
            return;
        }
        state.farewells.get_or_insert_default().0.push(owed);
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
        let is_owed = state.settle(|owed| owed.serial == socket.serial());
        // Under the lock: what answers a CONNECT that comes now comes after it.
        let offered = is_owed.then(|| self.connection().offer(packet.clone()));
        drop(state);
        if let Some(offered) = offered {
            let sent = self.connection().conclude(offered);
            self.is_left_in_the_dark(sent);
        }
    }
}

impl State {
    pub(super) fn needs_no_farewell(&mut self, namespace: &str) {
        self.settle(|owed| *owed.namespace == *namespace);
    }

    /// Whether there were any such, which are no more.
    fn settle(&mut self, which: impl Fn(&Owed) -> bool) -> bool {
        let Some(farewells) = &mut self.farewells else {
            return false;
        };
        let before = farewells.0.len();
        farewells.0.retain(|owed| !which(owed));
        let settled = farewells.0.len() < before;
        if farewells.0.is_empty() {
            farewells.0 = Vec::new();
        }
        settled
    }

    /// Whether the server has sent the client away from some namespace, of which that may not have heard yet.
    pub(super) fn was_sent_away(&self) -> bool {
        self.farewells.is_some()
    }
}
