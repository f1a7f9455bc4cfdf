//! The server itself.

mod registry;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use self::registry::Registered;
use crate::{
    adapter::Cluster,
    engine::{Acceptor, Connection, Engine, Receiver},
    packet::parser::PacketParser,
    server::{
        Builder, Client, Namespace, Origins,
        builder::Settings,
        cluster::{self, HeldBack},
        complaints::Complaints,
        dynamic::{Parent, Pattern},
        namespace::NamespaceInner,
        recovery::Unnoticed,
        running::Running,
        runtimes::Runtimes,
    },
};

/// A Socket.IO server: JS `Server`, `io`.
///
/// A cheap handle: clones are the same server. Mount it with [`layer`](Self::layer) or [`service`](Self::service), and
/// speak to clients from anywhere that has a clone.
///
/// ```
/// use axum_socketio::SocketIo;
///
/// let io = SocketIo::new();
/// io.of("/news").to("lobby").emit("headline", "it works");
/// ```
#[derive(Clone)]
#[doc(alias = "Server")]
pub struct SocketIo(Arc<IoInner>);

pub(super) struct IoInner {
    this: Weak<Self>,
    engine: Engine,
    settings: Settings,
    namespaces: RwLock<HashMap<Arc<str>, Registered>>,
    parents: RwLock<Vec<Arc<Parent>>>,
    next_serial: AtomicU64,
    leaving: Running,
    /// Where connections live.
    runtimes: Arc<Runtimes>,
    /// The other servers, if there may be any.
    cluster: Option<Arc<Cluster>>,
    held_back: Arc<HeldBack>,
    /// Of its engine and of those bound to it.
    unnoticed: Arc<Unnoticed>,
    /// Engines besides its own.
    bound: Mutex<Vec<Engine>>,
    /// Some engine compresses what WebSockets get. Read and written under the lock of the namespaces.
    compresses: AtomicBool,
    complaints: Arc<Complaints>,
    /// Somebody has asked for a layer or a service.
    mounted: AtomicBool,
    /// False when it has closed; gone with it.
    alive: watch::Sender<bool>,
}

impl SocketIo {
    /// A server with the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::from_settings(Settings::default())
    }

    /// Sets options first.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn from_settings(settings: Settings) -> Self {
        let joined = cluster::join(&settings);
        let (cluster, incoming) = joined.unzip();
        let inner = Arc::new_cyclic(|this: &Weak<IoInner>| IoInner {
            this: this.clone(),
            engine: Engine::new(settings.engine.clone(), this.clone()),
            compresses: AtomicBool::new(settings.engine.deflate.is_some()),
            settings,
            namespaces: RwLock::default(),
            parents: RwLock::default(),
            next_serial: AtomicU64::new(0),
            leaving: Running::new(),
            runtimes: Arc::default(),
            cluster,
            held_back: Arc::default(),
            unnoticed: Arc::default(),
            bound: Mutex::default(),
            complaints: Arc::default(),
            mounted: AtomicBool::new(false),
            alive: watch::Sender::new(true),
        });
        let io = Self(inner);
        io.unnoticed().at_least(io.engine().heartbeat());
        drop(io.of("/"));
        if let Some(incoming) = incoming {
            cluster::start(&io, incoming);
        }
        io
    }

    pub(super) fn set_mounted(&self) {
        self.0.mounted.store(true, Ordering::Relaxed);
    }

    /// Whether anything in the process could hand it a request.
    pub(crate) fn is_mounted(&self) -> bool {
        self.0.mounted.load(Ordering::Relaxed)
    }

    pub(super) fn complaints(&self) -> &Arc<Complaints> {
        &self.0.complaints
    }

    pub(super) fn parents(&self) -> Vec<Arc<Parent>> {
        self.0
            .parents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Named as in Node, where no client can ask for it by this name either.
    pub(super) fn add_parent(&self, pattern: Pattern) -> Namespace {
        let mut parents = self.0.parents.write().unwrap_or_else(PoisonError::into_inner);
        let name = format!("/_{}", parents.len());
        let namespace = Arc::new(NamespaceInner::new_parent(&name, self));
        parents.push(Arc::new(Parent {
            pattern,
            namespace: namespace.clone(),
        }));
        Namespace::new(namespace)
    }

    /// The namespace `/`.
    #[must_use]
    pub fn sockets(&self) -> Namespace {
        self.of("/")
    }

    /// Where it is mounted, without a trailing slash: JS `server.path()`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.settings.path.as_str()
    }

    /// Whether it serves the client's files: JS `server.serveClient()`.
    #[must_use]
    pub fn serve_client(&self) -> bool {
        self.0.settings.bundle.is_some()
    }

    /// How packets are written and read: JS `server._parser`.
    #[must_use]
    pub fn parser(&self) -> &PacketParser {
        &self.0.settings.parser
    }

    /// The origins that may connect, if they were given as a list or a function: JS `server.origins()`.
    #[must_use]
    pub fn origins(&self) -> Option<&Origins> {
        self.0.settings.origins.as_ref()
    }

    /// The Engine.IO server underneath: its own, without those that were [bound](Self::bind) to it. JS `io.engine`.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.0.cluster.as_ref()
    }

    pub(super) fn held_back(&self) -> &Arc<HeldBack> {
        &self.0.held_back
    }

    /// How long a client may be silent, over whichever of its engines.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.0.unnoticed.get()
    }

    pub(super) fn unnoticed(&self) -> &Arc<Unnoticed> {
        &self.0.unnoticed
    }

    pub(super) fn bound(&self) -> &Mutex<Vec<Engine>> {
        &self.0.bound
    }

    /// From now on there is an engine that compresses: what goes to many is compressed once for all of them.
    pub(super) fn set_compresses(&self) {
        let namespaces = self.0.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        self.0.compresses.store(true, Ordering::Relaxed);
        let known: Vec<_> = namespaces.values().filter_map(Registered::get).collect();
        // Before them: a child whose last holder this is takes the lock when it ends.
        drop(namespaces);
        known.iter().for_each(|namespace| namespace.set_compresses());
    }

    /// What an engine tells of new connections. It doesn't own the server.
    pub(super) fn as_acceptor(&self) -> Weak<dyn Acceptor> {
        self.downgrade()
    }

    pub(super) fn downgrade(&self) -> Weak<IoInner> {
        Arc::downgrade(&self.0)
    }

    pub(super) fn upgrade(io: &Weak<IoInner>) -> Option<Self> {
        io.upgrade().map(Self)
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Tells those who look after what outlives connections that the server has closed, and when it is no more.
    pub(super) fn alive(&self) -> &watch::Sender<bool> {
        &self.0.alive
    }

    pub(super) fn leaving(&self) -> &Running {
        &self.0.leaving
    }

    pub(super) fn runtimes(&self) -> &Runtimes {
        &self.0.runtimes
    }

    pub(super) fn next_serial(&self) -> u64 {
        self.0.next_serial.fetch_add(1, Ordering::Relaxed)
    }
}

impl Acceptor for IoInner {
    fn accept(&self, connection: &Connection) -> Arc<dyn Receiver> {
        self.runtimes.meet();
        let this = self
            .this
            .upgrade()
            .expect("invariant: who calls holds the server");
        Client::open(SocketIo(this), connection.clone())
    }
}

impl Default for SocketIo {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self
            .0
            .namespaces
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect();
        names.sort_unstable();
        f.debug_struct("SocketIo")
            .field("namespaces", &names)
            .finish_non_exhaustive()
    }
}
