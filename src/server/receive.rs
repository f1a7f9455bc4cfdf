//! What a socket does with an event from its client.

use std::{future, ops::Deref, thread};

use crate::{
    engine::Cork,
    foreign::brief,
    packet::{Body, args::EventPayload},
    server::{
        EventParts, Socket, cut_off,
        dispatch::{self, Run},
        in_flight::Flight,
        inbox::{Next, Stored, StoredEvent},
        late::Late,
        sequence::Sequence,
    },
};

impl Socket {
    /// Dispatches the event, or queues it behind what has to come first.
    pub(super) fn receive_event(&self, body: Body<'_>, ack: Option<u64>) {
        let stored = self.inbox().store(|| StoredEvent {
            body: body.keep(),
            ack,
        });
        match stored {
            Stored::No => {
                let late = self.dispatch(body, ack);
                if !late.is_empty() {
                    self.fall_behind(late);
                }
            }
            Stored::Full => self.client().pressed(),
            Stored::Yes => {}
        }
    }

    /// Gives back what is late; what comes next has to come after it.
    pub(super) fn dispatch_stored(&self, event: &StoredEvent) -> Late {
        self.dispatch(event.body.as_body(), event.ack)
    }

    fn dispatch(&self, body: Body<'_>, ack: Option<u64>) -> Late {
        let mut late = Late::default();
        let Some(_start) = self.begin_start() else {
            return late;
        };
        match body.event(self.protocol()) {
            Ok(event) if !self.home().is_special() => {
                self.each_run(event, ack, |event, run| late.start(self, event, run));
            }
            Ok(event) if self.home().is_sequential() => self.dispatch_sequentially(event, body, ack),
            Ok(event) => self.runs(event, body, ack, |event, run| late.start(self, event, run)),
            Err(error) if error.is_ignorable() => crate::log::debug!(%error, "a packet was ignored"),
            Err(error) => self.client().fail(error),
        }
        late
    }

    /// Makes the runs of an event, which may have to pass middlewares.
    fn runs(&self, event: EventPayload<'_>, body: Body<'_>, ack: Option<u64>, take: impl FnMut(&str, Run)) {
        let middlewares = self.packet_middlewares();
        if middlewares.is_empty() {
            return self.each_run(event, ack, take);
        }
        let body = body.keep();
        self.filter(&event, StoredEvent { body, ack }, middlewares, take);
    }

    /// Runs the handlers one after the other; if one waits, what comes after it waits too.
    fn dispatch_sequentially(&self, event: EventPayload<'_>, body: Body<'_>, ack: Option<u64>) {
        let mut unfinished = Sequence::default();
        self.runs(event, body, ack, |event, run| unfinished.start(self, event, run));
        if unfinished.is_empty() {
            return;
        }
        let socket = self.clone();
        let resumes = {
            let mut inbox = self.inbox();
            let resumes = inbox.is_open();
            if resumes {
                inbox.hold();
            }
            resumes
        };
        let runs = async move { unfinished.finish(&socket).await };
        if resumes {
            return self.work_off_after(runs);
        }
        let flight = Flight::of_other(self);
        dispatch::spawn(self.io(), async move {
            runs.await;
            drop(flight);
        });
    }

    /// Has a task do this and then work off the queue, which others go on with if its runtime ends.
    pub(super) fn work_off_after(&self, first: impl Future<Output = ()> + Send + 'static) {
        // One at a time of all that have run here: a client that leaves and comes again has one more.
        let (socket, flight) = (self.clone(), Flight::of_other(self));
        let work = async move {
            first.await;
            socket.work_off().await;
            drop(flight);
        };
        let socket = self.clone();
        cut_off::spawn_or_else(self.io(), work, move || socket.is_not_worked_off());
    }

    fn is_not_worked_off(&self) {
        if !thread::panicking() && !self.io().runtimes().is_empty() {
            return self.work_off_after(future::ready(()));
        }
        // Its own statement: the guard must be gone.
        let is_given_up_elsewhere = self.inbox().is_behind_starts();
        if !is_given_up_elsewhere && self.clear_inbox() {
            self.client().eased();
        }
    }

    /// Runs what waits in the queue, each handler to its end, then opens the gate.
    pub(super) async fn work_off(&self) {
        loop {
            // Its own statement: handlers must not run under the guard.
            let (next, eased) = self.inbox().next();
            if eased {
                self.client().eased();
            }
            match next {
                Next::Event(event) => self.finish_stored(&event).await,
                Next::Leave => self.depart_in_turn(),
                Next::Opened => return,
            }
        }
    }

    pub(super) async fn finish_stored(&self, stored: &StoredEvent) {
        self.start_stored(stored).finish(self).await;
    }

    fn start_stored(&self, stored: &StoredEvent) -> Sequence {
        let mut unfinished = Sequence::default();
        let _cork = Cork::new();
        let Some(_start) = self.begin_start() else {
            return unfinished;
        };
        let body = stored.body.as_body();
        match body.event(self.protocol()) {
            Ok(event) => self.runs(event, body, stored.ack, |event, run| {
                unfinished.start(self, event, run)
            }),
            Err(error) if error.is_ignorable() => crate::log::debug!(%error, "a packet was ignored"),
            Err(error) => self.client().fail(error),
        }
        unfinished
    }

    /// Makes a run of each listener of the event: those of the namespace first, in the order of registration.
    fn each_run(&self, event: EventPayload<'_>, mut ack: Option<u64>, mut take: impl FnMut(&str, Run)) {
        let name: &str = &event.name;
        let args = event.args;
        let shared = self.home().listeners().event(name);
        let [shared_any, shared] = shared.each_ref().map(|list| list.as_deref().unwrap_or_default());
        let of_socket = self.own_listeners().map(|listeners| listeners.event(name));
        let own = of_socket.as_ref().map(|lists| lists.each_ref().map(Deref::deref));
        let [own_any, own] = own.unwrap_or_default();
        if shared.is_empty() && own.is_empty() {
            crate::log::debug!(
                target: "axum_socketio::unheard",
                namespace = brief(self.namespace_name()),
                event = brief(name),
                "nobody listens to an event"
            );
        }
        for listener in [shared_any, own_any, shared, own].into_iter().flatten() {
            let mut parts = EventParts::new(self, name, args.clone(), &mut ack);
            if let Some(run) = dispatch::prepare(self, "event", Some(name), || listener.call(&mut parts)) {
                take(name, run);
            }
        }
    }
}
