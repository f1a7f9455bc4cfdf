//! Connections that this thread has sent to and not written to yet.

use std::{cell::RefCell, mem};

use super::Connection;

/// How many connections a thread writes to before it does something else.
const CHUNK: usize = 256;

thread_local! {
    static CORKED: RefCell<Corked> = const { RefCell::new(Corked { corks: 0, connections: Vec::new() }) };
}

struct Corked {
    corks: usize,
    connections: Vec<Connection>,
}

/// Holds back what handlers on this thread send to connections whose tasks rest. When it is dropped, everything that was sent to
/// one connection is written with one call, right here: that saves waking a task for each of them.
///
/// Corks nest, and the outermost one counts. A thread that is about to block must not hold one.
pub(crate) struct Cork(());

impl Cork {
    pub(crate) fn new() -> Self {
        CORKED.with_borrow_mut(|corked| corked.corks += 1);
        Self(())
    }
}

impl Drop for Cork {
    fn drop(&mut self) {
        let mut connections = CORKED.with_borrow_mut(|corked| {
            corked.corks -= 1;
            match corked.corks {
                0 => mem::take(&mut corked.connections),
                _ => Vec::new(),
            }
        });
        if connections.is_empty() {
            return;
        }
        if connections.len() > CHUNK {
            spread(connections.split_off(CHUNK));
        }
        connections.drain(..).for_each(|connection| connection.flush());
        // The room for the next ones.
        CORKED.with_borrow_mut(|corked| {
            if corked.connections.capacity() == 0 {
                corked.connections = connections;
            }
        });
    }
}

/// Remembers a connection until the cork is pulled, unless it is remembered already. `false` if this thread has no cork: then
/// somebody has to be woken.
pub(super) fn hold_back(connection: &Connection, already: bool) -> bool {
    CORKED.with_borrow_mut(|corked| {
        if corked.corks > 0 && !already {
            corked.connections.push(connection.clone());
        }
        corked.corks > 0
    })
}

/// Has the others written to by tasks, so that the thread gets on with other things and other threads can help.
#[expect(clippy::disallowed_methods, reason = "a driver")]
fn spread(mut connections: Vec<Connection>) {
    while !connections.is_empty() {
        let chunk = connections.split_off(connections.len().saturating_sub(CHUNK));
        tokio::spawn(async move { chunk.iter().for_each(Connection::flush) });
    }
}
