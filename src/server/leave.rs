//! When a socket leaves that is to leave, and what it still is until then.
//!
//! ```text
//!          ┌──► behind its connect handlers ──► behind events ──► behind starts ──► leaves
//!   stays ─┤                                     ▲                 ▲                 ▲
//!          └─────────────────────────────────────┴─────────────────┴─────────────────┘
//! ```
//!
//! Whatever has it leave takes it some way to the right, at once or when what it is behind is over, and nothing takes it back. The first that has it
//! leave says why; those that come second, while it waits, can only have it leave earlier and hear less. But behind events it is there for their
//! handlers: whoever sends it away then, sends away who is connected. All that others see of this without a lock is derived from it: [`Signs`].

use std::mem;

use crate::{
    engine::Parting,
    server::{DisconnectReason, running::UnderWay},
};

/// How a socket is to leave.
#[derive(Debug)]
pub(super) struct Leave {
    pub(super) reason: DisconnectReason,
    /// The client is told with a DISCONNECT packet, and whoever closes its connection does so after that.
    pub(super) farewell: Option<Parting>,
    /// Whoever closes the server waits for this.
    pub(super) _under_way: UnderWay,
}

/// Who has a socket leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The server: it hears nothing more, not even what came before.
    SentAway,
    /// Its client, or the end of its connection: what came before is heard.
    Gone,
    /// The same, and somebody waits for what it leaves behind, though not for ever.
    Awaited,
}

/// What a leave waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// They are still to start, or their first polls go on.
    ConnectHandlers,
    /// Those that came before it and have queued up.
    Events,
    /// Handlers that other threads start just now, see [`starts`](super::starts).
    Starts,
    Nothing,
}

/// When a socket leaves to whose handlers events are given, or queue up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    AtOnce,
    /// Not before its connect handlers have started.
    Connected,
    /// After the events that came before, unless the server sends it away.
    InTurn,
}

/// A leave that waits.
#[derive(Debug)]
pub(super) struct Leaving {
    leave: Leave,
    behind: Behind,
    is_sent_away: bool,
    has_gone: bool,
    is_awaited: bool,
    /// Somebody sees to it that it doesn't wait for ever.
    is_limited: bool,
    /// An event that it waits for has been given to handlers since that was looked at.
    has_moved: bool,
}

/// What everyone may see of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signs {
    pub(super) reach: Reach,
    /// Its events are given to handlers, or will be.
    pub(super) hears: bool,
    /// It leaves now, and nothing more can be said about how.
    pub(super) is_decided: bool,
}

/// What becomes of what is sent to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is connected.
    Here,
    /// Its client may be back for it, where sessions are recovered.
    Kept,
    Lost,
}

/// What is to be done, without the lock, since a socket is to leave.
#[derive(Debug)]
#[must_use]
pub(super) struct Verdict {
    pub(super) signs: Signs,
    /// It leaves now.
    pub(super) now: Option<Leave>,
    /// What came second. It may close the connection when it is dropped.
    pub(super) second: Option<Leave>,
    /// What it is behind must not keep it for ever.
    pub(super) begins_to_be_limited: bool,
    /// Its client answers nothing any more, and handlers may wait for that.
    pub(super) ends_acks: bool,
    /// The queue is to be worked off: it isn't left to handlers which end that come before it.
    pub(super) goes_on: bool,
}

/// What a leave waits for that comes now.
pub(super) const fn behind(order: Order, cause: Cause) -> Behind {
    match (order, cause) {
        (Order::Connected, _) => Behind::ConnectHandlers,
        (Order::InTurn, Cause::Gone | Cause::Awaited) => Behind::Events,
        (Order::InTurn, Cause::SentAway) | (Order::AtOnce, _) => Behind::Nothing,
    }
}

impl Leaving {
    pub(super) fn new(leave: Leave, cause: Cause) -> Self {
        let mut leaving = Self {
            leave,
            behind: Behind::Nothing,
            is_sent_away: false,
            has_gone: false,
            is_awaited: false,
            is_limited: false,
            has_moved: false,
        };
        leaving.add(cause);
        leaving
    }

