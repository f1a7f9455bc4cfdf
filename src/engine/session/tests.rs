use std::time::Duration;

use super::*;
use crate::engine::heartbeat::{Heard, Sign};

/// A session, and the client it sees: a queue of packets, the requests and the time.
struct Pair {
    session: Session,
    config: Config,
    start: Instant,
    now: Instant,
    heard: Heard,
    queued: usize,
}

impl Pair {
    #[expect(clippy::disallowed_methods, reason = "an Instant can't be made from nothing")]
    fn opening(transport: Transport) -> Self {
        let now = Instant::now();
        let (session, config) = (Session::new(transport), Config::default());
        Self {
            session,
            config,
            start: now,
            now,
            heard: Heard {
                at: now,
                sign: Sign::Said,
            },
            queued: 0,
        }
    }

    fn open(transport: Transport, protocol: Protocol) -> Self {
        let mut pair = Self::opening(transport);
        pair.session.handle_open(protocol, pair.now, &pair.config);
        pair
    }

    fn polling() -> Self {
        Self::open(Transport::Polling, Protocol::V4)
    }

    /// A GET, and its answer.
    fn get(&mut self) -> PollAnswer {
        assert_eq!(self.session.handle_poll(), PollStep::Held);
        self.answer()
    }

    fn answer(&mut self) -> PollAnswer {
        let answer = self.session.handle_poll_answer(self.queued > 0);
        if answer == PollAnswer::Packets {
            self.queued -= self.queued.min(16);
        }
        answer
    }

    fn close(&mut self, reason: CloseReason) {
        self.session.close(reason, self.queued > 0, self.now);
    }

    fn probe(&mut self) -> ProbeId {
        self.session
            .handle_probe_connected(self.now, &self.config)
            .unwrap()
    }

    /// What the time brings next, and when, in seconds from the start.
    fn next(&mut self) -> (u64, TimeoutStep) {
        for _ in 0..4 {
            let Some(next) = self.session.poll_timeout(self.now, self.heard, &self.config) else {
                break;
            };
            self.now = next.max(self.now);
            let step = self.session.handle_timeout(self.now, self.heard, &self.config);
            if step != TimeoutStep::Nothing {
                return ((self.now - self.start).as_secs(), step);
            }
        }
        panic!("time has nothing more to bring: {:?}", self.session);
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn hear(&mut self) {
        self.note(Sign::Said);
    }

    fn note(&mut self, sign: Sign) {
        self.heard = Heard { at: self.now, sign };
    }

    fn is_over(&self) -> bool {
        self.session
            .poll_timeout(self.now, self.heard, &self.config)
            .is_none()
    }
}

#[test]
fn a_session_opens_on_the_transport_of_its_handshake() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut pair = Pair::opening(transport);
        assert_eq!(pair.session.ready_state(), ReadyState::Opening);
        assert!(pair.session.accepts_packets() && !pair.session.is_writable());
        pair.session.handle_open(Protocol::V4, pair.now, &pair.config);
        assert_eq!(pair.session.ready_state(), ReadyState::Open);
        assert_eq!(pair.session.transport(), transport);
    }
}

#[test]
fn a_session_closed_while_opening_tells_the_client() {
    let mut pair = Pair::opening(Transport::Polling);
    pair.queued = 1;
    pair.close(CloseReason::ForcedClose);
    pair.session.handle_open(Protocol::V4, pair.now, &pair.config);
    assert_eq!(pair.get(), PollAnswer::Packets);
    assert_eq!(pair.get(), PollAnswer::NoopAndClose);
    assert_eq!(pair.session.closed(), Some(CloseReason::ForcedClose));
}

#[test]
fn a_get_is_held_until_there_is_something_to_say() {
    let mut pair = Pair::polling();
    assert_eq!(pair.get(), PollAnswer::Wait);
    assert!(pair.session.is_writable());
    pair.queued = 1;
    assert_eq!(pair.answer(), PollAnswer::Packets);
    assert!(!pair.session.is_writable());
}

#[test]
fn two_requests_of_a_kind_end_the_session_two_of_different_kinds_do_not() {
    let mut pair = Pair::polling();
    assert_eq!(pair.get(), PollAnswer::Wait);
    assert_eq!(pair.session.handle_push(), PushStep::Accepted);
    assert_eq!(pair.session.handle_push(), PushStep::Overlap);
    assert_eq!(pair.session.closed(), Some(CloseReason::TransportError));
    assert_eq!(pair.answer(), PollAnswer::Close);

    let mut pair = Pair::polling();
    assert_eq!(pair.get(), PollAnswer::Wait);
    assert_eq!(pair.session.handle_poll(), PollStep::Overlap);
    assert_eq!(pair.answer(), PollAnswer::Close);
}

