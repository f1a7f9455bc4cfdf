//! Functions that hear what went wrong.

use std::{future::Future, sync::Arc};

use crate::server::{ErrorListener, HandlerError, Run, Socket};

/// An async function or closure that hears what went wrong: `async fn(Socket, HandlerError)`.
///
/// It has these two arguments, no extractors: what may fail is no place to report failures.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't hear errors",
    label = "not an `async fn(Socket, HandlerError)`",
    note = "an error handler is an async function or closure of exactly these arguments: `async |socket: Socket, error: HandlerError| {{ .. }}`"
)]
pub trait ErrorHandler: Clone + Send + Sync + 'static {
    /// Makes the future.
    #[doc(hidden)]
    fn call(self, socket: Socket, error: HandlerError) -> Run;
}

impl<H, Fut> ErrorHandler for H
where
    H: FnOnce(Socket, HandlerError) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    fn call(self, socket: Socket, error: HandlerError) -> Run {
        Box::pin(async move {
            self(socket, error).await;
            Ok(())
        })
    }
}

/// A handler erased for storage.
pub(super) fn erase(handler: impl ErrorHandler) -> Arc<dyn ErrorListener> {
    Arc::new(Erased(handler))
}

struct Erased<H>(H);

impl<H: ErrorHandler> ErrorListener for Erased<H> {
    fn call(&self, socket: Socket, error: HandlerError) -> Run {
        self.0.clone().call(socket, error)
    }
}
