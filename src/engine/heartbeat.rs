//! Who shows when to be alive.

use std::time::Instant;

use super::Config;
use crate::Protocol;

/// The heartbeat of one connection.
///
/// In Engine.IO 4 the server pings and the client answers; in Engine.IO 3 the client pings. There every packet counts
/// as a sign of life, so that no live peer is closed earlier than by either generation of Node's server.
///
/// ```text
///  V4            ping_at passed                     ┌──┐ another ping_interval, while nothing is read
///     Resting ─────────────────► Awaiting ◄─────────┘  │
///        ▲                          │ └────────────────┘
///        │                          ├── ping_timeout without a pong ──► expired
///        └── a pong since the ping ─┘
///  V3
///     Listening ── ping_interval + ping_timeout without a packet ──► expired
/// ```
///
/// While a client isn't read, because its receiver doesn't want the next message, what it answers isn't known: it is pinged
/// as if it did, which it relies on, and expires as in V3, if for `ping_interval` + `ping_timeout` nothing can be taken from
/// it. A receiver that is slow and moves on keeps its client; one that stands still has it end, so that one that has gone
/// meanwhile doesn't stay for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heartbeat {
    Resting { ping_at: Instant },
    Awaiting { since: Instant },
    Listening,
}

/// The last sign of life of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) sign: Sign,
}

/// What counts as a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Sign {
    /// A pong, or any packet in V3.
    Said,
    /// It was read on, after a time in which it wasn't. What it has said meanwhile is still to be read.
    ReadOn,
    /// From then on it wasn't read any more.
    Blocked,
}

/// What a heartbeat asks for when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Nothing,
    Ping,
    Expired,
}

impl Heartbeat {
    pub(super) fn new(protocol: Protocol, now: Instant, config: &Config) -> Self {
        match protocol {
            Protocol::V3 => Self::Listening,
            Protocol::V4 => Self::Resting {
                ping_at: now + config.ping_interval,
            },
        }
    }

    /// Takes notice of the time.
    pub(super) fn handle_timeout(&mut self, now: Instant, heard: Heard, config: &Config) -> Beat {
        *self = self.noticing(heard, config);
        let (ping, end) = self.due(heard, config);
        if end.is_some_and(|end| now >= end) {
            return Beat::Expired;
        }
        if ping.is_some_and(|ping| now >= ping) {
            *self = Self::Awaiting { since: now };
            return Beat::Ping;
        }
        Beat::Nothing
    }

    /// When to look again.
    pub(super) fn poll_timeout(&self, now: Instant, heard: Heard, config: &Config) -> Instant {
        let noticing = self.noticing(heard, config);
        let (ping, end) = noticing.due(heard, config);
        let look = match noticing {
            // Not later than the next ping may be due, because only then it is noticed that a pong has come.
            Self::Awaiting { since } => Some(since + config.ping_interval).filter(|look| now < *look),
            Self::Resting { .. } | Self::Listening => None,
        };
        let next = ping.into_iter().chain(end).chain(look).min();
        next.expect("invariant: a ping or the end is due")
    }

    /// When the next ping is due, and when the client has expired, if nothing is heard of it until then.
    fn due(self, heard: Heard, config: &Config) -> (Option<Instant>, Option<Instant>) {
        let silent = heard.at + config.ping_interval + config.ping_timeout;
        match self {
            Self::Resting { ping_at } => (Some(ping_at), None),
            Self::Awaiting { since } if heard.sign == Sign::Blocked => {
                (Some(since + config.ping_interval), Some(silent))
            }
            Self::Awaiting { since } => (None, Some(since + config.ping_timeout)),
            Self::Listening => (None, Some(silent)),
        }
    }

    /// The state after it has been noticed what was heard.
    fn noticing(self, heard: Heard, config: &Config) -> Self {
        match self {
            Self::Awaiting { since } if heard.at >= since => {
                let answered = match heard.sign {
                    Sign::Said if heard.at < since + config.ping_timeout => heard.at,
                    // It may have been answered long ago, and the answer read as late: the next ping isn't to be later for it.
                    Sign::Said | Sign::ReadOn | Sign::Blocked => since,
                };
                Self::Resting {
                    ping_at: answered + config.ping_interval,
                }
            }
            other => other,
        }
    }
}

impl Sign {
    pub(super) const fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Said,
            1 => Self::ReadOn,
            _ => Self::Blocked,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A heartbeat that is looked at exactly when it asks to be, and when each thing happened, in seconds.
    struct Watch {
        heartbeat: Heartbeat,
        config: Config,
        start: Instant,
        heard: Heard,
        now: Instant,
        look: Instant,
    }

    impl Watch {
        #[expect(clippy::disallowed_methods, reason = "an Instant can't be made from nothing")]
        fn new(protocol: Protocol, ping_interval: u32, ping_timeout: u32) -> Self {
            let start = Instant::now();
            let (ping_interval, ping_timeout) = (ping_interval * SECOND, ping_timeout * SECOND);
            let config = Config {
                ping_interval,
                ping_timeout,
                ..Config::default()
            };
            let heartbeat = Heartbeat::new(protocol, start, &config);
            Self {
                heartbeat,
                config,
                start,
                heard: Heard {
                    at: start,
                    sign: Sign::Said,
                },
                now: start,
                look: start,
            }
        }