#[test]
fn an_aborted_get_is_an_error_unless_the_end_was_near_anyway() {
    let mut pair = Pair::polling();
    pair.get();
    pair.session.handle_poll_aborted();
    assert_eq!(pair.session.closed(), Some(CloseReason::TransportError));

    let mut pair = Pair::polling();
    pair.get();
    pair.close(CloseReason::ForcedClose);
    pair.session.handle_poll_aborted();
    assert_eq!(pair.session.closed(), Some(CloseReason::ForcedClose));
}

#[test]
fn requests_after_the_end_find_no_session() {
    let mut pair = Pair::polling();
    pair.session.fail(CloseReason::ParseError);
    assert_eq!(pair.session.handle_poll(), PollStep::Unknown);
    assert_eq!(pair.session.handle_push(), PushStep::Unknown);
    assert!(pair.is_over());
    pair.session.fail(CloseReason::PingTimeout);
    assert_eq!(
        pair.session.closed(),
        Some(CloseReason::ParseError),
        "the first reason stays"
    );
}

#[test]
fn requests_to_a_session_on_a_websocket_are_out_of_place() {
    let mut pair = Pair::open(Transport::WebSocket, Protocol::V4);
    assert_eq!(pair.session.handle_poll(), PollStep::Mismatch);
    assert_eq!(pair.session.handle_push(), PushStep::Mismatch);
    assert_eq!(pair.session.handle_probe_connected(pair.now, &pair.config), None);
}

#[test]
fn a_close_with_more_than_one_response_of_packets_brings_them_all() {
    let mut pair = Pair::polling();
    pair.queued = 40;
    pair.close(CloseReason::ForcedClose);
    assert_eq!(pair.get(), PollAnswer::Packets);
    assert_eq!(pair.get(), PollAnswer::Packets);
    assert_eq!(pair.get(), PollAnswer::Packets);
    assert_eq!(pair.get(), PollAnswer::NoopAndClose);
    assert_eq!(
        (pair.queued, pair.session.closed()),
        (0, Some(CloseReason::ForcedClose))
    );
}

#[test]
fn a_close_nobody_comes_for_is_over_after_its_grace() {
    let cases = [
        (Transport::Polling, CloseReason::ForcedClose, 30),
        (Transport::WebSocket, CloseReason::ForcedClose, 5),
        (Transport::WebSocket, CloseReason::ServerShuttingDown, 5),
    ];
    for (transport, reason, grace) in cases {
        let mut pair = Pair::open(transport, Protocol::V4);
        pair.close(reason);
        assert_eq!(pair.session.ready_state(), ReadyState::Closing);
        assert_eq!(pair.next(), (grace, TimeoutStep::Closed));
        assert_eq!(pair.session.closed(), Some(reason));
    }
}

/// It lives on for the 30 s in which it may fetch its close packet only if it shows that it lives.
#[test]
fn a_polling_client_that_has_vanished_is_not_waited_for_after_a_close() {
    for (protocol, silent_for) in [
        (Protocol::V4, 20),
        (Protocol::V3, 5),
        (Protocol::V4, 44),
        (Protocol::V3, 44),
    ] {
        let mut pair = Pair::open(Transport::Polling, protocol);
        pair.hear();
        while pair.now < pair.start + Duration::from_secs(silent_for) {
            pair.pass(1);
            pair.session.handle_timeout(pair.now, pair.heard, &pair.config);
        }
        pair.close(CloseReason::ForcedClose);
        let (at, step) = pair.next();
        let expected = (silent_for + 30).min(45);
        assert_eq!(
            (at, step),
            (expected, TimeoutStep::Closed),
            "{protocol:?} {silent_for}"
        );
        assert_eq!(pair.session.closed(), Some(CloseReason::ForcedClose));
    }
}

#[test]
fn a_client_that_never_joins_is_gone_in_the_time_of_the_heartbeat() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut pair = Pair::open(transport, Protocol::V4);
        pair.session.expire_at(pair.now + Duration::from_secs(45));
        assert_eq!(pair.next(), (25, TimeoutStep::Ping));
        while !pair.is_over() {
            pair.pass(1);
            pair.session.handle_timeout(pair.now, pair.heard, &pair.config);
        }
        assert_eq!(pair.now, pair.start + Duration::from_secs(46), "{transport:?}");
    }
}

