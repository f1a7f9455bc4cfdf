//! A server on a port of its own, with an application or without one.

use std::{
    fmt,
    future::{IntoFuture, pending},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    time::Duration,
};

use axum::{Router, middleware};
use futures_util::future::{Either, select};
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    sync::oneshot,
    time::sleep_until,
};

use crate::{
    engine::{FOR_EVER, Stopping, now},
    foreign,
    layer::idle::{self, IdleListener, Peer},
    server::{BoxFuture, SocketIo},
};

/// How long a connection may ask for nothing where no other time is given: that of `headersTimeout` in Node.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a stop may take where no other time is given.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long sessions may take to end when a server stops that may take longer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`SocketIo`] on a port of its own: awaited, it serves. Made by [`SocketIo::listen`].
///
/// Dropped while it is awaited, as behind `select!` or a time-out, it leaves what [`axum::serve()`] does: the port is free, requests that are
/// being served are answered, and connections over which nothing is asked for are closed. Sockets stay until they leave or are
/// [disconnected](SocketIo::close).
#[must_use = "a server does nothing until it is awaited"]
pub struct Server {
    listener: TcpListener,
    io: SocketIo,
    app: Option<Router>,
    idle_timeout: Duration,
    shutdown_timeout: Duration,
    signal: BoxFuture<()>,
}

impl SocketIo {
    /// Binds a port and serves nothing but Socket.IO on it, 404 elsewhere; or an [application](Server::app) too.
    ///
    /// It is [`axum::serve()`] with what a server on the open internet wants besides: connections that ask for nothing are
    /// [closed](Server::idle_timeout), all have `TCP_NODELAY`, handlers know the address of the peer, and the end is
    /// [graceful](Server::with_graceful_shutdown).
    ///
    /// ```no_run
    /// use axum_socketio::SocketIo;
    ///
    /// # async fn serve() -> std::io::Result<()> {
    /// let io = SocketIo::new();
    /// io.listen("127.0.0.1:3000")
    ///     .await?
    ///     .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The address can't be bound.
    #[doc(alias = "attach")]
    pub async fn listen(&self, address: impl ToSocketAddrs) -> io::Result<Server> {
        Ok(Server {
            listener: TcpListener::bind(address).await?,
            io: self.clone(),
            app: None,
            idle_timeout: IDLE_TIMEOUT,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            signal: Box::pin(pending()),
        })
    }
}

impl Server {
    /// The address it listens on: with port 0 the one that was free.
    ///
    /// # Errors
    ///
    /// The operating system doesn't tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves this application, on which a [`layer`](SocketIo::layer) of the [`SocketIo`] is mounted. Its handlers find the address of
    /// the peer in axum's `ConnectInfo<SocketAddr>`.
    ///
    /// ```no_run
    /// use axum::{Router, routing::get};
    /// use axum_socketio::SocketIo;
    ///
    /// # async fn serve() -> std::io::Result<()> {
    /// let io = SocketIo::new();
    /// let app = Router::new()
    ///     .route("/", get(|| async { "hello" }))
    ///     .layer(io.layer());
    /// io.listen("127.0.0.1:3000").await?.app(app).await
    /// # }
    /// ```
    pub fn app(mut self, app: Router) -> Self {
        self.app = Some(app);
        self
    }

