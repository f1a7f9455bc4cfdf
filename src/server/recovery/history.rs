//! Which packets one session has been sent, in which order. Pure.

use std::collections::VecDeque;

use crate::room::shrink;

/// Where a packet stands in the [log](super::log::Log): counted from 1.
pub(super) type Position = u64;

/// How many runs are kept: a session that hears every other packet of a busy namespace has one for each of them.
const MAX_RUNS: usize = 4096;

/// The packets that were sent to one session, in the order in which they were.
///
/// Runs, because who hears everything is sent one position after the other; several threads that emit at the same time
/// may also have it sent a later position before an earlier one, and this order is kept.
#[derive(Debug, Default)]
pub(super) struct History {
    runs: VecDeque<Run>,
    before: Before,
}

/// What was there before the runs.
#[derive(Clone, Copy, Debug)]
enum Before {
    /// Nothing of this session, which began when the log was as far as this. Its client may have received that or what is before it in a
    /// session before this one.
    Beginning(Position),
    /// Packets that have been forgotten, of which this is the last.
    Forgotten(Position),
}

/// Positions without a gap, both included.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: Position,
    last: Position,
}

impl Default for Before {
    fn default() -> Self {
        Self::Beginning(0)
    }
}

impl History {
    /// That of a session which begins now that the log is as far as this.
    pub(super) fn since(last: Position) -> Self {
        Self {
            before: Before::Beginning(last),
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, position: Position) {
        match self.runs.back_mut() {
            Some(run) if run.last + 1 == position => run.last = position,
            _ => self.begin_run(position),
        }
    }

    /// Forgets what stands before this position in the log, which doesn't have it any more.
    pub(super) fn forget_before(&mut self, base: Position) {
        while self.runs.front().is_some_and(|run| run.last < base) {
            self.forget_run();
        }
        if let Some(run) = self.runs.front_mut()
            && run.first < base
        {
            self.before = Before::Forgotten(base - 1);
            run.first = base;
        }
    }

    /// What was sent after the packet that the client received last, or everything if it received none of this session. `None` if that
    /// can't be told any more, or if this packet was never sent.
    pub(super) fn after(&self, received: Option<Position>) -> Option<impl Iterator<Item = Position>> {
        let received = received.unwrap_or(0);
        let contains = |run: &Run| (run.first..=run.last).contains(&received);
        // The runs come first: a position that was given out before the session began may have been given back, and been given to one of
        // its packets.
        let (rest, later) = match self.runs.iter().rposition(contains) {
            Some(at) => (Some(received + 1..=self.runs[at].last), at + 1),
            None if self.before.is_followed_by_all(received) => (None, 0),
            None => return None,
        };
        let later = self.runs.range(later..).flat_map(|run| run.first..=run.last);
        Some(rest.into_iter().flatten().chain(later))
    }

    /// For how many runs there is memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.runs.capacity()
    }

    fn begin_run(&mut self, position: Position) {
        // Before there is one more, for which the memory of twice as many would be taken.
        if self.runs.len() == MAX_RUNS {
            self.forget_run();
        }
        self.runs.push_back(Run {
            first: position,
            last: position,
        });
    }

    fn forget_run(&mut self) {
        if let Some(run) = self.runs.pop_front() {
            self.before = Before::Forgotten(run.last);
        }
        let (left, capacity) = (self.runs.len(), self.runs.capacity());
        // To what it grows by, or it might come to be larger than the longest needs.
        shrink(left, capacity, |to| self.runs.shrink_to(to.next_power_of_two()));
    }
}

