//! How a socket comes to be connected.
//!
//! The sequence: the namespace is looked up, middlewares decide one after the other, the socket becomes a member
//! of the namespace, connect handlers start, and only then the client is told and events of the socket are dispatched. All of it happens
//! inline until something waits; the rest then runs in a task of its own. For clients of Engine.IO 3 the middlewares of all other
//! namespaces come after this: see [`Place::Waits`].

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::{sync::oneshot, time::timeout};

use crate::{
    Protocol, SocketId,
    engine::{CloseReason, MAX_HEAD, Outgoing, ReadyState, RefusalReason, SendError},
    foreign::{self, Panicked, brief},
    packet::{EncodeError, JsonText},
    server::{
        Client, ConnectError, HandlerError, Middleware, Socket,
        client::{Admission, Again, Place, Question, Repeated},
        cut_off, dispatch, emit,
        error::HandlerErrorKind,
        inbox::Next,
        listeners::List,
        namespace::NamespaceInner,
        recovery::Claim,
        said::Said,
        socket::Status,
        socket_handshake::auth,
        trace,
    },
};

/// The verdict of the middlewares, on its way.
type Verdict = Pin<Box<dyn Future<Output = Result<(), ConnectError>> + Send>>;

impl Client {
    /// The client asks for a namespace.
    pub(super) fn connect(&self, name: &str, query: Option<&str>, payload: &str) {
        let protocol = self.connection().protocol();
        if protocol == Protocol::V3 && query.is_some_and(|query| query.len() > MAX_HEAD) {
            crate::log::debug!("the query of a namespace is longer than that of a request may be");
            return self.not_let_into(name, &ConnectError::new("query too large"));
        }
        let auth = auth(protocol, query, payload);
        // npm's clients give a namespace up without a word if they don't know yet that they are in, and overhear the answer. Those of
        // Engine.IO 3 don't ask for `/`.
        let may_ask = protocol == Protocol::V4 || name != "/";
        let stays = self.stays_in(name).filter(|_| may_ask);
        if stays.is_some_and(|socket| self.tells_again(&socket)) {
            return;
        }
        self.needs_no_farewell(name);
        match self.io().namespace(name) {
            Some(namespace) => self.connect_to(namespace, auth),
            None => self.ask_for(name, auth),
        }
    }

    pub(super) fn connect_to(&self, namespace: Arc<NamespaceInner>, auth: Option<JsonText>) {
        self.connect_after(None, namespace, auth);
    }

    /// The same, when the question has been answered.
    pub(super) fn connect_after(
        &self,
        question: Option<Question>,
        namespace: Arc<NamespaceInner>,
        auth: Option<JsonText>,
    ) {
        if let Some(socket) = self.begin(question, namespace, auth) {
            socket.pass_middlewares();
        }
    }

    /// The same, whatever session it asks for.
    fn connect_anew(&self, question: Question, namespace: Arc<NamespaceInner>, auth: Option<JsonText>) {
        let mut question = Some(question);
        if self.is_repeated(&mut question, &namespace, auth.as_ref(), false) {
            return;
        }
        if let Some(socket) = self.begin_with(None, question.as_ref(), namespace, auth) {
            socket.pass_middlewares();
        }
    }

    /// Makes a socket and keeps a place for it; gives it back if the middlewares are to be asked now.
    fn begin(
        &self,
        mut question: Option<Question>,
        namespace: Arc<NamespaceInner>,
        auth: Option<JsonText>,
    ) -> Option<Socket> {
        let wanted = self.asks_for(&namespace, auth.as_ref());
        if self.is_repeated(&mut question, &namespace, auth.as_ref(), wanted.is_some()) {
            return None;
        }
        let left = match self.claim(&namespace, wanted) {
            Ok(claim) => return self.begin_with(claim, question.as_ref(), namespace, auth),
            Err(left) => left,
        };
        let Some(question) = question else {
            return self.begin_with(None, None, namespace, auth);
        };
        self.connect_later(question, left, namespace, auth);
        None
    }

