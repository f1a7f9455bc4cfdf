//! What a namespace does besides plain delivery, read with one load.

use std::sync::atomic::{AtomicU8, Ordering};

/// A set of modes. One that is set stays.
#[derive(Debug, Default)]
pub(super) struct Modes(AtomicU8);

impl Modes {
    /// Each handler finishes before the next event of its socket starts one.
    pub(super) const SEQUENTIAL: u8 = 1;
    /// Some socket has had a listener for what is sent to it.
    pub(super) const TELLS_OUTGOING: u8 = 2;
    /// Some socket, or all, have had a packet middleware.
    pub(super) const FILTERS: u8 = 4;
    /// WebSockets of some engine may have agreed on compression.
    pub(super) const COMPRESSES: u8 = 8;

    pub(super) fn set(&self, mode: u8) {
        self.0.fetch_or(mode, Ordering::Relaxed);
    }

    /// The same modes, on their own from now on.
    pub(super) fn snapshot(&self) -> Self {
        Self(AtomicU8::new(self.0.load(Ordering::Relaxed)))
    }

    pub(super) fn has(&self, mode: u8) -> bool {
        self.0.load(Ordering::Relaxed) & mode != 0
    }
}
