//! Whose turn it is to ask the other servers. Pure.
//!
//! Who asks the same as others that still wait shares their question. One that is under way is shared by nobody who comes later: its answer
//! may describe a moment before that.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// That many questions are under way at once; the others wait.
const AT_ONCE: usize = 16;

/// Questions `Q`, and what those who ask the same have in common, `R`.
pub(super) struct Turns<Q, R> {
    lines: HashMap<Q, Line<R>>,
    /// What waits for a turn, the longest first.
    queue: VecDeque<Q>,
    under_way: usize,
}

/// Those who ask the same.
struct Line<R> {
    is_under_way: bool,
    /// Of those who have asked since.
    next: Option<R>,
}

/// What becomes of whoever asks.
pub(super) enum Turn<R> {
    Now(R),
    Later(R),
}

impl<Q: Clone + Eq + Hash, R: Clone> Turns<Q, R> {
    /// Somebody asks. Where it is `Now`, it has to be [said](Self::handle_over) when the turn is over.
    pub(super) fn handle_asked(&mut self, question: &Q, make: impl FnOnce() -> R) -> Turn<R> {
        if let Some(line) = self.lines.get_mut(question) {
            return Turn::Later(line.next.get_or_insert_with(make).clone());
        }
        let (round, is_under_way) = (make(), self.under_way < AT_ONCE);
        let line = Line {
            is_under_way,
            next: (!is_under_way).then(|| round.clone()),
        };
        self.lines.insert(question.clone(), line);
        if is_under_way {
            self.under_way += 1;
            Turn::Now(round)
        } else {
            self.queue.push_back(question.clone());
            Turn::Later(round)
        }
    }

    /// A turn is over. Gives the next one to whoever has waited the longest and is still wanted.
    pub(super) fn handle_over(&mut self, question: &Q, is_wanted: impl Fn(&R) -> bool) -> Option<(Q, R)> {
        let line = self.lines.get_mut(question).filter(|line| line.is_under_way)?;
        line.is_under_way = false;
        self.under_way -= 1;
        self.queue.push_back(question.clone());
        while let Some(question) = self.queue.pop_front() {
            let next = self.lines.get_mut(&question).and_then(|line| line.next.take());
            if let Some(round) = next.filter(&is_wanted) {
                self.under_way += 1;
                self.lines.get_mut(&question)?.is_under_way = true;
                return Some((question, round));
            }
            self.lines.remove(&question);
        }
        None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl<Q, R> Default for Turns<Q, R> {
    fn default() -> Self {
        Self {
            lines: HashMap::new(),
            queue: VecDeque::new(),
            under_way: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(turns: &mut Turns<u32, &'static str>, question: u32, who: &'static str) -> (bool, &'static str) {
        match turns.handle_asked(&question, || who) {
            Turn::Now(round) => (true, round),
            Turn::Later(round) => (false, round),
        }
    }

    #[test]
    fn who_asks_the_same_shares_the_next_question_and_not_the_one_under_way() {
        let mut turns = Turns::default();
        assert_eq!(asks(&mut turns, 1, "first"), (true, "first"));
        assert_eq!(asks(&mut turns, 1, "second"), (false, "second"));
        assert_eq!(asks(&mut turns, 1, "third"), (false, "second"));
        assert_eq!(asks(&mut turns, 2, "other"), (true, "other"));
        assert_eq!(turns.handle_over(&1, |_| true), Some((1, "second")));
        assert_eq!(asks(&mut turns, 1, "fourth"), (false, "fourth"));
        assert_eq!(turns.handle_over(&1, |_| true), Some((1, "fourth")));
        assert_eq!(turns.handle_over(&1, |_| true), None);
        assert_eq!(turns.handle_over(&1, |_| true), None);
        assert_eq!(turns.handle_over(&2, |_| true), None);
        assert!(turns.is_empty() && turns.under_way == 0);
    }

    #[test]
    fn so_many_questions_are_under_way_and_the_others_come_in_turn() {
        let mut turns = Turns::default();
        let at_once = u32::try_from(AT_ONCE).unwrap();
        for question in 0..at_once {
            assert!(asks(&mut turns, question, "at once").0);
        }
        for question in at_once..at_once + 3 {
            assert!(!asks(&mut turns, question, "later").0);
        }
        // It stands behind those who were there.
        assert_eq!(asks(&mut turns, 0, "again"), (false, "again"));
        let mut next = |over| turns.handle_over(&over, |_| true);
        assert_eq!(next(0), Some((at_once, "later")));
        assert_eq!(next(1), Some((at_once + 1, "later")));
        assert_eq!(next(at_once), Some((at_once + 2, "later")));
        assert_eq!(next(2), Some((0, "again")));
        assert_eq!(next(3), None);
        assert!(asks(&mut turns, 100, "now").0);
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_asked() {
        let mut turns = Turns::default();
        asks(&mut turns, 1, "first");
        asks(&mut turns, 1, "given up");
        assert_eq!(turns.handle_over(&1, |round| *round != "given up"), None);
        assert_eq!(asks(&mut turns, 1, "anew"), (true, "anew"));
    }
}