    /// Whether the client has asked for the namespace before, and has its answer or will have it.
    fn is_repeated(
        &self,
        question: &mut Option<Question>,
        namespace: &NamespaceInner,
        auth: Option<&JsonText>,
        for_session: bool,
    ) -> bool {
        match self.repeats(question, namespace, auth, for_session) {
            Repeated::No => return false,
            Repeated::Later | Repeated::Joined | Repeated::Unwanted => {}
            Repeated::Wordy => drop(self.has_no_place(Place::Wordy, namespace.name())),
        }
        true
    }

    /// Makes a socket in the place of one that the middlewares have decided about, since the client has asked again.
    fn begin_in_place_of(&self, socket: &Socket, again: Box<Again>) -> Option<Socket> {
        let namespace = socket.home().clone();
        // One that has gone is not to take the session from the next.
        let claim = match self.connection().ready_state() {
            ReadyState::Open => self.claim(&namespace, self.asks_for(&namespace, again.auth.as_ref())),
            _ => Ok(None),
        };
        let Ok(claim) = claim else {
            // It waits for its session.
            let asked = self.take_place(socket, again);
            socket.discard();
            let (question, again) = asked?;
            return self.begin(Some(question), namespace, again.auth);
        };
        let next = self.make_socket(claim, namespace, again.auth);
        let is_wanted = self.replace(socket, &next);
        socket.discard();
        if is_wanted {
            return Some(next);
        }
        next.gives_back_session();
        next.discard();
        None
    }

    fn make_socket(
        &self,
        claim: Option<Arc<Claim>>,
        namespace: Arc<NamespaceInner>,
        auth: Option<JsonText>,
    ) -> Socket {
        let id = match &claim {
            Some(claim) => claim.id().clone(),
            None => self.socket_id(&namespace),
        };
        let socket = Socket::new(self.clone(), namespace, id, auth);
        if let Some(claim) = claim {
            socket.take_over(claim);
        }
        socket
    }

    /// With the session that it has had, or anew.
    fn begin_with(
        &self,
        claim: Option<Arc<Claim>>,
        question: Option<&Question>,
        namespace: Arc<NamespaceInner>,
        auth: Option<JsonText>,
    ) -> Option<Socket> {
        let socket = self.make_socket(claim, namespace, auth);
        match self.reserve(&socket, question) {
            Place::Kept => return Some(socket),
            Place::Waits => crate::log::debug!(
                namespace = brief(socket.namespace_name()),
                "a client of Engine.IO 3 waits until it is connected to `/`"
            ),
            Place::Taken => {
                socket.gives_back_session();
                socket.discard();
            }
            place @ (Place::None | Place::Wordy) => {
                let error = self.has_no_place(place, socket.namespace_name());
                socket.turned_away(&error);
            }
        }
        None
    }

    /// The session that the client asks for can't be had, or begun anew, before this is told. If that takes too long, it begins anew, in time not to be closed
    /// for having joined nothing.
    fn connect_later(
        &self,
        question: Question,
        left: oneshot::Receiver<()>,
        namespace: Arc<NamespaceInner>,
        auth: Option<JsonText>,
    ) {
        let client = self.clone();
        let longest = self.io().settings().connect_timeout / 2;
        let (waiting, name) = (self.clone(), namespace.name().to_owned());
        let connected = async move {
            // Or there is nobody any more to tell it. A handler may never return.
            let left = timeout(longest, left).await;
            // One that has gone is not to take the session from the next.
            if client.connection().ready_state() != ReadyState::Open {
                return;
            }
            let auth = question.said_last(auth);
            match left {
                Ok(_) => client.connect_after(Some(question), namespace, auth),
                Err(_) => client.connect_anew(question, namespace, auth),
            }
        };
        cut_off::spawn_or_else(self.io(), connected, move || {
            waiting.not_let_into(&name, &ConnectError::new("Internal error"));
        });
    }

