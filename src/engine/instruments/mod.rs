//! What is measured: counters, gauges and histograms for whoever collects them.
//!
//! With the feature `metrics` they go to the recorder of the crate `metrics`; without it everything here is empty and costs
//! nothing. `docs/observability.md` lists names, units and labels, and `tests/metrics.rs` holds it to them.

#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod on;

#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{Instruments, Overstepped, Stopwatch, Weight};
#[cfg(feature = "metrics")]
pub(crate) use self::on::{Instruments, Overstepped, Stopwatch, Weight};

/// Why something a client asked for was refused, as the label `reason` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalReason {
    TransportUnknown,
    SessionUnknown,
    BadHandshakeMethod,
    BadRequest,
    Forbidden,
    UnsupportedProtocol,
    TooManyConnections,
    MethodNotAllowed,
    BadWebSocketHandshake,
    HeadTooLarge,
    ShuttingDown,
    InvalidNamespace,
    Middleware,
}

/// Why a packet never reached an outbox, as the label `reason` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    BufferFull,
    Volatile,
}

impl RefusalReason {
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody collects them"))]
    const NAMES: [&'static str; 13] = [
        "transport_unknown",
        "session_unknown",
        "bad_handshake_method",
        "bad_request",
        "forbidden",
        "unsupported_protocol",
        "too_many_connections",
        "method_not_allowed",
        "bad_websocket_handshake",
        "head_too_large",
        "shutting_down",
        "invalid_namespace",
        "middleware",
    ];
}

impl Dropped {
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody collects them"))]
    const NAMES: [&'static str; 2] = ["buffer_full", "volatile"];
}
