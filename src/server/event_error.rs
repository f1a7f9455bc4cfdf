//! Why an event was refused.

use std::{error::Error, fmt};

use serde::Serialize;

use crate::server::ConnectError;

/// Refuses an event, from a packet middleware.
///
/// Engine.IO 3 clients get the ERROR packet of Socket.IO 2.x: their `error` event carries the data, or the message where there is none.
/// Engine.IO 4 clients are told nothing, as by Node 4: the namespace's [`on_error`](crate::Namespace::on_error) and the
/// [socket's](crate::Socket::on_error) hear of it, as an error that [is a refusal](crate::HandlerError::is_refused), whose source this is.
#[derive(Debug)]
pub struct EventError(ConnectError);

impl EventError {
    /// A refusal with this message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(ConnectError::new(message))
    }

    /// Adds details for the client's code.
    ///
    /// Data that can't be serialised is left out and traced.
    #[must_use]
    pub fn with_data(self, data: impl Serialize) -> Self {
        Self(self.0.with_data(data))
    }

    /// Why the event was refused.
    #[must_use]
    pub fn message(&self) -> &str {
        self.0.message()
    }

    /// As the packet for Engine.IO 3 clients has it.
    pub(super) const fn as_connect_error(&self) -> &ConnectError {
        &self.0
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for EventError {}

impl From<String> for EventError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for EventError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}
