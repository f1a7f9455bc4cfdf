//! Mounting a server: on an axum router, on plain hyper, in any tower stack.
//!
//! [`SocketIo::layer`](crate::SocketIo::layer) gives a layer, [`SocketIo::service`](crate::SocketIo::service) a service of
//! its own. Both take the requests whose path is the server's (`/socket.io/` unless
//! [configured](crate::Builder::path)), HTTP long-polling and WebSockets, HTTP/1.1 and HTTP/2. All mounts of one
//! [`SocketIo`](crate::SocketIo) are one server: a session opened through one goes on through any other.
//!
//! # On a router
//!
//! Add the layer to the outermost router and last: after its routes, nests, merges, and after `.fallback(..)`, which would
//! take the place of ours:
//!
//! ```
//! use axum::{Router, http::StatusCode, routing::{get, post}};
//! use axum_socketio::SocketIo;
//!
//! async fn announce(io: SocketIo, news: String) -> StatusCode {
//!     io.of("/").emit("news", news);
//!     StatusCode::ACCEPTED
//! }
//!
//! let io = SocketIo::new();
//! let api = Router::new().route("/announce", post(announce));
//! let app: Router = Router::new().route("/", get("hello")).nest("/api", api).layer(io.layer());
//! # let _ = app;
//! ```
//!
//! Every handler behind the layer can extract the [`SocketIo`](crate::SocketIo). Handlers of other routers can too, if these
//! have a layer of the same server: `io.layer()` may be called any number of times.
//!
//! Socket.IO requests match no route, so they come to the layer through the router's *fallback*, and axum drops layered
//! fallbacks: of merged routers it keeps the one of the router merged last, of nested routers none that was not set
//! explicitly. Their clients would get 404. To serve them from inside of a router, give it the service as its fallback:
//!
//! ```
//! use axum::{Router, routing::get};
//! use axum_socketio::SocketIo;
//!
//! let io = SocketIo::new();
//! let app: Router = Router::new()
//!     .route("/", get("hello"))
//!     // Clients say { path: "/chat/socket.io/" }: a nested service matches what is left of the path.
//!     .nest_service("/chat", io.service())
//!     // The same for a router: its own fallback is nested with it.
//!     .nest("/game", Router::new().route("/score", get("0")).fallback_service(io.service()));
//! # let _ = app;
//! ```
//!
//! `route_layer` wraps routes only: it gives `SocketIo` to their handlers, and serves clients only where a route matches.
//!
//! | the client says | because |
//! |---|---|
//! | `xhr poll error`, status 404 | the layer stands on a nested router, on one that was merged before another, or is a `route_layer` |
//! | | the client's `path` is not the server's: say `{ path: "/ws/" }` where [`Builder::path`](crate::Builder::path) is `/ws` |
//! | | the client says `addTrailingSlash: false`, and the server, with [`Builder::add_trailing_slash`](crate::Builder::add_trailing_slash), doesn't |
//! | | `nest_service("/api", …)` strips `/api`, and the server's path has it too |
//! | | the application given to [`Server::app`](crate::layer::Server::app) has no layer at all; the log says so |
//! | `server error`, a page in the answer | `.fallback(..)` was called after `.layer(..)` |
//! | connected, but `SocketIo` in HTTP handlers reaches nobody | there are two servers: use `io.layer()` of the same one |
//!
//! At level `DEBUG` the target `axum_socketio::elsewhere` has every request of a client for another path than the server's.
//!
//! # In a stack
//!
//! What wraps the layer applies to Socket.IO too: CORS headers, traces, compression. Time-outs that wrap it must be longer
//! than a poll may take: the ping interval plus the ping timeout, 45 s by default.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::{Router, http::StatusCode, routing::get};
//! use axum_socketio::SocketIo;
//! use tower::ServiceBuilder;
//! use tower_http::{cors::CorsLayer, timeout::TimeoutLayer, trace::TraceLayer};
//!
//! let io = SocketIo::new();
//! let stack = ServiceBuilder::new()
//!     .layer(TraceLayer::new_for_http())
//!     .layer(CorsLayer::permissive())
//!     .layer(io.layer())
//!     // Inside of ours: for the application only.
//!     .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(5)));
//! let app: Router = Router::new().route("/", get("hello")).layer(stack);
//! # let _ = app;
//! ```
//!
//! # On hyper
//!
//! Serve connections *with upgrades*. The address of the peer, which axum tells by `ConnectInfo`, is read from a
//! [`SocketAddr`](std::net::SocketAddr) in the request's extensions:
//!
//! ```
//! use axum_socketio::SocketIo;
//! use hyper_util::{
//!     rt::{TokioExecutor, TokioIo},
//!     server::conn::auto,
//!     service::TowerToHyperService,
//! };
//! use tower::ServiceBuilder;
//!
//! # async fn serve(listener: tokio::net::TcpListener) -> std::io::Result<()> {
//! let io = SocketIo::new();
//! loop {
//!     let (stream, peer) = listener.accept().await?;
//!     stream.set_nodelay(true)?;
//!     let service = ServiceBuilder::new()
//!         .map_request(move |mut request: http::Request<hyper::body::Incoming>| {
//!             request.extensions_mut().insert(peer);
//!             request
//!         })
//!         .service(io.service());
//!     tokio::spawn(async move {
//!         let server = auto::Builder::new(TokioExecutor::new());
//!         let service = TowerToHyperService::new(service);
//!         // What ends a connection early is the client's affair.
//!         drop(server.serve_connection_with_upgrades(TokioIo::new(stream), service).await);
//!     });
//! }
//! # }
//! ```
//!
//! # In several ways at a time
//!
//! [`SocketIo::bind`](crate::SocketIo::bind) gives one server more engines, each under a path and with transports, heartbeats,
//! limits and hooks of its own. And [`SocketIo::on_connection`](crate::SocketIo::on_connection) takes single WebSockets that were
//! accepted elsewhere, over any stream of bytes.
//!
//! # The script of the client
//!
//! [`ClientBundle`] serves `/socket.io/socket.io.js` to pages that want it from there.

mod bind;
mod body;
mod client_bundle;
mod cors;
mod future;
mod gate;
mod idle;
#[expect(
    clippy::module_inception,
    reason = "the layer of the module `layer`, as in tower-http"
)]
mod layer;
mod listen;
mod not_found;
mod on_connection;
mod options;
mod origins;
mod service;

pub use self::{
    body::ResponseBody, future::ResponseFuture, layer::SocketIoLayer, listen::Server, not_found::NotFound,
    options::GeneratedId, service::SocketIoService,
};
pub use crate::{
    engine::{ClientBundle, ClientBundleError, Encrypted},
    server::{AsyncOrigins, Cookie, InvalidOrigin, OriginPolicy, OriginRefused, Origins, SameSite},
};

/// What a request body may fail with.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
