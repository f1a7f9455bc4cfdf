//! Packets on their way to clients, encoded once for all of them.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::deflate::{Deflate, Frames, SharedFrames};
use crate::{
    Protocol,
    websocket::{Deflater, FrameHead, OpCode, deflate, head_len, write_head_before},
};

/// Bytes a text packet leaves free at its start: the longest WebSocket frame head, and the Engine.IO packet type.
pub(crate) const HEADROOM: usize = 11;

/// Where the packet type stands in the text.
const TYPE_AT: usize = HEADROOM - 1;

/// One Socket.IO packet encoded once: its text and its attachments, complete for every transport. A parser that writes bytes only
/// has packets without a text.
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
    /// Empty if the packet has none; then it has attachments.
    text: Arc<[u8]>,
    more: Option<Arc<More>>,
    /// Whether a WebSocket may compress it.
    compress: bool,
}

/// What most packets don't have.
#[derive(Debug, Default)]
struct More {
    /// Seldom more than one, which needs no allocation of its own.
    attachments: SmallVec<[Attachment; 1]>,
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
        let more = (!attachments.is_empty()).then(|| More::new(attachments));
        Self::framed(text, more, compress)
    }

    /// A packet that is nothing but these binary messages, of which there is one at least.
    pub(crate) fn binary(messages: Vec<Bytes>, compress: bool) -> Self {
        debug_assert!(!messages.is_empty(), "a packet is one message at least");
        Self {
            text: Arc::new([]),
            more: Some(More::new(messages)),
            compress,
        }
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

    /// The text packet with its type, as long-polling carries it; empty if there is none.
    pub(super) fn packet(&self) -> &[u8] {
        self.text.get(TYPE_AT..).unwrap_or_default()
    }

    /// The text of the Socket.IO packet.
    pub(crate) fn message(&self) -> &str {
        let text = self.text.get(HEADROOM..).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// The binary messages that follow it.
    pub(crate) fn attached(&self) -> Vec<Bytes> {
        self.attachments()
            .iter()
            .map(|attachment| attachment.data.clone())
            .collect()
    }

    /// The text packet as a complete WebSocket frame; empty if there is none.
    pub(super) fn frame(&self) -> &[u8] {
        match self.text.is_empty() {
            true => &[],
            false => self.text_frame(),
        }
    }

    /// The frame, if it is all there is.
    pub(super) fn lone_frame(&self) -> Option<&[u8]> {
        // Without attachments there is a text.
        self.attachments().is_empty().then(|| self.text_frame())
    }

    fn text_frame(&self) -> &[u8] {
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

    /// Where it is [shared](Self::share_compressed), what has been made of it.
    pub(super) fn shared_frames(&self) -> Option<&SharedFrames> {
        self.more.as_deref()?.compressed.as_deref()
    }

    /// How many of its bytes a WebSocket compresses: those of its messages that reach the threshold, unless it isn't to.
    pub(super) fn compressible(&self, protocol: Protocol, threshold: usize) -> usize {
        if !self.compress {
            return 0;
        }
        let attachments = self.attachments().iter();
        let attachments = attachments.map(|attachment| attachment.payload_len(protocol));
        std::iter::once(self.packet().len())
            .chain(attachments)
            .filter(|len| *len >= threshold)
            .sum()
    }

    /// All its frames, those compressed that it makes smaller; `None` if it is none of them.
    pub(super) fn deflated(&self, protocol: Protocol, options: Deflate) -> Frames {
        self.pressed(protocol, options.threshold, |parts, len| {
            Some(deflate(parts, options.effort)).filter(|pressed| pressed.len() < len)
        })
    }

    /// All its frames, those compressed that reach the threshold, which may refer to what the context has compressed before.
    pub(super) fn deflated_in(&self, context: &mut Deflater, protocol: Protocol, threshold: usize) -> Frames {
        self.pressed(protocol, threshold, |parts, _| Some(context.deflate(parts)))
    }

    fn pressed(
        &self,
        protocol: Protocol,
        threshold: usize,
        mut press: impl FnMut(&[&[u8]], usize) -> Option<Vec<u8>>,
    ) -> Frames {
        // What is empty can't become smaller, and a context has no form for it.
        let mut press = |parts: &[&[u8]], len: usize| match len {
            0 => None,
            len if len < threshold => None,
            len => press(parts, len),
        };
        let (mut frames, mut any) = (Vec::new(), false);
        match press(&[self.packet()], self.packet().len()) {
            Some(payload) => push_compressed(&mut frames, &mut any, OpCode::Text, &payload),
            None => frames.extend_from_slice(self.frame()),
        }
        for attachment in self.attachments() {
            let parts = [binary_type(protocol), &attachment.data];
            match press(&parts, attachment.payload_len(protocol)) {
                Some(payload) => push_compressed(&mut frames, &mut any, OpCode::Binary, &payload),
                None => {
                    frames.extend_from_slice(attachment.head(protocol));
                    frames.extend_from_slice(&attachment.data);
                }
            }
        }
        any.then(|| Arc::from(frames))
    }

    /// Whether it may be compressed. The open packet may, as in Node, though it is too short for it alone.
    pub(super) fn is_compressible(&self) -> bool {
        self.compress || self.packet().first().is_some_and(|kind| *kind != b'4')
    }

    #[cfg(test)]
    pub(super) fn references(&self) -> usize {
        Arc::strong_count(&self.text)
    }

    /// How many Engine.IO packets it is.
    pub(super) fn packets(&self) -> usize {
        usize::from(!self.text.is_empty()) + self.attachments().len()
    }

    /// The bytes it brings to the wire, roughly.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + self.attached_len()
    }

    /// The bytes of its messages, without what the transport puts around them.
    #[cfg(feature = "metrics")]
    pub(super) fn message_len(&self) -> usize {
        self.text.len().saturating_sub(HEADROOM) + self.attached_len()
    }

    fn attached_len(&self) -> usize {
        let attachments = self.attachments().iter();
        attachments.map(|attachment| attachment.data.len()).sum()
    }
}

fn push_compressed(frames: &mut Vec<u8>, any: &mut bool, op: OpCode, payload: &[u8]) {
    *any = true;
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

impl More {
    fn new(attachments: Vec<Bytes>) -> Arc<Self> {
        Arc::new(Self {
            attachments: attachments.into_iter().map(Attachment::new).collect(),
            compressed: None,
        })
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
    fn a_packet_of_bytes_has_no_text() {
        let outgoing = Outgoing::binary(vec![Bytes::from_static(&[1, 2, 3])], true);
        assert_eq!(
            (outgoing.packet(), outgoing.frame(), outgoing.lone_frame()),
            (&[][..], &[][..], None)
        );
        assert_eq!((outgoing.packets(), outgoing.size()), (1, 3));
        assert_eq!(outgoing.attachments()[0].head(Protocol::V4), [0x82, 3]);
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn a_packet_of_bytes_is_compressed_without_a_text() {
        let outgoing = Outgoing::binary(vec![Bytes::from_static(&[0; 200])], true);
        let frames = outgoing.deflated(Protocol::V4, OPTIONS).unwrap();
        assert_eq!((frames[0], usize::from(frames[1])), (0xc2, frames.len() - 2));
    }

    #[test]
    fn a_control_packet_has_its_own_type() {
        let open = Outgoing::control(b"0{}");
        assert_eq!(open.lone_frame().unwrap(), b"\x81\x030{}");
    }

    #[cfg(feature = "deflate")]
    const OPTIONS: Deflate = Deflate {
        threshold: 100,
        effort: crate::websocket::Effort {
            level: 6,
            window_bits: 15,
        },
        context_takeover: false,
    };

    #[cfg(feature = "deflate")]
    #[test]
    fn only_what_is_worth_it_is_compressed() {
        let packet = |len, compress| Outgoing::new(&mut text(&"x".repeat(len)), Vec::new(), compress);
        for (len, compress, compressible) in [(98, true, 0), (99, true, 100), (99, false, 0)] {
            assert_eq!(
                packet(len, compress).compressible(Protocol::V4, 100),
                compressible,
                "{len}"
            );
        }
        assert!(packet(99, true).deflated(Protocol::V4, OPTIONS).is_some());

        let noise: Bytes = (0..120_u8).map(|i| i.wrapping_mul(167)).collect();
        let zeros = Bytes::from_static(&[0; 99]);
        let outgoing = Outgoing::new(&mut text("52-[]"), vec![noise, zeros], true);
        assert_eq!(outgoing.compressible(Protocol::V3, 100), 121 + 100);
        // An attachment of Engine.IO 3 has a byte more, which takes the second to the threshold.
        let frames = outgoing.deflated(Protocol::V3, OPTIONS).unwrap();
        let second = outgoing.frame().len() + outgoing.attachments()[0].head(Protocol::V3).len() + 120;
        assert_eq!((frames[0], frames[outgoing.frame().len()]), (0x81, 0x82));
        assert_eq!(frames[second], 0xc2);
        assert_eq!(outgoing.compressible(Protocol::V4, 100), 120);
        assert!(
            outgoing.deflated(Protocol::V4, OPTIONS).is_none(),
            "noise becomes no smaller"
        );
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn in_a_context_everything_that_reaches_the_threshold_is_compressed_but_for_what_is_empty() {
        let mut context = Deflater::new(OPTIONS.effort);
        let noise: Bytes = (0..120_u8).map(|i| i.wrapping_mul(167)).collect();
        let outgoing = Outgoing::new(&mut text("52-[]"), vec![noise, Bytes::new()], true);
        for _ in 0..2 {
            let frames = outgoing.deflated_in(&mut context, Protocol::V4, 0).unwrap();
            assert_eq!(frames[0], 0xc1);
            assert_eq!(frames[2 + usize::from(frames[1])], 0xc2);
            assert!(frames.ends_with(&[0x82, 0]));
        }
    }

    #[test]
    fn a_queued_packet_is_small() {
        assert!(size_of::<Outgoing>() <= 32);
    }
}
