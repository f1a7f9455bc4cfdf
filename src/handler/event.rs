//! Functions that hear events.

use std::{future::Future, sync::Arc};

use crate::{
    handler::{EventArgs, Function, HandlerFuture, IntoReply, erased::Erased},
    server::{BoxError, EventListener, EventParts, Run},
};

/// An async function or closure that hears an event: of 0 to 16 [`FromEvent`](crate::extract::FromEvent) extractors,
/// returning an [`IntoReply`].
///
/// `S` is the state of the namespace, `T` the tuple of the arguments, which the compiler finds. The trait is
/// implemented for every such function that is `Clone`, as functions are, and closures whose captured values are; the
/// clone makes the call. Name it only to write a function that takes a handler:
///
/// ```
/// use axum_socketio::{Namespace, extract::Data, handler::EventHandler};
///
/// fn on_both<H, T: 'static>(namespace: Namespace, handler: H) -> Namespace
/// where
///     H: EventHandler<T, ()>,
/// {
///     namespace.on("message", handler.clone()).on("msg", handler)
/// }
///
/// # let io = axum_socketio::SocketIo::new();
/// on_both(io.of("/"), async |Data(text): Data<String>| println!("{text}"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't hear events",
    note = "an event handler is an async function or closure of 0 to 16 extractors: `async |socket: Socket, Data(text): Data<String>| {{ .. }}`"
)]
pub trait EventHandler<T, S>: Clone + Send + Sync + 'static {
    /// Extracts the arguments and makes the future, without polling it.
    ///
    /// # Errors
    ///
    /// An extractor refused.
    #[doc(hidden)]
    fn call(&self, parts: &mut EventParts<'_>, state: &S) -> Result<Run, BoxError>;
}

impl<H, T, S> EventHandler<T, S> for H
where
    H: Function<T> + Clone + Send + Sync + 'static,
    T: EventArgs<S> + Send + 'static,
    H::Output: HandlerFuture + Send,
    <H::Output as Future>::Output: IntoReply,
{
    fn call(&self, parts: &mut EventParts<'_>, state: &S) -> Result<Run, BoxError> {
        let args = T::from_event(parts, state)?;
        let acks = <<H::Output as Future>::Output as IntoReply>::ACKS;
        let ack = if acks { parts.take_ack() } else { None };
        let handler = self.clone();
        Ok(Box::pin(async move { handler.call(args).await.reply(ack) }))
    }
}

/// A handler with the state its extractors read, erased for storage.
pub(super) fn erase<H, T, S>(handler: H, state: S) -> Arc<dyn EventListener>
where
    H: EventHandler<T, S>,
    T: 'static,
    S: Send + Sync + 'static,
{
    Arc::new(Erased::new(handler, state))
}

impl<H, T, S> EventListener for Erased<H, T, S>
where
    H: EventHandler<T, S>,
    T: 'static,
    S: Send + Sync + 'static,
{
    fn call(&self, parts: &mut EventParts<'_>) -> Result<Run, BoxError> {
        self.handler.call(parts, &self.state)
    }
}
