//! What surrounds an event or disconnection: the socket, the server, the program's state.

use std::{any::type_name, convert::Infallible, error::Error, fmt};

use axum::{
    Extension,
    extract::{FromRef, State},
};

use crate::{
    extract::{FromDisconnect, FromEvent},
    server::{DisconnectParts, EventParts, Socket, SocketIo},
};

/// `socket.extensions()` has no value of this type.
///
/// The rejection of [`Extension`] in event and disconnect handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingExtension(&'static str);

impl<S> FromEvent<S> for Socket {
    type Rejection = Infallible;

    fn from_event(parts: &mut EventParts<'_>, _: &S) -> Result<Self, Infallible> {
        Ok(parts.socket().clone())
    }
}

impl<S> FromDisconnect<S> for Socket {
    type Rejection = Infallible;

    fn from_disconnect(parts: &mut DisconnectParts<'_>, _: &S) -> Result<Self, Infallible> {
        Ok(parts.socket().clone())
    }
}

impl<S> FromEvent<S> for SocketIo {
    type Rejection = Infallible;

    fn from_event(parts: &mut EventParts<'_>, _: &S) -> Result<Self, Infallible> {
        Ok(parts.socket().io().clone())
    }
}

impl<S> FromDisconnect<S> for SocketIo {
    type Rejection = Infallible;

    fn from_disconnect(parts: &mut DisconnectParts<'_>, _: &S) -> Result<Self, Infallible> {
        Ok(parts.socket().io().clone())
    }
}

/// The state of the namespace, or a part of it ([`FromRef`]).
#[diagnostic::do_not_recommend]
impl<T, S> FromEvent<S> for State<T>
where
    T: FromRef<S>,
{
    type Rejection = Infallible;

    fn from_event(_: &mut EventParts<'_>, state: &S) -> Result<Self, Infallible> {
        Ok(Self(T::from_ref(state)))
    }
}

/// The state of the namespace, or a part of it ([`FromRef`]).
#[diagnostic::do_not_recommend]
impl<T, S> FromDisconnect<S> for State<T>
where
    T: FromRef<S>,
{
    type Rejection = Infallible;

    fn from_disconnect(_: &mut DisconnectParts<'_>, state: &S) -> Result<Self, Infallible> {
        Ok(Self(T::from_ref(state)))
    }
}

/// What was put into `socket.extensions()`.
impl<T, S> FromEvent<S> for Extension<T>
where
    T: Clone + Send + Sync + 'static,
{
    type Rejection = MissingExtension;

    fn from_event(parts: &mut EventParts<'_>, _: &S) -> Result<Self, MissingExtension> {
        extension(parts.socket())
    }
}

/// What was put into `socket.extensions()`.
impl<T, S> FromDisconnect<S> for Extension<T>
where
    T: Clone + Send + Sync + 'static,
{
    type Rejection = MissingExtension;

    fn from_disconnect(parts: &mut DisconnectParts<'_>, _: &S) -> Result<Self, MissingExtension> {
        extension(parts.socket())
    }
}

fn extension<T: Clone + Send + Sync + 'static>(socket: &Socket) -> Result<Extension<T>, MissingExtension> {
    socket
        .extensions()
        .get::<T>()
        .map(Extension)
        .ok_or(MissingExtension(type_name::<T>()))
}

impl fmt::Display for MissingExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the socket's extensions have no `{}`: insert it in `on_connect` or a middleware",
            self.0
        )
    }
}

impl Error for MissingExtension {}
