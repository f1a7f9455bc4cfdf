//! What a socket knows of the session that it has, or is about to get.

use std::{
    fmt,
    sync::{Arc, PoisonError},
};

use super::{lifeline::Lifeline, parked::Pid, resume::Claim};
use crate::sync::{Mutex, MutexGuard};

/// What makes a socket of a namespace with recovery one that its client may get back.
pub(in crate::server) struct Recoverable {
    pub(super) lifeline: Arc<Lifeline>,
    state: Mutex<State>,
}

struct State {
    pid: Pid,
    recovered: bool,
    /// The session that it is about to get.
    claim: Option<Arc<Claim>>,
}

impl Recoverable {
    pub(super) fn anew(pid: Pid, lifeline: Arc<Lifeline>) -> Self {
        Self::with(
            lifeline,
            State {
                pid,
                recovered: false,
                claim: None,
            },
        )
    }

    pub(super) fn again(claim: Arc<Claim>) -> Self {
        let parked = claim.parked().clone();
        Self::with(
            parked.kept().lifeline.clone(),
            State {
                pid: parked.pid().clone(),
                recovered: true,
                claim: Some(claim),
            },
        )
    }

    fn with(lifeline: Arc<Lifeline>, state: State) -> Self {
        Self {
            lifeline,
            state: Mutex::new(state),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.state().pid.clone()
    }

    pub(in crate::server) fn is_recovered(&self) -> bool {
        self.state().recovered
    }

    pub(super) fn claim(&self) -> Option<Arc<Claim>> {
        self.state().claim.clone()
    }

    pub(super) fn take_claim(&self) -> Option<Arc<Claim>> {
        self.state().claim.take()
    }

    /// What the claim has come to.
    pub(super) fn settle(&self, pid: Pid, recovered: bool) {
        let mut state = self.state();
        (state.pid, state.recovered) = (pid, recovered);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recoverable {
    // Without the pid, which is a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recoverable")
            .field("recovered", &self.is_recovered())
            .finish_non_exhaustive()
    }
}
