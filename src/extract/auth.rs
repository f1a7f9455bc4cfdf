//! What a client sends when it connects to a namespace.

use std::{error::Error, fmt};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{extract::MissingSocket, server::Socket};

/// What the client sent when it connected to the namespace, deserialised: `io({ auth: { token: "…" } })` in JS.
///
/// It is an object: a connection of Engine.IO 4 on which it is anything else is closed, as in Node.
///
/// For connect handlers and middlewares. A client that sent none counts as having sent `{}`. Engine.IO 3 clients have
/// no `auth`: for these it is the query they gave with the namespace, `io("/chat?token=…")` or
/// `io("/chat", { query: { token: "…" } })` in JS, whose values are all strings.
///
/// In `/` there is none of these: such clients are in it as soon as they are connected, and what they gave is in the query
/// of the request. [`Handshake::query`](crate::Handshake::query) finds a parameter in every namespace, for clients of
/// both generations:
///
/// ```
/// use axum_socketio::{ConnectError, Socket, SocketIo};
///
/// #[derive(serde::Deserialize)]
/// struct Credentials {
///     token: String,
/// }
///
/// // { auth: { token } } of 3.x and 4.x clients, or { query: { token } } of 2.x clients
/// async fn signed_in(socket: Socket) -> Result<(), ConnectError> {
///     let handshake = socket.handshake();
///     let token = match handshake.auth::<Credentials>() {
///         Ok(credentials) => Some(credentials.token),
///         Err(_) => handshake.query("token"),
///     };
///     if token.is_some_and(|token| token == "secret") { Ok(()) } else { Err(ConnectError::new("not signed in")) }
/// }
///
/// let io = SocketIo::new();
/// io.of("/").middleware(signed_in);
/// ```
///
/// `Option<Auth<T>>` is `None` if the client sent nothing or an empty object, and refuses what is no `T`.
///
/// A client that sent what is no `T`, such as one without a token, is refused before the function runs, with the message
/// `Bad Request` and no data. To answer it yourself, take a `Result`:
///
/// ```
/// use axum_socketio::{ConnectError, SocketIo, extract::{Auth, AuthRejection}};
///
/// #[derive(serde::Deserialize)]
/// struct Credentials {
///     token: String,
/// }
///
/// async fn signed_in(credentials: Result<Auth<Credentials>, AuthRejection>) -> Result<(), ConnectError> {
///     match credentials {
///         Ok(Auth(credentials)) if credentials.token == "secret" => Ok(()),
///         _ => Err(ConnectError::new("not authorized").with_data(serde_json::json!({ "code": 401 }))),
///     }
/// }
///
/// let io = SocketIo::new();
/// io.of("/admin").middleware(signed_in);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Auth<T>(pub T);

/// Why [`Auth`] could not be read.
#[derive(Debug)]
pub struct AuthRejection(AuthRejectionKind);

#[derive(Debug)]
enum AuthRejectionKind {
    NoSocket(MissingSocket),
    Invalid(serde_json::Error),
}

impl AuthRejection {
    /// The payload is not of the type asked for: status 400.
    ///
    /// Else the extractor stands in an HTTP handler: status 500.
    #[must_use]
    pub const fn is_invalid(&self) -> bool {
        matches!(self.0, AuthRejectionKind::Invalid(_))
    }
}

impl<T, S> FromRequestParts<S> for Auth<T>
where
    T: DeserializeOwned,
    S: Sync,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRejection> {
        read(parts).map(Self)
    }
}

impl<T, S> OptionalFromRequestParts<S> for Auth<T>
where
    T: DeserializeOwned,
    S: Sync,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthRejection> {
        match read(parts)? {
            Value::Null => Ok(None),
            Value::Object(fields) if fields.is_empty() => Ok(None),
            payload => Ok(Some(Self(serde_json::from_value(payload)?))),
        }
    }
}

fn read<T: DeserializeOwned>(parts: &Parts) -> Result<T, AuthRejection> {
    let socket = parts.extensions.get::<Socket>().ok_or(MissingSocket)?;
    Ok(socket.handshake().auth()?)
}

impl From<MissingSocket> for AuthRejection {
    fn from(error: MissingSocket) -> Self {
        Self(AuthRejectionKind::NoSocket(error))
    }
}

impl From<serde_json::Error> for AuthRejection {
    fn from(error: serde_json::Error) -> Self {
        Self(AuthRejectionKind::Invalid(error))
    }
}

impl fmt::Display for AuthRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            AuthRejectionKind::NoSocket(_) => "`Auth` is for connect handlers and middlewares",
            AuthRejectionKind::Invalid(_) => "the auth payload is not of the expected type",
        })
    }
}

impl Error for AuthRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            AuthRejectionKind::NoSocket(source) => Some(source),
            AuthRejectionKind::Invalid(source) => Some(source),
        }
    }
}

/// A rejection's body is the text that `on_error` gets to see, so it tells its source too.
impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        match self.0 {
            AuthRejectionKind::NoSocket(source) => source.into_response(),
            AuthRejectionKind::Invalid(ref source) => {
                (StatusCode::BAD_REQUEST, format!("{self}: {source}")).into_response()
            }
        }
    }
}
