//! Deadlines of many connections, coarse and cheap.

/// Ticks the wheel looks ahead. A deadline further away is looked at once every turn.
const SLOTS: u32 = 256;

/// Who is to be reminded when, in ticks of any length.
///
/// An entry can't be taken out: the one who is reminded looks whether anything is due, and comes back if not. What nobody wants any
/// more is [let go](Self::forget) many at a time.
#[derive(Debug)]
pub(super) struct Wheel<K> {
    slots: Box<[Vec<Entry<K>>]>,
    /// The last tick whose entries have been given out.
    now: u32,
    entries: usize,
    /// Keys that have lost their meaning since all entries were last looked through.
    forgotten: usize,
}

/// Fewer forgotten keys aren't worth a look at all entries.
const SWEEP: usize = 64;

#[derive(Debug)]
struct Entry<K> {
    key: K,
    tick: u32,
}

impl<K> Wheel<K> {
    pub(super) fn new() -> Self {
        let slots = (0..SLOTS).map(|_| Vec::new()).collect();
        Self {
            slots,
            now: 0,
            entries: 0,
            forgotten: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries
    }

    /// Reminds of `key` at this tick, at the earliest with the next one.
    pub(super) fn insert(&mut self, tick: u32, key: K) {
        let slot = tick.clamp(self.now.saturating_add(1), self.now.saturating_add(SLOTS));
        self.slots[slot_of(slot)].push(Entry { key, tick });
        self.entries += 1;
    }

    /// Goes on to this tick and gives out what was due until then, with the tick it was entered for.
    ///
    /// What it comes across that isn't due is only put back if it is worth keeping.
    pub(super) fn advance(&mut self, now: u32, keep: impl Fn(&K) -> bool) -> Vec<(u32, K)> {
        let mut due = Vec::new();
        let turns = now.saturating_sub(self.now).min(SLOTS);
        for tick in now.saturating_sub(turns)..now {
            self.now = tick + 1;
            for entry in std::mem::take(&mut self.slots[slot_of(tick + 1)]) {
                self.entries -= 1;
                if entry.tick <= now {
                    due.push((entry.tick, entry.key));
                } else if keep(&entry.key) {
                    self.insert(entry.tick, entry.key);
                }
            }
        }
        due
    }
}

impl<K> Wheel<K> {
    /// A key has lost its meaning. Once that may be half of all entries, what isn't worth keeping is taken out: a constant
    /// number of entries are looked at for each key that is forgotten.
    pub(super) fn forget(&mut self, keep: impl Fn(&K) -> bool) {
        self.forgotten += 1;
        if self.forgotten < SWEEP.max(self.entries / 2) {
            return;
        }
        self.forgotten = 0;
        for slot in &mut self.slots {
            slot.retain(|entry| keep(&entry.key));
            if slot.len() < slot.capacity() / 4 {
                slot.shrink_to(slot.len() * 2);
            }
        }
        self.entries = self.slots.iter().map(Vec::len).sum();
    }
}

fn slot_of(tick: u32) -> usize {
    (tick % SLOTS) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn keep<K>(_: &K) -> bool {
        true
    }

    #[test]
    fn an_entry_is_due_at_its_tick_and_not_before() {
        let mut wheel = Wheel::new();
        wheel.insert(3, "a");
        wheel.insert(1000, "b");
        assert_eq!(wheel.advance(2, keep), []);
        assert_eq!(wheel.advance(3, keep), [(3, "a")]);
        assert_eq!(wheel.advance(999, keep), []);
        assert_eq!(wheel.advance(1000, keep), [(1000, "b")]);
        assert!(wheel.is_empty());
    }

    #[test]
    fn a_deadline_in_the_past_is_due_with_the_next_tick() {
        let mut wheel = Wheel::new();
        wheel.advance(100, keep);
        wheel.insert(7, ());
        assert_eq!(wheel.advance(100, keep), []);
        assert_eq!(wheel.advance(101, keep), [(7, ())]);
    }

    #[test]
    fn an_entry_that_nobody_wants_any_more_is_let_go_within_a_turn() {
        let mut wheel = Wheel::new();
        wheel.insert(1_000_000, "kept");
        wheel.insert(1_000_000, "gone");
        assert_eq!(wheel.advance(SLOTS, |key| *key == "kept"), []);
        assert_eq!(wheel.len(), 1);
        assert_eq!(wheel.advance(1_000_000, keep), [(1_000_000, "kept")]);
    }

    #[test]
    fn entries_that_nobody_wants_any_more_are_never_many() {
        let mut wheel = Wheel::new();
        for key in 0..10_000 {
            wheel.insert(1_000_000, key);
        }
        for key in 0..10_000 {
            wheel.forget(|other| *other > key);
            assert!(wheel.len() <= 2 * (9_999 - key) + SWEEP, "{key}");
        }
        assert!(wheel.slots.iter().all(|slot| slot.capacity() < SWEEP * 4));
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry<std::sync::Weak<()>>>() <= 24);
    }

    proptest! {
        #[test]
        fn every_entry_is_due_once_and_in_time(
            steps in prop::collection::vec((0_u32..700, prop::collection::vec(0_u32..2000, 0..4)), 1..40),
        ) {
            let (mut wheel, mut now, mut waiting) = (Wheel::new(), 0, Vec::new());
            for (step, ticks) in steps {
                for tick in ticks {
                    wheel.insert(tick, ());
                    waiting.push(tick.max(now + 1));
                }
                now += step;
                let mut due = wheel.advance(now, keep).len();
                waiting.retain(|tick| {
                    let is_due = *tick <= now;
                    due = due.wrapping_sub(usize::from(is_due));
                    !is_due
                });
                prop_assert_eq!(due, 0);
                prop_assert_eq!(wheel.is_empty(), waiting.is_empty());
            }
        }
    }
}
