//! What the log hears of mistakes where the application has no `on_error`.
//!
//! Most of them are for clients to make: so many of a kind have a line of their own, and the others go where somebody who looks for
//! them finds them, to `DEBUG`.

use std::{error::Error, iter::successors};

use tracing::field::display;

use crate::{
    engine::Throttle,
    packet::ArgError,
    server::{HandlerError, Socket, error::HandlerErrorKind},
};

/// The lines of one server, for each kind of mistake.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    failed: Throttle,
    rejected: Throttle,
    emit: Throttle,
    decode: Throttle,
}

/// A line of its own, if there is to be another one; otherwise one of `DEBUG`.
macro_rules! complain {
    ($throttle:expr, $($field:tt)+) => {
        match $throttle.worth_a_line() {
            Some(times) => tracing::warn!(times, $($field)+),
            None => tracing::debug!($($field)+),
        }
    };
}

impl Socket {
    /// What becomes of an error that nobody hears of.
    pub(super) fn complain(&self, error: &HandlerError) {
        let source = error.source();
        let (namespace, socket) = (self.namespace_name(), self.public_id());
        let complaints = self.io().complaints();
        let throttle = match error.kind() {
            HandlerErrorKind::Panicked => {
                return tracing::error!(namespace, socket, error = source, "{error}");
            }
            // The application has said no, which is nothing to look into.
            HandlerErrorKind::Refused => {
                return tracing::debug!(namespace, socket, error = source, "{error}");
            }
            HandlerErrorKind::Failed => &complaints.failed,
            HandlerErrorKind::Rejected => &complaints.rejected,
            HandlerErrorKind::Emit => &complaints.emit,
            HandlerErrorKind::Decode => &complaints.decode,
        };
        match quotes_an_argument(source) {
            true => complain!(
                throttle,
                namespace,
                socket,
                error = source.map(display),
                "{error}"
            ),
            false => complain!(throttle, namespace, socket, error = source, "{error}"),
        }
    }

    /// An extractor of a middleware has refused the connection.
    pub(crate) fn complain_of_refusal(&self, refused: &(dyn Error + 'static)) {
        let namespace = self.namespace_name();
        let remote = self.handshake().address().map(display);
        let rejected = &self.io().complaints().rejected;
        complain!(
            rejected,
            namespace,
            remote,
            error = refused,
            "a middleware's extractor refused the connection"
        );
    }
}

/// What serde says of an argument quotes it, at whatever length, and subscribers write the sources of an error too: such an error is
/// written without them. `on_error` is told all.
fn quotes_an_argument(error: Option<&(dyn Error + 'static)>) -> bool {
    successors(error, |&error| error.source()).any(|error| error.is::<ArgError>())
}
