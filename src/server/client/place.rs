//! Whether there is a place for one more socket of a client.

use super::{Client, Entry, Stage, State};
use crate::{Protocol, packet::JsonText, server::Socket};

/// Whether there is a place for one more socket of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Place {
    Kept,
    /// It is kept, and `/` has to be connected first: in Socket.IO 2.x its middlewares guard every other namespace.
    Waits,
    /// By another socket in the same namespace; or there is no connection any more.
    Taken,
    /// The client is in as many namespaces as it may be.
    None,
    /// What the client said to get into its namespaces is more than a message may be.
    Wordy,
}

/// A predicate is being asked about a namespace that a client wants; dropping it says that this has ended.
#[derive(Debug)]
pub(in crate::server) struct Question {
    client: Client,
    said: u32,
}

impl Client {
    /// Keeps a place for a socket that wants to connect.
    pub(in crate::server) fn reserve(&self, socket: &Socket) -> Place {
        let mut state = self.0.state();
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
        });
        place
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

    /// Whether it waited for `/`, which it does no more.
    pub(in crate::server) fn waits_no_more(&self, socket: &Socket) -> bool {
        let mut state = self.0.state();
        let waiting = |entry: &Entry| entry.stage == Stage::Waits && entry.socket == *socket;
        let at = state.sockets.iter().position(waiting);
        at.map(|at| state.sockets.remove(at)).is_some()
    }

    /// Keeps a place for the answer to a question, and counts the bytes that the client has said with it: `auth`, and what it has made up of the name.
    ///
    /// # Errors
    ///
    /// There is none: the client has as many namespaces and questions as it may have, or says too much to get into them.
    pub(in crate::server) fn begin_question(
        &self,
        auth: Option<&JsonText>,
        made_up: usize,
    ) -> Result<Question, Place> {
        let said = auth.map_or(0, |auth| auth.get().len()) + made_up;
        let mut state = self.0.state();
        if state.places() >= self.io().settings().max_namespaces || state.questions == u16::MAX {
            return Err(Place::None);
        }
        if self.is_wordy(&state, said) {
            return Err(Place::Wordy);
        }
        let said = u32::try_from(said).map_err(|_| Place::Wordy)?;
        state.asked_with = state.asked_with.checked_add(said).ok_or(Place::Wordy)?;
        state.questions += 1;
        let client = self.clone();
        Ok(Question { client, said })
    }

    /// Whether so much more is too much to be kept of what the client says to get into its namespaces: names that it has
    /// made up, and `auth`.
    fn is_wordy(&self, state: &State, more: usize) -> bool {
        let kept = state.sockets.iter().map(|entry| entry.socket.said());
        kept.sum::<usize>() + state.asked_with as usize + more > self.connection().max_http_buffer_size()
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let mut state = self.client.0.state();
        state.questions -= 1;
        state.asked_with -= self.said;
    }
}

impl State {
    /// How many namespaces the client is in, or may come to be in.
    fn places(&self) -> usize {
        self.sockets.len() + usize::from(self.questions)
    }
}
