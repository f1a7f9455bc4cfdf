//! What waits to be sent to one client.

use std::sync::Arc;

use smallvec::SmallVec;

use super::outgoing::Outgoing;
use crate::Protocol;

/// Packets in the order they were sent. One of them costs no allocation.
pub(super) type Queue = SmallVec<[Item; 1]>;

/// The room a queue may keep until the next heartbeat, so that a busy connection doesn't allocate for every burst.
const KEPT_ITEMS: usize = 16;

/// What a packet costs besides its bytes, so that many empty ones fill the buffer too.
const ITEM_COST: usize = 64;

/// Frames shorter than this are cheaper copied together than named one by one.
pub(super) const LONG: usize = 2 * 1024;

/// What whoever sends writes with one call, in bytes; more is left to the driver.
const AT_ONCE: usize = 64 * 1024;

/// One thing to send.
#[derive(Debug)]
pub(super) enum Item {
    Packet(Outgoing),
    Control(Control),
    /// Complete WebSocket frames, made by the WebSocket driver.
    Frame(Arc<[u8]>),
}

/// Engine.IO packets without data of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Close,
    Ping,
    Pong,
    ProbePong,
    Noop,
}

/// What waits to be sent to one client, and how much of it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: Queue,
    /// What the queued packets cost. Control packets cost nothing.
    queued: usize,
    /// What the packets cost that the transport has taken and not written yet.
    in_flight: usize,
    /// The transport has taken items it hasn't written yet.
    writing: bool,
    /// There was no room for a packet, and the connection is about to end because of that.
    overflown: bool,
    /// Bytes of the first item that are on the wire already: a frame can't be cut, so it has to be finished. Only small frames are
    /// written before they are taken.
    written: u32,
}

/// What a packet for which there is room costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost(usize);

/// The packet doesn't fit any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Control {
    /// The packet as a WebSocket frame.
    pub(super) const fn frame(self) -> &'static [u8] {
        match self {
            Self::Close => b"\x81\x011",
            Self::Ping => b"\x81\x012",
            Self::Pong => b"\x81\x013",
            Self::ProbePong => b"\x81\x063probe",
            Self::Noop => b"\x81\x016",
        }
    }

    /// The packet as long-polling carries it.
    pub(super) const fn packet(self) -> &'static [u8] {
        self.frame().split_at(2).1
    }
}

impl Item {
    /// The item as a WebSocket frame, if it is no more than one.
    pub(super) fn lone_frame(&self) -> Option<&[u8]> {
        match self {
            Self::Packet(packet) => packet.lone_frame(),
            Self::Control(control) => Some(control.frame()),
            Self::Frame(frame) => Some(frame),
        }
    }

    /// How many of its bytes a WebSocket compresses.
    pub(super) fn compressible(&self, protocol: Protocol, threshold: usize) -> usize {
        match self {
            Self::Packet(packet) => packet.compressible(protocol, threshold),
            Self::Control(_) | Self::Frame(_) => 0,
        }
    }

    /// Whether a polling response may be compressed because of it: one such item is enough. Node has no say on what answers a
    /// poll by itself.
    pub(super) fn is_compressible(&self) -> bool {
        match self {
            Self::Packet(packet) => packet.is_compressible(),
            Self::Control(control) => matches!(control, Control::Ping | Control::Pong),
            Self::Frame(_) => false,
        }
    }

    /// How many packets it is in a polling response.
    fn packets(&self) -> usize {
        match self {
            Self::Packet(packet) => packet.packets(),
            Self::Control(_) | Self::Frame(_) => 1,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Packet(packet) => cost(packet),
            Self::Control(_) | Self::Frame(_) => 0,
        }
    }
}

/// Copies the frames of the items, unless one of them is more than a frame, or long.
pub(super) fn gather<'a>(mut items: impl Iterator<Item = &'a Item>, into: &mut Vec<u8>) -> bool {
    items.all(|item| match item.lone_frame() {
        Some(frame) if frame.len() < LONG => {
            into.extend_from_slice(frame);
            true
        }
        _ => false,
    })
}

fn begun(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("invariant: only small frames are begun before they are taken")
}

