//! What a disconnect handler can ask for.

use std::{convert::Infallible, error::Error};

use crate::server::{DisconnectParts, DisconnectReason};

/// A type that can be an argument of a disconnect handler.
///
/// Like [`FromEvent`](crate::extract::FromEvent) it can't wait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an argument of a disconnect handler",
    label = "no extractor of disconnections with the state `{S}`",
    note = "`on_disconnecting` and `on_disconnect` take `Socket`, `SocketIo`, `DisconnectReason`, `State<T>`, `Extension<T>`, and `Option` or `Result` of these",
    note = "what a connect handler learnt can be kept in `socket.extensions()` and taken here as `Extension<T>`"
)]
pub trait FromDisconnect<S>: Sized {
    /// Why it can't be made; told to the namespace's [`on_error`](crate::Namespace::on_error).
    type Rejection: Error + Send + Sync + 'static;

    /// Makes it.
    ///
    /// # Errors
    ///
    /// It can't be made. The handler isn't called then.
    fn from_disconnect(parts: &mut DisconnectParts<'_>, state: &S) -> Result<Self, Self::Rejection>;
}

/// Why the socket leaves.
impl<S> FromDisconnect<S> for DisconnectReason {
    type Rejection = Infallible;

    fn from_disconnect(parts: &mut DisconnectParts<'_>, _: &S) -> Result<Self, Infallible> {
        Ok(parts.reason())
    }
}

/// `None` where `E` refuses.
impl<E, S> FromDisconnect<S> for Option<E>
where
    E: FromDisconnect<S>,
{
    type Rejection = Infallible;

    fn from_disconnect(parts: &mut DisconnectParts<'_>, state: &S) -> Result<Self, Infallible> {
        Ok(E::from_disconnect(parts, state).ok())
    }
}

/// The rejection of `E` for the handler to look at.
impl<E, S> FromDisconnect<S> for Result<E, E::Rejection>
where
    E: FromDisconnect<S>,
{
    type Rejection = Infallible;

    fn from_disconnect(parts: &mut DisconnectParts<'_>, state: &S) -> Result<Self, Infallible> {
        Ok(E::from_disconnect(parts, state))
    }
}
