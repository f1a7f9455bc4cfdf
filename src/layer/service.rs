//! The service: whose a request is.

use std::{
    net::SocketAddr,
    sync::{Arc, Once},
    task::{Context, Poll},
};

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri, RawPathParams};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Extensions, Request, Response, Uri, request::Parts};
use http_body::Body;
use tower_service::Service;

use crate::{
    engine::{ClientFile, Encrypted, PathMatch},
    foreign::brief,
    layer::{BoxError, ResponseBody, ResponseFuture, gate},
    server::{Gate, Mount, SocketIo},
};

/// A service that serves Socket.IO under the server's path and leaves all other requests to the inner service.
///
/// Made by [`SocketIoLayer`](crate::layer::SocketIoLayer) and [`SocketIo::service`]. See the
/// [module docs](crate::layer).
///
/// It is always ready, whatever the inner service is, so that clients are served while the application has to wait; the
/// future of a request for the inner service waits until that one is ready. Hence what limits and sheds the load of the
/// application belongs inside of this service, what limits everything outside.
#[derive(Clone, Debug)]
pub struct SocketIoService<S> {
    inner: S,
    mount: Mount,
}

/// Who answers a request.
enum Owner<'a> {
    Engine,
    File(&'a ClientFile),
    Inner,
}

impl<S> SocketIoService<S> {
    pub(super) const fn new(inner: S, mount: Mount) -> Self {
        Self { inner, mount }
    }

    /// The server that answers under its path.
    #[must_use]
    pub const fn io(&self) -> &SocketIo {
        self.mount.io()
    }

    /// The service that answers everywhere else.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service that answers everywhere else.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service that answers everywhere else.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S> SocketIoService<S> {
    /// Asks the application's hooks before anything else happens.
    fn ask<B>(
        &self,
        gate: &Arc<Gate>,
        request: Request<B>,
        file: Option<Response<Bytes>>,
    ) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
        B: Body,
    {
        let peer = peer(request.extensions());
        let (mut parts, body) = request.into_parts();
        unpin_original_uri(&mut parts);
        let engine = file.is_none();
        let opens = engine && self.mount.engine().opens(&parts);
        let concerned = opens || gate.hears_of_all();
        // Most requests of a client that polls are none of its business, and not copied for it.
        let asked = concerned.then(|| gate::ask(Arc::clone(gate), gate::head(&parts), opens, engine));
        let common = has_common_extensions(&mut parts);
        let request = Request::from_parts(parts, body);
        let Some(asked) = asked else {
            return match file {
                Some(file) => ResponseFuture::file(file),
                None => ResponseFuture::engine(self.mount.engine().handle(request, peer, common)),
            };
        };
        ResponseFuture::asking(
            Box::pin(asked),
            self.mount.engine().clone(),
            request,
            (peer, common),
            file,
        )
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SocketIoService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ReqBody: Body,
    ReqBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    /// Always ready. Asking the inner service would hold back our requests behind the application's, and worse: a service
    /// may reserve something when it says that it is ready (a permit of a concurrency limit, a slot of a buffer), and keeps
    /// it until it is called. With one clone per connection, as hyper has it, a client that only polls would keep a permit
    /// of the application for as long as it stays.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if let Some(gate) = self.mount.gate() {
            match owner(&self.mount, request.uri().path()) {
                Owner::Engine => return self.ask(gate, request, None),
                Owner::File(file) => {
                    let response = file.respond(request.method(), request.headers());
                    return self.ask(gate, request, Some(response));
                }
                Owner::Inner => {}
            }
        }
        match owner(&self.mount, request.uri().path()) {
            Owner::Engine => {
                let peer = peer(request.extensions());
                let (mut parts, body) = request.into_parts();
                unpin_original_uri(&mut parts);
                let common = has_common_extensions(&mut parts);
                let request = Request::from_parts(parts, body);
                ResponseFuture::engine(self.mount.engine().handle(request, peer, common))
            }
            Owner::File(file) => ResponseFuture::file(file.respond(request.method(), request.headers())),
            Owner::Inner => {
                if let Some(outer) = request.extensions_mut().insert(self.io().clone())
                    && !outer.is_same(self.io())
                {
                    warn_of_two();
                }
                note_elsewhere(&self.mount, request.uri());
                ResponseFuture::inner(self.inner.clone(), request)
            }
        }
    }
}

/// The handshake's extensions are kept as long as the connection, and axum's `OriginalUri` is a slice of the HTTP server's
/// read buffer of many KiB. Where nothing was stripped it says nothing new: its extractor then gives the request's URI.
/// Where something was, it is copied.
pub(super) fn unpin_original_uri(parts: &mut Parts) {
    let original = parts.extensions.remove::<OriginalUri>();
    if let Some(OriginalUri(original)) = original
        && original != parts.uri
        && let Ok(copy) = Uri::try_from(original.to_string())
    {
        parts.extensions.insert(OriginalUri(copy));
    }
}

/// Whether the extensions are what axum's router attaches to every request of a route without parameters, an empty list of
/// path parameters, and no more. Extractors expect to find it, but one for all connections: each is 240 bytes.
fn has_common_extensions(parts: &mut Parts) -> bool {
    let of_hyper = usize::from(parts.extensions.get::<hyper::upgrade::OnUpgrade>().is_some())
        + usize::from(parts.extensions.get::<hyper::ext::Protocol>().is_some());
    let mark = usize::from(parts.extensions.get::<Encrypted>().is_some());
    parts.extensions.len() == of_hyper + mark + 1
        && RawPathParams::from_request_parts(parts, &())
            .now_or_never()
            .is_some_and(|params| params.is_ok_and(|params| params.iter().next().is_none()))
}

/// Says to whoever looks that a client asks for a path that isn't the server's: the two have to agree on it.
fn note_elsewhere(mount: &Mount, uri: &Uri) {
    if !tracing::enabled!(target: "axum_socketio::elsewhere", tracing::Level::DEBUG) {
        return;
    }
    let query = uri.query().unwrap_or_default();
    if query.contains("EIO=") && query.contains("transport=") {
        crate::log::debug!(
            target: "axum_socketio::elsewhere",
            asked = brief(uri.path()), served = mount.path_rule().as_str(),
            "a request of a Socket.IO client for another path"
        );
    }
}

/// Says once that handlers and clients speak to different servers.
fn warn_of_two() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        crate::log::warn!(
            "two Socket.IO servers are layered around the same route: clients reach the outer one, handlers extract the \
             inner one. Was `SocketIo::new()` or `SocketIoLayer::new()` called twice? `io.layer()` gives the same server"
        );
    });
}

/// Who answers a request for this path.
///
/// Where the bundle lacks a file that clients may ask for, the application may have it: the engine has no use for the
/// request, Node's answers it with an error.
fn owner<'a>(mount: &'a Mount, path: &str) -> Owner<'a> {
    match mount.path_rule().matches(path) {
        PathMatch::Engine => Owner::Engine,
        PathMatch::File(name) => mount
            .client_bundle()
            .and_then(|bundle| bundle.get(name))
            .map_or(Owner::Inner, Owner::File),
        PathMatch::None => Owner::Inner,
    }
}

/// The address of the peer, where the HTTP server tells: axum's `ConnectInfo`, or the bare address.
pub(super) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    let told = extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address);
    told.or_else(|| extensions.get()).copied()
}

#[cfg(test)]
mod tests;
