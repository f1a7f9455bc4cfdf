//! Who hears of mistakes: `on_error`, or the log where the application has none.
//!
//! Most of them are for clients to make: so many of a kind have a line of their own, and the others go where somebody who looks for
//! them finds them, to `DEBUG`.

use std::{error::Error, fmt};

use tracing::field::display;

use crate::{
    foreign::{self, brief},
    server::{
        HandlerError, Refused, Socket, dispatch, error::HandlerErrorKind, namespace::NamespaceInner,
        said::Said, socket_listeners::SocketListeners,
    },
    throttle::Throttle,
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
            Some(times) => $crate::log::warn!(times, $($field)+),
            None => $crate::log::debug!($($field)+),
        }
    };
}

impl Socket {
    /// Tells the namespace's `on_error` and those of the socket, or the log where there are none. Whoever does that goes on, whatever the
    /// error or one of them does.
    pub(super) fn report(&self, error: &HandlerError) {
        foreign::step(|| self.tell_or_complain(error));
    }

    fn tell_or_complain(&self, error: &HandlerError) {
        let shared = self.home().listeners().error();
        let own = self
            .own_listeners()
            .map(SocketListeners::error)
            .unwrap_or_default();
        // What goes wrong in an `on_error` handler is not told to it, or it would never end.
        if dispatch::is_reporting() || (shared.is_none() && own.is_empty()) {
            return self.complain(error);
        }
        for listener in shared.iter().chain(&*own) {
            dispatch::report(self, &**listener, error.clone());
        }
    }

    /// What becomes of an error that nobody hears of.
    fn complain(&self, error: &HandlerError) {
        let (namespace, socket) = (brief(self.namespace_name()), self.public_id());
        // Made where a line is written, and not before.
        let source = || error.source().map(Said::of);
        let complaints = self.io().complaints();
        let throttle = match error.kind() {
            HandlerErrorKind::Panicked => {
                return crate::log::error!(
                    namespace,
                    socket,
                    error = source().as_ref().map(Said::as_error),
                    "{error}"
                );
            }
            // The application has said no, which is nothing to look into.
            HandlerErrorKind::Refused => {
                return crate::log::debug!(
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
