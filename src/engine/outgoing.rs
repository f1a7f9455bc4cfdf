//! Packets on their way to clients, encoded once for all of them.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Protocol,
    websocket::{FrameHead, OpCode, head_len, write_head_before},
};

/// Bytes a text packet leaves free at its start: the longest WebSocket frame head, and the Engine.IO packet type.
pub(crate) const HEADROOM: usize = 11;

/// Where the packet type stands in the text.
const TYPE_AT: usize = HEADROOM - 1;

/// One Socket.IO packet encoded once: its text and its attachments, complete for every transport.
///
/// The text stands in one allocation behind its WebSocket frame head, so that a WebSocket writes it as it is, and
/// long-polling the same bytes without the head. A clone is a reference: all recipients of a broadcast share one.
///
/// ```text
/// │ free … │ frame head │ '4' │ text …
///          └ frame_start()    └ HEADROOM
/// ```
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    text: Arc<[u8]>,
    /// Most packets have none.
    attachments: Option<Arc<Vec<Attachment>>>,
    #[expect(
        dead_code,
        reason = "the sender's wish travels with the packet; no transport compresses yet"
    )]
    compress: bool,
}

/// A binary message that belongs to a text packet, and the two short heads it needs on a WebSocket.
#[derive(Debug)]
pub(super) struct Attachment {
    data: Bytes,
    head: FrameHead,
    head_v3: HeadV3,
}

/// The frame head of Engine.IO 3 together with the packet type, which is part of the payload there.
#[derive(Debug)]
struct HeadV3 {
    bytes: [u8; HEADROOM],
    start: u8,
}

impl Outgoing {
    /// A packet from its text, which begins after [`HEADROOM`] free bytes, and its attachments.
    pub(crate) fn new(text: &mut [u8], attachments: Vec<Bytes>, compress: bool) -> Self {
        text[TYPE_AT] = b'4';
        let attachments = (!attachments.is_empty())
            .then(|| Arc::new(attachments.into_iter().map(Attachment::new).collect()));
        Self::framed(text, attachments, compress)
    }

    /// An Engine.IO packet that isn't a message, from its text with the type.
    pub(super) fn control(packet: &[u8]) -> Self {
        Self::framed(&mut [&[0; TYPE_AT], packet].concat(), None, false)
    }

    fn framed(text: &mut [u8], attachments: Option<Arc<Vec<Attachment>>>, compress: bool) -> Self {
        let length = text.len() - TYPE_AT;
        write_head_before(text, TYPE_AT, OpCode::Text, false, length);
        Self {
            text: Arc::from(&*text),
            attachments,
            compress,
        }
    }

    /// The text packet with its type, as long-polling carries it.
    pub(super) fn packet(&self) -> &[u8] {
        &self.text[TYPE_AT..]
    }

    /// The text packet as a complete WebSocket frame.
    pub(super) fn frame(&self) -> &[u8] {
        &self.text[TYPE_AT - head_len(self.text.len() - TYPE_AT)..]
    }

    pub(super) fn attachments(&self) -> &[Attachment] {
        self.attachments.as_deref().map_or(&[], Vec::as_slice)
    }

    #[cfg(test)]
    pub(super) fn references(&self) -> usize {
        Arc::strong_count(&self.text)
    }

    /// How many Engine.IO packets it is.
    pub(super) fn packets(&self) -> usize {
        1 + self.attachments().len()
    }

    /// The bytes it brings to the wire, roughly.
    pub(super) fn size(&self) -> usize {
        let binary: usize = self
            .attachments()
            .iter()
            .map(|attachment| attachment.data.len())
            .sum();
        self.text.len() + binary
    }
}

impl Attachment {
    fn new(data: Bytes) -> Self {
        let head = FrameHead::new(OpCode::Binary, false, data.len());
        let head_v3 = HeadV3::new(data.len());
        Self { data, head, head_v3 }
    }

    pub(super) fn data(&self) -> &Bytes {
        &self.data
    }

    /// What stands before the data on a WebSocket.
    pub(super) fn head(&self, protocol: Protocol) -> &[u8] {
        match protocol {
            Protocol::V3 => &self.head_v3.bytes[usize::from(self.head_v3.start)..],
            Protocol::V4 => self.head.as_slice(),
        }
    }
}

impl HeadV3 {
    fn new(data_len: usize) -> Self {
        let mut bytes = [0; HEADROOM];
        bytes[TYPE_AT] = 4;
        let start = write_head_before(&mut bytes, TYPE_AT, OpCode::Binary, false, data_len + 1);
        let start = u8::try_from(start).expect("invariant: a head starts within the headroom");
        Self { bytes, start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&[0; HEADROOM], text.as_bytes()].concat()
    }

    #[test]
    fn the_frame_of_every_length_class_stands_before_the_packet() {
        for (length, head) in [(0, 2), (124, 2), (125, 4), (65_534, 4), (65_535, 10)] {
            let outgoing = Outgoing::new(&mut text(&"x".repeat(length)), Vec::new(), true);
            assert_eq!(outgoing.packet().len(), length + 1);
            assert_eq!(outgoing.packet()[0], b'4');
            assert_eq!(outgoing.frame().len(), length + 1 + head);
            assert_eq!(outgoing.frame()[0], 0x81);
        }
    }

    #[test]
    fn an_attachment_has_the_head_of_either_protocol() {
        let outgoing = Outgoing::new(&mut text("51-[]"), vec![Bytes::from_static(&[1, 2, 3])], true);
        let attachment = &outgoing.attachments()[0];
        assert_eq!(attachment.head(Protocol::V4), [0x82, 3]);
        assert_eq!(attachment.head(Protocol::V3), [0x82, 4, 4]);
        assert_eq!(outgoing.packets(), 2);
    }

    #[test]
    fn a_control_packet_has_its_own_type() {
        let open = Outgoing::control(b"0{}");
        assert_eq!(open.frame(), b"\x81\x030{}");
    }

    #[test]
    fn a_queued_packet_is_small() {
        assert!(size_of::<Outgoing>() <= 32);
    }
}
