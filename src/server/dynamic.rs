//! Namespaces that come to be when a client asks for them.
//!
//! A parent holds what its children start with. A child lives as long as somebody has it: its sockets, or a handle of the application.
//! The server knows it by a weak reference, so that nothing has to look after empty ones.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use crate::{
    engine::{ReadyState, RefusalReason},
    foreign::{self, Panicked, brief},
    packet::JsonText,
    room::shrink,
    server::{
        Client, ConnectError, Namespace, SocketIo, client::Question, cut_off, emit, io::IoInner,
        namespace::NamespaceInner, recovery::Together,
    },
};

/// How long a name may be that a client makes up. It is kept, looked for and compared wherever its namespace is, and on all servers.
const MAX_NAME: usize = 1024;

/// A client's question for a namespace that isn't there, for [`SocketIo::of_matching_async`].
#[derive(Clone)]
pub struct NamespaceRequest {
    name: Arc<str>,
    client: Client,
    auth: Option<JsonText>,
}

impl NamespaceRequest {
    /// The name of the namespace, with its leading `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who asks.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What the client sent with the question, as [`Handshake::auth`](crate::Handshake::auth) has it.
    ///
    /// # Errors
    ///
    /// It is no `T`.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.auth.as_ref().map_or("{}", JsonText::get))
    }
}

type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Which namespaces are the children of a parent.
pub(super) enum Pattern {
    Name(Box<dyn Fn(&str) -> bool + Send + Sync>),
    Request(Box<dyn Fn(NamespaceRequest) -> Answer + Send + Sync>),
}

/// A parent and its pattern.
pub(super) struct Parent {
    pub(super) pattern: Pattern,
    pub(super) namespace: Arc<NamespaceInner>,
}

/// The children of a parent.
#[derive(Default)]
pub(super) struct Children {
    by_name: Mutex<IndexMap<Arc<str>, Weak<NamespaceInner>>>,
    together: Arc<Together>,
}

/// What makes a namespace a child. Dropped with it.
pub(super) struct ChildOf {
    name: Arc<str>,
    io: Weak<IoInner>,
    parent: Arc<NamespaceInner>,
}

impl SocketIo {
    /// The namespaces whose names this predicate accepts, which come to be when a client asks for them: JS `io.of(/regex/)`.
    ///
    /// What it gives is their parent. What is registered on it by the time at which a child comes to be, the child has too: handlers,
    /// middlewares, [`sequential`](Namespace::sequential). What is registered later is for later children, so patterns are made before the server
    /// serves: a client that asks for a name just then has a child made without the middleware of the next line. To emit through the parent, or
    /// through a selection of it, reaches the sockets of all children on this server; [`sockets`](Namespace::sockets),
    /// [`len`](Namespace::len), [`disconnect`](Namespace::disconnect) and their likes mean all of them too. The parent itself has no
    /// sockets; in a handler, [`Socket::namespace`](crate::Socket::namespace) is the child.
    ///
    /// A child ends with its last socket, unless the application keeps a handle of it, or has named it in [`of`](Self::of). Existing
    /// namespaces stand before patterns, and patterns are tried in the order in which they were given. A client can have as many namespaces
    /// made as it may be in, see [`max_namespaces`](crate::Builder::max_namespaces), of those that the predicate accepts: make it a narrow
    /// one. It is called for every CONNECT to an unknown namespace, so it has to be quick. It is not asked about names of more than 1,024
    /// bytes: those are no namespaces.
    ///
    /// ```
    /// use axum_socketio::{Socket, SocketIo, extract::Data};
    ///
    /// let io = SocketIo::new();
    /// let rooms = io
    ///     .of_matching(|name| name.strip_prefix("/room-").is_some_and(|number| number.parse::<u16>().is_ok()))
    ///     .on("say", async |socket: Socket, Data(text): Data<String>| {
    ///         socket.namespace().emit("said", text);
    ///     });
    /// // To everyone in every room.
    /// rooms.emit("news", "we close at ten");
    /// ```
    #[doc(alias = "of")]
    #[doc(alias = "ParentNamespace")]
    #[doc(alias = "cleanupEmptyChildNamespaces")]
    pub fn of_matching(&self, pattern: impl Fn(&str) -> bool + Send + Sync + 'static) -> Namespace {
        self.add_parent(Pattern::Name(Box::new(pattern)))
    }

