//! Whose turn it is to ask the other servers. Pure.
//!
//! Who asks the same as others that still wait shares their question. One that is under way is shared by nobody who comes later: its answer
//! may describe a moment before that.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// That many questions are under way at once; the others wait, but for those that have [waited too long](Turns::handle_late).
const AT_ONCE: usize = 16;

/// Questions `Q`, and what those who ask the same have in common, `R`. What is neither under way nor waits for a turn is forgotten.
pub(super) struct Turns<Q, R> {
    lines: HashMap<Q, Line<R>>,
    /// What waits for a turn, and isn't under way, by its place.
    queue: BTreeMap<u64, Q>,
    /// The next that comes stands here.
    end: u64,
    under_way: usize,
}

/// Those who ask the same.
struct Line<R> {
    under_way: usize,
    /// Of those who have asked since.
    next: Option<R>,
    /// Where it stands in the queue.
    place: Option<u64>,
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
            place: None,
        };
        self.lines.insert(question.clone(), line);
        if is_under_way {
            self.under_way += 1;
            Turn::Now(round)
        } else {
            self.tidy(question);
            Turn::Later(round)
        }
    }

    /// Who asks this has waited too long, and has a turn now if it hasn't had one, however many are under way.
    pub(super) fn handle_late(&mut self, question: &Q, is_theirs: impl Fn(&R) -> bool) -> Option<R> {
        let line = self.lines.get_mut(question)?;
        let round = line.next.take_if(|round| is_theirs(round))?;
        line.under_way += 1;
        self.under_way += 1;
        self.tidy(question);
        Some(round)
    }

    /// Some of those who asked this wait no more, perhaps all.
    pub(super) fn handle_left(&mut self, question: &Q, is_wanted: impl Fn(&R) -> bool) -> Option<R> {
        let line = self.lines.get_mut(question)?;
        let round = line.next.take_if(|round| !is_wanted(round))?;
        self.tidy(question);
        Some(round)
    }

    /// A turn is over. Gives the next one to whoever has waited the longest and is still wanted.
    pub(super) fn handle_over(&mut self, question: &Q, is_wanted: impl Fn(&R) -> bool) -> Option<(Q, R)> {
        if let Some(line) = self.lines.get_mut(question)
            && line.under_way > 0
        {
            line.under_way -= 1;
            self.under_way -= 1;
            self.tidy(question);
        }
        while self.under_way < AT_ONCE {
            let (_, question) = self.queue.pop_first()?;
            let Some(line) = self.lines.get_mut(&question) else {
                continue;
            };
            line.place = None;
            let round = line.next.take().filter(&is_wanted);
            if round.is_some() {
                line.under_way += 1;
                self.under_way += 1;
            }
            self.tidy(&question);
            if let Some(round) = round {
                return Some((question, round));
            }
        }
        None
    }

    /// In the queue is what waits and isn't under way.
    fn tidy(&mut self, question: &Q) {
        let Some(line) = self.lines.get_mut(question) else {
            return;
        };
        let waits = line.next.is_some() && line.under_way == 0;
        match line.place {
            Some(place) if !waits => {
                self.queue.remove(&place);
                line.place = None;
            }
            None if waits => {
                self.queue.insert(self.end, question.clone());
                line.place = Some(self.end);
                self.end += 1;
            }
            _ => {}
        }
        if line.next.is_none() && line.under_way == 0 {
            self.lines.remove(question);
        }
    }

    /// How many wait.
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
            queue: BTreeMap::new(),
            end: 0,
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
        assert_eq!(turns.handle_late(&100, |_| true), Some("late"));
        assert_eq!(turns.handle_late(&100, |_| true), None);
        assert_eq!(turns.handle_late(&0, |_| true), Some("again"));
        assert_eq!(turns.handle_over(&0, |_| true), None);
        assert_eq!(turns.handle_over(&1, |_| true), None);
        assert_eq!(turns.handle_over(&0, |_| true), Some((101, "later")));
        for over in (2..at_once).chain([100, 101]) {
            assert_eq!(turns.handle_over(&over, |_| true), None);
        }
        assert!(turns.is_empty() && turns.waiting() == 0 && turns.under_way == 0);
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_asked() {
        let mut turns = Turns::default();
        asks(&mut turns, 1, "first");
        asks(&mut turns, 1, "given up");
        assert_eq!(turns.handle_over(&1, |round| *round != "given up"), None);
        assert_eq!(asks(&mut turns, 1, "anew"), (true, "anew"));
    }

    #[test]
    fn who_is_late_has_a_turn_for_what_he_has_asked_and_not_for_what_others_ask_since() {
        let mut turns = Turns::default();
        asks(&mut turns, 1, "first");
        asks(&mut turns, 1, "second");
        assert_eq!(turns.handle_late(&1, |round| *round == "first"), None);
        assert_eq!(turns.handle_late(&1, |round| *round == "second"), Some("second"));
    }

    #[test]
    fn what_has_been_answered_or_given_up_is_forgotten_however_many_are_under_way() {
        let mut turns = Turns::default();
        let at_once = u32::try_from(AT_ONCE).unwrap();
        for question in 0..=at_once {
            asks(&mut turns, question, "first");
        }
        assert_eq!(turns.handle_late(&at_once, |_| true), Some("first"));
        for question in at_once + 1..at_once + 100 {
            assert!(!asks(&mut turns, question, "late").0);
            assert_eq!(turns.handle_late(&question, |_| true), Some("late"));
            assert_eq!(turns.handle_over(&(question - 1), |_| true), None);
            assert!(!asks(&mut turns, 1000, "given up").0);
            assert_eq!(turns.handle_left(&1000, |_| true), None);
            assert_eq!(turns.handle_left(&1000, |_| false), Some("given up"));
            assert_eq!(turns.lines.len(), AT_ONCE + 1);
            assert_eq!(turns.waiting(), 0);
        }
    }
}