#[test]
fn a_shutdown_waits_only_for_polls_that_bring_something() {
    let mut idle = Pair::polling();
    idle.close(CloseReason::ServerShuttingDown);
    assert!(idle.is_over());
    let mut queued = Pair::polling();
    queued.queued = 1;
    queued.close(CloseReason::ServerShuttingDown);
    assert_eq!(queued.next(), (5, TimeoutStep::Closed));
    let mut held = Pair::polling();
    held.get();
    held.close(CloseReason::ServerShuttingDown);
    assert_eq!(held.answer(), PollAnswer::Close);
}

#[test]
fn only_the_websocket_that_probes_may_take_over() {
    let mut pair = Pair::polling();
    let lost = pair.probe();
    pair.session.handle_probe_lost(lost);
    let id = pair.probe();
    assert_eq!(pair.session.handle_probe_connected(pair.now, &pair.config), None);
    pair.session.handle_probed(lost);
    assert_eq!(pair.get(), PollAnswer::Wait);
    assert_eq!(pair.session.handle_upgrade(lost, pair.now), UpgradeStep::Gone);
    pair.session.handle_probe_lost(lost);
    assert!(pair.session.is_probing(id) && !pair.session.is_probing(lost));
    assert_eq!(pair.session.handle_upgrade(id, pair.now), UpgradeStep::Upgraded);
    assert_eq!(pair.session.transport(), Transport::WebSocket);
    assert_eq!(
        pair.answer(),
        PollAnswer::Close,
        "the GET that was held has nothing to wait for"
    );
}

#[test]
fn a_probe_lets_packets_go_before_noops() {
    let mut pair = Pair::polling();
    let id = pair.probe();
    pair.session.handle_probed(id);
    pair.queued = 1;
    assert_eq!(pair.get(), PollAnswer::Packets);
    assert_eq!(pair.get(), PollAnswer::Noop);
}

#[test]
fn a_probe_that_is_late_is_lost_alone() {
    let mut pair = Pair::polling();
    pair.pass(3);
    let id = pair.probe();
    pair.session.handle_probed(id);
    assert_eq!(pair.next(), (13, TimeoutStep::ProbeLost));
    assert_eq!(pair.session.handle_upgrade(id, pair.now), UpgradeStep::Gone);
    assert_eq!(pair.get(), PollAnswer::Wait);
    assert_eq!(pair.next(), (25, TimeoutStep::Ping));
}

#[test]
fn the_heartbeat_of_either_protocol_survives_the_upgrade() {
    let mut pair = Pair::polling();
    assert_eq!(pair.next(), (25, TimeoutStep::Ping));
    pair.pass(1);
    let id = pair.probe();
    assert_eq!(pair.session.handle_upgrade(id, pair.now), UpgradeStep::Upgraded);
    assert_eq!(pair.next(), (45, TimeoutStep::Closed));
    assert_eq!(pair.session.closed(), Some(CloseReason::PingTimeout));

    let mut pair = Pair::open(Transport::Polling, Protocol::V3);
    pair.pass(10);
    pair.hear();
    let id = pair.probe();
    assert_eq!(pair.session.handle_upgrade(id, pair.now), UpgradeStep::Upgraded);
    assert_eq!(pair.next(), (55, TimeoutStep::Closed));
}

#[test]
fn an_unused_session_expires_between_its_heartbeats() {
    let mut pair = Pair::open(Transport::WebSocket, Protocol::V4);
    pair.session.expire_at(pair.start + Duration::from_secs(45));
    assert_eq!(pair.next(), (25, TimeoutStep::Ping));
    pair.hear();
    assert_eq!(pair.next(), (45, TimeoutStep::Closed));
    assert_eq!(pair.session.ready_state(), ReadyState::Closing);
    pair.session.handle_flushed();
    assert_eq!(pair.session.closed(), Some(CloseReason::ForcedServerClose));

    let mut pair = Pair::open(Transport::WebSocket, Protocol::V4);
    pair.session.expire_at(pair.start + Duration::from_secs(10));
    pair.session.stay_open();
    assert_eq!(pair.next(), (25, TimeoutStep::Ping));
}

#[test]
fn a_session_is_small() {
    assert!(size_of::<Session>() <= 72, "{}", size_of::<Session>());
}
