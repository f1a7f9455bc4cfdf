//! The packets of a namespace that some session may have missed.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use smallvec::SmallVec;

use super::{Unnoticed, history::Position, together::Together};
use crate::{
    engine::Outgoing,
    room::shrink,
    sync::{Mutex, MutexGuard, atomic::AtomicU64},
};

/// What a packet costs besides its bytes.
const PACKET_COST: usize = 64;

/// Packets by their positions, each kept once however many sessions were sent it.
#[derive(Debug)]
pub(super) struct Log {
    /// What its offsets begin with, so that no other text that a client may take for one is one.
    tag: Arc<str>,
    next: AtomicU64,
    /// The first position that is kept, to be read without the lock.
    base: AtomicU64,
    kept: Mutex<Kept>,
    period: Period,
    /// How many bytes of them.
    max_bytes: usize,
    together: Arc<Together>,
}

/// How long packets are kept: as long as a client may be away, and has been before anyone knew.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) away: Duration,
    pub(super) unnoticed: Arc<Unnoticed>,
}

impl Period {
    fn get(&self) -> Duration {
        self.away + self.unnoticed.get()
    }
}

/// Packets to be dropped when the lock has been released: attachments are the users' own bytes (`Bytes::from_owner`), and nobody knows what
/// their drop does.
pub(super) type Forgotten = SmallVec<[Outgoing; 1]>;

#[derive(Debug, Default)]
struct Kept {
    slots: VecDeque<Slot>,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    /// Not there until it has been written, and never if it couldn't be.
    packet: Option<Outgoing>,
    since: Instant,
}

impl Log {
    pub(super) fn new(tag: Arc<str>, period: Period, max_bytes: usize, together: Arc<Together>) -> Self {
        // A client that was in it before it ended may say an offset of that time.
        let first = together.last.load(Ordering::Relaxed) + 1;
        Self {
            tag,
            next: AtomicU64::new(first),
            base: AtomicU64::new(first),
            kept: Mutex::default(),
            period,
            max_bytes,
            together,
        }
    }

