//! Every short script of what may happen around a socket's leave, and what has to be true after it.
//!
//! A script runs on one thread, the first part of it inside of the connect handler, and tasks have their turn only where it says so: then it is
//! as if each of its lines came from another thread, one after the other. What no script can show are lines that run beside each other:
//! that is for `models`.

mod log;
mod rules;
mod scene;

use std::{collections::BTreeMap, env, fmt};

use self::scene::Scene;

/// What happens in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// The server sends the socket away.
    Kick,
    /// The server sends the whole client away.
    KickAll,
    /// The client leaves the namespace.
    GoodBye,
    /// The client leaves the namespace and asks for it again.
    Back,
    /// The connection is lost.
    End,
    /// The same, and the client is back for its session over another connection before the server knows.
    Claim,
    /// The client says something.
    Event,
    /// The same, and the handler is out of breath.
    Late,
    /// The same, and the handler sends the socket away.
    EventKick,
    /// The server says something to the socket and to all.
    Emit,
    /// Another thread starts a handler of an event.
    Start,
    /// The handler has started.
    StartEnds,
    /// Tasks have their turn.
    Tasks,
    /// The same, and six seconds are over.
    Timer,
}

use Act::{
    Back, Claim, Emit, End, Event, EventKick, GoodBye, Kick, KickAll, Late, Start, StartEnds, Tasks, Timer,
};

impl Act {
    const ALL: [Self; 14] = [
        Kick, KickAll, GoodBye, Back, End, Claim, Event, Late, EventKick, Emit, Start, StartEnds, Tasks,
        Timer,
    ];

    const fn is_said(self) -> bool {
        matches!(self, GoodBye | Back | Event | Late | EventKick)
    }

    /// The socket is to leave.
    const fn has_it_leave(self) -> bool {
        matches!(self, Kick | KickAll | GoodBye | Back | End | Claim | EventKick)
    }

    /// The client's connection is no more.
    const fn is_loss(self) -> bool {
        matches!(self, End | Claim)
    }
}

/// What the namespace is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Plain,
    Sequential,
    Recovery,
}

/// What happens, and how much of it inside of the connect handler.
#[derive(Clone, PartialEq, Eq)]
struct Script {
    mode: Mode,
    inside: usize,
    acts: Vec<Act>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inside, outside) = self.acts.split_at(self.inside);
        write!(f, "{:?} {inside:?} Come {outside:?}", self.mode)
    }
}

impl Script {
    /// All scripts with so many acts.
    fn each(mode: Mode, length: usize, run: &mut impl FnMut(&Self)) {
        for inside in 0..=length {
            let acts = Vec::with_capacity(length);
            Self { mode, inside, acts }.extended(length, run);
        }
    }

    fn extended(&mut self, length: usize, run: &mut impl FnMut(&Self)) {
        if self.acts.len() == length {
            return run(self);
        }
        for act in Act::ALL {
            if self.may_go_on_with(act) {
                self.acts.push(act);
                self.extended(length, run);
                self.acts.pop();
            }
        }
    }

    /// Whether that may happen next, and makes a difference.
    fn may_go_on_with(&self, act: Act) -> bool {
        let has = |wanted| self.acts.contains(&wanted);
        let count = |wanted| self.acts.iter().filter(|act| **act == wanted).count();
        let has_come = self.acts.len() >= self.inside;
        let is_lost = self.acts.iter().any(|act| act.is_loss());
        let last = self.acts.last().copied();
        match act {
            _ if act.is_said() && is_lost => false,
            GoodBye | Back | Late | EventKick => !has(GoodBye) && !has(Back),
            Event => !has(GoodBye),
            End => !is_lost,
            Claim => self.mode == Mode::Recovery && has_come && !is_lost,
            Start => has_come && count(Start) < 2,
            StartEnds => count(Start) > count(StartEnds),
            Emit => last != Some(Emit),
            Tasks => !matches!(last, None | Some(Tasks | Timer)),
            Timer => !matches!(last, None | Some(Timer)),
            Kick => last != Some(Kick),
            KickAll => !has(KickAll),
        }
    }
}

/// Scripts that break a rule for a reason that is known.
const KNOWN: &[(Mode, usize, &[Act])] = &[];

/// How many acts scripts have of which all are played. `AXUM_SOCKETIO_ACTS=4` has more of them, for minutes.
const LONGEST: usize = 3;

/// One of so many is played of those that are longer by two.
const ONE_OF: usize = 127;

fn all_keep_the_rules(mode: Mode) {
    let longest = env::var("AXUM_SOCKETIO_ACTS").map_or(LONGEST, |acts| acts.parse().unwrap());
    let mut count = 0;
    let mut broken = BTreeMap::<_, Vec<_>>::new();
    let mut play = |script: &Script| {
        count += 1;
        let is_known = KNOWN.contains(&(mode, script.inside, &script.acts));
        if !is_known && let Err((rule, told)) = rules::check(Scene::of(script)) {
            broken.entry(rule).or_default().push(told);
        }
    };
    for length in 0..=longest {
        Script::each(mode, length, &mut play);
    }
    let mut longer = 0;
    Script::each(mode, longest + 2, &mut |script| {
        longer += 1;
        if longer % ONE_OF == 0 {
            play(script);
        }
    });
    println!("{count} scripts");
    for (rule, told) in &broken {
        println!("not that {rule}, in {} scripts, among them", told.len());
        told.iter().take(3).for_each(|told| println!("  {told}"));
    }
    assert!(broken.is_empty());
}

#[test]
fn every_short_script_of_a_leave_keeps_the_rules() {
    all_keep_the_rules(Mode::Plain);
}

#[test]
fn every_short_script_of_a_leave_keeps_the_rules_where_events_wait() {
    all_keep_the_rules(Mode::Sequential);
}

#[test]
fn every_short_script_of_a_leave_keeps_the_rules_where_sessions_are_recovered() {
    all_keep_the_rules(Mode::Recovery);
}
