//! What becomes of a client that breaks the rules.

use std::fmt;

use super::Client;
use crate::{
    engine::CloseReason,
    server::{BoxError, HandlerError, error::HandlerErrorKind, said::Unread},
};

impl Client {
    /// The peer broke the rules of Socket.IO: its sockets hear of it and the connection is closed.
    pub(in crate::server) fn fail(&self, error: impl fmt::Display) {
        let message = error.to_string();
        self.report_all(|| message.clone().into());
        self.refuse(&message);
    }

    /// So it did, by what a parser of the user's own says, which may quote it: the log isn't told.
    pub(in crate::server) fn fail_unread(&self, why: &str) {
        let why = Unread::new(why);
        self.report_all(|| why.clone().into());
        self.refuse("the parser can't read a message");
    }

    fn report_all(&self, error: impl Fn() -> BoxError) {
        for socket in self.sockets() {
            socket.report(&HandlerError::new(None, HandlerErrorKind::Decode, error()));
        }
    }

    /// The peer did what its state does not allow.
    pub(in crate::server) fn refuse(&self, why: &str) {
        crate::engine::refused!(self.connection(), "{why}");
        self.connection().close_with(CloseReason::ForcedClose);
    }
}
