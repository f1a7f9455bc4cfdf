//! A server of its own, without an application.

use std::{
    fmt,
    future::{IntoFuture, pending},
    io,
    net::SocketAddr,
};

use axum::{Router, serve::ListenerExt};
use tokio::net::{TcpListener, ToSocketAddrs};

use crate::server::{BoxFuture, SocketIo};

/// A [`SocketIo`] on a port of its own: awaited, it serves. Made by [`SocketIo::listen`].
#[must_use = "a server does nothing until it is awaited"]
pub struct Server {
    listener: TcpListener,
    io: SocketIo,
    signal: BoxFuture<()>,
}

impl SocketIo {
    /// Binds a port and serves nothing but Socket.IO on it: 404 elsewhere.
    ///
    /// Connections have `TCP_NODELAY`, and handlers know the address of the peer. To serve an application too, mount a
    /// [`layer`](Self::layer) on it.
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

    /// Stops when this future is ready: no new connections, everyone is disconnected as by [`SocketIo::close`], and the last
    /// answers leave.
    pub fn with_graceful_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.signal = Box::pin(signal);
        self
    }
}

impl IntoFuture for Server {
    type Output = io::Result<()>;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { listener, io, signal } = self;
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
        });
        let service = Router::new().fallback_service(io.service());
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        let shutdown = async move {
            signal.await;
            io.close().await;
        };
        Box::pin(async move {
            axum::serve(listener, service)
                .with_graceful_shutdown(shutdown)
                .await
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
