//! What has to be true of every script.

use super::{Act, Mode, log::Entry, scene::Scene};
use crate::server::DisconnectReason;

/// What came to pass in a script.
struct Story {
    scene: Scene,
    log: Vec<Entry>,
}

type Rule = (&'static str, fn(&Story) -> bool);

const RULES: &[Rule] = &[
    ("each socket leaves once", Story::each_leaves_once),
    (
        "disconnecting handlers find it whole",
        Story::is_whole_until_it_leaves,
    ),
    ("nothing of it is left", Story::leaves_nothing),
    ("the reason is one that there was", Story::has_a_reason),
    ("nothing is heard after a kick", Story::hears_nothing_after_a_kick),
    (
        "what is heard is heard once, in order, by who is connected",
        Story::hears_in_order,
    ),
    (
        "what came before a leave is heard before it",
        Story::hears_what_came_before,
    ),
    (
        "nobody leaves beside a handler that starts",
        Story::waits_for_starts,
    ),
    ("nobody stays whom nothing keeps", Story::leaves_in_time),
    ("who is kicked is told so, once and last", Story::is_told_last),
    (
        "what is sent after a kick doesn't arrive",
        Story::is_sent_nothing_after_a_kick,
    ),
    (
        "what is sent to who is connected arrives",
        Story::is_sent_all_before,
    ),
    (
        "a session waits for who has lost its connection",
        Story::may_be_back,
    ),
    (
        "who is back for its session has missed nothing",
        Story::misses_nothing,
    ),
    ("who waits for an answer hears of the leave", |story| {
        matches!(story.scene.ack, Some(Err(_)))
    }),
    ("the client is heard when all is over", Story::is_heard_in_the_end),
    (
        "who comes again does so after the leave",
        Story::comes_again_after_the_leave,
    ),
    (
        "who is about to leave isn't connected",
        Story::is_connected_until_it_is_to_leave,
    ),
];

pub(super) fn check(scene: Scene) -> Result<(), (&'static str, String)> {
    let log = scene.story.clone();
    let story = Story { scene, log };
    let broken = RULES.iter().find(|(_, holds)| !holds(&story));
    broken.map_or(Ok(()), |(rule, _)| {
        let told = format!(
            "{:?}\n    {:?}\n    {:?}\n    {:?}",
            story.scene.script, story.log, story.scene.received, story.scene.missed
        );
        Err((*rule, told))
    })
}

impl Story {
    fn first(&self, is: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.log.iter().position(is)
    }

    fn has(&self, is: impl Fn(&Entry) -> bool) -> bool {
        self.first(is).is_some()
    }

    fn count(&self, is: impl Fn(&Entry) -> bool) -> usize {
        self.log.iter().filter(|entry| is(entry)).count()
    }

    /// Where the first comes, if both do, the first of them first.
    fn in_order(&self, first: impl Fn(&Entry) -> bool, second: impl Fn(&Entry) -> bool) -> bool {
        matches!((self.first(first), self.first(second)), (Some(first), Some(second)) if first < second)
    }

    /// How many there were, one after the other.
    fn sockets(&self) -> usize {
        self.count(|entry| matches!(entry, Entry::Comes(_)))
    }

    fn kicked(&self) -> Option<usize> {
        self.first(|entry| matches!(entry, Entry::Kicked(_)))
    }

    fn is_kicked_with_all(&self) -> bool {
        self.log.contains(&Entry::Kicked(Act::KickAll))
    }

    /// Where the client or its connection has gone.
    fn gone(&self) -> Option<usize> {
        self.first(|entry| match entry {
            Entry::Read(act, _) => matches!(act, Act::GoodBye | Act::Back),
            Entry::Done(act) => act.is_loss(),
            _ => false,
        })
    }

    fn each_leaves_once(&self) -> bool {
        (0..self.sockets()).all(|socket| {
            self.count(|entry| is_leave(entry, socket)) == 1
                && self.count(|entry| is_left(entry, socket)) == 1
                && self.in_order(
                    |entry| *entry == Entry::Comes(socket),
                    |entry| is_leave(entry, socket),
                )
                && self.in_order(|entry| is_leave(entry, socket), |entry| is_left(entry, socket))
        })
    }

    fn is_whole_until_it_leaves(&self) -> bool {
        !self.has(|entry| {
            matches!(
                entry,
                Entry::Leaves { whole: false, .. } | Entry::Left { gone: false, .. }
            )
        })
    }

    fn leaves_nothing(&self) -> bool {
        self.scene.is_empty
    }

    fn has_a_reason(&self) -> bool {
        use DisconnectReason::{
            ClientNamespaceDisconnect, ServerNamespaceDisconnect, TransportClose, TransportError,
        };
        let begun = |at: usize, acts: &[Act]| {
            let mut before = self.log[..at].iter();
            before.any(|entry| matches!(entry, Entry::Does(act) if acts.contains(act)))
        };
        self.log.iter().enumerate().all(|(at, entry)| match entry {
            Entry::Leaves { reason, .. } | Entry::Left { reason, .. } => match reason {
                ServerNamespaceDisconnect => begun(at, &[Act::Kick, Act::KickAll, Act::EventKick]),
                ClientNamespaceDisconnect => begun(at, &[Act::GoodBye, Act::Back]),
                TransportClose => begun(at, &[Act::End, Act::Claim]),
                TransportError => begun(at, &[Act::End]),
                _ => false,
            },
            _ => true,
        })
    }

    fn hears_nothing_after_a_kick(&self) -> bool {
        let after = self.kicked().unwrap_or(self.log.len());
        !self.log[after..]
            .iter()
            .any(|entry| matches!(entry, Entry::Heard { socket: 0, .. }))
    }

    fn hears_in_order(&self) -> bool {
        let mut last = 0;
        self.log.iter().all(|entry| match *entry {
            Entry::Heard {
                number, connected, ..
            } => {
                let follows = number > last;
                last = number;
                follows && connected
            }
            _ => true,
        })
    }

    fn hears_what_came_before(&self) -> bool {
        let script = &self.scene.script;
        let is_queued =
            script.mode == Mode::Sequential && (script.inside > 0 || script.acts.contains(&Act::Late));
        let is_given_up = self.kicked().is_some() || is_queued;
        let mut reader = 0;
        self.log.iter().all(|entry| match *entry {
            Entry::Read(Act::Back, _) => {
                reader = 1;
                true
            }
            Entry::Read(Act::Event | Act::Late | Act::EventKick, number) => {
                let may_be_lost = if reader == 0 { is_given_up } else { self.is_kicked_with_all() };
                let hears =
                    |entry: &Entry| matches!(entry, Entry::Heard { socket, number: n, .. } if (*socket, *n) == (reader, number));
                may_be_lost || self.in_order(hears, |entry| is_leave(entry, reader))
            }
            _ => true,
        })
    }

    fn waits_for_starts(&self) -> bool {
        let Some(at) = self.first(|entry| is_leave(entry, 0)) else {
            return true;
        };
        let before = &self.log[..at];
        let has_heard = |number| {
            before
                .iter()
                .any(|entry| matches!(entry, Entry::Heard { number: n, .. } if *n == number))
        };
        let is_breathless = self.scene.script.mode != Mode::Sequential
            && self.log[at..]
                .iter()
                .any(|entry| matches!(entry, Entry::Breathes(number) if has_heard(*number)));
        let starts = matches!(self.log[at], Entry::Leaves { starts, .. } if starts > 0);
        let gone = before
            .iter()
            .position(|entry| matches!(entry, Entry::Does(act) if act.has_it_leave()));
        let is_over = gone.is_some_and(|gone| before[gone..].contains(&Entry::Does(Act::Timer)));
        is_over || !(starts || is_breathless)
    }

    fn leaves_in_time(&self) -> bool {
        let (mut has_come, mut is_kicked, mut has_gone, mut starts) = (false, false, false, 0_usize);
        let left = self.first(|entry| is_left(entry, 0)).unwrap_or(self.log.len());
        // Before an act.
        let mut must_leave = [false; 2];
        self.log.iter().enumerate().all(|(at, entry)| {
            match entry {
                Entry::Came => has_come = true,
                Entry::Kicked(_) => is_kicked = true,
                Entry::Read(Act::GoodBye | Act::Back, _) | Entry::Done(Act::End | Act::Claim) => {
                    has_gone = true
                }
                Entry::Done(Act::Start) => starts += 1,
                Entry::Done(Act::StartEnds) => starts -= 1,
                Entry::Does(_) => {
                    must_leave = [
                        has_come && (is_kicked || has_gone) && starts == 0,
                        has_come && (is_kicked || has_gone),
                    ];
                }
                Entry::Done(Act::Tasks) => return !must_leave[0] || left < at,
                Entry::Done(Act::Timer) => return must_leave == [false; 2] || left < at,
                _ => {}
            }
            true
        })
    }

    fn is_told_last(&self) -> bool {
        let packets = || self.scene.received.split('\u{1e}');
        let told = packets().filter(|packet| packet.starts_with("41/chat,")).count();
        let after = packets().skip_while(|packet| !packet.starts_with("41/chat,"));
        let mut after = after.take_while(|packet| !packet.starts_with("40/chat,"));
        let is_last = !after.any(|packet| packet.starts_with("42/chat,"));
        let acts = &self.scene.script.acts;
        let knows = acts
            .iter()
            .any(|act| act.is_loss() || matches!(act, Act::GoodBye | Act::Back));
        let is_kicked = self.kicked().is_some();
        // It would take that for the end of its next socket.
        let goes_first = self.in_order(
            |entry| matches!(entry, Entry::Read(Act::GoodBye, _)),
            |entry| is_left(entry, 0),
        );
        if goes_first {
            return told == 0;
        }
        told <= usize::from(is_kicked) && is_last && (knows || told == usize::from(is_kicked))
    }

    fn received(&self, number: usize) -> bool {
        self.scene.received.contains(&format!("\"said\",{number}"))
    }

    fn is_sent_nothing_after_a_kick(&self) -> bool {
        let after = self.kicked().unwrap_or(self.log.len());
        let is_alone = self.sockets() == 1;
        self.log[after..].iter().all(|entry| match entry {
            Entry::Said { number, to_all, .. } => (*to_all && !is_alone) || !self.received(*number),
            _ => true,
        })
    }

    fn is_sent_all_before(&self) -> bool {
        let came = self.first(|entry| *entry == Entry::Came);
        let lost = self.first(|entry| matches!(entry, Entry::Does(act) if act.is_loss()));
        lost < came
            || self.log[..lost.unwrap_or(self.log.len())]
                .iter()
                .all(|entry| match entry {
                    Entry::Said {
                        number,
                        connected: true,
                        ..
                    } => self.received(*number),
                    _ => true,
                })
    }

    fn is_kicked_while_connected(&self, kicked: usize) -> bool {
        let seen = self.log[..kicked].iter().rev().find_map(|entry| match entry {
            Entry::Seen { connected, .. } | Entry::Heard { connected, .. } => Some(*connected),
            _ => None,
        });
        seen == Some(true)
    }

    fn may_be_back(&self) -> bool {
        // Who is sent away while it is there for the handlers of what it has said, is so as if its connection had not ended yet.
        let is_kicked_before = |lost: usize| {
            self.kicked()
                .is_some_and(|kicked| kicked < lost || self.is_kicked_while_connected(kicked))
        };
        let is_lost = self
            .gone()
            .is_some_and(|at| matches!(self.log[at], Entry::Done(_)) && !is_kicked_before(at));
        let others = self.sockets() - 1;
        let expected = if self.scene.script.mode == Mode::Recovery {
            usize::from(is_lost) + others
        } else {
            0
        };
        self.scene.waiting == expected
    }

    /// Whether what was sent is there, and not twice. A socket that has left is sent nothing.
    fn misses_nothing(&self) -> bool {
        let Some(missed) = &self.scene.missed else {
            return self.scene.waiting == 0 || self.sockets() > 1 || !self.scene.received.contains("hello");
        };
        let until = self.kicked().unwrap_or(self.log.len());
        let left = self.first(|entry| is_left(entry, 0)).unwrap_or(until);
        let is_missed = |number: usize| missed.matches(&format!("\"said\",{number}")).count();
        self.log[..until]
            .iter()
            .enumerate()
            .all(|(at, entry)| match *entry {
                Entry::Said { number, to_all, .. } if number >= 100 && (to_all || at < left) => {
                    usize::from(self.received(number)) + is_missed(number) == 1
                }
                _ => true,
            })
    }

    fn is_heard_in_the_end(&self) -> bool {
        !self.scene.is_open || (self.has(|entry| *entry == Entry::Witness) && self.scene.held_back == 0)
    }

    fn comes_again_after_the_leave(&self) -> bool {
        let has_come = |entry: &Entry| *entry == Entry::Comes(1);
        let is_asked = self.has(|entry| matches!(entry, Entry::Read(Act::Back, _)));
        if self.has(has_come) {
            return self.in_order(|entry| is_left(entry, 0), has_come);
        }
        !is_asked || self.is_kicked_with_all()
    }

    fn is_connected_until_it_is_to_leave(&self) -> bool {
        let (mut is_kicked, mut is_to_leave, mut has_left) = (false, false, false);
        self.log.iter().all(|entry| match *entry {
            Entry::Kicked(_) => {
                is_kicked = true;
                true
            }
            Entry::Does(act) => {
                is_to_leave |= act.is_loss()
                    || matches!(
                        act,
                        Act::Kick | Act::KickAll | Act::EventKick | Act::GoodBye | Act::Back
                    );
                true
            }
            Entry::Left { socket: 0, .. } => {
                has_left = true;
                true
            }
            Entry::Seen { connected, reachable } => {
                let is_right = if is_kicked || has_left {
                    !connected
                } else {
                    connected || is_to_leave
                };
                is_right && connected == reachable
            }
            _ => true,
        })
    }
}

fn is_leave(entry: &Entry, number: usize) -> bool {
    matches!(entry, Entry::Leaves { socket, .. } if *socket == number)
}

fn is_left(entry: &Entry, number: usize) -> bool {
    matches!(entry, Entry::Left { socket, .. } if *socket == number)
}
