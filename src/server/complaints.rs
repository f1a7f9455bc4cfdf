//! What the log hears of mistakes where the application has no `on_error`.
//!
//! Most of them are for clients to make: so many of a kind have a line of their own, and the others go where somebody who looks for
//! them finds them, to `DEBUG`.

use std::{error::Error, fmt};

use tracing::field::display;

use crate::{
    engine::Throttle,
    foreign::brief,
    server::{HandlerError, Refused, Socket, error::HandlerErrorKind, namespace::NamespaceInner, said::Said},
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
        let (namespace, socket) = (brief(self.namespace_name()), self.public_id());
        // Made where a line is written, and not before.
        let source = || error.source().map(Said::of);
        let complaints = self.io().complaints();
        let throttle = match error.kind() {
            HandlerErrorKind::Panicked => {
                return tracing::error!(
                    namespace,
                    socket,
                    error = source().as_ref().map(Said::as_error),
                    "{error}"
                );
            }
            // The application has said no, which is nothing to look into.
            HandlerErrorKind::Refused => {
                return tracing::debug!(
                    namespace,
                    socket,
                    error = source().as_ref().map(Said::as_error),
                    "{error}"
                );
            }
            HandlerErrorKind::Failed => &complaints.failed,
            HandlerErrorKind::Rejected => &complaints.rejected,
            HandlerErrorKind::Emit => &complaints.emit,
            HandlerErrorKind::Decode => &complaints.decode,
        };
        complain!(
            throttle,
            namespace,
            socket,
            error = source().as_ref().map(Said::as_error),
            "{error}"
        );
    }

    /// An extractor of a middleware has refused the connection.
    pub(crate) fn complain_of_refusal(&self, refused: &Refused) {
        let namespace = brief(self.namespace_name());
        let remote = self.handshake().address().map(display);
        let rejected = &self.io().complaints().rejected;
        complain!(
            rejected,
            namespace,
            remote,
            error = Said::of(refused).as_error(),
            "a middleware's extractor refused the connection"
        );
    }
}

impl NamespaceInner {
    /// What nobody waits for was lost: clients may be why, by what they say and have sent to others.
    pub(super) fn complain_of_loss(&self, event: Option<&str>, error: &dyn fmt::Display, message: &str) {
        complain!(
            self.complaints().emit,
            namespace = brief(self.name()),
            event = event.map(brief),
            %error,
            "{message}"
        );
    }
}
