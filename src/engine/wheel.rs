//! Deadlines of many connections, coarse and cheap.

/// Ticks the wheel looks ahead. A deadline further away is looked at once every turn.
const SLOTS: u32 = 256;

/// Who is to be reminded when, in ticks of any length.
///
/// An entry can't be taken out: the one who is reminded looks whether anything is due, and comes back if not.
#[derive(Debug)]
pub(super) struct Wheel<K> {
    slots: Box<[Vec<Entry<K>>]>,
    /// The last tick whose entries have been given out.
    now: u32,
    entries: usize,
}

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
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Reminds of `key` at this tick, at the earliest with the next one.
    pub(super) fn insert(&mut self, tick: u32, key: K) {
        let slot = tick.clamp(self.now.saturating_add(1), self.now.saturating_add(SLOTS));
        self.slots[slot_of(slot)].push(Entry { key, tick });
        self.entries += 1;
    }

    /// Goes on to this tick and gives out what was due until then, with the tick it was entered for.
    pub(super) fn advance(&mut self, now: u32) -> Vec<(u32, K)> {
        let mut due = Vec::new();
        let turns = now.saturating_sub(self.now).min(SLOTS);
        for tick in now.saturating_sub(turns)..now {
            self.now = tick + 1;
            for entry in std::mem::take(&mut self.slots[slot_of(tick + 1)]) {
                self.entries -= 1;
                if entry.tick <= now {
                    due.push((entry.tick, entry.key));
                } else {
                    self.insert(entry.tick, entry.key);
                }
            }
        }
        due
    }
}

fn slot_of(tick: u32) -> usize {
    (tick % SLOTS) as usize
}
