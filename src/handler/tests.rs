//! Handlers run by real events: a client speaks Engine.IO 4 over polling.

use std::sync::{Arc, Mutex};

use crate::server::SocketIo;

mod client;
mod connections;
mod events;
mod replies;

/// What handlers have to say to the test.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn push(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// What was heard since it was asked last.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A server whose `/` tells what it reports.
fn server() -> (SocketIo, Heard) {
    let (io, errors) = (SocketIo::new(), Heard::default());
    let reported = errors.clone();
    io.of("/").on_error(async move |_, error: crate::HandlerError| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        reported.push(format!("{error}: {}", source.unwrap_or_default()));
    });
    (io, errors)
}
