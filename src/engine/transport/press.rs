//! Compression that takes longer than others should have to wait.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
    thread::available_parallelism,
};

use futures_util::FutureExt;
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
};

/// So many bytes are compressed by the task of the connection, half a millisecond's work, before others have their turn.
pub(super) const TURN: usize = 16 * 1024;

/// What is no longer than this doesn't wait for what is: an answer of megabytes takes a hundred times as long, and clients may have any
/// number of those waited for.
const SHORT: usize = 64 * 1024;

/// What is compressed on blocking threads at a time. More would only want memory.
pub(in crate::engine) static JOBS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(permits()));

/// And what is short.
static SHORT_JOBS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(permits()));

/// One job for each processor.
pub(in crate::engine) fn permits() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Something that is done on a blocking thread. Dropped before its turn has come it is not done at all: clients that ask and go, as
/// fast as they can, would have the others wait for what nobody wants, and all of it in memory.
pub(super) struct Pressed<T>(JoinHandle<Option<T>>);

/// Compresses so many bytes on a blocking thread; `None` if the runtime ends before it.
#[expect(clippy::disallowed_methods, reason = "a driver")]
pub(super) fn press<T: Send + 'static>(
    bytes: usize,
    make: impl FnOnce() -> T + Send + 'static,
) -> Pressed<T> {
    let jobs = if bytes > SHORT { &*JOBS } else { &*SHORT_JOBS };
    // In a task of its own, so that its turn isn't kept by one who waits but doesn't ask, because his own client reads nothing.
    Pressed(tokio::spawn(async move {
        let permit = jobs.acquire().await;
        let made = spawn_blocking(move || {
            // It is at work until it ends, whether somebody waits or not.
            let _permit = permit;
            make()
        });
        made.await.ok()
    }))
}

impl<T> Future for Pressed<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx).map(|made| made.ok().flatten())
    }
}

impl<T> Drop for Pressed<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        time::Duration,
    };

    use tokio::{task::yield_now, time::timeout};

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_done_and_not_kept() {
        let held = JOBS.acquire_many(permits() as u32).await.unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let [unwanted, wanted] = [(); 2].map(|()| {
            let done = done.clone();
            press(SHORT + 1, move || done.swap(true, Ordering::Relaxed))
        });
        yield_now().await;
        drop(unwanted);
        yield_now().await;
        assert_eq!(Arc::strong_count(&done), 2);
        drop(held);
        assert_eq!(wanted.await, Some(false));
    }

    #[tokio::test]
    async fn what_is_short_does_not_wait_for_what_is_long() {
        let held = JOBS.acquire_many(permits() as u32).await.unwrap();
        let mut long = press(SHORT + 1, || ());
        let short = timeout(Duration::from_secs(20), press(SHORT, || "short"));
        assert_eq!(short.await, Ok(Some("short")));
        assert!(futures::poll!(&mut long).is_pending());
        drop(held);
        assert_eq!(long.await, Some(()));
    }
}
