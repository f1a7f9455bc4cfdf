//! How a server leaves: refuse, announce, close, cut.

use std::{fmt, time::Duration};

use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    engine::{CloseReason, Engine},
    foreign,
    server::{Namespace, SocketIo},
};

const REASON: CloseReason = CloseReason::ServerShuttingDown;

/// What is kept of the time for handlers whose sockets are cut off, and as much for the good-bye to other servers.
const LAST: Duration = Duration::from_secs(1);

/// How to drain a server: see [`SocketIo::drain`].
///
/// ```
/// use std::time::Duration;
/// use axum_socketio::Drain;
///
/// let drain = Drain::new(Duration::from_secs(15))
///     .announce("going away", "a new version is coming")
///     .grace(Duration::from_secs(8));
/// ```
#[must_use = "hand it to `SocketIo::drain`"]
pub struct Drain {
    period: Duration,
    grace: Duration,
    announcement: Option<Announcement>,
}

type Announcement = Box<dyn FnOnce(&[Namespace]) + Send>;

impl Drain {
    /// Connections are closed over this period, each at a random moment in a part of its own, so that the servers they reconnect to
    /// see them come one by one. Choose it by how many handshakes those take: 10,000 connections in 20 s are 500 a second. With
    /// zero all are closed at once.
    pub fn new(period: Duration) -> Self {
        Self {
            period,
            grace: Duration::from_secs(10),
            announcement: None,
        }
    }

    /// How long what has been closed may take to end, after the period: until queued messages are written and disconnect handlers
    /// have returned. 10 s by default. Then connections are cut off. Period and grace, and what the HTTP server may take
    /// [afterwards](crate::layer::Server::shutdown_timeout), together belong below the time after which your platform kills the process.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Tells every socket on this server with an event, before the first connection is closed. Several arguments are given as a
    /// tuple.
    ///
    /// What can't be serialised is not announced, and the log says so; nor does a panic in it keep the server from draining.
    ///
    /// Each client hears it before its own connection is closed, which may be at once. Clients that reconnect by themselves because of
    /// it come back all together: let them rather save what they have to, and wait for the end.
    pub fn announce<A>(mut self, event: impl Into<String>, args: A) -> Self
    where
        A: Serialize + Send + 'static,
    {
        let event = event.into();
        self.announcement = Some(Box::new(move |namespaces: &[Namespace]| {
            for namespace in namespaces {
                namespace.local().emit(&event, &args);
            }
        }));
        self
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("period", &self.period)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// How draining went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Connections that there were when it began.
    pub connections: usize,
    /// Those that it closed in their turn. The others left before, by themselves.
    pub closed: usize,
    /// Those that had not ended when the grace was over and were cut off: what was queued for them is lost.
    pub cut: usize,
    /// Connections whose clients had not answered that they were closed, or whose sockets were still to be told, sockets and disconnect
    /// handlers that had not finished by then. They go on until the runtime ends.
    pub unfinished: usize,
}

impl DrainReport {
    /// Whether nobody had to be cut off, every client of a WebSocket that was closed has answered or had its time, and every disconnect
    /// handler has returned.
    ///
    /// A client that doesn't take what is queued for it has five seconds from when its connection is closed, and as long after that to answer
    /// its WebSocket's close frame, which says that it has read everything. Then that ends by itself, and the rest of what was queued is lost;
    /// it isn't among those that were [cut](Self::cut).
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.cut == 0 && self.unfinished == 0
    }
}

