//! Handlers that could not go on though they wait for nothing.
//!
//! tokio has each poll of a task make so much progress and no more, so that others have their turn: afterwards whatever is asked of its channels
//! and locks is pending, be it there or not. Handlers that start inline share that budget of their connection's task. Where it is used up, a
//! handler that is pending may only be out of breath: if it were left behind as one that waits, those of the next events would overtake it.

use tokio::task::coop;

use crate::{
    engine::Cork,
    server::{
        Socket, cut_off,
        dispatch::{self, Run},
        inbox::Next,
        starts::{Here, Mark},
    },
};

/// Handlers of one event that are late: one that is out of breath, and those that come after it. Usually none, which allocates nothing.
#[derive(Default)]
#[must_use]
pub(super) struct Late {
    event: Box<str>,
    runs: Vec<Run>,
    /// A leave waits for them.
    mark: Option<Mark>,
}

impl Late {
    pub(super) const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Starts the run inline and moves it to a task of its own if it waits; or keeps it, if it or one before it is out of breath.
    pub(super) fn start(&mut self, socket: &Socket, event: &str, run: Run) {
        if !self.is_empty() {
            return self.runs.push(run);
        }
        let Some(rest) = dispatch::start(socket, Some(event), run) else {
            return;
        };
        if coop::has_budget_remaining() {
            return dispatch::move_out(socket, Some(event), rest);
        }
        self.event = event.into();
        self.runs.push(rest);
        self.mark = Mark::of(socket);
    }

    /// Has each of them start, one after the other. One that uses up a budget which it had for itself is taken for one that waits.
    pub(super) async fn go_on(self, socket: &Socket) {
        let Self { event, runs, mark } = self;
        let event = Some(&*event);
        for run in runs {
            // Not a mere yield: whoever polls this may have used up the budget too.
            coop::consume_budget().await;
            let mut rest = start(socket, mark.as_ref(), event, run);
            if rest.is_some() && !coop::has_budget_remaining() {
                coop::consume_budget().await;
                rest = rest.and_then(|run| start(socket, mark.as_ref(), event, run));
            }
            if let Some(rest) = rest {
                dispatch::move_out(socket, event, rest);
            }
        }
        drop(mark);
    }

    /// Has all of them go on elsewhere.
    fn move_out(self, socket: &Socket) {
        for run in self.runs {
            dispatch::move_out(socket, Some(&self.event), run);
        }
    }
}

fn start(socket: &Socket, mark: Option<&Mark>, event: Option<&str>, run: Run) -> Option<Run> {
    let _cork = Cork::new();
    let _here = Here::at(mark, socket);
    dispatch::start(socket, event, run)
}

impl Socket {
    /// Goes on in a task of its own, whose budget is whole, with what is late and then with what queues up behind it.
    pub(super) fn fall_behind(&self, late: Late) {
        self.inbox().pause();
        let socket = self.clone();
        let caught_up = async move {
            late.go_on(&socket).await;
            while let Some(late) = socket.catch_up() {
                late.go_on(&socket).await;
                // Not all handlers use the budget up, and a client may send as fast as they are.
                coop::consume_budget().await;
            }
        };
        let socket = self.clone();
        cut_off::spawn_or_else(self.io(), caught_up, move || socket.catch_up_at_once());
    }

    /// The task has ended with its runtime, before the queue was worked off and who left behind it has left.
    fn catch_up_at_once(&self) {
        while let Some(late) = self.catch_up() {
            late.move_out(self);
        }
    }

    /// Does what comes next in the queue, and gives back what is late of it; `None` when the gate is open, or somebody else goes on.
    fn catch_up(&self) -> Option<Late> {
        match self.next_in_queue()? {
            Next::Event(event) => {
                let _cork = Cork::new();
                Some(self.dispatch_stored(&event))
            }
            Next::Leave => {
                self.depart_in_turn();
                Some(Late::default())
            }
            Next::Opened => None,
        }
    }
}
