//! What a client is told before its connection is closed, whoever closes it.

use super::Connection;
use crate::{engine::CloseReason, foreign};

/// Something is about to be sent over the connection that closing it has to come after. When this is dropped it has been sent, or never
/// will be.
#[derive(Debug)]
#[must_use = "closing waits as long as this lives"]
pub(crate) struct Parting(Connection);

impl Connection {
    pub(crate) fn begin_parting(&self) -> Parting {
        self.lock().begin_parting();
        Parting(self.clone())
    }

    /// Whether it is about to be closed.
    pub(crate) fn is_to_close(&self) -> bool {
        self.lock().is_to_close()
    }

    /// Whether the connection is closed later, because something is to be sent before.
    pub(super) fn is_closed_later(&self, reason: CloseReason) -> bool {
        self.lock().close_later(reason)
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        let close = self.0.lock().end_parting();
        if let Some(reason) = close {
            // Wakers may be of any executor.
            foreign::step(|| self.0.close_told(reason, true));
        }
    }
}
