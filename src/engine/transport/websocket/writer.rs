//! From the outbox to the stream.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use smallvec::SmallVec;
use tokio::io::AsyncWrite;

use super::{
    compressor::Compressor,
    scratch::{SCRATCH, WriteScratch},
};
use crate::{
    Protocol,
    engine::{
        deflate::Deflate,
        outbox::{Item, LONG, Outbox, Queue, gather},
        outgoing::Attachment,
        packet::push_base64,
    },
    websocket::{FrameHead, OpCode},
};

/// So many short frames fit into one write.
const MANY: usize = SCRATCH / LONG;

/// The most slices a write names.
const SLICES: usize = 64;

/// Frames on their way out.
///
/// ```text
///  items:  … │ item │ item │ item, partly written │
///                                  └ offset
/// ```
pub(super) struct Writer {
    /// The next item is the last one, so that each is freed as soon as it is written.
    items: Queue,
    /// Bytes written of the next item.
    offset: usize,
    /// What comes after the items.
    compressor: Option<Box<Compressor>>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            items: Queue::new(),
            offset: 0,
            compressor: None,
        }
    }

    /// Everything has been written.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
            && self
                .compressor
                .as_ref()
                .is_none_or(|compressor| compressor.is_empty())
    }

    /// Has the item written after everything else.
    pub(super) fn push(&mut self, item: Item) {
        self.items.insert(0, item);
    }

    /// Forgets the frames of which nothing has been written.
    pub(super) fn truncate(&mut self) {
        let started = usize::from(self.offset > 0).min(self.items.len());
        self.items.drain(..self.items.len() - started);
        if let Some(compressor) = &mut self.compressor {
            compressor.clear();
        }
    }

    /// Takes everything out of the outbox, when everything has been written. [`start`](Self::start) goes on.
    pub(super) fn fill(&mut self, outbox: &mut Outbox) {
        self.offset = outbox.take(&mut self.items);
    }

    /// Takes no more out of the outbox than what is [begun](Outbox::has_begun).
    pub(super) fn fill_begun(&mut self, outbox: &mut Outbox) {
        self.offset = outbox.take_begun(&mut self.items);
    }

    /// What is left, in its order, and how much of the first of it is written; the empty queue, if that is all.
    pub(super) fn into_unwritten(mut self) -> (Queue, usize) {
        self.items.reverse();
        (self.items, self.offset)
    }

    /// Makes what has been filled in ready to be written. Attachments become text if the client can't read binary
    /// frames; what is worth it is compressed on its way, unless there is such text.
    pub(super) fn start(&mut self, protocol: Protocol, b64: bool, deflate: Option<Deflate>) {
        if b64 {
            let items = std::mem::take(&mut self.items).into_iter();
            self.items = items.flat_map(|item| base64_frames(item, protocol)).collect();
        }
        self.items.reverse();
        if let Some(deflate) = deflate
            && !b64
            && self
                .items
                .iter()
                .any(|item| item.compressible(protocol, deflate.threshold) > 0)
        {
            let compressor = self
                .compressor
                .get_or_insert_with(|| Box::new(Compressor::new(deflate)));
            compressor.start(std::mem::take(&mut self.items));
        }
    }

    /// Gives up the buffer of a burst.
    pub(super) fn shrink(&mut self) {
        if self.items.spilled() && self.items.is_empty() {
            self.items = Queue::new();
        }
        if self
            .compressor
            .as_ref()
            .is_some_and(|compressor| compressor.is_idle())
        {
            self.compressor = None;
        }
    }

    /// Writes until everything is out.
    pub(super) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        protocol: Protocol,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_items(stream, protocol, cx))?;
            let Some(compressor) = &mut self.compressor else {
                return Poll::Ready(Ok(()));
            };
            if !ready!(compressor.poll_ready(protocol, &mut self.items, cx)) {
                return Poll::Ready(Ok(()));
            }
            self.items.reverse();
        }
    }

    /// Writes until the items are out.
    fn poll_items<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        protocol: Protocol,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(frame) = self.lone_frame() {
            let whole = frame.len();
            self.offset = nonzero(ready!(Pin::new(&mut *stream).poll_write(cx, frame))?)?;
            if self.offset == whole {
                return self.poll_finish(stream, cx);
            }
        }
        if self.offset == 0 && (2..=MANY).contains(&self.items.len()) {
            let mut scratch = WriteScratch::take();
            if gather(self.items.iter().rev(), &mut scratch) {
                let written = nonzero(ready!(Pin::new(&mut *stream).poll_write(cx, &scratch))?)?;
                if written == scratch.len() {
                    self.keep_last();
                    return self.poll_finish(stream, cx);
                }
                self.advance(written, protocol);
            }
        }
        while self.unwritten(protocol).next().is_some() {
            let written = ready!(self.poll_write(stream, protocol, cx))?;
            self.advance(nonzero(written)?, protocol);
        }
        self.poll_finish(stream, cx)
    }

    /// Everything is written; the last item stays for [`poll_finish`](Self::poll_finish).
    fn keep_last(&mut self) {
        self.items.truncate(1);
        self.offset = self.lone_frame().map_or(0, <[u8]>::len);
    }

    /// What nearly every write of a broadcast is: one frame, of which nothing has been written.
    fn lone_frame(&self) -> Option<&[u8]> {
        match &self.items[..] {
            [only] if self.offset == 0 => only.lone_frame(),
            _ => None,
        }
    }

    fn poll_finish<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        // The last item stays until the stream holds nothing back any more.
        if !self.items.is_empty() {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.items.clear();
            self.offset = 0;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        protocol: Protocol,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        let mut unwritten = self.unwritten(protocol);
        if let (Some(only), None) = (unwritten.next(), unwritten.next()) {
            return stream.poll_write(cx, only);
        }
        let mut scratch = WriteScratch::take();
        if self.copy_small(protocol, &mut scratch) {
            return stream.poll_write(cx, &scratch);
        }
        let slices = self.unwritten(protocol).take(SLICES).map(IoSlice::new);
        let slices: SmallVec<[IoSlice<'_>; SLICES]> = slices.collect();
        stream.poll_write_vectored(cx, &slices)
    }

    /// Copies what one write can take, unless a frame in it is better written from where it lies.
    fn copy_small(&self, protocol: Protocol, scratch: &mut Vec<u8>) -> bool {
        for slice in self.unwritten(protocol) {
            if slice.len() >= LONG {
                return false;
            }
            if scratch.len() + slice.len() > SCRATCH {
                break;
            }
            scratch.extend_from_slice(slice);
        }
        true
    }

    fn unwritten(&self, protocol: Protocol) -> impl Iterator<Item = &[u8]> {
        let mut skip = self.offset;
        let slices = self
            .items
            .iter()
            .rev()
            .flat_map(move |item| slices(item, protocol));
        slices.filter_map(move |slice| {
            let written = skip.min(slice.len());
            skip -= written;
            Some(&slice[written..]).filter(|rest| !rest.is_empty())
        })
    }

    /// Lets go of the items that are written, except for the very last.
    fn advance(&mut self, written: usize, protocol: Protocol) {
        self.offset += written;
        while let [_, .., next] = &self.items[..] {
            let length = slices(next, protocol).map(<[u8]>::len).sum();
            if self.offset < length {
                return;
            }
            self.offset -= length;
            self.items.pop();
        }
    }
}

/// A stream that takes nothing will never take anything.
fn nonzero(written: usize) -> io::Result<usize> {
    if written == 0 {
        Err(io::ErrorKind::WriteZero.into())
    } else {
        Ok(written)
    }
}

/// The bytes of an item, in order.
fn slices(item: &Item, protocol: Protocol) -> impl Iterator<Item = &[u8]> {
    let (text, attachments): (_, &[Attachment]) = match item {
        Item::Packet(packet) => (packet.frame(), packet.attachments()),
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
        [head.as_slice(), &text].concat().into()
    });
    let text = Some(packet.frame())
        .filter(|text| !text.is_empty())
        .map(Arc::from);
    text.into_iter().chain(attachments).map(Item::Frame).collect()
}
