//! Handlers as they are stored: with the state of their namespace, and without their types.

use std::marker::PhantomData;

/// A handler with the state that its extractors read. What it hears is the trait object it is stored as.
pub(super) struct Erased<H, T, S> {
    pub(super) handler: H,
    pub(super) state: S,
    args: PhantomData<fn() -> T>,
}

impl<H, T, S> Erased<H, T, S> {
    pub(super) const fn new(handler: H, state: S) -> Self {
        Self {
            handler,
            state,
            args: PhantomData,
        }
    }
}
