//! Handles out of a request: in connect handlers and middlewares, and in axum's HTTP handlers.

use std::{convert::Infallible, error::Error, fmt};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::server::{Socket, SocketIo};

/// The HTTP request has no [`SocketIo`]: its route is not wrapped in the layer. Answered with status 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingSocketIo;

/// The HTTP request has no [`Socket`]: it isn't the handshake of one. Answered with status 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingSocket;

/// The server whose layer wraps the route, so that HTTP handlers can emit.
///
/// ```
/// use axum::{Json, Router, http::StatusCode, routing::post};
/// use axum_socketio::SocketIo;
///
/// async fn announce(io: SocketIo, Json(news): Json<String>) -> StatusCode {
///     println!("{news} to {:?}", io.of("/news"));
///     StatusCode::ACCEPTED
/// }
///
/// let app: Router = Router::new().route("/announce", post(announce));
/// ```
impl<S: Sync> FromRequestParts<S> for SocketIo {
    type Rejection = MissingSocketIo;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingSocketIo> {
        parts.extensions.get().cloned().ok_or(MissingSocketIo)
    }
}

/// `None` on routes without the layer.
impl<S: Sync> OptionalFromRequestParts<S> for SocketIo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

/// The socket that connects, in connect handlers and middlewares.
impl<S: Sync> FromRequestParts<S> for Socket {
    type Rejection = MissingSocket;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingSocket> {
        parts.extensions.get().cloned().ok_or(MissingSocket)
    }
}

impl fmt::Display for MissingSocketIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the request has no `SocketIo`: add the `SocketIoLayer` to the router after its routes, \
             `Router::new().route(..).layer(io.layer())`",
        )
    }
}

impl fmt::Display for MissingSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request is not the handshake of a socket: an HTTP handler takes `SocketIo` and emits with that")
    }
}

impl Error for MissingSocketIo {}

impl Error for MissingSocket {}

impl IntoResponse for MissingSocketIo {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

impl IntoResponse for MissingSocket {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}
