//! The arguments of a handler, extracted one after the other, from left to right.

use std::future::Future;

use axum::{extract::FromRequestParts, response::IntoResponse};
use http::request::Parts;

use crate::{
    extract::{FromDisconnect, FromEvent},
    handler::{Refused, arity::for_each_arity, refused},
    server::{BoxError, DisconnectParts, EventParts, Socket},
};

/// The arguments of an event handler: a tuple of [`FromEvent`] extractors.
pub trait EventArgs<S>: Sized {
    /// Extracts them all; the error is that of the first extractor that refuses.
    ///
    /// # Errors
    ///
    /// An extractor refused.
    fn from_event(parts: &mut EventParts<'_>, state: &S) -> Result<Self, BoxError>;
}

/// The arguments of a handler that hears of disconnections: a tuple of [`FromDisconnect`] extractors.
pub trait DisconnectArgs<S>: Sized {
    /// Extracts them all; the error is that of the first extractor that refuses.
    ///
    /// # Errors
    ///
    /// An extractor refused.
    fn from_disconnect(parts: &mut DisconnectParts<'_>, state: &S) -> Result<Self, BoxError>;
}

/// The arguments of a connect handler or middleware: a tuple of [`FromHandshake`] extractors.
pub trait ConnectArgs<S>: Sized {
    /// Extracts them all from the handshake request of the socket.
    ///
    /// # Errors
    ///
    /// An extractor refused.
    fn from_socket(socket: &Socket, state: &S) -> impl Future<Output = Result<Self, Refused>> + Send;
}

/// An argument of a connect handler or middleware: each of axum's [`FromRequestParts`] extractors is one.
///
/// They see the HTTP request that opened the connection. Implement `FromRequestParts` to write your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an argument of a connect handler or middleware",
    label = "no extractor that reads the handshake request, with the state `{S}`",
    note = "`on_connect` and `middleware` take axum's extractors (`FromRequestParts`): `Socket`, `SocketIo`, `Auth<T>`, `State<T>`, `Query<T>`, `TypedHeader<T>`, `Extension<T>`..",
    note = "`Data<T>`, `EventName` and `AckSender` belong to an event: take them in the handlers of `on`",
    note = "`State<T>` needs a namespace `.with_state(..)` of a `T`, or of a state that has a `FromRef` for `T`: here it is `{S}`",
    note = "extractors of an HTTP body (`Json`, `Bytes`) don't work here: what a client sends when it connects is in `Auth<T>`"
)]
pub trait FromHandshake<S>: Sized {
    /// Extracts the argument.
    ///
    /// # Errors
    ///
    /// The extractor refused.
    fn from_handshake(parts: &mut Parts, state: &S) -> impl Future<Output = Result<Self, Refused>> + Send;
}

#[diagnostic::do_not_recommend]
impl<T, S> FromHandshake<S> for T
where
    T: FromRequestParts<S>,
    S: Sync,
{
    async fn from_handshake(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let rejection = match T::from_request_parts(parts, state).await {
            Ok(argument) => return Ok(argument),
            Err(rejection) => rejection.into_response(),
        };
        Err(refused::read::<T>(rejection).await)
    }
}

// Without arguments nothing is read, and the request isn't rebuilt.

impl<S> EventArgs<S> for () {
    fn from_event(_: &mut EventParts<'_>, _: &S) -> Result<Self, BoxError> {
        Ok(())
    }
}

impl<S> DisconnectArgs<S> for () {
    fn from_disconnect(_: &mut DisconnectParts<'_>, _: &S) -> Result<Self, BoxError> {
        Ok(())
    }
}

impl<S: Sync> ConnectArgs<S> for () {
    async fn from_socket(_: &Socket, _: &S) -> Result<Self, Refused> {
        Ok(())
    }
}

macro_rules! arguments {
    () => {};
    ($($Arg:ident $arg:ident,)+) => {
        impl<S, $($Arg,)*> EventArgs<S> for ($($Arg,)*)
        where
            $($Arg: FromEvent<S>,)*
        {
            fn from_event(parts: &mut EventParts<'_>, state: &S) -> Result<Self, BoxError> {
                Ok(($($Arg::from_event(parts, state)?,)*))
            }
        }

        impl<S, $($Arg,)*> DisconnectArgs<S> for ($($Arg,)*)
        where
            $($Arg: FromDisconnect<S>,)*
        {
            fn from_disconnect(parts: &mut DisconnectParts<'_>, state: &S) -> Result<Self, BoxError> {
                Ok(($($Arg::from_disconnect(parts, state)?,)*))
            }
        }

        impl<S, $($Arg,)*> ConnectArgs<S> for ($($Arg,)*)
        where
            S: Sync,
            $($Arg: FromHandshake<S> + Send,)*
        {
            async fn from_socket(socket: &Socket, state: &S) -> Result<Self, Refused> {
                let mut parts = socket.request_parts();
                Ok(($($Arg::from_handshake(&mut parts, state).await?,)*))
            }
        }
    };
}

for_each_arity!(arguments);
