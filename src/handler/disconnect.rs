//! Functions that hear of leaving sockets.

use std::{future::Future, sync::Arc};

use crate::{
    handler::{DisconnectArgs, Function, HandlerFuture, IntoOutcome, erased::Erased},
    server::{BoxError, DisconnectListener, DisconnectParts, Run},
};

/// An async function or closure that hears of a leaving socket: of 0 to 16
/// [`FromDisconnect`](crate::extract::FromDisconnect) extractors, returning `()` or a `Result<(), E: Display>`.
///
/// Implemented for every such function; see [`EventHandler`](crate::handler::EventHandler) for the type parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't hear of disconnections",
    note = "a disconnect handler is an async function or closure: `async |socket: Socket, reason: DisconnectReason| {{ .. }}`"
)]
pub trait DisconnectHandler<T, S>: Clone + Send + Sync + 'static {
    /// Extracts the arguments and makes the future, without polling it.
    ///
    /// # Errors
    ///
    /// An extractor refused.
    #[doc(hidden)]
    fn call(&self, parts: &mut DisconnectParts<'_>, state: &S) -> Result<Run, BoxError>;
}

impl<H, T, S> DisconnectHandler<T, S> for H
where
    H: Function<T> + Clone + Send + Sync + 'static,
    T: DisconnectArgs<S> + Send + 'static,
    H::Output: HandlerFuture + Send,
    <H::Output as Future>::Output: IntoOutcome,
{
    fn call(&self, parts: &mut DisconnectParts<'_>, state: &S) -> Result<Run, BoxError> {
        let args = T::from_disconnect(parts, state)?;
        let handler = self.clone();
        Ok(Box::pin(async move { handler.call(args).await.outcome() }))
    }
}

/// A handler with the state its extractors read, erased for storage.
pub(super) fn erase<H, T, S>(handler: H, state: S) -> Arc<dyn DisconnectListener>
where
    H: DisconnectHandler<T, S>,
    T: 'static,
    S: Send + Sync + 'static,
{
    Arc::new(Erased::new(handler, state))
}

impl<H, T, S> DisconnectListener for Erased<H, T, S>
where
    H: DisconnectHandler<T, S>,
    T: 'static,
    S: Send + Sync + 'static,
{
    fn call(&self, parts: &mut DisconnectParts<'_>) -> Result<Run, BoxError> {
        self.handler.call(parts, &self.state)
    }
}
