//! From the outbox to the stream.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use smallvec::SmallVec;
use tokio::io::AsyncWrite;

use super::scratch::{SCRATCH, WriteScratch};
use crate::{
    Protocol,
    engine::{
        outbox::{Item, Queue},
        outgoing::Attachment,
        packet::push_base64,
    },
    websocket::{FrameHead, OpCode},
};

/// Frames shorter than this are cheaper copied together than named one by one.
const SMALL: usize = 2 * 1024;

/// The most slices a write names.
const SLICES: usize = 64;

/// Frames on their way out.
///
/// ```text
///  items:  │ written │ written │ item, partly written │ item │ …
///                                └ done    └ offset
/// ```
pub(super) struct Writer {
    items: Queue,
    /// Items that are written.
    done: u32,
    /// Bytes written of the next one.
    offset: usize,
    protocol: Protocol,
    /// The client can't read binary frames.
    b64: bool,
    /// The stream may hold back what was written.
    unflushed: bool,
}

impl Writer {
    pub(super) fn new(protocol: Protocol, b64: bool) -> Self {
        Self {
            items: Queue::new(),
            done: 0,
            offset: 0,
            protocol,
            b64,
            unflushed: false,
        }
    }

    /// Everything has been written.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// No frame is written in part, so that another one may follow.
    pub(super) fn is_between_frames(&self) -> bool {
        self.offset == 0
    }

    pub(super) fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Forgets the frames of which nothing has been written.
    pub(super) fn truncate(&mut self) {
        self.items
            .truncate(self.done as usize + usize::from(self.offset > 0));
    }

    /// Has the items filled by the outbox. To be called when everything has been written.
    pub(super) fn fill(&mut self, take: impl FnOnce(&mut Queue)) {
        take(&mut self.items);
        if self.b64 {
            let protocol = self.protocol;
            let items = std::mem::take(&mut self.items).into_iter();
            self.items = items.flat_map(|item| base64_frames(item, protocol)).collect();
        }
    }

    /// Gives up the buffer of a burst.
    pub(super) fn shrink(&mut self) {
        if self.items.spilled() && self.items.is_empty() {
            self.items = Queue::new();
        }
    }

    /// Writes until everything is out.
    pub(super) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.items.is_empty() {
            let written = ready!(self.poll_write(stream, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        let mut unwritten = self.unwritten();
        if let (Some(only), None) = (unwritten.next(), unwritten.next()) {
            return stream.poll_write(cx, only);
        }
        if self.is_small() {
            let mut scratch = WriteScratch::take();
            for slice in self.unwritten() {
                if scratch.len() + slice.len() > SCRATCH {
                    break;
                }
                scratch.extend_from_slice(slice);
            }
            return stream.poll_write(cx, &scratch);
        }
        let slices: SmallVec<[IoSlice<'_>; SLICES]> =
            self.unwritten().take(SLICES).map(IoSlice::new).collect();
        stream.poll_write_vectored(cx, &slices)
    }

    /// Whether what the next write can take is small frames only.
    fn is_small(&self) -> bool {
        let mut total = 0;
        self.unwritten()
            .take_while(|slice| {
                total += slice.len();
                total <= SCRATCH + SMALL
            })
            .all(|slice| slice.len() < SMALL)
    }

    fn unwritten(&self) -> impl Iterator<Item = &[u8]> {
        let mut skip = self.offset;
        let slices = self.items[self.done as usize..]
            .iter()
            .flat_map(|item| slices(item, self.protocol));
        slices.filter_map(move |slice| {
            let written = skip.min(slice.len());
            skip -= written;
            Some(&slice[written..]).filter(|rest| !rest.is_empty())
        })
    }

    fn advance(&mut self, written: usize) {
        self.offset += written;
        while let Some(item) = self.items.get(self.done as usize) {
            let length = slices(item, self.protocol).map(<[u8]>::len).sum();
            if self.offset < length {
                return;
            }
            self.offset -= length;
            self.done += 1;
        }
        self.items.clear();
        self.done = 0;
    }
}

/// The bytes of an item, in order.
fn slices(item: &Item, protocol: Protocol) -> impl Iterator<Item = &[u8]> {
    let (text, attachments): (_, &[Attachment]) = match item {
        Item::Packet(packet) => (packet.get().frame(), packet.get().attachments()),
        Item::Control(control) => (control.frame(), &[]),
        Item::Frame(frame) => (&**frame, &[]),
    };
    let attachments = attachments
        .iter()
        .flat_map(move |attachment| [attachment.head(protocol), attachment.data()]);
    std::iter::once(text).chain(attachments)
}

/// The item with its attachments as text, for a client that can't read binary frames.
fn base64_frames(item: Item, protocol: Protocol) -> Vec<Item> {
    let Item::Packet(packet) = &item else {
        return vec![item];
    };
    let packet = packet.get();
    if packet.attachments().is_empty() {
        return vec![item];
    }
    let attachments = packet.attachments().iter().map(|attachment| {
        let mut text = match protocol {
            Protocol::V3 => b"b4".to_vec(),
            Protocol::V4 => b"b".to_vec(),
        };
        push_base64(attachment.data(), &mut text);
        let head = FrameHead::new(OpCode::Text, false, text.len());
        [head.as_slice(), &text].concat().into_boxed_slice()
    });
    std::iter::once(Box::from(packet.frame()))
        .chain(attachments)
        .map(Item::Frame)
        .collect()
}
