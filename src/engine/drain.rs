//! The end of an engine: its connections are closed, all at once or one after the other, and at last cut.

use std::{pin::pin, sync::atomic::AtomicUsize, sync::atomic::Ordering, time::Duration};

use futures_util::future::select;
use tokio::time::{Instant, sleep_until};

use super::{CloseReason, Connection, Engine, ReadyState, clock, service::random};

/// The longest period: 136 years.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

impl Engine {
    /// Refuses new connections from now on. How many there are.
    pub(crate) fn refuse(&self, reason: CloseReason) -> usize {
        self.shared().registry.close(reason).len()
    }

    /// Whether new connections are refused.
    pub(crate) fn is_refusing(&self) -> bool {
        self.shared().registry.is_closed()
    }

    /// Closes every connection, after what is queued has been sent, and refuses new ones from now on.
    pub(crate) fn close(&self, reason: CloseReason) {
        for connection in self.shared().registry.close(reason) {
            connection.close_apart(reason);
        }
    }

    /// [`close`](Self::close) over a period, each at a moment of its own. Ends earlier if nobody is left. How many it closed.
    pub(crate) async fn close_over(&self, period: Duration, reason: CloseReason) -> usize {
        let closed = AtomicUsize::new(0);
        let (spread, left) = (self.spread(period, reason, &closed), self.closed());
        select(pin!(spread), pin!(left)).await;
        closed.into_inner()
    }

    /// The period has as many parts as there are connections, and each connection one of them, in which its moment is random. So they
    /// never come close together, and never in a rhythm either: those of several servers that drain at a time would fall in.
    async fn spread(&self, period: Duration, reason: CloseReason, closed: &AtomicUsize) {
        let begun = clock::now();
        // In the order of a hash table with random keys.
        let connections = self.shared().registry.close(reason);
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX);
        for (number, connection) in (0u32..).zip(connections) {
            if has_ended(&connection) {
                continue;
            }
            let share = (f64::from(number) + fraction()) / f64::from(count);
            // Further away than a clock can say is never.
            let moment = period.min(LONGEST).mul_f64(share);
            sleep_until(Instant::from_std(begun + moment)).await;
            if !has_ended(&connection) {
                connection.close_apart(reason);
                closed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Ends at once what is left, whatever is queued for it. How many there were.
    pub(crate) fn cut(&self, reason: CloseReason) -> usize {
        let left = self.shared().registry.close(reason);
        for connection in &left {
            connection.cut(reason);
        }
        left.len()
    }

    /// How many connections have ended, or begin, and have receivers that haven't been told or clients that haven't answered.
    pub(crate) fn under_way(&self) -> usize {
        self.shared().registry.under_way()
    }

    /// Waits until no connection is left, every receiver has been told, and every WebSocket that was closed has been answered or given up.
    pub(crate) async fn closed(&self) {
        self.shared().registry.emptied().await;
    }
}

/// Somebody else has closed it, or the client has.
fn has_ended(connection: &Connection) -> bool {
    matches!(connection.ready_state(), ReadyState::Closing | ReadyState::Closed)
}

/// At least 0, less than 1.
fn fraction() -> f64 {
    let [a, b, c, d, ..] = random();
    f64::from(u32::from_le_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}
