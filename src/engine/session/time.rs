//! What time does to a session.

use std::time::Instant;

use super::{Phase, Session, step::TimeoutStep};
use crate::engine::{
    CloseReason, Config,
    heartbeat::{Beat, Heard},
};

impl Session {
    /// Takes notice of the time; `heard` is the client's last sign of life.
    pub(in crate::engine) fn handle_timeout(
        &mut self,
        now: Instant,
        heard: Heard,
        config: &Config,
    ) -> TimeoutStep {
        if let Phase::Closing(closing) = &self.phase {
            let (reason, late) = (closing.reason, now >= closing.deadline);
            // A polling client that has vanished is not waited for longer than if the session were open.
            if !late && self.beat(now, heard, config) != Beat::Expired {
                return TimeoutStep::Nothing;
            }
            self.fail(reason);
            return TimeoutStep::Closed;
        }
        if self.expires.is_some_and(|deadline| now >= deadline) && self.accepts_packets() {
            self.close(CloseReason::ForcedServerClose, false, now);
            return TimeoutStep::Closed;
        }
        match self.beat(now, heard, config) {
            Beat::Expired => {
                self.fail(CloseReason::PingTimeout);
                TimeoutStep::Closed
            }
            Beat::Ping => TimeoutStep::Ping,
            Beat::Nothing => self.give_up_probe(now),
        }
    }

    /// When to take notice of the time again.
    pub(in crate::engine) fn poll_timeout(
        &self,
        now: Instant,
        heard: Heard,
        config: &Config,
    ) -> Option<Instant> {
        let beat = || {
            self.heartbeat
                .map(|heartbeat| heartbeat.poll_timeout(now, heard, config))
        };
        let running = || beat().into_iter().chain(self.expires);
        match &self.phase {
            Phase::Polling(polling) => running().chain(polling.poll_timeout()).min(),
            Phase::WebSocket => running().min(),
            Phase::Closing(closing) => beat().into_iter().chain([closing.deadline]).min(),
            Phase::Opening(_) | Phase::Closed(_) => None,
        }
    }

    fn beat(&mut self, now: Instant, heard: Heard, config: &Config) -> Beat {
        match (&self.phase, &mut self.heartbeat) {
            (Phase::Polling(_) | Phase::WebSocket | Phase::Closing(_), Some(heartbeat)) => {
                heartbeat.handle_timeout(now, heard, config)
            }
            _ => Beat::Nothing,
        }
    }

    fn give_up_probe(&mut self, now: Instant) -> TimeoutStep {
        if let Phase::Polling(polling) = &mut self.phase
            && polling.expire_probe(now)
        {
            return TimeoutStep::ProbeLost;
        }
        TimeoutStep::Nothing
    }
}
