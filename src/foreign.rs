//! Values of the application's own that are dropped here. Their drop may panic, for which whoever happens to hold the last of them can do
//! nothing: it is said in the log, and what was being done goes on.

use std::{
    any::Any,
    fmt, mem,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;

/// A value of the application's own. Wherever it is dropped, a panic of that goes no further.
#[derive(Clone)]
pub(crate) struct Foreign<T>(Option<T>);

impl<T> Foreign<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) const fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(THERE)
    }
}

const THERE: &str = "invariant: it is there until it is dropped";

impl<T> Drop for Foreign<T> {
    fn drop(&mut self) {
        dispose(self.0.take());
    }
}

impl<T> Deref for Foreign<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect(THERE)
    }
}

impl AsRef<[u8]> for Foreign<Bytes> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl<T: fmt::Debug> fmt::Debug for Foreign<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}

/// Bytes that code of the application has made, perhaps with an owner of its own ([`Bytes::from_owner`]): the same ones, to be kept
/// wherever packets are.
pub(crate) fn bytes(bytes: Bytes) -> Bytes {
    Bytes::from_owner(Foreign::new(bytes))
}

/// Drops what is, or owns, a value of the application's own.
pub(crate) fn dispose<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        forget(panic);
        tracing::error!(
            "a value of the application panicked when it was dropped: what was being done goes on"
        );
    }
}

/// One step of several, of which the others are to be done whatever wakers and values of the application do in this one.
pub(crate) fn step(step: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(step)) {
        forget(panic);
        tracing::error!("a waker or a value of the application panicked: what was being done goes on");
    }
}

/// What a panic was raised with is a value of the application's, too. If that panics in its turn, it is left where it is.
fn forget(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(again);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    /// Panics when it is dropped, with another one.
    struct Bomb(u8);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if let Some(left) = self.0.checked_sub(1) {
                panic_any(Self(left));
            }
        }
    }

    #[test]
    fn what_a_drop_panics_with_may_panic_when_it_is_dropped() {
        dispose(Bomb(1));
        dispose(Bomb(2));
        step(|| panic_any(Bomb(1)));
        drop(Foreign::new(Bomb(2)));
    }
}
