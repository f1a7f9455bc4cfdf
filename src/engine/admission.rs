//! What the application says of a handshake before the engine takes it.

use super::{Engine, refusal::Refusal, response::Denial};
use crate::id::SessionId;

/// The application's word on a handshake. Requests of sessions that exist are not touched by it.
#[derive(Debug, Default)]
pub(crate) enum Admission {
    /// Nobody asks: the engine draws the id.
    #[default]
    Open,
    /// Welcome, under this id.
    Named(SessionId),
    /// Turned away, perhaps with words for the client.
    Forbidden(Option<String>),
    /// Welcome, but its id could not be made.
    Nameless,
}

/// A session id of the application's own making, taken until the session is entered or given up.
pub(in crate::engine) struct Reserved {
    engine: Engine,
    id: SessionId,
}

impl Admission {
    /// The id that the session has to have, if any.
    pub(super) fn claim(self, engine: &Engine) -> Result<Option<Reserved>, Denial> {
        match self {
            Self::Open => Ok(None),
            Self::Named(id) => match Reserved::new(engine, id) {
                Some(reserved) => Ok(Some(reserved)),
                None => Err(Refusal::ID_GENERATION_ERROR.into()),
            },
            Self::Forbidden(text) => Err(Refusal::Forbidden(text).into()),
            Self::Nameless => Err(Refusal::ID_GENERATION_ERROR.into()),
        }
    }
}

impl Reserved {
    /// `None` if a session has this id already, or is about to.
    fn new(engine: &Engine, id: SessionId) -> Option<Self> {
        let engine = engine.clone();
        engine.shared().registry.reserve(&id).then(|| Self { engine, id })
    }

    pub(super) fn id(&self) -> &SessionId {
        &self.id
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.engine.shared().registry.release(&self.id);
    }
}
