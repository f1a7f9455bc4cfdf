//! What a handler has returned as an error.

use std::{
    error::Error,
    fmt::{self, Debug, Display},
};

/// The error of a handler, kept as it was, as the source of a [`HandlerError`](crate::HandlerError).
///
/// Handlers fail with anything that can be displayed, so the type of the error can't be asked for its own source.
/// `on_error` finds the value by its type:
///
/// ```
/// use std::error::Error;
///
/// use axum_socketio::{HandlerError, Socket, SocketIo, handler::Failed};
///
/// struct Forbidden;
///
/// impl std::fmt::Display for Forbidden {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str("forbidden")
///     }
/// }
///
/// async fn report(socket: Socket, error: HandlerError) {
///     if error.source().is_some_and(|source| source.is::<Failed<Forbidden>>()) {
///         // tell the client, disconnect it, count it…
///     }
/// }
///
/// let io = SocketIo::new();
/// io.of("/").on("delete all", async || Err::<(), _>(Forbidden)).on_error(report);
/// ```
///
/// An error that is a `Box<dyn Error + Send + Sync>` already is not wrapped: it is the source itself.
pub struct Failed<E>(pub E);

impl<E: Display> Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

/// As it displays: the error needn't be `Debug`.
impl<E: Display> Debug for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failed({})", self.0)
    }
}

impl<E: Display> Error for Failed<E> {}
