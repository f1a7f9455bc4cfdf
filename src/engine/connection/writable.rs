//! Waiting for a connection to have sent everything.

use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};

use super::Connection;

/// Resolves when everything queued has been handed to the transport, or the connection is closed.
///
/// It stands among those who wait under a number of its own, so that it needn't be searched for, and takes itself out
/// when it is dropped.
pub(super) struct Writable<'a> {
    connection: &'a Connection,
    id: Option<u64>,
}

impl<'a> Writable<'a> {
    pub(super) const fn new(connection: &'a Connection) -> Self {
        Self { connection, id: None }
    }
}

impl Future for Writable<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // What was sent may be held back, and whoever waits may block this thread.
        self.connection.flush();
        let mut core = self.connection.lock();
        if core.outbox.is_drained() || core.session.closed().is_some() {
            return Poll::Ready(());
        }
        let id = self.id.unwrap_or_else(next_id);
        let displaced = core.register_drained(id, cx);
        drop(core);
        drop(displaced);
        self.id = Some(id);
        Poll::Pending
    }
}

impl Drop for Writable<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let waker = self.connection.lock().forget_drained(id);
            drop(waker);
        }
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
