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
///  V4            ping_at passed
///     Resting ─────────────────► Awaiting ── ping_timeout without a pong ──► expired
///        ▲                          │
///        └── a pong since the ping ─┘
///  V3
///     Listening ── ping_interval + ping_timeout without a packet ──► expired
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heartbeat {
    Resting { ping_at: Instant },
    Awaiting { since: Instant },
    Listening,
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

    /// Takes notice of the time. `heard` is when the client last gave a sign of life: a pong, or any packet in V3.
    pub(super) fn handle_timeout(&mut self, now: Instant, heard: Instant, config: &Config) -> Beat {
        self.notice(heard, config);
        match *self {
            Self::Resting { ping_at } if now >= ping_at => {
                *self = Self::Awaiting { since: now };
                Beat::Ping
            }
            Self::Awaiting { since } if now >= since + config.ping_timeout => Beat::Expired,
            Self::Listening if now >= heard + config.ping_interval + config.ping_timeout => Beat::Expired,
            _ => Beat::Nothing,
        }
    }

    /// When to look again.
    pub(super) fn poll_timeout(&self, now: Instant, heard: Instant, config: &Config) -> Instant {
        match *self {
            Self::Resting { ping_at } => ping_at,
            Self::Awaiting { since } if heard >= since => heard + config.ping_interval,
            // Not later than the next ping may be due, because only then it is noticed that a pong has come.
            Self::Awaiting { since } if now < since + config.ping_interval => {
                since + config.ping_interval.min(config.ping_timeout)
            }
            Self::Awaiting { since } => since + config.ping_timeout,
            Self::Listening => heard + config.ping_interval + config.ping_timeout,
        }
    }

    fn notice(&mut self, heard: Instant, config: &Config) {
        if let Self::Awaiting { since } = *self
            && heard >= since
        {
            *self = Self::Resting {
                ping_at: heard + config.ping_interval,
            };
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
        heard: Instant,
        now: Instant,
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
                heard: start,
                now: start,
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

        fn hear(&mut self, at: u32) {
            self.heard = self.start + at * SECOND;
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
}