    /// As [`of_matching`](Self::of_matching), where the answer needs to know who asks, or to wait for something: JS `io.of((name, auth,
    /// next) => …)`.
    ///
    /// One that panics accepts nothing; neither does one that has not answered within
    /// [`connect_timeout`](crate::Builder::connect_timeout), which is dropped then. How many questions of a client may be open counts as a namespace each.
    ///
    /// ```
    /// use axum_socketio::{NamespaceRequest, SocketIo};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Ticket {
    ///     ticket: String,
    /// }
    ///
    /// async fn is_sold(event: &str, ticket: &str) -> bool {
    ///     event == "/concert" && ticket == "row 7"
    /// }
    ///
    /// let io = SocketIo::new();
    /// let events = io.of_matching_async(async |request: NamespaceRequest| match request.auth::<Ticket>() {
    ///     Ok(Ticket { ticket }) => is_sold(request.name(), &ticket).await,
    ///     Err(_) => false,
    /// });
    /// # let _ = events;
    /// ```
    #[doc(alias = "of")]
    pub fn of_matching_async<F>(
        &self,
        pattern: impl Fn(NamespaceRequest) -> F + Send + Sync + 'static,
    ) -> Namespace
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.add_parent(Pattern::Request(Box::new(move |request| {
            Box::pin(pattern(request))
        })))
    }

    /// The child of this name, which comes to be unless a namespace of this name is there.
    fn child(&self, parent: &Arc<NamespaceInner>, name: &Arc<str>) -> Arc<NamespaceInner> {
        if let Some(known) = self.namespace(name) {
            return known;
        }
        let child = self.new_child(parent, name.clone());
        self.register_child(name, &child)
    }

    /// A child that nobody knows of yet.
    pub(super) fn new_child(
        &self,
        parent: &Arc<NamespaceInner>,
        name: impl Into<Arc<str>>,
    ) -> Arc<NamespaceInner> {
        let name = name.into();
        let link = ChildOf {
            name: name.clone(),
            io: self.downgrade(),
            parent: parent.clone(),
        };
        // Before anyone can emit in it, and under no lock: it runs code of the back end.
        if let Some(cluster) = self.cluster() {
            cluster.open(&name);
        }
        let child = NamespaceInner::new_child(link, self.cluster().cloned(), self);
        Arc::new(child.with_recovery(self))
    }
}

impl Client {
    /// The client asks for a namespace that isn't there.
    pub(super) fn ask_for(&self, name: &str, auth: Option<JsonText>) {
        let parents = self.io().parents();
        if parents.is_empty() || name.len() > MAX_NAME {
            return self.has_no_such(name);
        }
        let made_up = name.len();
        let name: Arc<str> = name.into();
        let question = match self.begin_question(name.clone(), auth.as_ref(), made_up) {
            Ok(question) => question,
            Err(place) => return self.not_let_into(&name, &self.has_no_place(place, &name)),
        };
        let request = NamespaceRequest {
            name,
            client: self.clone(),
            auth,
        };
        let mut asking = Box::pin(foreign::run(Box::pin(found(parents, request.clone()))));
        // Inline, if nothing waits: what the client sends next may be for that namespace.
        let polled = asking.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let (client, unanswered) = (self.clone(), request.clone());
        let timeout = self.io().settings().connect_timeout;
        let answer = move |found| client.answer(request, Some(question), found);
        match polled {
            Poll::Ready(found) => answer(found),
            // It owns the client: one that never ended would keep that, and clients could have it asked any number of times.
            Poll::Pending => {
                let asked = async move {
                    let found = tokio::time::timeout(timeout, asking).await;
                    answer(found.unwrap_or_else(|_| {
                        crate::log::warn!(
                            "a predicate of namespaces has not answered within `connect_timeout`"
                        );
                        Ok(None)
                    }));
                };
                let client = self.clone();
                cut_off::spawn_or_else(self.io(), asked, move || {
                    client.answer(unanswered, None, Ok(None))
                });
            }
        }
    }

