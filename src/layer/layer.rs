//! The layer.

use tower_layer::Layer;

use crate::{
    engine::Engine,
    layer::{NotFound, SocketIoService},
    server::{Mount, SocketIo},
};

/// Mounts a [`SocketIo`] on a router or any other tower service.
///
/// The layer takes the requests under the server's path and hands all others on, with the [`SocketIo`] in their extensions,
/// so that handlers behind it can extract it. See the [module docs](crate::layer) for where to put it.
///
/// It is a handle: clones, and every service it makes, share the one server. axum makes many of them, one per route.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct SocketIoLayer {
    mount: Mount,
}

impl SocketIoLayer {
    /// The layer of a new server with the default options: `SocketIo::new().layer()`.
    pub fn new() -> Self {
        SocketIo::new().layer()
    }

    pub(super) const fn mounting(mount: Mount) -> Self {
        Self { mount }
    }

    pub(super) const fn mount(&self) -> &Mount {
        &self.mount
    }

    /// The server that it mounts.
    #[must_use]
    pub const fn io(&self) -> &SocketIo {
        self.mount.io()
    }

    /// The engine that it mounts: the server's own, unless it was [bound](SocketIo::bind) to the server.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        self.mount.engine()
    }
}

impl Default for SocketIoLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for SocketIoLayer {
    type Service = SocketIoService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SocketIoService::new(inner, self.mount.clone())
    }
}

impl SocketIo {
    /// A layer that mounts this server, for [`Router::layer`](https://docs.rs/axum/0.8/axum/struct.Router.html#method.layer)
    /// and any other tower stack.
    ///
    /// Call it as often as you like: all layers mount the same server. See the [module docs](crate::layer).
    ///
    /// Requests for WebSockets elsewhere go on to the router like all others, so that there is none to end, as Node's
    /// `destroyUpgrade` does.
    #[doc(alias = "attach")]
    #[doc(alias = "destroyUpgrade")]
    #[doc(alias = "destroyUpgradeTimeout")]
    pub fn layer(&self) -> SocketIoLayer {
        SocketIoLayer::mounting(self.mount())
    }

    /// This server as a service of its own, which answers 404 outside of its path.
    ///
    /// For plain hyper, and for axum's `fallback_service`, `nest_service` and `route_service`. See the
    /// [module docs](crate::layer).
    #[doc(alias = "attach")]
    #[doc(alias = "listen")]
    #[must_use]
    pub fn service(&self) -> SocketIoService<NotFound> {
        SocketIoService::new(NotFound::new(), self.mount())
    }
}
