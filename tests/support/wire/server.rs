//! The server under test, on axum.

use std::{net::SocketAddr, sync::OnceLock, time::Duration};

use axum::Router;
use axum_socketio::SocketIo;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle, Runtime},
    task::JoinSet,
};

use super::suite;

/// A server on a free port of this machine. It stops when dropped.
#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) addr: SocketAddr,
    // Aborts what it runs when dropped.
    _running: JoinSet<()>,
}

/// The servers of the protocol suites. They have the same handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// All options have their defaults.
    Defaults = 0,
    /// Heartbeats and namespaces are waited for a second or so: the constants below.
    Hasty = 1,
    /// Engine.IO 3 is refused.
    OnlyV4 = 2,
}

impl TestServer {
    /// Mounts the server on a router and serves it.
    pub(crate) async fn start(io: &SocketIo) -> Self {
        let runtime = runtime();
        let listener = runtime.spawn(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.await.unwrap().unwrap();
        let addr = listener.local_addr().unwrap();
        let router: Router = Router::new().layer(io.layer());
        let mut running = JoinSet::new();
        running.spawn_on(
            async move { axum::serve(listener, router).await.unwrap() },
            &runtime,
        );
        Self {
            addr,
            _running: running,
        }
    }

    /// One that runs already.
    pub(crate) fn at(addr: SocketAddr) -> Self {
        Self {
            addr,
            _running: JoinSet::new(),
        }
    }

    /// A server of the protocol suites.
    pub(crate) async fn suite(profile: Profile) -> Self {
        let Ok(addr) = std::env::var("SOCKETIO_TEST_URL") else {
            return Self::start(&suite::io(profile)).await;
        };
        let mut addr: SocketAddr = addr.parse().expect("SOCKETIO_TEST_URL is an address and a port");
        addr.set_port(addr.port() + profile as u16);
        Self::at(addr)
    }
}

/// Where servers run: beside their tests, one thread for both, unless `AXUM_SOCKETIO_WORKERS` is a number. Then it is one
/// runtime of so many threads for all servers, and what a handler does and what a test looks at meet in any order.
fn runtime() -> Handle {
    static SERVERS: OnceLock<Option<Runtime>> = OnceLock::new();
    let servers = SERVERS.get_or_init(|| {
        let workers = std::env::var("AXUM_SOCKETIO_WORKERS").ok()?;
        let workers = workers.parse().expect("AXUM_SOCKETIO_WORKERS is a number");
        let mut builder = Builder::new_multi_thread();
        Some(builder.worker_threads(workers).enable_all().build().unwrap())
    });
    servers
        .as_ref()
        .map_or_else(Handle::current, |servers| servers.handle().clone())
}

impl Profile {
    /// The pause between two heartbeats of [`Hasty`](Self::Hasty): time enough to connect on a machine with more to do.
    pub(crate) const PING_INTERVAL: Duration = Duration::from_millis(500);
    /// How long it waits for the answer. The official suites have 200 ms here, which a busy machine may sleep through.
    pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(1);
    /// How long it waits for the first namespace.
    pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

    pub(super) fn options(self) -> SocketIo {
        let builder = SocketIo::builder();
        let builder = match self {
            Self::Defaults => builder,
            Self::Hasty => builder
                .ping_interval(Self::PING_INTERVAL)
                .ping_timeout(Self::PING_TIMEOUT)
                .connect_timeout(Self::CONNECT_TIMEOUT),
            Self::OnlyV4 => builder.allow_eio3(false),
        };
        builder.build().unwrap()
    }
}