    /// Sends a packet of the protocol's own, and says whether that could be. Without it the client would wait for ever, so a
    /// parser that can't write it ends the connection, and so does a send buffer that has no room for it.
    pub(super) fn tell(&self, packet: Result<Outgoing, EncodeError>) -> bool {
        match packet {
            Ok(outgoing) => {
                let sent = self.connection().send(outgoing);
                self.is_left_in_the_dark(sent);
                sent.is_ok()
            }
            Err(error) => {
                let source = error.source().map(Said::of);
                let source = source.as_ref().map(Said::as_error);
                crate::log::error!(error = source, "the parser can't write a packet");
                self.refuse("the parser can't write a packet");
                false
            }
        }
    }

    /// Ends the connection if there was no room for what the client has to know. Elsewhere what is dropped may be missed.
    pub(super) fn is_left_in_the_dark(&self, sent: Result<(), SendError>) {
        if sent == Err(SendError::Full) {
            self.connection().fail_later(CloseReason::TransportError);
        }
    }

    /// Engine.IO 3 clients compute the id themselves, so for them it has to be this one.
    fn socket_id(&self, namespace: &NamespaceInner) -> SocketId {
        let session = self.connection().id().as_str();
        match (self.connection().protocol(), namespace.name()) {
            (Protocol::V3, "/") => SocketId::from(session),
            (Protocol::V3, name) => SocketId::from(format!("{name}#{session}")),
            (Protocol::V4, _) => self.io().engine().random_socket_id(),
        }
    }
}

impl Socket {
    pub(super) fn pass_middlewares(self) {
        let mut next = Some(self);
        while let Some(socket) = next {
            next = socket.asks_middlewares();
        }
    }

