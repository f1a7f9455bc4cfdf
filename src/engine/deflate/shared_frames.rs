//! The compressed frames of a packet with several recipients, made once for all that want them alike.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, Shared};

use crate::{Protocol, websocket::Effort};

/// All frames of a packet, those compressed that it is worth for; `None` if it is for none of them.
pub(in crate::engine) type Frames = Option<Arc<[u8]>>;

/// Frames that are being made elsewhere, and that any number of connections wait for.
pub(in crate::engine) type Pressing = Shared<BoxFuture<'static, Frames>>;

/// The compressed frames of one packet, made when the first connection wants them so.
#[derive(Debug, Default)]
pub(in crate::engine) struct SharedFrames(Mutex<Vec<(Key, Slot)>>);

/// What there is of the frames.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Slot {
    Made(Frames),
    Pressing(Pressing),
}

/// What makes a difference to the frames.
type Key = (Effort, Protocol);

impl SharedFrames {
    /// The frames for this kind of connection. Who comes first makes them, or has them made, under the lock; so it must be
    /// short.
    pub(in crate::engine) fn get_or_make(&self, key: Key, make: impl FnOnce() -> Slot) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = slots.iter().find(|(same, _)| *same == key) {
            return slot.clone();
        }
        let slot = make();
        slots.push((key, slot.clone()));
        slot
    }
}
