//! Which servers are there. Pure: time is an argument.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::ServerId;

/// A server that has published nothing for so long says that it is there.
const INTERVAL: Duration = Duration::from_secs(5);
/// Half the time between two looks: the one that is nearest to the interval counts, or two heartbeats would mostly be a look further apart.
const EARLY: Duration = Duration::from_millis(500);
/// A server that was silent for so long is gone.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A server that has looked at nothing for so long has heard nothing either: what the others said meanwhile still waits for it.
const DEAF: Duration = Duration::from_secs(2);

/// The other servers that have a namespace.
#[derive(Debug)]
pub(super) struct Members {
    last_heard: BTreeMap<ServerId, Instant>,
    last_said: Instant,
    last_looked: Instant,
}

impl Members {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            last_heard: BTreeMap::new(),
            last_said: now,
            last_looked: now,
        }
    }

    /// A server has said something.
    pub(super) fn handle_heard(&mut self, server: &ServerId, now: Instant) {
        match self.last_heard.get_mut(server) {
            Some(last) => *last = now,
            None => drop(self.last_heard.insert(server.clone(), now)),
        }
    }

    /// A server has said that it goes.
    pub(super) fn handle_closed(&mut self, server: &ServerId) {
        self.last_heard.remove(server);
    }

    /// Nobody is heard any more.
    pub(super) fn handle_end(&mut self) {
        self.last_heard.clear();
    }

    /// This server has said something to everyone.
    pub(super) const fn handle_said(&mut self, now: Instant) {
        self.last_said = now;
    }

    /// It is time to say that this server is there.
    pub(super) fn is_heartbeat_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_said) + EARLY >= INTERVAL
    }

    /// Takes out the servers that were silent for too long. Asked every second; the time of a longer pause is nobody's silence.
    pub(super) fn poll_gone(&mut self, now: Instant) -> Vec<ServerId> {
        let pause = now.saturating_duration_since(self.last_looked);
        self.last_looked = now;
        if pause > DEAF {
            self.last_heard
                .values_mut()
                .for_each(|last| *last = now.min(*last + pause));
        }
        let silent = |last: &Instant| now.saturating_duration_since(*last) > TIMEOUT;
        let gone: Vec<_> = self
            .last_heard
            .iter()
            .filter(|(_, last)| silent(last))
            .map(|(server, _)| server.clone())
            .collect();
        for server in &gone {
            self.last_heard.remove(server);
        }
        gone
    }

    pub(super) fn servers(&self) -> impl Iterator<Item = &ServerId> {
        self.last_heard.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.last_heard.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    fn who_is_silent_for_longer_than_the_timeout_is_gone() {
        let start = Instant::now();
        let (quick, slow) = (ServerId::from("quick"), ServerId::from("slow"));
        let mut members = Members::new(start);
        members.handle_heard(&slow, start);
        members.handle_heard(&quick, start);
        members.handle_heard(&quick, start + Duration::from_secs(1));
        for seconds in 0..=TIMEOUT.as_secs() {
            assert!(members.poll_gone(start + Duration::from_secs(seconds)).is_empty());
        }
        let later = start + TIMEOUT + Duration::from_millis(1);
        assert_eq!(members.poll_gone(later), [slow]);
        assert_eq!(members.servers().collect::<Vec<_>>(), [&quick]);
        assert_eq!(members.len(), 1);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    fn the_time_in_which_a_server_was_deaf_is_nobodys_silence() {
        let start = Instant::now();
        let mut members = Members::new(start);
        members.handle_heard(&"other".into(), start);
        let (awake, mut late) = (start + 3 * TIMEOUT, Duration::ZERO);
        while members.poll_gone(awake + late).is_empty() {
            late += Duration::from_secs(1);
        }
        assert_eq!(late, TIMEOUT + Duration::from_secs(1));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    fn who_speaks_needs_no_heartbeat() {
        let start = Instant::now();
        let mut members = Members::new(start);
        assert!(!members.is_heartbeat_due(start + Duration::from_secs(4)));
        members.handle_said(start + Duration::from_secs(4));
        assert!(!members.is_heartbeat_due(start + INTERVAL));
        assert!(members.is_heartbeat_due(start + Duration::from_secs(9)));
    }

    /// Whatever the clock's ticks are late by, and wherever those of the other server lie.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    fn one_heartbeat_that_is_lost_costs_no_server_its_place() {
        let start = Instant::now();
        for lost in 1..10 {
            let (mut near, mut far) = (Members::new(start), Members::new(start));
            far.handle_heard(&"near".into(), start);
            let mut said = 0;
            for tick in 1..60 {
                let late = Duration::from_millis(1 - tick % 2);
                let now = start + Duration::from_secs(tick) + late;
                if near.is_heartbeat_due(now) {
                    near.handle_said(now);
                    said += 1;
                    if said != lost {
                        far.handle_heard(&"near".into(), now);
                    }
                }
                let between = start + Duration::from_millis(tick * 1_000 + 500);
                assert!(far.poll_gone(between).is_empty(), "{lost} was lost, tick {tick}");
            }
            assert_eq!(said, 11);
        }
    }
}
