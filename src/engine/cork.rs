//! Connections that this thread has sent to and not written to yet.

use std::{
    cell::RefCell,
    mem,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::runtime::Handle;

use super::Connection;
use crate::sync::thread_local;

/// How many connections a thread writes to before it does something else.
const CHUNK: usize = 256;

/// The number of the next thread that has a cork.
static NEXT: AtomicU32 = AtomicU32::new(1);

thread_local! {
    static CORKED: RefCell<Corked> = RefCell::new(Corked {
        thread: NEXT.fetch_add(1, Ordering::Relaxed),
        corks: 0,
        connections: Vec::new(),
    });
}

struct Corked {
    thread: u32,
    corks: usize,
    connections: Vec<Held>,
}

/// A connection that is written to when this is dropped, however that comes about.
struct Held(Connection);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Holds back what handlers on this thread send to connections whose tasks rest. When it is dropped, everything that was sent to
/// one connection is written with one call, right here: that saves waking a task for each of them.
///
/// Corks nest, and the outermost one counts. Whoever waits for an answer to what was held back has to
/// [flush](Connection::flush) it before.
pub(crate) struct Cork(());

impl Cork {
    pub(crate) fn new() -> Self {
        corked(|corked| corked.corks += 1);
        Self(())
    }

    /// Whether this thread holds back what is sent.
    pub(crate) fn is_in() -> bool {
        corked(|corked| corked.corks > 0).unwrap_or(false)
    }

    /// Writes to connections before the cork is pulled, in the way in which that would.
    pub(crate) fn flush(connections: impl Iterator<Item = Connection>) {
        let mut connections: Vec<Held> = connections.map(Held).collect();
        if connections.len() > CHUNK {
            spread(connections.split_off(CHUNK));
        }
    }
}

impl Drop for Cork {
    fn drop(&mut self) {
        let held_back = corked(|corked| {
            corked.corks -= 1;
            match corked.corks {
                0 => mem::take(&mut corked.connections),
                _ => Vec::new(),
            }
        });
        let mut connections = held_back.unwrap_or_default();
        if connections.is_empty() {
            return;
        }
        if connections.len() > CHUNK {
            spread(connections.split_off(CHUNK));
            // A broadcast to all leaves no thread with a list of them.
            connections.shrink_to_fit();
        }
        connections.clear();
        // The room for the next ones.
        corked(|corked| {
            if corked.connections.capacity() == 0 {
                corked.connections = connections;
            }
        });
    }
}

/// A thread that ends has no cork: what is sent by values that are dropped with it wakes tasks.
fn corked<R>(change: impl FnOnce(&mut Corked) -> R) -> Option<R> {
    CORKED.try_with(|corked| change(&mut corked.borrow_mut())).ok()
}

/// Remembers a connection until the cork is pulled, unless this thread has remembered it already: `by` is who has. Gives the
/// number of this thread, or `None` if it has no cork: then somebody has to be woken.
pub(super) fn hold_back(connection: &Connection, by: u32) -> Option<u32> {
    corked(|corked| {
        if corked.corks == 0 {
            return None;
        }
        if by != corked.thread {
            corked.connections.push(Held(connection.clone()));
        }
        Some(corked.thread)
    })
    .flatten()
}

/// Has the others written to by tasks, so that the thread gets on with other things and other threads can help.
fn spread(mut connections: Vec<Held>) {
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    while !connections.is_empty() {
        let chunk = connections.split_off(connections.len().saturating_sub(CHUNK));
        runtime.spawn(async move { drop(chunk) });
    }
}
