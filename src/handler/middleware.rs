//! Functions that may refuse a new socket.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    handler::{ConnectArgs, Function, HandlerFuture, IntoVerdict, Refused, erased::Erased},
    server::{ConnectError, Middleware, Socket},
};

type Verdict = Pin<Box<dyn Future<Output = Result<(), ConnectError>> + Send>>;

/// An async function or closure that may refuse a new socket: of 0 to 16 of axum's
/// [`FromRequestParts`](axum::extract::FromRequestParts) extractors, which see the handshake request, returning `()` or
/// a `Result<(), E: Into<ConnectError>>`.
///
/// An extractor that refuses refuses the connection. The client is told the name of the rejection's status, such as
/// "Unauthorized". The log is told which extractor it was, and the status; the rejection's text, which may quote what the client has sent,
/// only where the status says that the mistake is the server's. To see it, take a `Result`, as [`Auth`](crate::extract::Auth) shows.
///
/// Implemented for every such function; see [`EventHandler`](crate::handler::EventHandler) for the type parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a middleware",
    note = "a middleware is an async function or closure: `async |socket: Socket, Auth(token): Auth<Token>| -> Result<(), ConnectError> {{ .. }}`"
)]
pub trait MiddlewareHandler<T, S>: Clone + Send + Sync + 'static {
    /// Makes the future that extracts the arguments and runs the middleware.
    #[doc(hidden)]
    fn call(&self, socket: Socket, state: S) -> Verdict;
}

impl<H, T, S> MiddlewareHandler<T, S> for H
where
    H: Function<T> + Clone + Send + Sync + 'static,
    T: ConnectArgs<S> + Send,
    H::Output: HandlerFuture + Send,
    <H::Output as Future>::Output: IntoVerdict,
    S: Send + Sync + 'static,
{
    fn call(&self, socket: Socket, state: S) -> Verdict {
        let handler = self.clone();
        Box::pin(async move {
            let args = T::from_socket(&socket, &state)
                .await
                .map_err(|refused| refuse(&socket, &refused))?;
            handler.call(args).await.verdict()
        })
    }
}

fn refuse(socket: &Socket, refused: &Refused) -> ConnectError {
    socket.complain_of_refusal(refused);
    ConnectError::new(refused.reason())
}

/// A middleware with the state its extractors read, erased for storage.
pub(super) fn erase<H, T, S>(handler: H, state: S) -> Arc<dyn Middleware>
where
    H: MiddlewareHandler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Arc::new(Erased::new(handler, state))
}

impl<H, T, S> Middleware for Erased<H, T, S>
where
    H: MiddlewareHandler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    fn call(&self, socket: Socket) -> Verdict {
        self.handler.call(socket, self.state.clone())
    }
}