    /// Asks the middlewares. If meanwhile the client has asked again, gives back who they are to be asked about next.
    fn asks_middlewares(self) -> Option<Self> {
        let middlewares = self.home().listeners().middlewares();
        let Some(middlewares) = middlewares.filter(|_| !self.skips_middlewares()) else {
            return self.admitted();
        };
        let span = trace::handler(&self, "middleware", None);
        let mut verdict = trace::within(span, verdict(self.clone(), middlewares));
        let polled = foreign::call(|| verdict.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        match polled {
            Ok(Poll::Pending) => {
                let (io, socket) = (self.io().clone(), self.clone());
                let concluded = async move {
                    let verdict = foreign::run(verdict).await;
                    if let Some(next) = self.conclude(verdict) {
                        next.pass_middlewares();
                    }
                };
                cut_off::spawn_or_else(&io, concluded, move || {
                    // Nobody has decided about its session.
                    socket.gives_back_session();
                    let error = ConnectError::new("Internal error");
                    if let Some(next) = socket.turned_away(&error) {
                        next.pass_middlewares();
                    }
                });
                None
            }
            Ok(Poll::Ready(verdict)) => self.conclude(Ok(verdict)),
            Err(panicked) => self.conclude(Err(panicked)),
        }
    }

    fn conclude(self, verdict: Result<Result<(), ConnectError>, Panicked>) -> Option<Self> {
        if !matches!(verdict, Ok(Ok(()))) {
            self.io()
                .engine()
                .instruments()
                .refused(RefusalReason::Middleware);
        }
        match verdict {
            Ok(Ok(())) => self.admitted(),
            Ok(Err(error)) => self.turned_away(&error),
            Err(panicked) => {
                self.report(&HandlerError::new(None, HandlerErrorKind::Panicked, panicked));
                self.turned_away(&ConnectError::new("Internal error"))
            }
        }
    }

    pub(super) fn turned_away(&self, error: &ConnectError) -> Option<Self> {
        if self.status() != Status::Connecting {
            return None;
        }
        let (parser, name) = (self.home().parser(), self.namespace_name());
        let refusal = foreign::call(|| emit::connect_error(parser, self.protocol(), name, error));
        let refusal = refusal.unwrap_or_else(|panicked| Err(EncodeError::of(panicked)));
        if let Some(again) = self.client().turn_away(self, refusal.as_ref().ok()) {
            return self.begins_anew(again);
        }
        crate::log::debug!(
            namespace = brief(self.namespace_name()),
            refusal = brief(error.message()),
            "a connection was refused"
        );
        self.gives_up_session();
        self.discard();
        if refusal.is_err() {
            self.client().tell(refusal);
        }
        None
    }

    /// The client doesn't wait for this verdict any more: npm's says CONNECT again after `socket.disconnect().connect()`, and expects one answer.
    fn begins_anew(&self, again: Box<Again>) -> Option<Self> {
        self.gives_back_session();
        self.client().begin_in_place_of(self, again)
    }

    pub(super) fn admitted(self) -> Option<Self> {
        match self.client().admit(&self) {
            Admission::Joined => {}
            Admission::Gone => {
                self.discard();
                return None;
            }
            Admission::Again(again) => return self.begins_anew(again),
        }
        // As in Node, the client knows that it is in when all can be sent to it, and its connect handlers have started.
        let hold = self.connection().hold();
        if !self.enter() {
            self.discard();
            return None;
        }
        crate::log::debug!(
            namespace = brief(self.namespace_name()),
            socket = self.public_id(),
            "a socket connected"
        );
        let listeners = self.home().listeners().connect();
        for listener in listeners.iter().flat_map(|list| list.iter()) {
            let run = dispatch::prepare(&self, "connect", None, || Ok(listener.call(self.clone())));
            if let Some(run) = run {
                dispatch::start_or_spawn(&self, run);
            }
        }
        drop(hold);
        self.open_inbox();
        if self.protocol() == Protocol::V3 && self.namespace_name() == "/" {
            while let Some(socket) = self.client().next_behind_root() {
                socket.pass_middlewares();
            }
        }
        None
    }

    /// Has the client be told that it is connected, and makes it a member of the namespace; `false` if it has gone.
    fn enter(&self) -> bool {
        let home = self.home();
        if let Some(recovery) = home.recovery().filter(|_| self.protocol() == Protocol::V4) {
            return self.enter_recoverably(recovery);
        }
        let reply = emit::connect(
            home.parser(),
            self.protocol(),
            home.name(),
            self.id().as_str(),
            None,
        );
        if !self.client().tell(reply) || self.advance(Status::Connecting, Status::Connected).is_err() {
            return false;
        }
        home.index().insert(self.clone());
        true
    }

    /// Whether the client has been let in and what it is told of that is on its way.
    pub(super) fn is_entering(&self) -> bool {
        // In this order: one that leaves is still a member when it begins to.
        let is_member = self.home().index().get(self.id().as_str()) == Some(self);
        !is_member && matches!(self.status(), Status::Connecting | Status::Connected)
    }

    /// The connect handlers have started: what came meanwhile is dispatched, then the gate opens.
    fn open_inbox(&self) {
        self.has_come();
        while let Some(next) = self.next_in_queue() {
            match next {
                Next::Event(event) if self.home().is_sequential() => {
                    let socket = self.clone();
                    return self.work_off_after(async move { socket.finish_stored(&event).await });
                }
                Next::Event(event) => {
                    let late = self.dispatch_stored(&event);
                    if !late.is_empty() {
                        return self.fall_behind(late);
                    }
                }
                Next::Leave => self.depart_in_turn(),
                Next::Opened => return,
            }
        }
    }
}

/// Asks the middlewares in the order of registration; the first refusal ends it.
fn verdict(socket: Socket, middlewares: List<dyn Middleware>) -> Verdict {
    Box::pin(async move {
        for middleware in &*middlewares {
            middleware.call(socket.clone()).await?;
        }
        Ok(())
    })
}