        /// Goes on to the next thing the heartbeat asks for.
        fn next(&mut self) -> (u64, Beat) {
            for _ in 0..3 {
                self.now = self.heartbeat.poll_timeout(self.now, self.heard, &self.config);
                let beat = self.heartbeat.handle_timeout(self.now, self.heard, &self.config);
                if beat != Beat::Nothing {
                    return ((self.now - self.start).as_secs(), beat);
                }
            }
            panic!("the heartbeat asks to be looked at and has nothing to say");
        }

        /// Looks at it if it has asked to be looked at by then, when it was looked at last.
        fn look_at(&mut self, second: u32) -> Beat {
            self.now = self.start + second * SECOND;
            if self.look > self.now {
                return Beat::Nothing;
            }
            let beat = self.heartbeat.handle_timeout(self.now, self.heard, &self.config);
            self.look = self.heartbeat.poll_timeout(self.now, self.heard, &self.config);
            beat
        }

        fn hear(&mut self, at: u32) {
            self.notice(at, Sign::Said);
        }

        /// It isn't read from now on.
        fn block(&mut self, at: u32) {
            self.notice(at, Sign::Blocked);
        }

        /// One message could be taken, and the next one can't.
        fn move_on(&mut self, at: u32) {
            self.notice(at, Sign::ReadOn);
            self.block(at);
        }

        fn notice(&mut self, at: u32, sign: Sign) {
            let at = self.start + at * SECOND;
            self.heard = Heard { at, sign };
        }
    }

    #[test]
    fn the_server_pings_an_interval_after_each_pong() {
        let mut watch = Watch::new(Protocol::V4, 25, 20);
        assert_eq!(watch.next(), (25, Beat::Ping));
        watch.hear(27);
        assert_eq!(watch.next(), (52, Beat::Ping));
        watch.hear(71);
        assert_eq!(watch.next(), (96, Beat::Ping));
    }

    #[test]
    fn a_client_that_does_not_answer_expires_after_the_timeout() {
        let mut watch = Watch::new(Protocol::V4, 25, 20);
        watch.hear(24);
        assert_eq!(watch.next(), (25, Beat::Ping));
        assert_eq!(watch.next(), (45, Beat::Expired));
    }

    #[test]
    fn a_timeout_longer_than_the_interval_delays_no_ping() {
        let mut watch = Watch::new(Protocol::V4, 5, 20);
        assert_eq!(watch.next(), (5, Beat::Ping));
        watch.hear(6);
        assert_eq!(watch.next(), (11, Beat::Ping));
        assert_eq!(watch.next(), (31, Beat::Expired));
    }

    #[test]
    fn any_packet_of_an_old_client_is_a_heartbeat() {
        let mut watch = Watch::new(Protocol::V3, 25, 20);
        watch.hear(40);
        assert_eq!(watch.next(), (85, Beat::Expired));
    }

    #[test]
    fn who_is_not_read_is_pinged_on_and_expires_if_nothing_can_be_taken_from_it() {
        let mut watch = Watch::new(Protocol::V4, 25, 20);
        watch.block(24);
        assert_eq!(watch.next(), (25, Beat::Ping));
        assert_eq!(watch.next(), (50, Beat::Ping));
        assert_eq!(watch.next(), (69, Beat::Expired));

        let mut watch = Watch::new(Protocol::V3, 25, 20);
        watch.block(24);
        assert_eq!(watch.next(), (69, Beat::Expired));
    }

    #[test]
    fn who_was_pinged_before_it_was_not_read_any_more_has_its_time() {
        let mut watch = Watch::new(Protocol::V4, 25, 20);
        assert_eq!(watch.next(), (25, Beat::Ping));
        watch.block(44);
        assert_eq!(watch.next(), (50, Beat::Ping));
        assert_eq!(watch.next(), (75, Beat::Ping));
        assert_eq!(watch.next(), (89, Beat::Expired));
    }

    /// Clients close if there is no ping for `ping_interval` + `ping_timeout`.
    #[test]
    fn one_message_now_and_then_keeps_a_client_and_its_pings_come_in_time() {
        for (interval, timeout) in [(25, 20), (5, 20), (25, 5)] {
            for pace in 1..interval + timeout {
                let mut watch = Watch::new(Protocol::V4, interval, timeout);
                let (mut pinged, mut moved) = (0, 0);
                watch.block(0);
                for second in 1..1_000 {
                    if second % pace == 0 {
                        moved = second;
                        watch.move_on(second);
                    }
                    let case = format!("{interval} {timeout} {pace}: {second}");
                    match watch.look_at(second) {
                        Beat::Ping => pinged = second,
                        Beat::Nothing => {}
                        Beat::Expired => panic!("{case}: moved {moved}"),
                    }
                    assert!(second - pinged <= interval, "{case}: pinged {pinged}");
                }
            }
        }
    }

    #[test]
    fn a_pong_that_is_read_late_makes_the_next_ping_no_later() {
        let mut watch = Watch::new(Protocol::V4, 25, 20);
        watch.block(24);
        assert_eq!(watch.next(), (25, Beat::Ping));
        watch.notice(47, Sign::ReadOn);
        watch.hear(47);
        assert_eq!(watch.next(), (50, Beat::Ping));
        assert_eq!(watch.next(), (70, Beat::Expired));
    }

    #[test]
    fn who_is_read_again_has_to_answer_the_next_ping() {
        let mut watch = Watch::new(Protocol::V4, 25, 20);
        watch.block(20);
        assert_eq!(watch.next(), (25, Beat::Ping));
        watch.notice(40, Sign::ReadOn);
        assert_eq!(watch.next(), (50, Beat::Ping));
        assert_eq!(watch.next(), (70, Beat::Expired));
    }
}
