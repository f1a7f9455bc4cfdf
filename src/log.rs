//! The application's log. It may panic, as one does whose reader has gone: that line is lost, and what was being done goes on.

macro_rules! debug {
    ($($line:tt)+) => { $crate::foreign::step(|| tracing::debug!($($line)+)) };
}

macro_rules! info {
    ($($line:tt)+) => { $crate::foreign::step(|| tracing::info!($($line)+)) };
}

macro_rules! warning {
    ($($line:tt)+) => { $crate::foreign::step(|| tracing::warn!($($line)+)) };
}

macro_rules! error {
    ($($line:tt)+) => { $crate::foreign::step(|| tracing::error!($($line)+)) };
}

// An attribute has the name of the third.
pub(crate) use {debug, error, info, warning as warn};
