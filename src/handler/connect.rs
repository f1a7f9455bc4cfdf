//! Functions that hear of new sockets.

use std::{future::Future, sync::Arc};

use crate::{
    handler::{ConnectArgs, Function, HandlerFuture, IntoOutcome, erased::Erased},
    server::{ConnectListener, Rejected, Run, Socket},
};

/// An async function or closure that hears of a new socket: of 0 to 16 of axum's
/// [`FromRequestParts`](axum::extract::FromRequestParts) extractors, which see the handshake request, returning `()` or
/// a `Result<(), E: Display>`.
///
/// Implemented for every such function; see [`EventHandler`](crate::handler::EventHandler) for the type parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't hear of connections",
    note = "a connect handler is an async function or closure: `async |socket: Socket, Auth(user): Auth<User>| {{ .. }}`"
)]
pub trait ConnectHandler<T, S>: Clone + Send + Sync + 'static {
    /// Makes the future that extracts the arguments and runs the handler.
    #[doc(hidden)]
    fn call(&self, socket: Socket, state: S) -> Run;
}

impl<H, T, S> ConnectHandler<T, S> for H
where
    H: Function<T> + Clone + Send + Sync + 'static,
    T: ConnectArgs<S> + Send,
    H::Output: HandlerFuture + Send,
    <H::Output as Future>::Output: IntoOutcome,
    S: Send + Sync + 'static,
{
    fn call(&self, socket: Socket, state: S) -> Run {
        let handler = self.clone();
        Box::pin(async move {
            let args = T::from_socket(&socket, &state).await.map_err(Rejected::new)?;
            handler.call(args).await.outcome()
        })
    }
}

/// A handler with the state its extractors read, erased for storage.
pub(super) fn erase<H, T, S>(handler: H, state: S) -> Arc<dyn ConnectListener>
where
    H: ConnectHandler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Arc::new(Erased::new(handler, state))
}

impl<H, T, S> ConnectListener for Erased<H, T, S>
where
    H: ConnectHandler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    fn call(&self, socket: Socket) -> Run {
        self.handler.call(socket, self.state.clone())
    }
}
