//! What a session answers its drivers.

/// What becomes of a GET that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum PollStep {
    /// It is held; ask for its answer.
    Held,
    /// There was one already: this one is refused, and the session is over.
    Overlap,
    /// The session isn't polling any more.
    Mismatch,
    /// There is no such session any more.
    Unknown,
}

/// The answer to a GET that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum PollAnswer {
    Wait,
    /// What is queued, as much as one response may carry.
    Packets,
    Noop,
    NoopAndClose,
    Close,
}

/// What becomes of a POST that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum PushStep {
    Accepted,
    Overlap,
    Mismatch,
    Unknown,
}

/// What becomes of an upgrade packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum UpgradeStep {
    Upgraded,
    /// A POST is being read: its packets come before those of the WebSocket.
    Wait,
    /// The session has ended, or has given the probe up.
    Gone,
}

/// What to do because time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum TimeoutStep {
    Nothing,
    Ping,
    ProbeLost,
    Closed,
}