impl SocketIo {
    /// Takes this server out of service without a wave: for deploys.
    ///
    /// 1. Handshakes are refused from now on, with status 503 and `{"code":7,"message":"Server shutting down"}`, which clients answer by
    ///    trying again later; requests of sessions that exist are served. [`is_closing`](Self::is_closing) becomes true.
    /// 2. What [`Drain::announce`] says is sent.
    /// 3. Connections are closed over the period. Sockets leave with the reason `server shutting down`, after what was queued for them
    ///    has been sent; to JS clients it is `transport close`, after which they reconnect by themselves.
    /// 4. After the grace, connections that have not ended are cut off.
    ///
    /// It returns as soon as nobody is left, every disconnect handler has returned, and clients of WebSockets have read what was sent to them: so
    /// the process may end at once. Or it returns when period and grace are over. Dropped before, it leaves the connections that there are,
    /// and the server refusing. Called together with [`close`](Self::close) or itself, whichever
    /// comes first to a connection closes it: so a second signal may hurry the first.
    ///
    /// The HTTP server is not closed: await this in the future that you give to axum's `with_graceful_shutdown`, or to that of
    /// [`listen`](Self::listen). Service managers and containers ask with SIGTERM, which ends a process at once unless it is
    /// waited for as ctrl-c is here, with `tokio::signal::unix::signal(SignalKind::terminate())`.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use axum::Router;
    /// use axum_socketio::{Drain, SocketIo};
    ///
    /// # async fn serve(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// let io = SocketIo::new();
    /// let app: Router = Router::new().layer(io.layer());
    /// axum::serve(listener, app)
    ///     .with_graceful_shutdown(async move {
    ///         drop(tokio::signal::ctrl_c().await);
    ///         let report = io.drain(Drain::new(Duration::from_secs(15))).await;
    ///         println!("{report:?}");
    ///     })
    ///     .await
    /// # }
    /// ```
    pub async fn drain(&self, drain: Drain) -> DrainReport {
        let engines = self.refusing_engines();
        let connections = engines.iter().map(|engine| engine.refuse(REASON)).sum();
        crate::log::info!(connections, period = ?drain.period, "draining");
        if let Some(announce) = drain.announcement {
            let namespaces = self.namespaces();
            // It runs the application's `Serialize`. A server that half drained would refuse everyone and let nobody go.
            if let Err(error) = foreign::call(|| announce(&namespaces)) {
                crate::log::error!(%error, "the announcement of a drain panicked");
            }
        }
        let closing = engines
            .iter()
            .map(|engine| engine.close_over(drain.period, REASON));
        let closed = join_all(closing).await.into_iter().sum();
        let cut = self.end_within(drain.grace).await;
        let unfinished = self.unfinished();
        crate::log::info!(connections, closed, cut, unfinished, "drained");
        DrainReport {
            connections,
            closed,
            cut,
            unfinished,
        }
    }

    /// Whether handshakes are refused, because the server is closed or [drains](Self::drain): what a readiness probe asks.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.engine().is_refusing()
    }

    /// Disconnects everyone and waits until the last disconnect handler has run.
    ///
    /// Sockets leave with the reason `server shutting down`. What was queued is flushed first, and clients of WebSockets have five seconds to
    /// answer that they have read it. New handshakes are refused from now on. By `deadline` it returns in any case: connections that have not
    /// ended shortly before are cut off, so that their disconnect handlers run, too.
    ///
    /// All clients are disconnected at the same moment and come back together; [`drain`](Self::drain) spreads them. The HTTP server is
    /// not closed: call this from the future that you give to axum's `with_graceful_shutdown`.
    #[doc(alias = "close")]
    pub async fn close_within(&self, deadline: Duration) {
        for engine in self.refusing_engines() {
            engine.close(REASON);
        }
        let cut = self.end_within(deadline).await;
        let unfinished = self.unfinished();
        if cut > 0 || unfinished > 0 {
            crate::log::warn!(?deadline, cut, unfinished, "closed before everything had ended");
        }
    }

    /// [`close_within`](Self::close_within) ten seconds.
    pub async fn close(&self) {
        self.close_within(Duration::from_secs(10)).await;
    }

    /// Whether it has drained or closed, and has waited for as long as it should: what has not ended since is given up.
    pub(crate) fn has_closed(&self) -> bool {
        !*self.alive().borrow()
    }

    /// Waits for the end of connections that have been closed, and of their handlers. How many had to be cut.
    async fn end_within(&self, deadline: Duration) -> usize {
        let last = LAST.min(deadline / 4);
        let in_time = timeout(deadline - 2 * last, self.ended()).await.is_ok();
        let engines = self.engines();
        let cut = if in_time {
            0
        } else {
            engines.iter().map(|engine| engine.cut(REASON)).sum()
        };
        if !in_time {
            // In vain, if handlers take longer.
            let _ = timeout(last, self.ended()).await;
        }
        for namespace in self.namespaces() {
            if let Some(recovery) = namespace.inner().recovery() {
                recovery.close();
            }
        }
        if let Some(cluster) = self.cluster() {
            // Without a good-bye the others find out by themselves.
            let _ = timeout(last, cluster.close()).await;
        }
        self.alive().send_replace(false);
        cut
    }

    /// All its engines. Its own is the first to refuse: who binds another one then sees that the server is closing.
    fn refusing_engines(&self) -> Vec<Engine> {
        self.engine().refuse(REASON);
        self.engines()
    }

    fn unfinished(&self) -> usize {
        let engines = self.engines();
        let telling: usize = engines.iter().map(Engine::under_way).sum();
        telling + self.leaving().count()
    }

    async fn ended(&self) {
        for engine in self.engines() {
            engine.closed().await;
        }
        self.leaving().none().await;
    }
}
