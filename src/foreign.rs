//! What isn't the server's own: words of clients that are written into the log, and the application's code, values and wakers. Whatever these
//! panic with goes no further. Where the drop of a value panics, whoever happens to hold the last of them can do nothing: it is said in the
//! log, and what was being done goes on.

use std::{
    any::Any,
    cell::Cell,
    error::Error,
    fmt::{self, Write},
    future::{Future, poll_fn},
    mem,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::LocalKey,
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

/// This thread is inside of a callback that may cause what it is told of; what says so is true until this is dropped.
pub(crate) struct Inside {
    says_so: &'static LocalKey<Cell<bool>>,
    before: bool,
}

impl Inside {
    pub(crate) fn enter(says_so: &'static LocalKey<Cell<bool>>) -> Self {
        let before = says_so.replace(true);
        Self { says_so, before }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.says_so.set(self.before);
    }
}

/// Drops what is, or owns, a value of the application's own.
pub(crate) fn dispose<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        forget(panic);
        log("a value of the application panicked when it was dropped: what was being done goes on");
    }
}

/// Drops several such values: each of them, whatever the others do.
pub(crate) fn dispose_each<T>(values: impl IntoIterator<Item = T>) {
    values.into_iter().for_each(dispose);
}

/// One step of several, of which the others are to be done whatever wakers and values of the application do in this one.
pub(crate) fn step(step: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(step)) {
        forget(panic);
        log("a waker or a value of the application, or its log, panicked: what was being done goes on");
    }
}

/// The log is the application's too, and may be what has panicked.
fn log(line: &str) {
    let _ = call(|| tracing::error!("{line}"));
}

/// Wakes each of them, whatever others do.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        step(|| waker.wake());
    }
}

/// A waker of the application's, the panics of which go no further.
struct Tame(Foreign<Waker>);

impl Wake for Tame {
    fn wake(self: Arc<Self>) {
        step(|| self.0.wake_by_ref());
    }
}

/// Waits where others wait, too: whoever wakes them comes to each, whatever the wakers of the application do.
pub(crate) async fn among_others<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let waker = Waker::from(Arc::new(Tame(Foreign::new(cx.waker().clone()))));
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

/// Calls the application's code. What it panics with stays here, but for its words.
pub(crate) fn call<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(code)).map_err(Panicked::with)
}

/// The application's future, with a panic in it as an error. One in its drop, after another one or where nobody waits for it any more, is
/// only logged.
pub(crate) fn run<T>(
    future: Pin<Box<dyn Future<Output = T> + Send + '_>>,
) -> impl Future<Output = Result<T, Panicked>> + Send {
    let mut future = Foreign::new(future);
    poll_fn(move |cx| match call(|| future.get_mut().as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
}

/// A panic of the application's code, as an error.
#[derive(Debug)]
pub(crate) struct Panicked(Box<str>);

impl Panicked {
    fn with(panic: Box<dyn Any + Send>) -> Self {
        let message = panic.downcast_ref::<&str>().copied();
        let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let panicked = Self(message.unwrap_or("no message").into());
        forget(panic);
        panicked
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Panicked {}

/// What a panic was raised with is a value of the application's, too. If that panics in its turn, it is left where it is.
fn forget(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(again);
    }
}

/// What an error of the application says, which goes with it.
pub(crate) fn text(error: impl fmt::Display) -> String {
    // Both may panic, its text and, as that unwinds, its drop.
    let error = Foreign::new(error);
    error.deref().to_string()
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
    fn what_code_panics_with_may_panic_when_it_is_dropped() {
        let panicked = call(|| panic_any(Bomb(2))).unwrap_err();
        assert_eq!(panicked.to_string(), "no message");
        assert_eq!(call(|| panic!("why")).unwrap_err().to_string(), "why");
        assert_eq!(call(|| 1).ok(), Some(1));
    }

    #[test]
    fn a_text_is_made_as_far_as_it_is_wanted() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(cut(&format_args!("{}{}", "ab", "cd"), 3), "abc…");
    }
}