    /// How long a connection may ask for nothing before it is closed: 60 s by default. Never less than a heartbeat, `ping_interval` and
    /// `ping_timeout` together, is allowed, nor than the longest of the engines that have been [bound](SocketIo::bind) by then;
    /// [`Duration::MAX`] is for ever. JS `httpServer.headersTimeout` and `keepAliveTimeout`.
    ///
    /// That is one that has no request served and takes nothing of an answer: it idles, or has sent half a request, of which nothing more
    /// comes. Requests that are there may take as long as they want, and so may what has become a WebSocket or another protocol
    /// of the application's own; those of Socket.IO have heartbeats. (Over HTTP/2, where one connection has many requests, a WebSocket of the
    /// application's own has to say something now and then, such as a ping. So has what goes both ways at once, such as a stream of gRPC: its
    /// request isn't there yet.) Whoever opens connections and says nothing, or a byte of a
    /// request's head now and then, can't use up the files of the process for long; [`axum::serve()`] lets them. How slowly a body may
    /// come is for the application to say.
    #[doc(alias = "headersTimeout")]
    #[doc(alias = "keepAliveTimeout")]
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long a stop may take, counted from the [signal](Self::with_graceful_shutdown), and so from the end of a [drain](SocketIo::drain) in that:
    /// 30 s by default, [`Duration::MAX`] is for ever.
    /// Requests that are still being served then are cut off, with a warning in the log, and the server is ready. If it is less than ten
    /// seconds, sessions that have not ended are cut off shortly before, as by [`SocketIo::close_within`].
    ///
    /// [`axum::serve()`] waits for ever: for a stream of server-sent events, say, or for a client that takes its answer, or sends its
    /// request, a few bytes at a time.
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Stops when this future is ready: everyone is disconnected as by [`SocketIo::close`], then there are no new connections, and the last
    /// answers leave. Until the sessions have ended, for which a client that doesn't say that it has read everything has five seconds, requests
    /// are served, over new connections too: clients that poll fetch what was said to them, and behind many a proxy each of their requests
    /// has a connection of its own. The application may refuse others while the server [is closing](SocketIo::is_closing). Where the application has
    /// closed or [drained](SocketIo::drain) it by then, whom that has given up isn't waited for once more.
    ///
    /// Whoever has sent half a request is waited for three seconds and not for the
    /// [`idle_timeout`](Self::idle_timeout), and whoever takes nothing of an answer for twenty; over HTTP/2, where a window is closed, for
    /// three too. All of it takes no longer than the [`shutdown_timeout`](Self::shutdown_timeout).
    pub fn with_graceful_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.signal = Box::pin(signal);
        self
    }
}

impl IntoFuture for Server {
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            listener,
            io,
            app,
            idle_timeout,
            shutdown_timeout,
            signal,
        } = self;
        let stopping = Stopping::default();
        let listener = IdleListener {
            listener,
            timeout: idle_timeout.max(io.heartbeat()),
            stopping: stopping.clone(),
        };
        if app.is_some() && !io.is_mounted() {
            crate::log::warn!(
                "the application that is served has no layer of this `SocketIo`, and clients get what it has for unknown paths: \
                 add `.layer(io.layer())` after its routes"
            );
        }
        let app = app.unwrap_or_else(|| Router::new().fallback_service(io.service()));
        let app = app.layer(middleware::from_fn(idle::serve));
        let service = app.into_make_service_with_connect_info::<Peer>();
        let (mut stop, stops) = oneshot::channel();
        // In a task of its own, which has to end also when nobody awaits the server any more: the signal may never come.
        let shutdown = async move {
            match select(pin!(foreign::run(signal)), pin!(stop.closed())).await {
                Either::Left((Ok(()), _)) => {}
                Either::Left((Err(error), _)) => {
                    crate::log::error!(%error, "what is to say when to stop panicked: the server stops");
                }
                Either::Right(_) => return,
            }
            let until = now() + shutdown_timeout.min(FOR_EVER);
            // Nobody waits for it if nobody awaits the server any more.
            let _ = stop.send(until);
            // Or the application has, and has waited for as long as it would.
            if !io.has_closed() {
                io.close_within(CLOSE_TIMEOUT.min(shutdown_timeout)).await;
            }
            stopping.begin(until);
        };
        let cut = async {
            match stops.await {
                Ok(until) => sleep_until(until.into()).await,
                Err(_) => pending().await,
            }
        };
        Box::pin(async move {
            let serve = axum::serve(listener, service).with_graceful_shutdown(shutdown);
            match select(serve.into_future(), pin!(cut)).await {
                Either::Left((served, _)) => served,
                Either::Right(((), _)) => {
                    crate::log::warn!(
                        "what is still being served is cut off: `shutdown_timeout` says how long it may take"
                    );
                    Ok(())
                }
            }
        })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("io", &self.io)
            .finish_non_exhaustive()
    }
}
