//! What a socket has with it, for the server itself.

use std::sync::PoisonError;

use serde::Deserialize;

use super::Socket;
use crate::{Value, server::Handshake};

impl Socket {
    /// The handshake, for those who keep it for themselves: nothing is kept with the socket for it.
    pub(in crate::server) fn handle_of_handshake(&self) -> Handshake {
        Handshake::new(self.connection().clone(), self.0.auth.as_ref())
    }

    /// The data, for those who only look: nothing is kept with a socket that has none.
    pub(in crate::server) fn data_shown(&self) -> Value {
        let data = self.0.own.get().map(|_| self.data_value());
        let shown = data.and_then(|data| Value::deserialize(data).ok());
        shown.unwrap_or_default()
    }

    pub(in crate::server) fn data_value(&self) -> serde_json::Value {
        let data = &self.own().data;
        data.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives a socket what another one had.
    pub(in crate::server) fn restore(&self, data: serde_json::Value, extensions: http::Extensions) {
        let own = self.own();
        *own.data.lock().unwrap_or_else(PoisonError::into_inner) = data;
        own.extensions.replace(extensions);
    }
}
