//! Whose turn it is to ask the other servers. Pure.
//!
//! Who asks the same as others that still wait shares their question. One that is under way is shared by nobody who comes later: its answer
//! may describe a moment before that.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// That many questions are under way at once; the others wait, but for those that have [waited too long](Turns::handle_late).
const AT_ONCE: usize = 16;

/// Questions `Q`, and what those who ask the same have in common, `R`.
pub(super) struct Turns<Q, R> {
    lines: HashMap<Q, Line<R>>,
    /// What waits for a turn, the longest first, and what has since had one all the same.
    queue: VecDeque<Q>,
    under_way: usize,
}

/// Those who ask the same.
struct Line<R> {
    under_way: usize,
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
            under_way: usize::from(is_under_way),
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

    /// Who asks this has waited too long, and has a turn now if it hasn't had one, however many are under way.
    pub(super) fn handle_late(&mut self, question: &Q) -> Option<R> {
        let line = self.lines.get_mut(question)?;
        let round = line.next.take()?;
        line.under_way += 1;
        self.under_way += 1;
        Some(round)
    }

    /// A turn is over. Gives the next one to whoever has waited the longest and is still wanted.
    pub(super) fn handle_over(&mut self, question: &Q, is_wanted: impl Fn(&R) -> bool) -> Option<(Q, R)> {
        self.handle_given_back(question);
        while self.under_way < AT_ONCE {
            let question = self.queue.pop_front()?;
            // One that is under way comes back when it is over.
            let Some(line) = self.lines.get_mut(&question).filter(|line| line.under_way == 0) else {
                continue;
            };
            if let Some(round) = line.next.take().filter(&is_wanted) {
                line.under_way += 1;
                self.under_way += 1;
                return Some((question, round));
            }
            self.lines.remove(&question);
        }
        None
    }

    /// A turn is over, and nobody can be given the next one.
    pub(super) fn handle_given_back(&mut self, question: &Q) {
        if let Some(line) = self.lines.get_mut(question)
            && line.under_way > 0
        {
            line.under_way -= 1;
            self.under_way -= 1;
            self.queue.push_back(question.clone());
        }
    }

    /// How many wait, or a few more.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
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
    fn who_has_waited_too_long_is_given_a_turn_and_the_others_theirs_when_few_are_under_way() {
        let mut turns = Turns::default();
        let at_once = u32::try_from(AT_ONCE).unwrap();
        for question in 0..at_once {
            assert!(asks(&mut turns, question, "at once").0);
        }
        asks(&mut turns, 100, "late");
        asks(&mut turns, 101, "later");
        asks(&mut turns, 0, "again");
        assert_eq!(turns.handle_late(&100), Some("late"));
        assert_eq!(turns.handle_late(&100), None);
        assert_eq!(turns.handle_late(&0), Some("again"));
        assert_eq!(turns.handle_over(&0, |_| true), None);
        assert_eq!(turns.handle_over(&1, |_| true), None);
        assert_eq!(turns.handle_over(&0, |_| true), Some((101, "later")));
        for over in (2..at_once).chain([100, 101]) {
            assert_eq!(turns.handle_over(&over, |_| true), None);
        }
        assert!(turns.is_empty() && turns.waiting() == 0 && turns.under_way == 0);
    }

    #[test]
    fn a_turn_that_is_given_back_is_given_to_whoever_asks_next() {
        let mut turns = Turns::default();
        asks(&mut turns, 1, "first");
        asks(&mut turns, 1, "second");
        turns.handle_given_back(&1);
        assert_eq!(asks(&mut turns, 2, "other"), (true, "other"));
        assert_eq!(turns.handle_over(&2, |_| true), Some((1, "second")));
        assert_eq!(turns.handle_over(&1, |_| true), None);
        assert!(turns.is_empty());
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
