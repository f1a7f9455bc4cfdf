//! What has to be known before a client may be let into a namespace, and takes its time: what predicates of dynamic namespaces say, or that the last
//! socket of its session has left.

use std::sync::Arc;

use super::{Client, Place, State};
use crate::packet::JsonText;

/// What is still to be known about namespaces that a client wants.
#[derive(Debug, Default)]
pub(super) struct Questions(Vec<Asked>);

#[derive(Debug)]
struct Asked {
    serial: u64,
    namespace: Arc<str>,
    /// The bytes of the name and `auth` that it is asked with.
    said: usize,
    /// The client hasn't left since.
    is_wanted: bool,
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
        let mut state = self.0.state();
        if state.places() >= self.io().settings().max_namespaces {
            return Err(Place::None);
        }
        if self.is_wordy(&state, said) {
            return Err(Place::Wordy);
        }
        Ok(self.asks(&mut state, namespace.into(), said))
    }

    /// The same, where there is a place. It must not be dropped under the lock.
    pub(super) fn asks(&self, state: &mut State, namespace: Arc<str>, said: usize) -> Question {
        let serial = self.io().next_serial();
        state.seldom.get_or_insert_default().questions.0.push(Asked {
            serial,
            namespace,
            said,
            is_wanted: true,
        });
        let client = self.clone();
        Question { client, serial }
    }
}

impl Question {
    /// Whether the client hasn't left since.
    pub(in crate::server) fn is_wanted(&self) -> bool {
        self.client.0.state().wants(self)
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.client.0.state().ends(self);
    }
}

impl State {
    /// The client leaves a namespace: it isn't to be let in when what is being asked about that has been answered.
    pub(super) fn takes_back(&mut self, namespace: &str) {
        let asked = self.seldom.iter_mut().flat_map(|seldom| &mut seldom.questions.0);
        for asked in asked.filter(|asked| *asked.namespace == *namespace) {
            asked.is_wanted = false;
        }
    }

    /// Whether the client hasn't left since it has been asked.
    pub(super) fn wants(&self, question: &Question) -> bool {
        let mut asked = self.asked();
        asked.any(|asked| asked.serial == question.serial && asked.is_wanted)
    }

    /// It counts no more, for it has been answered.
    pub(super) fn ends(&mut self, question: &Question) {
        let Some(seldom) = &mut self.seldom else { return };
        let Questions(asked) = &mut seldom.questions;
        asked.retain(|asked| asked.serial != question.serial);
        if asked.is_empty() {
            *asked = Vec::new();
            self.seldom.take_if(|seldom| seldom.farewells.is_none());
        }
    }

    pub(super) fn questions(&self) -> usize {
        self.asked().count()
    }

    /// How many bytes the client has said with its questions.
    pub(super) fn asked_with(&self) -> usize {
        self.asked().map(|asked| asked.said).sum()
    }

    fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.seldom.iter().flat_map(|seldom| &seldom.questions.0)
    }
}