    /// A position for a packet that is about to be written.
    pub(super) fn reserve(&self) -> Position {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// What was to stand there can't be written: the next packet may have the position, if nobody has got a later one by now. Else a parser
    /// that can't write what is emitted again and again would have the log keep the places of all of it.
    pub(super) fn give_back(&self, position: Position) {
        let next = position + 1;
        // An error says that there is a later one.
        let _ = self
            .next
            .compare_exchange(next, position, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The last position that has been given out.
    pub(super) fn last(&self) -> Position {
        self.next.load(Ordering::Relaxed) - 1
    }

    /// The first position that may be asked for.
    pub(super) fn base(&self) -> Position {
        self.base.load(Ordering::Relaxed)
    }

    /// How clients are told of a position: text that means nothing to them.
    pub(super) fn offset(&self, position: Position) -> String {
        format!("{}{position:x}", self.tag)
    }

    /// The position that an offset stands for.
    pub(super) fn position(&self, offset: &str) -> Option<Position> {
        let digits = offset.strip_prefix(&*self.tag)?;
        // The number has other spellings, with a sign or zeros; they were never sent.
        let position = Position::from_str_radix(digits, 16).ok()?;
        (format!("{position:x}") == digits).then_some(position)
    }

    pub(super) fn store(&self, position: Position, packet: Outgoing, now: Instant) {
        let mut forgotten = Forgotten::new();
        let mut kept = self.kept();
        self.forget_old(&mut kept, now, &mut forgotten);
        let Some(at) = position.checked_sub(self.base()) else {
            return;
        };
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        while kept.slots.len() <= at {
            kept.slots.push_back(Slot {
                packet: None,
                since: now,
            });
        }
        let cost = cost(&packet);
        kept.bytes += cost;
        self.together.bytes.fetch_add(cost, Ordering::Relaxed);
        kept.slots[at].packet = Some(packet);
        self.forget_beyond(&mut kept, self.max_bytes, &mut forgotten);
    }

    /// These packets, if all of them are there and cost no more than this: it looks no further, because a client may ask as often as it
    /// likes. The error is those that were found, to be dropped without a lock: they may be the last copies by then.
    pub(super) fn get(
        &self,
        positions: impl Iterator<Item = Position>,
        max_cost: usize,
    ) -> Result<Vec<Outgoing>, Vec<Outgoing>> {
        let mut packets = Vec::new();
        let found = self.each(positions, max_cost, |packet| packets.push(packet.clone()));
        if found.is_some() {
            Ok(packets)
        } else {
            Err(packets)
        }
    }

    /// Whether [`get`](Self::get) would find them at this moment.
    pub(super) fn has(&self, positions: impl Iterator<Item = Position>, max_cost: usize) -> bool {
        self.each(positions, max_cost, |_| {}).is_some()
    }

    fn each(
        &self,
        mut positions: impl Iterator<Item = Position>,
        max_cost: usize,
        mut take: impl FnMut(&Outgoing),
    ) -> Option<()> {
        let kept = self.kept();
        let base = self.base();
        let mut left = max_cost;
        positions.try_for_each(|position| {
            let at = usize::try_from(position.checked_sub(base)?).ok()?;
            let packet = kept.slots.get(at)?.packet.as_ref()?;
            left = left.checked_sub(cost(packet))?;
            take(packet);
            Some(())
        })
    }

    pub(super) fn forget_expired(&self, now: Instant) {
        let mut forgotten = Forgotten::new();
        self.forget_old(&mut self.kept(), now, &mut forgotten);
    }

    /// Forgets what is more than this.
    pub(super) fn shorten(&self, max_bytes: usize) -> Forgotten {
        let mut forgotten = Forgotten::new();
        self.forget_beyond(&mut self.kept(), max_bytes, &mut forgotten);
        forgotten
    }

    /// How many bytes are kept.
    pub(super) fn bytes(&self) -> usize {
        self.kept().bytes
    }

    /// Forgets everything.
    pub(super) fn clear(&self) -> Forgotten {
        self.together.last.fetch_max(self.last(), Ordering::Relaxed);
        let mut forgotten = Forgotten::new();
        let mut kept = self.kept();
        while !kept.slots.is_empty() {
            self.forget_first(&mut kept, &mut forgotten);
        }
        forgotten
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept().slots.is_empty()
    }

    fn forget_old(&self, kept: &mut Kept, now: Instant, forgotten: &mut Forgotten) {
        let period = self.period.get();
        let is_old = |slot: &Slot| now.duration_since(slot.since) > period;
        while kept.slots.front().is_some_and(is_old) {
            self.forget_first(kept, forgotten);
        }
    }

    fn forget_beyond(&self, kept: &mut Kept, max_bytes: usize, forgotten: &mut Forgotten) {
        while kept.bytes > max_bytes {
            self.forget_first(kept, forgotten);
        }
    }

    fn forget_first(&self, kept: &mut Kept, forgotten: &mut Forgotten) {
        if let Some(slot) = kept.slots.pop_front() {
            let cost = slot.packet.as_ref().map_or(0, cost);
            kept.bytes -= cost;
            self.together.bytes.fetch_sub(cost, Ordering::Relaxed);
            self.base.fetch_add(1, Ordering::Relaxed);
            forgotten.extend(slot.packet);
        }
        let (left, capacity) = (kept.slots.len(), kept.slots.capacity());
        shrink(left, capacity, |to| kept.slots.shrink_to(to));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.together.bytes.fetch_sub(self.bytes(), Ordering::Relaxed);
    }
}

fn cost(packet: &Outgoing) -> usize {
    packet.size() + PACKET_COST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::HEADROOM,
        server::{ConnectionStateRecovery, SocketIo},
    };

    const PERIOD: Duration = Duration::from_secs(10);

    fn packet(text: &str) -> Outgoing {
        let mut text = [&[0; HEADROOM], text.as_bytes()].concat();
        Outgoing::new(&mut text, Vec::new(), true)
    }

    fn log(max_bytes: usize) -> Log {
        let period = Period {
            away: PERIOD,
            unnoticed: Arc::default(),
        };
        Log::new("tag.".into(), period, max_bytes, Arc::default())
    }

    fn store(log: &Log, text: &str, now: Instant) -> Position {
        let position = log.reserve();
        log.store(position, packet(text), now);
        position
    }

    fn get(log: &Log, positions: &[Position]) -> Option<Vec<Outgoing>> {
        log.get(positions.iter().copied(), usize::MAX).ok()
    }

    fn texts(log: &Log, positions: &[Position]) -> Option<Vec<String>> {
        let packets = get(log, positions)?;
        Some(packets.iter().map(|packet| packet.message().to_owned()).collect())
    }

    #[test]
    fn packets_are_found_by_their_positions() {
        let (log, now) = (log(1 << 20), crate::engine::now());
        let positions: Vec<_> = ["a", "b", "c"].map(|text| store(&log, text, now)).into();
        assert_eq!(positions, [1, 2, 3]);
        assert_eq!(texts(&log, &[3, 1]).unwrap(), ["c", "a"]);
        assert!(get(&log, &[4]).is_none() && get(&log, &[0]).is_none());
    }

    #[test]
    fn no_more_is_looked_at_than_may_be_given_out() {
        let (log, now) = (log(1 << 20), crate::engine::now());
        let one = cost(&packet("a"));
        for _ in 0..1000 {
            store(&log, "a", now);
        }
        let mut asked = 0;
        let positions = (1..=1000).inspect(|_| asked += 1);
        assert_eq!(log.get(positions, 3 * one).unwrap_err().len(), 3);
        assert_eq!(asked, 4);
        assert_eq!(log.get(1..=3, 3 * one).unwrap().len(), 3);
        assert!(log.has(1..=3, 3 * one) && !log.has(1..=3, 3 * one - 1));
    }

    #[test]
    fn a_packet_may_be_written_later_than_the_next_or_never() {
        let (log, now) = (log(1 << 20), crate::engine::now());
        let (first, never) = (log.reserve(), log.reserve());
        let third = store(&log, "third", now);
        log.store(first, packet("first"), now);
        assert_eq!(texts(&log, &[first, third]).unwrap(), ["first", "third"]);
        assert!(get(&log, &[never]).is_none());
    }

    #[test]
    fn what_is_never_written_leaves_no_gaps() {
        let (log, now) = (log(1 << 20), crate::engine::now());
        let first = store(&log, "first", now);
        for _ in 0..1000 {
            log.give_back(log.reserve());
        }
        let second = store(&log, "second", now);
        assert_eq!(log.kept().slots.len(), 2);
        assert_eq!(texts(&log, &[first, second]).unwrap(), ["first", "second"]);
        // One that is overtaken leaves its own.
        let overtaken = log.reserve();
        let third = store(&log, "third", now);
        log.give_back(overtaken);
        assert_eq!(log.reserve(), third + 1);
    }

    #[test]
    fn packets_are_forgotten_when_their_time_is_over() {
        let (log, now) = (log(1 << 20), crate::engine::now());
        let old = store(&log, "old", now);
        let young = store(&log, "young", now + PERIOD);
        assert!(get(&log, &[old]).is_some());
        log.forget_expired(now + PERIOD + Duration::from_millis(1));
        assert!(get(&log, &[old]).is_none() && get(&log, &[young]).is_some());
        assert_eq!(log.base(), young);
        log.forget_expired(now + 3 * PERIOD);
        assert!(log.is_empty());
        assert_eq!(store(&log, "later", now + 3 * PERIOD), young + 1);
        assert!(get(&log, &[young + 1]).is_some());
    }

    /// Over one of a server's engines that may be longer than over the others.
    #[test]
    fn packets_are_kept_for_who_has_vanished_and_nobody_knows() {
        let options = ConnectionStateRecovery::new().max_disconnection_duration(PERIOD);
        let builder = SocketIo::builder().connection_state_recovery(options);
        let io = builder.build().unwrap();
        let root = io.of("/");
        let usual = PERIOD + io.engine().heartbeat();
        let minutes = SocketIo::builder().ping_interval(Duration::from_secs(240));
        let engine = io.bind_engine(minutes.build_engine().unwrap()).engine().clone();
        let longer = PERIOD + engine.heartbeat();
        assert!(longer > usual);
        for namespace in [root, io.of("/later")] {
            assert_eq!(namespace.inner().recovery().unwrap().log.period.get(), longer);
        }
    }

    #[test]
    fn a_log_holds_as_many_bytes_as_it_may() {
        let now = crate::engine::now();
        let one = cost(&packet("0123456789"));
        let log = log(3 * one);
        for _ in 0..100 {
            store(&log, "0123456789", now);
        }
        assert_eq!(log.base(), 98);
        assert_eq!(log.kept().bytes, 3 * one);
        // One that is larger than all of it is not kept, and costs no other log's memory.
        store(&log, &"x".repeat(4 * one), now);
        assert!(log.is_empty());
        assert_eq!(log.kept().bytes, 0);
    }

    #[test]
    fn a_log_that_was_long_once_is_small_again() {
        let now = crate::engine::now();
        let one = cost(&packet("a"));
        let log = log(100_000 * one);
        for _ in 0..100_000 {
            store(&log, "a", now);
        }
        let capacity = |log: &Log| log.kept().slots.capacity();
        assert!(capacity(&log) >= 100_000);
        // Most of it makes room, for one that stays.
        store(&log, &"x".repeat(99_900 * one), now);
        assert!(!log.is_empty() && capacity(&log) < 1000, "{}", capacity(&log));
        log.forget_expired(now + 3 * PERIOD);
        assert!(log.is_empty() && capacity(&log) < 128);
    }

    #[test]
    fn only_what_was_given_out_is_an_offset() {
        let log = log(1);
        assert_eq!(log.position(&log.offset(0x1f)), Some(0x1f));
        for text in [
            "", "1f", "tag.", "tag.+1f", "tag.01f", "tag.1F", "tag.g", "Tag.1f",
        ] {
            assert_eq!(log.position(text), None, "{text}");
        }
    }
}