fn cost(packet: &Outgoing) -> usize {
    packet.size() + ITEM_COST
}

impl Outbox {
    /// Nothing waits to be taken by the transport.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The transport is writing what it has taken, and comes back for more by itself.
    pub(super) fn is_writing(&self) -> bool {
        self.writing
    }

    /// Everything sent so far has been handed to the transport, and that has written it.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_empty() && !self.writing
    }

    /// What the queued packets cost.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// What the packets cost that have not been written.
    pub(super) fn waiting(&self) -> usize {
        self.queued + self.in_flight
    }

    /// Some bytes of the first item are on the wire already.
    pub(super) fn has_begun(&self) -> bool {
        self.written > 0
    }

    /// What is queued is little enough to be written by whoever sends it.
    pub(super) fn is_written_at_once(&self) -> bool {
        self.queued <= AT_ONCE
    }

    /// All there is, if it is one frame of which nothing has been written.
    pub(super) fn lone_frame(&self) -> Option<&[u8]> {
        match &self.queue[..] {
            [only] if self.written == 0 => only.lone_frame(),
            _ => None,
        }
    }

    /// Copies everything, if it is frames of which nothing has been written and that are cheaper copied than named.
    pub(super) fn gather(&self, into: &mut Vec<u8>) -> bool {
        self.written == 0 && gather(self.queue.iter(), into)
    }

    /// So much of the [lone frame](Self::lone_frame) or of what was [gathered](Self::gather) has been written; whether that was all.
    pub(super) fn wrote(&mut self, written: usize, whole: usize) -> bool {
        if written == whole {
            self.queue.clear();
            self.queued = 0;
            return true;
        }
        let mut left = written;
        let whole_items = self.queue.iter().take_while(|item| {
            let len = item.lone_frame().map_or(usize::MAX, <[u8]>::len);
            let whole = len <= left;
            left -= if whole { len } else { 0 };
            whole
        });
        let count = whole_items.count();
        self.queue.drain(..count);
        self.queued = self.queue.iter().map(Item::cost).sum();
        self.written = begun(left);
        false
    }

    /// Takes back what a transport has [taken](Self::take) and could not write, in its order; `written` bytes of the first are out.
    pub(super) fn put_back(&mut self, items: Queue, written: usize) {
        self.queued = items.iter().map(Item::cost).sum();
        self.in_flight = 0;
        self.writing = false;
        self.written = begun(written);
        if !items.is_empty() || items.capacity() <= KEPT_ITEMS {
            self.queue = items;
        }
    }

    /// Whether the limit allows a packet, and what it costs. A single packet is always allowed.
    ///
    /// It is asked before it is given away, because one that isn't allowed must not be dropped under the lock: see
    /// [`clear`](Self::clear).
    pub(super) fn room_for(&self, packet: &Outgoing, limit: usize) -> Result<Cost, Full> {
        let cost = cost(packet);
        let waiting = self.waiting();
        if self.overflown || waiting > 0 && waiting + cost > limit {
            return Err(Full);
        }
        Ok(Cost(cost))
    }

    /// A packet was too much, and the connection ends: nothing comes behind a packet that is missing.
    pub(super) fn overflow(&mut self) {
        self.overflown = true;
    }

    /// Queues a packet for which there is [room](Self::room_for).
    pub(super) fn push(&mut self, packet: Outgoing, cost: Cost) {
        self.queued += cost.0;
        self.queue.push(Item::Packet(packet));
    }

    /// Queues what must not be lost, whatever the limit. Twice in a row it is said once: a client may ask for pongs
    /// faster than it reads them, and they cost it nothing. Whether it has been queued.
    pub(super) fn push_control(&mut self, control: Control) -> bool {
        let said = matches!(self.last(), Some(Item::Control(queued)) if *queued == control);
        if !said {
            self.queue.push(Item::Control(control));
        }
        !said
    }

    /// What was queued last, if nobody has taken it yet.
    pub(super) fn last(&self) -> Option<&Item> {
        self.queue.last()
    }

    /// Whether this is what leaves next.
    pub(super) fn begins_with(&self, control: Control) -> bool {
        matches!(self.queue.first(), Some(Item::Control(queued)) if *queued == control)
    }

    /// What was queued last overtakes what was queued before.
    pub(super) fn last_comes_first(&mut self) {
        self.queue.rotate_right(1);
    }

    /// Queues the packet that opens the connection, before any other.
    pub(super) fn push_open(&mut self, packet: Outgoing) {
        self.queue.push(Item::Packet(packet));
    }

    /// Takes everything for a transport that writes a stream. What it had taken before is written.
    ///
    /// `emptied` is the queue it got the last time: while traffic flows, two buffers go back and forth. Gives back how many bytes
    /// of the first item are written already.
    pub(super) fn take(&mut self, emptied: &mut Queue) -> usize {
        emptied.clear();
        std::mem::swap(&mut self.queue, emptied);
        self.in_flight = std::mem::take(&mut self.queued);
        self.writing = !emptied.is_empty();
        if self.queue.capacity() > KEPT_ITEMS {
            self.queue = Queue::new();
        }
        std::mem::take(&mut self.written) as usize
    }

    /// Takes the first item, some bytes of which are on the wire [already](Self::has_begun), and gives back how many. What had been taken before
    /// is written.
    pub(super) fn take_begun(&mut self, emptied: &mut Queue) -> usize {
        let begun = self.queue.remove(0);
        self.in_flight = begun.cost();
        self.queued -= self.in_flight;
        self.writing = true;
        emptied.clear();
        emptied.push(begun);
        std::mem::take(&mut self.written) as usize
    }

    /// What had been taken has been written, and no more is taken for now.
    pub(super) fn has_been_written(&mut self) {
        self.in_flight = 0;
        self.writing = false;
    }

    /// Takes what one polling response may carry: as many packets as `limit`, but never a part of a group.
    pub(super) fn take_payload(&mut self, limit: usize) -> Queue {
        let count = self.fitting(limit);
        if count == self.queue.len() {
            self.queued = 0;
            return std::mem::take(&mut self.queue);
        }
        let payload: Queue = self.queue.drain(..count).collect();
        self.queued -= payload.iter().map(Item::cost).sum::<usize>().min(self.queued);
        payload
    }

    /// How many items make one polling response: at least one if there are any.
    fn fitting(&self, limit: usize) -> usize {
        let mut packets = 0;
        let fitting = self.queue.iter().take_while(|item| {
            packets += item.packets();
            packets <= limit
        });
        fitting.count().max(usize::from(!self.queue.is_empty()))
    }

    /// Gives up what a quiet connection doesn't need.
    pub(super) fn shrink(&mut self) {
        if self.queue.is_empty() {
            self.queue = Queue::new();
        }
    }

    /// The packets with attachments, so that these outlive a [write](super::transport::websocket::Direct) under the lock, for the
    /// same reason as in [`clear`](Self::clear).
    pub(super) fn attached(&self) -> SmallVec<[Outgoing; 1]> {
        let packets = self.queue.iter().filter_map(|item| match item {
            Item::Packet(packet) => Some(packet),
            Item::Control(_) | Item::Frame(_) => None,
        });
        packets
            .filter(|packet| !packet.attachments().is_empty())
            .cloned()
            .collect()
    }

    /// Forgets everything, because nobody will send it; but for a frame that has been begun.
    ///
    /// What is forgotten is to be dropped after the lock has been released: attachments are the users' own bytes
    /// (`Bytes::from_owner`), and nobody knows what their drop does.
    pub(super) fn clear(&mut self) -> Queue {
        let mut forgotten = std::mem::take(self);
        if forgotten.written > 0 {
            let begun = forgotten.queue.remove(0);
            self.queued = begun.cost();
            self.queue.push(begun);
            self.written = forgotten.written;
        }
        forgotten.queue
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::engine::outgoing::HEADROOM;

    fn packet(attachments: usize) -> Outgoing {
        let mut text = vec![b'x'; HEADROOM + 1];
        Outgoing::new(&mut text, vec![Bytes::from_static(b"bin"); attachments], true)
    }

    fn outbox(groups: &[usize]) -> Outbox {
        let mut outbox = Outbox::default();
        for attachments in groups {
            push(&mut outbox, packet(*attachments), usize::MAX).unwrap();
        }
        outbox
    }

    fn push(outbox: &mut Outbox, packet: Outgoing, limit: usize) -> Result<(), Full> {
        let cost = outbox.room_for(&packet, limit)?;
        outbox.push(packet, cost);
        Ok(())
    }

    #[test]
    fn control_packets_are_themselves_on_both_transports() {
        for (control, packet) in [
            (Control::Close, "1"),
            (Control::Ping, "2"),
            (Control::Pong, "3"),
            (Control::ProbePong, "3probe"),
            (Control::Noop, "6"),
        ] {
            assert_eq!(control.packet(), packet.as_bytes());
            assert_eq!(control.frame()[..2], [0x81, packet.len() as u8]);
        }
    }

    #[test]
    fn one_packet_in_flight_allocates_no_queue() {
        let mut outbox = outbox(&[0]);
        let mut taken = Queue::new();
        outbox.take(&mut taken);
        push(&mut outbox, packet(0), usize::MAX).unwrap();
        assert!(!taken.spilled() && !outbox.queue.spilled());
    }

    #[test]
    fn a_polling_response_carries_no_part_of_a_group() {
        let mut outbox = outbox(&[0, 2, 11, 0, 0, 40, 0]);
        let sizes: Vec<usize> = std::iter::from_fn(|| {
            let payload = outbox.take_payload(16);
            (!payload.is_empty()).then(|| payload.iter().map(Item::packets).sum())
        })
        .collect();
        assert_eq!(sizes, [16, 2, 41, 1]);
        assert_eq!(outbox.queued, 0);
    }

    #[test]
    fn what_is_in_flight_counts_until_it_is_written() {
        let one = cost(&packet(0));
        let mut outbox = outbox(&[0]);
        let mut taken = Queue::new();
        outbox.take(&mut taken);
        assert!(outbox.is_empty() && !outbox.is_drained());
        assert_eq!(push(&mut outbox, packet(0), 2 * one - 1), Err(Full));
        assert_eq!(push(&mut outbox, packet(0), 2 * one), Ok(()));
        outbox.take(&mut taken);
        outbox.take(&mut taken);
        assert!(outbox.is_drained());
        assert_eq!(push(&mut outbox, packet(0), one), Ok(()));
    }

    #[test]
    fn a_packet_larger_than_the_buffer_goes_alone() {
        let mut outbox = Outbox::default();
        assert_eq!(push(&mut outbox, packet(1), 1), Ok(()));
        assert_eq!(push(&mut outbox, packet(0), 1), Err(Full));
    }

    #[test]
    fn control_packets_fit_into_a_full_outbox() {
        let mut outbox = outbox(&[0]);
        outbox.push_control(Control::Ping);
        assert_eq!(outbox.take_payload(16).len(), 2);
    }

    #[test]
    fn control_packets_do_not_pile_up() {
        let mut outbox = Outbox::default();
        for _ in 0..100 {
            outbox.push_control(Control::Pong);
        }
        outbox.push_control(Control::Ping);
        outbox.push_control(Control::Pong);
        assert_eq!(outbox.queue.len(), 3);
    }

    #[test]
    fn a_large_queue_is_not_kept() {
        let mut outbox = outbox(&[0; 100]);
        let mut taken = Queue::new();
        outbox.take(&mut taken);
        outbox.take(&mut taken);
        assert!(!outbox.queue.spilled());
    }

    #[test]
    fn the_room_of_a_burst_is_kept_until_it_is_shrunk() {
        let mut outbox = outbox(&[0; 10]);
        let mut taken = Queue::new();
        outbox.take(&mut taken);
        outbox.take(&mut taken);
        assert!(outbox.queue.spilled() && !taken.spilled());
        outbox.shrink();
        assert!(!outbox.queue.spilled());
    }

    #[test]
    fn a_queued_item_is_small() {
        assert!(size_of::<Item>() <= 32);
        assert!(size_of::<Outbox>() <= 80);
    }
}
