//! The two client generations.

/// Which generation of the protocol a client speaks.
///
/// The revisions of Engine.IO and Socket.IO always travel together, so one value names both.
/// The client chooses with the `EIO` query parameter of its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Engine.IO 3 with Socket.IO protocol 4: JS clients 1.x and 2.x.
    V3,
    /// Engine.IO 4 with Socket.IO protocol 5: JS clients 3.x and 4.x.
    V4,
}

impl Protocol {
    /// The Engine.IO revision as it stands in the query: 3 or 4.
    #[must_use]
    pub const fn engine_revision(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}
