//! Spans of handlers.

use std::{future::Future, pin::Pin};

use tracing::{Instrument as _, Level, Span, level_filters::LevelFilter};

use crate::{
    foreign::{self, brief},
    server::Socket,
};

/// The span of one run of a handler. Payloads aren't in it, nor is an id that gives a session away.
///
/// If nobody wants it, that is found out by a look at one static, and nothing else happens.
#[inline]
pub(super) fn handler(socket: &Socket, kind: &'static str, event: Option<&str>) -> Span {
    // The macro would collect the fields of a span that is disabled, too.
    if LevelFilter::current() < Level::DEBUG {
        return Span::none();
    }
    let span = foreign::call(|| {
        // Not the one that this thread is in: handlers start in tasks of their own, too, and in those of others.
        let session = socket.connection().span();
        tracing::debug_span!(
            target: "axum_socketio::handler",
            parent: &session,
            "handler",
            kind,
            namespace = brief(socket.namespace_name()),
            event = event.map(brief),
            socket = socket.public_id(),
        )
    });
    // A log that panics has none.
    span.unwrap_or_else(|_| Span::none())
}

/// The future, which is polled in this span; if there is none, as it is.
pub(super) fn within<T: 'static>(
    span: Span,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
) -> Pin<Box<dyn Future<Output = T> + Send>> {
    if span.is_disabled() {
        future
    } else {
        Box::pin(future.instrument(span))
    }
}
