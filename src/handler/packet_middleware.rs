//! Functions that events have to pass.

use std::{future::Future, sync::Arc};

use crate::{
    handler::{EventArgs, Function, HandlerFuture, IntoPassage, erased::Erased},
    server::{BoxError, EventParts, PacketMiddleware, Passage},
};

/// An async function or closure that events have to pass: of 0 to 16 [`FromEvent`](crate::extract::FromEvent) extractors,
/// returning an [`IntoPassage`].
///
/// Implemented for every such function; see [`EventHandler`](crate::handler::EventHandler) for the type parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a packet middleware",
    note = "a packet middleware is an async function or closure: `async |event: Event| -> Result<Event, EventError> {{ .. }}`"
)]
pub trait PacketMiddlewareHandler<T, S>: Clone + Send + Sync + 'static {
    /// Extracts the arguments and makes the future, without polling it.
    ///
    /// # Errors
    ///
    /// An extractor refused.
    #[doc(hidden)]
    fn call(&self, parts: &mut EventParts<'_>, state: &S) -> Result<Passage, BoxError>;
}

impl<H, T, S> PacketMiddlewareHandler<T, S> for H
where
    H: Function<T> + Clone + Send + Sync + 'static,
    T: EventArgs<S> + Send + 'static,
    H::Output: HandlerFuture + Send,
    <H::Output as Future>::Output: IntoPassage,
{
    fn call(&self, parts: &mut EventParts<'_>, state: &S) -> Result<Passage, BoxError> {
        let args = T::from_event(parts, state)?;
        let handler = self.clone();
        Ok(Box::pin(async move { handler.call(args).await.passage() }))
    }
}

/// A middleware with the state its extractors read, erased for storage.
pub(super) fn erase<H, T, S>(handler: H, state: S) -> Arc<dyn PacketMiddleware>
where
    H: PacketMiddlewareHandler<T, S>,
    T: 'static,
    S: Send + Sync + 'static,
{
    Arc::new(Erased::new(handler, state))
}

impl<H, T, S> PacketMiddleware for Erased<H, T, S>
where
    H: PacketMiddlewareHandler<T, S>,
    T: 'static,
    S: Send + Sync + 'static,
{
    fn call(&self, parts: &mut EventParts<'_>) -> Result<Passage, BoxError> {
        self.handler.call(parts, &self.state)
    }
}
