//! Telling the receiver of a connection that it is over.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::Connection;
use crate::{
    engine::{CloseReason, Receiver, outbox::Queue, registry::UnderWay},
    foreign,
};

/// A connection that is over. Whoever drops it tells the receiver, which may take any time: handlers start inline.
pub(super) struct Over {
    pub(super) connection: Connection,
    pub(super) reason: CloseReason,
    /// Whoever waits for the last session waits for this one until its receiver has been told.
    pub(super) _telling: UnderWay,
    pub(super) receiver: Arc<dyn Receiver>,
    /// See [`Effects::forgotten`](crate::engine::core::Effects::forgotten).
    pub(super) _forgotten: Queue,
}

impl Over {
    /// Leaves it to a task, so that nobody else waits for this receiver. If the runtime ends before that has its turn, it tells
    /// as it is dropped.
    pub(super) fn tell_apart(self) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { drop(self) });
        }
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        let span = self.connection.span();
        let told = foreign::call(|| span.in_scope(|| self.receiver.on_close(self.reason)));
        if told.is_err() {
            crate::log::error!("the receiver of a connection panicked when it was told of the end");
        }
    }
}
