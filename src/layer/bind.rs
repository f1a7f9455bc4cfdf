//! Mounting one server in several ways.

use crate::{
    layer::{NotFound, SocketIoLayer, SocketIoService},
    server::{BuildError, Builder, SocketIo},
};

impl SocketIo {
    /// Binds one more engine to this server and gives the layer that mounts it: JS `server.bind(engine)`, and `attach` called
    /// again.
    ///
    /// Its clients are in the namespaces of this server, with everyone else. How they get there is the engine's own affair:
    /// path, transports, heartbeats, limits, [`origins`](Builder::origins), [`allow_request`](Builder::allow_request) and
    /// the other hooks are those of the `options`. Reach for it where some clients come another way: devices of the
    /// house under a path that only the internal network sees, clients of another age with other heartbeats.
    ///
    /// [`close`](Self::close) closes it together with the server.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use axum::Router;
    /// use axum_socketio::{SocketIo, engine::Transport};
    ///
    /// let io = SocketIo::new();
    /// let devices = io.bind(
    ///     SocketIo::builder()
    ///         .path("/devices")
    ///         .transports([Transport::WebSocket])
    ///         .ping_interval(Duration::from_secs(240)),
    /// )?;
    ///
    /// let app: Router = Router::new().layer(io.layer()).layer(devices);
    /// # let _ = app;
    /// # Ok::<(), axum_socketio::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Builder::build`]; and what is not for an engine to say: the options of sockets, acknowledgements and
    /// namespaces, the parser and the adapter are the server's.
    #[doc(alias = "attach")]
    #[doc(alias = "Engine")]
    pub fn bind(&self, options: Builder) -> Result<SocketIoLayer, BuildError> {
        let settings = options.build_engine()?;
        Ok(SocketIoLayer::mounting(self.bind_engine(settings)))
    }
}

impl SocketIoLayer {
    /// What it mounts as a service of its own, which answers 404 outside of the path: see [`SocketIo::service`].
    #[must_use]
    pub fn service(&self) -> SocketIoService<NotFound> {
        SocketIoService::new(NotFound::new(), self.mount().clone())
    }
}
