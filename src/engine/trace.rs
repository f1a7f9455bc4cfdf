//! How the engine and the server above it speak to the log.

/// Peer input that was refused, with the connection or the address that it came from. One macro for all of it, so
/// that it all looks alike and no session id gets in.
macro_rules! refused {
    ($from:expr, $($message:tt)+) => {
        tracing::debug!(target: "axum_socketio::refused", from = ?$from, $($message)+)
    };
}
pub(crate) use refused;
