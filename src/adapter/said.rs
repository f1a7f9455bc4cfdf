//! What is said to other servers while a thread does something for a client, so that the client can be slowed for it and nobody else.

use std::cell::Cell;

thread_local! {
    static SAID: Cell<u64> = const { Cell::new(0) };
}

/// Something was said by this thread, or may be later on behalf of what it does now.
pub(crate) fn note() {
    SAID.set(SAID.get().wrapping_add(1));
}

/// Another number each time that something was [noted](note).
pub(crate) fn so_far() -> u64 {
    SAID.get()
}
