//! Packets on their way to clients, encoded once for all of them.

use std::sync::Arc;

use bytes::Bytes;

/// Bytes a text packet leaves free at its start: the longest WebSocket frame head, and the Engine.IO packet type.
pub(crate) const HEADROOM: usize = 11;

/// One Socket.IO packet encoded once: its text and its attachments, complete for every transport.
///
/// The text stands in one allocation behind its WebSocket frame head, so that a WebSocket writes it as it is, and
/// long-polling the same bytes without the head. All recipients of a broadcast share one.
#[derive(Debug)]
pub(crate) struct Outgoing {
    text: Box<[u8]>,
    attachments: Box<[Attachment]>,
    frame_start: u8,
    compress: bool,
}

/// A binary message that belongs to a text packet.
#[derive(Debug)]
pub(crate) struct Attachment {
    data: Bytes,
}

/// A packet for one connection.
#[derive(Debug)]
pub(crate) enum Outbound {
    /// For this connection alone.
    Own(Outgoing),
    /// Shared with other connections.
    Shared(Arc<Outgoing>),
}

impl Outgoing {
    /// A packet from its text, which begins after [`HEADROOM`] free bytes, and its attachments.
    pub(crate) fn new(text: Box<[u8]>, attachments: Vec<Bytes>, compress: bool) -> Self {
        let attachments = attachments.into_iter().map(|data| Attachment { data }).collect();
        Self {
            text,
            attachments,
            frame_start: 0,
            compress,
        }
    }
}