impl Before {
    /// Whether a client that received this packet last has received none of those in the runs, and misses none besides.
    const fn is_followed_by_all(self, received: Position) -> bool {
        match self {
            Self::Beginning(last) => received <= last,
            Self::Forgotten(last) => received == last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(positions: &[Position]) -> History {
        let mut history = History::default();
        positions.iter().for_each(|position| history.push(*position));
        history
    }

    fn after(history: &History, received: Option<Position>) -> Option<Vec<Position>> {
        history.after(received).map(Iterator::collect)
    }

    #[test]
    fn what_came_after_the_last_packet_received_is_told_in_the_order_of_sending() {
        // Two threads: 5 was sent after 6.
        let history = history(&[1, 2, 4, 6, 5, 9]);
        for (received, missed) in [
            (Some(1), Some(vec![2, 4, 6, 5, 9])),
            (Some(2), Some(vec![4, 6, 5, 9])),
            (Some(6), Some(vec![5, 9])),
            (Some(5), Some(vec![9])),
            (Some(9), Some(vec![])),
            (None, Some(vec![1, 2, 4, 6, 5, 9])),
            // Sent to others only, or to nobody yet.
            (Some(3), None),
            (Some(10), None),
        ] {
            assert_eq!(after(&history, received), missed, "{received:?}");
        }
    }

    #[test]
    fn a_client_that_has_heard_nothing_since_is_not_told_that_something_is_missing() {
        let mut history = history(&[3, 4, 8]);
        history.forget_before(9);
        assert_eq!(after(&history, Some(8)), Some(vec![]));
        history.push(12);
        assert_eq!(after(&history, Some(8)), Some(vec![12]));
        assert_eq!(after(&history, Some(4)), None);
        assert_eq!(after(&history, None), None);
    }

    #[test]
    fn a_packet_of_a_session_before_is_none_of_this_one() {
        let mut history = History::since(4);
        for received in [None, Some(0), Some(1), Some(4)] {
            assert_eq!(after(&history, received), Some(vec![]), "{received:?}");
        }
        assert_eq!(after(&history, Some(5)), None);
        // What was given back is given out again.
        [4, 6, 7].into_iter().for_each(|position| history.push(position));
        for (received, missed) in [
            (None, Some(vec![4, 6, 7])),
            (Some(3), Some(vec![4, 6, 7])),
            (Some(4), Some(vec![6, 7])),
            (Some(6), Some(vec![7])),
            // Sent to others only, or to nobody yet.
            (Some(5), None),
            (Some(8), None),
        ] {
            assert_eq!(after(&history, received), missed, "{received:?}");
        }
        // Who has received none of it misses what is forgotten.
        history.forget_before(6);
        for received in [None, Some(3)] {
            assert_eq!(after(&history, received), None, "{received:?}");
        }
        assert_eq!(after(&history, Some(4)), Some(vec![6, 7]));
    }

    #[test]
    fn half_a_run_can_be_forgotten() {
        let mut history = history(&[1, 2, 3, 4]);
        history.forget_before(3);
        assert_eq!(after(&history, Some(2)), Some(vec![3, 4]));
        assert_eq!(after(&history, Some(3)), Some(vec![4]));
        assert_eq!(after(&history, Some(1)), None);
    }

    #[test]
    fn nothing_sent_is_nothing_missed() {
        assert_eq!(after(&History::default(), None), Some(vec![]));
        assert_eq!(after(&History::default(), Some(1)), None);
    }

    #[test]
    fn a_history_that_was_long_once_is_small_again() {
        let odd: Vec<Position> = (0..MAX_RUNS as u64).map(|number| 2 * number + 1).collect();
        let mut history = history(&odd);
        history.forget_before(7_000);
        // And no larger than it was when it is as long again.
        odd.iter().for_each(|position| history.push(10_000 + position));
        assert_eq!(history.capacity(), MAX_RUNS);
        history.forget_before(20_000);
        assert_eq!(history.runs.len(), 0);
        assert!(history.capacity() < 128, "{}", history.capacity());
    }

    #[test]
    fn a_history_is_as_long_as_it_may_be_and_no_longer() {
        let odd: Vec<Position> = (0..2 * MAX_RUNS as u64).map(|number| 2 * number + 1).collect();
        let history = history(&odd);
        assert_eq!(history.runs.len(), MAX_RUNS);
        assert_eq!(history.runs.capacity(), MAX_RUNS);
        let last = *odd.last().unwrap();
        assert_eq!(after(&history, Some(last - 2)), Some(vec![last]));
        assert_eq!(after(&history, Some(1)), None);
        // All of them in a row are one.
        let mut history = History::default();
        (1..=100_000).for_each(|position| history.push(position));
        assert_eq!(history.runs.len(), 1);
    }
}