    fn answer(
        &self,
        request: NamespaceRequest,
        question: Option<Question>,
        found: Result<Option<Arc<NamespaceInner>>, Panicked>,
    ) {
        if self.connection().ready_state() != ReadyState::Open {
            return;
        }
        let NamespaceRequest { name, auth, .. } = request;
        let found = found.unwrap_or_else(|panicked| {
            crate::log::error!(
                namespace = brief(&name),
                error = brief(&panicked.to_string()),
                "a predicate of namespaces panicked"
            );
            None
        });
        // It has left meanwhile, and may have asked again.
        if question.as_ref().is_some_and(|question| !question.is_wanted()) {
            return;
        }
        match found {
            Some(parent) => self.connect_after(question, self.io().child(&parent, &name), auth),
            None => self.has_no_such(&name),
        }
    }

    fn has_no_such(&self, name: &str) {
        crate::log::debug!(
            namespace = brief(name),
            "a client asked for a namespace that does not exist"
        );
        self.io()
            .engine()
            .instruments()
            .refused(RefusalReason::InvalidNamespace);
        self.not_let_into(name, &ConnectError::new("Invalid namespace"));
    }

    pub(super) fn not_let_into(&self, name: &str, error: &ConnectError) {
        let protocol = self.connection().protocol();
        self.tell(emit::connect_error(self.parser(), protocol, name, error));
    }
}

/// Asks one pattern after the other.
async fn found(parents: Vec<Arc<Parent>>, request: NamespaceRequest) -> Option<Arc<NamespaceInner>> {
    for parent in parents {
        let accepted = match &parent.pattern {
            Pattern::Name(pattern) => pattern(&request.name),
            Pattern::Request(pattern) => pattern(request.clone()).await,
        };
        if accepted {
            return Some(parent.namespace.clone());
        }
    }
    None
}

impl Pattern {
    /// Whether it can tell from the name alone, and accepts it.
    pub(super) fn accepts(&self, name: &str) -> bool {
        matches!(self, Self::Name(pattern) if pattern(name))
    }
}

impl Children {
    /// Those that are there.
    pub(super) fn all(&self) -> Vec<Arc<NamespaceInner>> {
        let children = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        children.values().filter_map(Weak::upgrade).collect()
    }

    /// What they keep for clients that may come back.
    pub(super) fn together(&self) -> Arc<Together> {
        self.together.clone()
    }

    pub(super) fn add(&self, child: &Arc<NamespaceInner>) {
        let mut children = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        children.insert(child.shared_name(), Arc::downgrade(child));
    }

    /// How many there is memory for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.by_name.lock().unwrap().capacity()
    }

    /// Forgets a child that has ended, unless there is another one of its name by now.
    fn forget(&self, name: &str) {
        let mut children = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if children.get(name).is_some_and(|child| child.strong_count() == 0) {
            children.swap_remove(name);
            shrink(children.len(), children.capacity(), |to| children.shrink_to(to));
        }
    }
}

impl ChildOf {
    pub(super) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(super) const fn parent(&self) -> &Arc<NamespaceInner> {
        &self.parent
    }
}

impl Drop for ChildOf {
    fn drop(&mut self) {
        if let Some(children) = self.parent.children() {
            children.forget(&self.name);
        }
        let Some(io) = SocketIo::upgrade(&self.io) else {
            return;
        };
        io.unregister_child(&self.name);
        if let Some(cluster) = io.cluster() {
            cluster.leave(&self.name);
        }
        crate::log::debug!(namespace = brief(&self.name), "a dynamic namespace has ended");
    }
}

impl fmt::Debug for NamespaceRequest {
    // What the client sent holds credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
