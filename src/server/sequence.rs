//! The handlers of an event in a sequential namespace.

use crate::{
    engine::Cork,
    server::{
        Socket,
        dispatch::{self, Run},
        starts::Start,
    },
};

/// Those that are not done: one that waits, and those that come after it. Usually none, which allocates nothing.
#[derive(Default)]
#[must_use]
pub(super) struct Sequence {
    event: Box<str>,
    runs: Vec<Run>,
}

impl Sequence {
    pub(super) const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Starts the run inline, or keeps it if one before it waits.
    pub(super) fn start(&mut self, socket: &Socket, event: &str, run: Run) {
        if !self.is_empty() {
            return self.runs.push(run);
        }
        if let Some(rest) = dispatch::start(socket, Some(event), run) {
            self.event = event.into();
            self.runs.push(rest);
        }
    }

    /// Runs one after the other to its end, whether the socket leaves meanwhile or not: the event has begun.
    pub(super) async fn finish(self, socket: &Socket) {
        let event = &*self.event;
        let mut runs = self.runs.into_iter();
        let mut next = runs.next();
        while let Some(waiting) = next {
            dispatch::finish(socket, Some(event), waiting).await;
            next = runs.find_map(|run| start(socket, event, run));
        }
    }
}

fn start(socket: &Socket, event: &str, run: Run) -> Option<Run> {
    let _cork = Cork::new();
    let _start = Start::of(socket);
    dispatch::start(socket, Some(event), run)
}
