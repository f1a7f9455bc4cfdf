//! What isn't the server's own: words of clients that are written into the log, and values of the application that are dropped here. Their
//! drop may panic, for which whoever happens to hold the last of them can do nothing: it is said in the log, and what was being done goes on.

use std::{
    any::Any,
    fmt::{self, Write},
    mem,
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

/// So many characters of a name are enough to tell it.
const MAX_NAME: usize = 100;

/// The name of an event, or of a namespace, is the client's own word, and as long as it likes.
pub(crate) fn brief(name: &str) -> &str {
    name.char_indices()
        .nth(MAX_NAME)
        .map_or(name, |(end, _)| &name[..end])
}

/// The beginning of a text, which is not made any further.
pub(crate) fn cut(text: &(impl fmt::Display + ?Sized), chars: usize) -> String {
    let mut beginning = Beginning {
        text: String::new(),
        left: chars,
    };
    // An error says that there is more.
    if write!(beginning, "{text}").is_err() {
        beginning.text.push('…');
    }
    beginning.text
}

struct Beginning {
    text: String,
    left: usize,
}

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(char);
        }
        Ok(())
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

    #[test]
    fn a_text_is_made_as_far_as_it_is_wanted() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(cut(&format_args!("{}{}", "ab", "cd"), 3), "abc…");
    }
}
