//! The one place where the engine asks for the time.

use std::time::{Instant, SystemTime};

/// Tokio's time, so that tests can pause it.
#[expect(
    clippy::disallowed_methods,
    reason = "everything else takes the time as an argument"
)]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time of day.
#[expect(
    clippy::disallowed_methods,
    reason = "everything else takes the time as an argument"
)]
pub(super) fn system() -> SystemTime {
    SystemTime::now()
}
