//! Tasks that their runtime ends before they have.

use std::thread;

use tokio::runtime::Id;

use crate::{
    foreign,
    server::{SocketIo, dispatch},
};

/// Does something else if this is dropped in the middle of a task: then its runtime has ended, or it has panicked.
struct CutOff<F: FnOnce()> {
    io: SocketIo,
    runtime: Id,
    instead: Option<F>,
}

/// Starts a task; if its runtime ends before the future does, this is done instead, wherever that comes about.
pub(super) fn spawn_or_else(
    io: &SocketIo,
    future: impl Future<Output = ()> + Send + 'static,
    instead: impl FnOnce() + Send + 'static,
) {
    let Some(runtime) = dispatch::runtime(io) else {
        return dispatch::no_runtime();
    };
    let cut_off = CutOff {
        io: io.clone(),
        runtime: runtime.id(),
        instead: Some(instead),
    };
    runtime.spawn(async move {
        future.await;
        cut_off.avert();
    });
}

impl<F: FnOnce()> CutOff<F> {
    fn avert(mut self) {
        self.instead = None;
    }
}

impl<F: FnOnce()> Drop for CutOff<F> {
    fn drop(&mut self) {
        if let Some(instead) = self.instead.take() {
            if !thread::panicking() {
                // What is started instead goes elsewhere, if there is anywhere.
                self.io.runtimes().forget(self.runtime);
            }
            foreign::step(instead);
        }
    }
}
