//! Packets on their way to clients, encoded once for all of them.

use std::sync::Arc;

use bytes::Bytes;

use super::deflate::{Deflate, SharedFrames};
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
    more: Option<Arc<More>>,
    /// Whether a WebSocket may compress it.
    compress: bool,
}

/// What most packets don't have.
#[derive(Debug, Default)]
struct More {
    attachments: Vec<Attachment>,
    /// Only where several connections may want the packet compressed.
    compressed: Option<Box<SharedFrames>>,
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
        let more = (!attachments.is_empty()).then(|| {
            Arc::new(More {
                attachments: attachments.into_iter().map(Attachment::new).collect(),
                compressed: None,
            })
        });
        Self::framed(text, more, compress)
    }

    /// An Engine.IO packet that isn't a message, from its text with the type.
    pub(super) fn control(packet: &[u8]) -> Self {
        Self::framed(&mut [&[0; TYPE_AT], packet].concat(), None, false)
    }

    fn framed(text: &mut [u8], more: Option<Arc<More>>, compress: bool) -> Self {
        let length = text.len() - TYPE_AT;
        write_head_before(text, TYPE_AT, OpCode::Text, false, length);
        Self {
            text: Arc::from(&*text),
            more,
            compress,
        }
    }

    /// The text packet with its type, as long-polling carries it.
    pub(super) fn packet(&self) -> &[u8] {
        &self.text[TYPE_AT..]
    }

    /// The text of the Socket.IO packet.
    pub(crate) fn message(&self) -> &str {
        std::str::from_utf8(&self.text[HEADROOM..]).unwrap_or_default()
    }

    /// The binary messages that follow it.
    pub(crate) fn attached(&self) -> Vec<Bytes> {
        self.attachments()
            .iter()
            .map(|attachment| attachment.data.clone())
            .collect()
    }

    /// The text packet as a complete WebSocket frame.
    pub(super) fn frame(&self) -> &[u8] {
        &self.text[TYPE_AT - head_len(self.text.len() - TYPE_AT)..]
    }

    pub(super) fn attachments(&self) -> &[Attachment] {
        self.more.as_deref().map_or(&[], |more| &more.attachments)
    }

    /// Has what is made of it for connections with compression made once for all of them.
    pub(crate) fn share_compressed(mut self) -> Self {
        if self.compress
            && let Some(more) = Arc::get_mut(self.more.get_or_insert_default())
        {
            more.compressed.get_or_insert_default();
        }
        self
    }

    /// All its frames, those compressed that it is worth for; `None` if it is for none of them, or not wanted.
    pub(super) fn deflated(&self, protocol: Protocol, deflate: Deflate) -> Option<Arc<[u8]>> {
        let long = |attachment: &Attachment| attachment.payload_len(protocol) >= deflate.threshold;
        if !self.compress || (self.packet().len() < deflate.threshold && !self.attachments().iter().any(long))
        {
            return None;
        }
        let make = || self.make_deflated(protocol, deflate);
        Some(
            match self.more.as_ref().and_then(|more| more.compressed.as_ref()) {
                Some(shared) => shared.get_or_make((deflate.effort, protocol), make),
                None => make(),
            },
        )
    }

    fn make_deflated(&self, protocol: Protocol, deflate: Deflate) -> Arc<[u8]> {
        let mut frames = Vec::new();
        match deflate.compress(&[self.packet()]) {
            Some(payload) => push_compressed(&mut frames, OpCode::Text, &payload),
            None => frames.extend_from_slice(self.frame()),
        }
        for attachment in self.attachments() {
            match deflate.compress(&[binary_type(protocol), &attachment.data]) {
                Some(payload) => push_compressed(&mut frames, OpCode::Binary, &payload),
                None => {
                    frames.extend_from_slice(attachment.head(protocol));
                    frames.extend_from_slice(&attachment.data);
                }
            }
        }
        Arc::from(frames)
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

fn push_compressed(frames: &mut Vec<u8>, op: OpCode, payload: &[u8]) {
    frames.extend_from_slice(&FrameHead::new(op, true, payload.len()));
    frames.extend_from_slice(payload);
}

/// What stands in front of binary data in its own message: Engine.IO 3 has the packet type there.
const fn binary_type(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::V3 => &[4],
        Protocol::V4 => &[],
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

    fn payload_len(&self, protocol: Protocol) -> usize {
        binary_type(protocol).len() + self.data.len()
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

    #[cfg(feature = "deflate")]
    fn deflate(window_bits: u8) -> Deflate {
        let level = 6;
        Deflate {
            threshold: 100,
            effort: crate::websocket::Effort { level, window_bits },
        }
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn a_broadcast_is_compressed_once_for_each_window() {
        let outgoing = Outgoing::new(&mut text(&"x".repeat(2000)), Vec::new(), true).share_compressed();
        let frames = |bits| outgoing.clone().deflated(Protocol::V4, deflate(bits)).unwrap();
        let first = frames(15);
        assert_eq!(first[0], 0xc1);
        assert!(Arc::ptr_eq(&first, &frames(15)));
        assert!(!Arc::ptr_eq(&first, &frames(9)));
        assert!(Arc::ptr_eq(&frames(9), &frames(9)));
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn only_what_is_worth_it_is_compressed() {
        let packet = |len, compress| Outgoing::new(&mut text(&"x".repeat(len)), Vec::new(), compress);
        assert!(packet(98, true).deflated(Protocol::V4, deflate(15)).is_none());
        assert!(packet(99, true).deflated(Protocol::V4, deflate(15)).is_some());
        assert!(packet(99, false).deflated(Protocol::V4, deflate(15)).is_none());

        let noise: Bytes = (0..120_u8).map(|i| i.wrapping_mul(167)).collect();
        let zeros = Bytes::from_static(&[0; 99]);
        let outgoing = Outgoing::new(&mut text("52-[]"), vec![noise, zeros], true);
        // An attachment of Engine.IO 3 has a byte more, which takes the second to the threshold.
        for (protocol, head) in [(Protocol::V3, 0xc2), (Protocol::V4, 0x82)] {
            let frames = outgoing.deflated(protocol, deflate(15)).unwrap();
            let second = outgoing.frame().len() + outgoing.attachments()[0].head(protocol).len() + 120;
            assert_eq!((frames[0], frames[outgoing.frame().len()]), (0x81, 0x82));
            assert_eq!(frames[second], head, "{protocol:?}");
        }
    }

    #[test]
    fn a_queued_packet_is_small() {
        assert!(size_of::<Outgoing>() <= 32);
    }
}
