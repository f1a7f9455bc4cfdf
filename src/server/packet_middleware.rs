//! What events have to pass before their listeners hear them.

use std::sync::Arc;

use crate::{
    Protocol,
    foreign::{self, Panicked},
    packet::{KeptBody, args::EventPayload},
    server::{
        BoxError, EventError, EventListener, EventParts, HandlerError, Hears, ListenerId, PacketMiddleware,
        Passage, Position, Socket,
        dispatch::{self, Run},
        emit,
        error::HandlerErrorKind,
        inbox::StoredEvent,
        late::Late,
        sequence::Sequence,
        socket_listeners::{Heard, SocketListeners},
    },
};

/// The middlewares that an event has to pass, in this order.
pub(super) type Middlewares = Heard<dyn PacketMiddleware>;

/// What became of an event at one middleware.
enum Verdict {
    Passes,
    Refused,
}

impl Socket {
    /// Registers a middleware of this socket.
    pub(crate) fn add_middleware(&self, middleware: Arc<dyn PacketMiddleware>) -> ListenerId {
        let id = self
            .listeners()
            .add(Position::Last, Hears::Middleware(middleware));
        self.home().set_filters();
        id
    }

    /// Those of the namespace first.
    pub(super) fn packet_middlewares(&self) -> Middlewares {
        if !self.home().filters() {
            return Middlewares::default();
        }
        let shared = self.home().listeners().packet_middlewares();
        let own = self
            .own_listeners()
            .map(SocketListeners::middlewares)
            .unwrap_or_default();
        let shared = shared.iter().flat_map(|list| list.iter().cloned());
        shared.chain(own.iter().cloned()).collect()
    }

    /// Makes the runs of an event that has to pass middlewares: those of its catch-all listeners, which in Node hear it before, and one for
    /// all that comes after.
    pub(super) fn filter(
        &self,
        event: &EventPayload<'_>,
        mut stored: StoredEvent,
        middlewares: Middlewares,
        mut take: impl FnMut(&str, Run),
    ) {
        let name: &str = &event.name;
        let [shared, _] = self.home().listeners().event(name);
        let own = self.own_listeners().map(SocketListeners::any);
        for listener in all(shared.as_deref(), own.as_deref()) {
            let mut parts = EventParts::new(self, name, event.args.clone(), &mut stored.ack);
            if let Some(run) = dispatch::prepare(self, "event", Some(name), || listener.call(&mut parts)) {
                take(name, run);
            }
        }
        let socket = self.clone();
        let rest = async move {
            socket.pass(stored, middlewares).await;
            Ok(())
        };
        take(name, Box::pin(rest));
    }

    /// Asks the middlewares one after the other, then runs the listeners of the event that has come out.
    async fn pass(self, mut event: StoredEvent, middlewares: Middlewares) {
        for middleware in &*middlewares {
            if let Verdict::Refused = self.ask(&**middleware, &mut event).await {
                return;
            }
        }
        let (late, unfinished) = self.start_named(&event);
        late.go_on(&self).await;
        unfinished.finish(&self).await;
    }

    /// Starts the listeners of the event's name, unless the socket has left. What is late of it, or in a sequential namespace unfinished.
    fn start_named(&self, event: &StoredEvent) -> (Late, Sequence) {
        let (mut late, mut unfinished) = (Late::default(), Sequence::default());
        let Some(_start) = self.begin_start() else {
            return (late, unfinished);
        };
        if self.home().is_sequential() {
            self.named_runs(event, |name, run| unfinished.start(self, name, run));
        } else {
            self.named_runs(event, |name, run| late.start(self, name, run));
        }
        (late, unfinished)
    }

    async fn ask(&self, middleware: &dyn PacketMiddleware, event: &mut StoredEvent) -> Verdict {
        let (name, called) = self.call(middleware, event);
        let passage = match called {
            Ok(Ok(passage)) => foreign::run(passage).await,
            Ok(Err(refusal)) => {
                let error = HandlerError::new(Some(&name), HandlerErrorKind::Rejected, refusal);
                return self.failed(&error, "Bad Request");
            }
            Err(panicked) => Err(panicked),
        };
        let replaced = match passage {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(changed))) => changed.replace(event),
            Ok(Err(refusal)) => return self.refused(&name, refusal),
            Err(panicked) => {
                let error = HandlerError::new(Some(&name), HandlerErrorKind::Panicked, panicked);
                return self.failed(&error, "Internal error");
            }
        };
        match replaced {
            Ok(()) => Verdict::Passes,
            Err(error) => {
                let error = HandlerError::new(Some(&name), HandlerErrorKind::Failed, error);
                self.failed(&error, "Internal error")
            }
        }
    }

    /// Extracts the arguments of a middleware; what it is called with is the event as it is by now.
    fn call(
        &self,
        middleware: &dyn PacketMiddleware,
        event: &mut StoredEvent,
    ) -> (Box<str>, Result<Result<Passage, BoxError>, Panicked>) {
        let EventPayload { name, args } = payload(&event.body);
        let mut parts = EventParts::new(self, &name, args, &mut event.ack);
        let called = foreign::call(|| middleware.call(&mut parts));
        ((&*name).into(), called)
    }

    /// Makes a run of each listener of the event's name.
    fn named_runs(&self, event: &StoredEvent, mut take: impl FnMut(&str, Run)) {
        let EventPayload { name, args } = payload(&event.body);
        let mut ack = event.ack;
        let [_, shared] = self.home().listeners().event(&name);
        let own = self.own_listeners().map(|listeners| listeners.event(&name));
        for listener in all(shared.as_deref(), own.as_ref().map(|[_, named]| &**named)) {
            let mut parts = EventParts::new(self, &name, args.clone(), &mut ack);
            if let Some(run) = dispatch::prepare(self, "event", Some(&name), || listener.call(&mut parts)) {
                take(&name, run);
            }
        }
    }

    /// Node 2 tells the client, Node 4 the `error` listeners.
    fn refused(&self, event: &str, refusal: EventError) -> Verdict {
        match self.protocol() {
            Protocol::V3 => self.send_refusal(&refusal),
            Protocol::V4 => {
                self.report(&HandlerError::new(
                    Some(event),
                    HandlerErrorKind::Refused,
                    refusal,
                ));
            }
        }
        Verdict::Refused
    }

    /// The middleware didn't get to an answer, so it is no.
    fn failed(&self, error: &HandlerError, told: &str) -> Verdict {
        self.report(error);
        if self.protocol() == Protocol::V3 {
            self.send_refusal(&EventError::new(told));
        }
        Verdict::Refused
    }

    fn send_refusal(&self, refusal: &EventError) {
        if self.is_reachable() {
            let (parser, name) = (self.home().parser(), self.namespace_name());
            let refusal = refusal.as_connect_error();
            match emit::connect_error(parser, Protocol::V3, name, refusal) {
                // Whether it still can be told doesn't matter.
                Ok(outgoing) => drop(self.connection().send_if(outgoing, || self.is_reachable())),
                unwritten => drop(self.client().tell(unwritten)),
            }
        }
    }
}

type Listener = Arc<dyn EventListener>;

fn all<'a>(
    shared: Option<&'a [Listener]>,
    own: Option<&'a [Listener]>,
) -> impl Iterator<Item = &'a Listener> {
    shared.into_iter().chain(own).flatten()
}

/// It was checked when it came, or has been written by this server since.
fn payload(body: &KeptBody) -> EventPayload<'_> {
    let event = body.as_body().event(Protocol::V4);
    event.expect("invariant: a stored event is one")
}
