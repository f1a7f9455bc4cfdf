//! How the engine speaks to the log.

/// Peer input that was refused. One macro for all of it, so that it all looks alike and no session id gets in.
macro_rules! refused {
    ($what:expr $(, $($field:tt)+)?) => {
        tracing::debug!(target: "axum_socketio::engine", $($($field)+,)? "refused: {}", $what)
    };
}