    pub(super) const fn behind(&self) -> Behind {
        self.behind
    }

    /// Something else has it leave, too. Gives back which of the leaves doesn't say why.
    pub(super) fn meet(&mut self, mut leave: Leave, cause: Cause) -> Leave {
        if cause == Cause::SentAway && self.signs().reach == Reach::Here {
            mem::swap(&mut self.leave, &mut leave);
        }
        self.add(cause);
        leave
    }

    fn add(&mut self, cause: Cause) {
        self.is_sent_away |= cause == Cause::SentAway;
        self.has_gone |= cause != Cause::SentAway;
        self.is_awaited |= cause == Cause::Awaited;
    }

    pub(super) const fn wait(&mut self, behind: Behind) {
        self.behind = behind;
    }

    pub(super) const fn signs(&self) -> Signs {
        // Handlers of events that came before find it as it was then.
        let is_here = matches!(self.behind, Behind::Events) && !self.is_sent_away;
        Signs {
            reach: match (is_here, self.leave.reason.is_recoverable()) {
                (true, _) => Reach::Here,
                (false, true) => Reach::Kept,
                (false, false) => Reach::Lost,
            },
            hears: !self.is_sent_away && !matches!(self.behind, Behind::Starts | Behind::Nothing),
            is_decided: matches!(self.behind, Behind::Nothing),
        }
    }

    /// What is to be done besides, since it has got there.
    pub(super) fn verdict(&mut self) -> Verdict {
        let waits = !matches!(self.behind, Behind::Nothing);
        let is_limited = match self.behind {
            Behind::Starts => true,
            Behind::Events => self.is_awaited,
            Behind::ConnectHandlers | Behind::Nothing => false,
        };
        let was_limited = self.is_limited;
        self.is_limited |= is_limited;
        Verdict {
            signs: self.signs(),
            now: None,
            second: None,
            begins_to_be_limited: is_limited && !was_limited,
            ends_acks: self.has_gone && waits,
            goes_on: false,
        }
    }

    /// An event before it is given to handlers.
    pub(super) const fn move_up(&mut self) {
        self.has_moved = true;
    }

    /// Whether one has been since this was asked before, and it isn't behind a handler by now.
    pub(super) const fn has_moved(&mut self) -> bool {
        mem::replace(&mut self.has_moved, false) && matches!(self.behind, Behind::Events)
    }

