//! Compression that takes longer than others should have to wait.

use std::{num::NonZeroUsize, sync::LazyLock, thread::available_parallelism};

use futures_util::FutureExt;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// So many bytes are compressed by the task of the connection, half a millisecond's work, before others have their turn.
pub(super) const TURN: usize = 16 * 1024;

/// What is compressed on blocking threads at a time. More would only want memory.
pub(super) static JOBS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, NonZeroUsize::get)));

/// Does something on a blocking thread; `None` if the runtime ends before it.
#[expect(clippy::disallowed_methods, reason = "a driver")]
pub(super) fn press<T: Send + 'static>(
    make: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Option<T>> + Send {
    // In a task of its own, so that it goes on whoever stops waiting for it.
    let pressed = tokio::spawn(async move {
        let _permit = JOBS.acquire().await;
        spawn_blocking(make).await.ok()
    });
    pressed.map(|pressed| pressed.ok().flatten())
}
