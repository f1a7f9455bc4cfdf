//! Why and how far a connection is closed.

use std::fmt;

/// Why an Engine.IO connection ended.
///
/// [`as_str`](Self::as_str) gives the words of the JavaScript server, which users know from its `disconnect` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client closed the transport, or the network did.
    TransportClose,
    /// The client broke the rules of the transport, a request of it was aborted, a message was too large, or the
    /// connection stopped taking packets.
    TransportError,
    /// The client's heartbeat didn't come in time, or for as long its receiver wanted no message, so that none could be read.
    PingTimeout,
    /// The client sent something that is no Engine.IO packet.
    ParseError,
    /// This server closed the connection.
    ForcedClose,
    /// This server closed the connection because no namespace was joined in time or the client sent a packet that
    /// its state didn't allow.
    ForcedServerClose,
    /// This server is shutting down.
    ServerShuttingDown,
}

impl CloseReason {
    /// All of them.
    #[cfg(feature = "metrics")]
    pub(super) const ALL: [Self; 7] = [
        Self::TransportClose,
        Self::TransportError,
        Self::PingTimeout,
        Self::ParseError,
        Self::ForcedClose,
        Self::ForcedServerClose,
        Self::ServerShuttingDown,
    ];

    /// The reason as the JavaScript server spells it, for example `transport close`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::ServerShuttingDown => "server shutting down",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadyState {
    /// The handshake is being answered.
    Opening,
    /// Packets flow.
    Open,
    /// This server has closed the connection and is sending what was queued before.
    Closing,
    /// It is over.
    Closed,
}

impl ReadyState {
    pub(super) const fn from_u8(state: u8) -> Self {
        match state {
            0 => Self::Opening,
            1 => Self::Open,
            2 => Self::Closing,
            _ => Self::Closed,
        }
    }

    /// The state as the JavaScript server spells it: `opening`, `open`, `closing` or `closed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for ReadyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a packet wasn't queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    /// The connection is closing or closed.
    Closed,
    /// The send buffer is full; with [`Overflow::Disconnect`](super::Overflow::Disconnect) the connection is closed.
    Full,
    /// A volatile packet, and the transport can't take it at this moment.
    NotWritable,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection is closed",
            Self::Full => "the send buffer of the connection is full",
            Self::NotWritable => "the transport isn't writable at the moment",
        })
    }
}

impl std::error::Error for SendError {}