    pub(super) fn into_leave(self) -> Leave {
        self.leave
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::SocketIo;

    fn leave(reason: DisconnectReason) -> Leave {
        Leave {
            reason,
            farewell: None,
            _under_way: UnderWay::start(&SocketIo::new()),
        }
    }

    fn leaving(reason: DisconnectReason, causes: &[Cause], behind: Behind) -> Leaving {
        let mut leaving = Leaving::new(leave(reason), causes[0]);
        causes[1..].iter().for_each(|cause| leaving.add(*cause));
        leaving.wait(behind);
        leaving
    }

    #[test]
    fn a_leave_waits_for_connect_handlers_and_one_that_has_time_for_the_events_before_it() {
        use {Behind::*, Cause::*};
        let rows = [
            (Order::AtOnce, [Nothing, Nothing, Nothing]),
            (
                Order::Connected,
                [ConnectHandlers, ConnectHandlers, ConnectHandlers],
            ),
            (Order::InTurn, [Nothing, Events, Events]),
        ];
        for (order, expected) in rows {
            let behind = [SentAway, Gone, Awaited].map(|cause| behind(order, cause));
            assert_eq!(behind, expected, "{order:?}");
        }
    }

    #[test]
    fn what_a_socket_still_is_follows_from_why_it_leaves_and_what_that_waits_for() {
        use {Behind::*, Cause::*, DisconnectReason::*, Reach::*};
        let away = ServerNamespaceDisconnect;
        let (left, lost) = (ClientNamespaceDisconnect, TransportClose);
        #[rustfmt::skip]
        let rows: [(_, &[Cause], _, _, _); 21] = [
            // why, who, behind what; what is sent to it is, it hears events
            (away, &[SentAway], ConnectHandlers, Lost, false),
            (away, &[SentAway], Starts, Lost, false),
            (away, &[SentAway], Nothing, Lost, false),
            (away, &[SentAway, Gone], ConnectHandlers, Lost, false),
            (away, &[SentAway, Gone], Starts, Lost, false),
            (left, &[Gone], ConnectHandlers, Lost, true),
            (left, &[Gone], Events, Here, true),
            (left, &[Gone], Starts, Lost, false),
            (left, &[Gone], Nothing, Lost, false),
            (left, &[Gone, SentAway], ConnectHandlers, Lost, false),
            (left, &[Gone, SentAway], Events, Lost, false),
            (left, &[Gone, SentAway], Starts, Lost, false),
            (lost, &[Gone], ConnectHandlers, Kept, true),
            (lost, &[Gone], Events, Here, true),
            (lost, &[Gone], Starts, Kept, false),
            (lost, &[Gone], Nothing, Kept, false),
            (lost, &[Awaited], Starts, Kept, false),
            (lost, &[Gone, SentAway], ConnectHandlers, Kept, false),
            (lost, &[Gone, SentAway], Events, Kept, false),
            (lost, &[Gone, SentAway], Starts, Kept, false),
            (ServerShuttingDown, &[Gone], Starts, Lost, false),
        ];
        for (reason, causes, behind, reach, hears) in rows {
            let signs = leaving(reason, causes, behind).signs();
            let is_decided = behind == Nothing;
            let expected = Signs {
                reach,
                hears,
                is_decided,
            };
            assert_eq!(signs, expected, "{reason}, {causes:?}, behind {behind:?}");
        }
    }

    #[test]
    fn whose_client_has_gone_waits_for_no_answer_and_not_for_ever_for_handlers_or_if_somebody_waits() {
        use {Behind::*, Cause::*};
        let (away, lost) = (
            DisconnectReason::ServerNamespaceDisconnect,
            DisconnectReason::TransportClose,
        );
        let told = |leaving: &mut Leaving, behind| {
            leaving.wait(behind);
            let verdict = leaving.verdict();
            (verdict.ends_acks, verdict.begins_to_be_limited)
        };
        let mut gone = leaving(lost, &[Gone], Events);
        assert_eq!(told(&mut gone, Events), (true, false));
        gone.move_up();
        assert!(gone.has_moved() && !gone.has_moved());
        gone.move_up();
        assert_eq!(told(&mut leaving(lost, &[Awaited], Events), Events), (true, true));
        assert_eq!(told(&mut gone, ConnectHandlers), (true, false));
        assert_eq!(told(&mut gone, Starts), (true, true));
        assert!(!gone.has_moved());
        assert_eq!(told(&mut gone, Starts), (true, false));
        let mut sent_away = leaving(away, &[SentAway], Starts);
        assert_eq!(told(&mut sent_away, Starts), (false, true));
        sent_away.add(Gone);
        assert_eq!(told(&mut sent_away, Starts), (true, false));
    }

    #[test]
    fn whom_the_server_sends_away_while_it_is_connected_leaves_for_that_reason() {
        use {Behind::*, Cause::*, DisconnectReason::*};
        let (away, lost) = (ServerNamespaceDisconnect, TransportClose);
        let rows: [(&[Cause], _, _, _); 6] = [
            (&[Gone], Events, SentAway, away),
            (&[Gone], Events, Awaited, lost),
            (&[Gone], ConnectHandlers, SentAway, lost),
            (&[Gone], Starts, SentAway, lost),
            // It was to be sent away when its connection had ended, and its connect handlers were starting.
            (&[Gone, SentAway], Events, SentAway, lost),
            (&[Awaited], Starts, SentAway, lost),
        ];
        for (causes, behind, second, why) in rows {
            let mut leaving = leaving(lost, causes, behind);
            let other = leaving.meet(leave(if second == SentAway { away } else { lost }), second);
            assert_eq!(
                leaving.into_leave().reason,
                why,
                "{causes:?}, behind {behind:?}, {second:?}"
            );
            assert!(second != SentAway || other.reason != why);
        }
    }
}
