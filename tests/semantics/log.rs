//! What handlers tell the test, in order.

use std::fmt::Display;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::wire::within;

/// Where handlers write; it is their state.
#[derive(Clone, Debug)]
pub(crate) struct Log(UnboundedSender<String>);

/// Where the test reads.
#[derive(Debug)]
pub(crate) struct Heard(UnboundedReceiver<String>);

pub(crate) fn log() -> (Log, Heard) {
    let (log, heard) = unbounded_channel();
    (Log(log), Heard(heard))
}

impl Log {
    pub(crate) fn say(&self, line: impl Display) {
        // The test may have seen enough.
        let _ = self.0.send(line.to_string());
    }
}

impl Heard {
    pub(crate) async fn next(&mut self) -> String {
        within(self.0.recv()).await.expect("somebody can still write")
    }

    #[track_caller]
    pub(crate) fn expect<'a>(&'a mut self, line: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move { assert_eq!(self.next().await, line, "at {caller}") }
    }

    /// What has been written so far and not been read.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}
