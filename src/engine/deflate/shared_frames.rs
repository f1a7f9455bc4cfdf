//! The compressed frames of a packet with several recipients, made once for all that want them alike.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::{Protocol, websocket::Effort};

/// All frames of a packet, those compressed that it is worth for; `None` if it is for none of them.
pub(in crate::engine) type Frames = Option<Arc<[u8]>>;

/// Frames that are being made elsewhere, and that any number of connections wait for.
pub(in crate::engine) type Pressing = Shared<BoxFuture<'static, Frames>>;

/// The compressed frames of one packet, made when the first connection wants them so.
#[derive(Debug, Default)]
pub(in crate::engine) struct SharedFrames(Mutex<Vec<(Key, Kept)>>);

/// What there is of the frames.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Slot {
    Made(Frames),
    Pressing(Pressing),
}

#[derive(Debug)]
enum Kept {
    Made(Frames),
    /// Weak, so that they are not made when all who waited for them have gone.
    Pressing(WeakShared<BoxFuture<'static, Frames>>),
}

/// What makes a difference to the frames.
type Key = (Effort, Protocol);

impl SharedFrames {
    /// The frames for this kind of connection. Who comes first makes them, or has them made, under the lock; so it must be
    /// short. What is made elsewhere is to be [kept](Self::keep).
    pub(in crate::engine) fn get_or_make(&self, key: Key, make: impl FnOnce() -> Slot) -> Slot {
        let mut slots = self.slots();
        let kept = slots.iter().find(|(same, _)| *same == key);
        if let Some(slot) = kept.and_then(|(_, kept)| kept.slot()) {
            return slot;
        }
        let slot = make();
        put(&mut slots, key, Kept::of(&slot));
        slot
    }

    /// The frames have been made.
    pub(in crate::engine) fn keep(&self, key: Key, frames: Frames) {
        put(&mut self.slots(), key, Kept::Made(frames));
    }

    fn slots(&self) -> MutexGuard<'_, Vec<(Key, Kept)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(slots: &mut Vec<(Key, Kept)>, key: Key, kept: Kept) {
    match slots.iter_mut().find(|(same, _)| *same == key) {
        Some((_, before)) => *before = kept,
        None => slots.push((key, kept)),
    }
}

impl Kept {
    fn of(slot: &Slot) -> Self {
        match slot {
            Slot::Made(frames) => Self::Made(frames.clone()),
            // One that has ended has been kept by itself.
            Slot::Pressing(pressing) => pressing.downgrade().map_or(Self::Made(None), Self::Pressing),
        }
    }

    fn slot(&self) -> Option<Slot> {
        match self {
            Self::Made(frames) => Some(Slot::Made(frames.clone())),
            Self::Pressing(pressing) => pressing.upgrade().map(Slot::Pressing),
        }
    }
}
