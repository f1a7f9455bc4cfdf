//! Leaves inside of leaves: handlers that send others away, whose handlers do.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    mem::{self, ManuallyDrop},
};

use crate::server::{Socket, dispatch, leave::Leave};

thread_local! {
    /// How many sequences of leaving run inside of each other on this thread.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Who leaves when the outermost of them has ended, because there is no task for it. It is there for what the thread drops at its end, too.
    static AFTERWARDS: ManuallyDrop<RefCell<VecDeque<Departure>>> =
        const { ManuallyDrop::new(RefCell::new(VecDeque::new())) };
}

/// One sequence of leaving inside of others.
pub(super) struct Nested(());

impl Nested {
    pub(super) const LIMIT: usize = 8;

    /// `None` if there are as many as there may be.
    pub(super) fn enter() -> Option<Self> {
        let depth = DEPTH.get();
        (depth < Self::LIMIT).then(|| {
            DEPTH.set(depth + 1);
            Self(())
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        if DEPTH.get() == 1 {
            // The outermost stays, so that what begins in these comes after them and not inside.
            while let Some(departure) = next_afterwards() {
                drop(departure);
            }
        }
        DEPTH.set(DEPTH.get() - 1);
    }
}

fn next_afterwards() -> Option<Departure> {
    AFTERWARDS.with(|afterwards| {
        let next = afterwards.borrow_mut().pop_front();
        if next.is_none() {
            drop(mem::take(&mut *afterwards.borrow_mut()));
        }
        next
    })
}

/// A socket that leaves as this is dropped, in a task of its own or with the runtime that ends before that has its turn.
pub(super) struct Departure {
    socket: Socket,
    leave: Option<Leave>,
}

impl Departure {
    pub(super) fn new(socket: &Socket, leave: Leave) -> Self {
        Self {
            socket: socket.clone(),
            leave: Some(leave),
        }
    }

    pub(super) fn go_apart(self) {
        if let Some(runtime) = dispatch::runtime(self.socket.io()) {
            runtime.spawn(async move { drop(self) });
        }
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        let Some(leave) = self.leave.take() else { return };
        if DEPTH.get() < Nested::LIMIT {
            return self.socket.depart_now(leave);
        }
        // There is no runtime any more, and this is the stack that it was to leave.
        let departure = Self::new(&self.socket, leave);
        AFTERWARDS.with(|afterwards| afterwards.borrow_mut().push_back(departure));
    }
}
