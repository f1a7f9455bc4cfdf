//! What the children of a parent keep together. Clients have as many of them made as they like, so what each may keep says nothing.

use std::{
    sync::{
        Arc, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::Recovery;
use crate::{
    server::namespace::NamespaceInner,
    sync::{Mutex, MutexGuard},
};

/// Of what there is too much, so much more is given up that this isn't looked for again at once: an eighth.
const SLACK: usize = 8;

/// How much all children of a parent keep; for any other namespace, how much it keeps itself.
#[derive(Debug, Default)]
pub(in crate::server) struct Together {
    pub(super) waiting: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    /// What all their offsets begin with.
    tag: OnceLock<Arc<str>>,
    /// The last position that was given out by one that nobody was in any more. Those that come to be go on from there: a client that comes back
    /// to one which has ended says an offset of that time, which is to be one of a session before.
    pub(super) last: AtomicU64,
    /// One at a time makes room, before any other lock.
    room: Mutex<()>,
}

impl Together {
    pub(super) fn tag(&self, make: impl FnOnce() -> Arc<str>) -> Arc<str> {
        self.tag.get_or_init(make).clone()
    }

    fn make_room(&self) -> MutexGuard<'_, ()> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NamespaceInner {
    /// Ends the sessions that have waited longest, in whichever child, if more wait than may.
    pub(super) fn end_surplus_together(&self, recovery: &Recovery) {
        let (together, max) = (&recovery.together, recovery.options.max_waiting_sessions);
        let surplus = || together.waiting.load(Ordering::Relaxed).saturating_sub(max);
        if !self.is_child() || surplus() == 0 {
            return;
        }
        // Whoever is dropped here for good must not be dropped under the lock.
        let siblings = self.siblings();
        let each = || siblings.iter().filter_map(|sibling| sibling.recovery());
        let lapsed: Vec<_> = {
            let _alone = together.make_room();
            let mut expiries: Vec<_> = each().flat_map(|it| it.sessions().expiries()).collect();
            let surplus = surplus();
            if surplus == 0 || expiries.is_empty() {
                return;
            }
            let last = (surplus + max / SLACK).min(expiries.len()) - 1;
            let (_, last, _) = expiries.select_nth_unstable(last);
            let after = *last + Duration::from_nanos(1);
            each().map(|it| it.sessions().lapsed(after)).collect()
        };
        for (recovery, lapsed) in each().zip(lapsed) {
            recovery.end_all(lapsed);
        }
    }

    /// Shortens the longest logs, if those of all children are longer than they may be.
    pub(super) fn shorten_logs_together(&self, recovery: &Recovery) {
        let (together, max) = (&recovery.together, recovery.options.max_log_size);
        let is_long = || together.bytes.load(Ordering::Relaxed) > max;
        if !self.is_child() || !is_long() {
            return;
        }
        let siblings = self.siblings();
        let each = || siblings.iter().filter_map(|sibling| sibling.recovery());
        let forgotten: Vec<_> = {
            let _alone = together.make_room();
            if !is_long() {
                return;
            }
            let mut sizes: Vec<usize> = each().map(|it| it.log.bytes()).collect();
            let level = level(&mut sizes, max - max / SLACK);
            each().map(|it| it.log.shorten(level)).collect()
        };
        // Without the lock: their drop may emit, which may want room again.
        drop(forgotten);
    }

    /// The children of its parent.
    fn siblings(&self) -> Vec<Arc<Self>> {
        self.parent_children()
            .map_or_else(Vec::new, |children| children.all())
    }
}

/// How much each may have at most, so that all of them have no more than this.
fn level(sizes: &mut [usize], all: usize) -> usize {
    sizes.sort_unstable();
    let (mut left, count) = (all, sizes.len());
    for (at, size) in sizes.iter().enumerate() {
        let share = left / (count - at);
        if *size > share {
            return share;
        }
        left -= size;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn who_keeps_little_keeps_it() {
        for (sizes, all, expected) in [
            (&mut [10, 20, 30][..], 60, usize::MAX),
            (&mut [10, 100, 20], 60, 30),
            (&mut [100, 100, 100, 0], 60, 20),
            (&mut [1, 1, 1], 2, 0),
            (&mut [], 0, usize::MAX),
        ] {
            assert_eq!(level(sizes, all), expected, "{sizes:?}");
            let kept: usize = sizes.iter().map(|size| expected.min(*size)).sum();
            assert!(kept <= all, "{sizes:?}");
        }
    }
}
