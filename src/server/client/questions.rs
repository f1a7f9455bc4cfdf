//! What has to be known before a client may be let into a namespace, and takes its time: what predicates of dynamic namespaces say, or that the last
//! socket of its session has left.

use std::sync::Arc;

use super::{Again, Client, Place, State};
use crate::{packet::JsonText, server::namespace::NamespaceInner};

/// What is still to be known about namespaces that a client wants.
#[derive(Debug, Default)]
pub(super) struct Questions(Vec<Asked>);

#[derive(Debug)]
pub(super) struct Asked {
    serial: u64,
    namespace: Arc<str>,
    /// The bytes of the name and `auth` that it is asked with.
    said: usize,
    /// The client hasn't left since.
    is_wanted: bool,
    /// It asks for a session, and [its turn has come](Client::takes_turn).
    has_turn: bool,
    /// The client has asked for a session of the namespace again meanwhile. Only the last time counts.
    pub(super) again: Option<Box<Again>>,
}

/// Something is being asked about a namespace that a client wants; dropping it says that this has ended.
#[derive(Debug)]
pub(in crate::server) struct Question {
    client: Client,
    serial: u64,
}

impl Client {
    /// Keeps a place for the answer to a question, and counts the bytes that the client has said with it: `auth`, and what it has made up of the name.
    ///
    /// # Errors
    ///
    /// There is none: the client has as many namespaces and questions as it may have, or says too much to get into them.
    pub(in crate::server) fn begin_question(
        &self,
        namespace: impl Into<Arc<str>>,
        auth: Option<&JsonText>,
        made_up: usize,
    ) -> Result<Question, Place> {
        let said = auth.map_or(0, |auth| auth.get().len()) + made_up;
        self.asks_if_it_may(&mut self.0.state(), namespace.into(), said)
    }

    fn asks_if_it_may(&self, state: &mut State, namespace: Arc<str>, said: usize) -> Result<Question, Place> {
        if state.places() >= self.io().settings().max_namespaces {
            return Err(Place::None);
        }
        if self.is_wordy(state, said) {
            return Err(Place::Wordy);
        }
        Ok(self.asks(state, namespace, said))
    }

    /// The same, where there is a place. It must not be dropped under the lock.
    pub(super) fn asks(&self, state: &mut State, namespace: Arc<str>, said: usize) -> Question {
        let serial = self.io().next_serial();
        state.seldom.get_or_insert_default().questions.0.push(Asked {
            serial,
            namespace,
            said,
            is_wanted: true,
            has_turn: false,
            again: None,
        });
        let client = self.clone();
        Question { client, serial }
    }

    /// Of the CONNECTs for a namespace that ask for a session one at a time goes on, up to [its place](Self::reserve), and with a question, if
    /// there is a place for that: two at once would find it claimed by each other, and begin anew. `false` if it is the turn of another.
    pub(super) fn takes_turn(
        &self,
        state: &mut State,
        question: &mut Option<Question>,
        namespace: &NamespaceInner,
        auth: Option<&JsonText>,
    ) -> bool {
        if let Some(asked) = state.whose_turn(namespace.name()) {
            return question
                .as_ref()
                .is_some_and(|question| question.serial == asked.serial);
        }
        if question.is_none() {
            let said = auth.map_or(0, |auth| auth.get().len()) + namespace.made_up();
            *question = self.asks_if_it_may(state, namespace.name().into(), said).ok();
        }
        let asked = question.as_ref().and_then(|question| state.asked_by(question));
        if let Some(asked) = asked {
            asked.has_turn = true;
        }
        true
    }
}

impl Question {
    /// Whether the client hasn't left since.
    pub(in crate::server) fn is_wanted(&self) -> bool {
        self.client.0.state().wants(self)
    }

    /// What the client has said with it, or with its last CONNECT since, which is kept no more.
    pub(in crate::server) fn said_last(&self, said: Option<JsonText>) -> Option<JsonText> {
        let mut state = self.client.0.state();
        let Some(asked) = state.asked_by(self) else {
            return said;
        };
        let Some(again) = asked.again.take() else {
            return said;
        };
        asked.said = asked.said + again.said() - said.map_or(0, |said| said.get().len());
        again.auth
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        drop(self.client.0.state().ends(self));
    }
}

impl State {
    /// The client leaves a namespace: it isn't to be let in when what is being asked about that has been answered.
    pub(super) fn takes_back(&mut self, namespace: &str) {
        for asked in self.asked_mut().filter(|asked| *asked.namespace == *namespace) {
            asked.is_wanted = false;
            asked.again = None;
        }
    }

    /// The question whose turn it is, of those in this namespace that ask for a session.
    pub(super) fn whose_turn(&mut self, namespace: &str) -> Option<&mut Asked> {
        let is_it = |asked: &&mut Asked| asked.has_turn && asked.is_wanted && *asked.namespace == *namespace;
        self.asked_mut().find(is_it)
    }

    /// Whether the client hasn't left since it has been asked.
    pub(super) fn wants(&self, question: &Question) -> bool {
        let mut asked = self.asked();
        asked.any(|asked| asked.serial == question.serial && asked.is_wanted)
    }

    /// It counts no more, for it has been answered. Gives back what the client has said since.
    pub(super) fn ends(&mut self, question: &Question) -> Option<Box<Again>> {
        let Questions(asked) = &mut self.seldom.as_mut()?.questions;
        let at = asked.iter().position(|asked| asked.serial == question.serial)?;
        let again = asked.remove(at).again;
        if asked.is_empty() {
            *asked = Vec::new();
            self.seldom.take_if(|seldom| seldom.farewells.is_none());
        }
        again
    }

    pub(super) fn questions(&self) -> usize {
        self.asked().count()
    }

    /// How many bytes the client has said with its questions.
    pub(super) fn asked_with(&self) -> usize {
        let said = |asked: &Asked| asked.said + asked.again.as_ref().map_or(0, |again| again.said());
        self.asked().map(said).sum()
    }

    fn asked_by(&mut self, question: &Question) -> Option<&mut Asked> {
        self.asked_mut().find(|asked| asked.serial == question.serial)
    }

    fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.seldom.iter().flat_map(|seldom| &seldom.questions.0)
    }

    fn asked_mut(&mut self) -> impl Iterator<Item = &mut Asked> {
        self.seldom.iter_mut().flat_map(|seldom| &mut seldom.questions.0)
    }
}
