//! A session while it polls, and the WebSocket it may try out meanwhile.

use std::{num::NonZero, time::Instant};

use super::step::PollAnswer;

/// The requests of a polling client: at most one of each kind at a time.
#[derive(Debug)]
pub(super) struct Polling {
    /// A GET waits for packets.
    pub(super) held: bool,
    /// A POST is being read or dispatched.
    pub(super) pushing: bool,
    /// How many WebSockets have probed.
    probes: u32,
    probe: Probe,
}

/// The WebSocket a polling client tries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    None,
    Connected { deadline: Instant },
    Probed { deadline: Instant },
}

/// One of the WebSockets that have probed: the one that counts is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct ProbeId(NonZero<u32>);

impl Polling {
    pub(super) fn new() -> Self {
        Self {
            held: false,
            pushing: false,
            probes: 0,
            probe: Probe::None,
        }
    }

    pub(super) fn is_probing(&self, id: ProbeId) -> bool {
        self.probing() == Some(id)
    }

    /// The WebSocket that probes.
    pub(super) fn probing(&self) -> Option<ProbeId> {
        let id = NonZero::new(self.probes).map(ProbeId);
        id.filter(|_| self.probe != Probe::None)
    }

    /// A WebSocket has connected and has until the deadline. `None` if there is one already.
    pub(super) fn start_probe(&mut self, deadline: Instant) -> Option<ProbeId> {
        if self.probe != Probe::None {
            return None;
        }
        // From the start again after a few thousand million, but never zero.
        let id = NonZero::new(self.probes.wrapping_add(1)).unwrap_or(NonZero::<u32>::MIN);
        self.probes = id.get();
        self.probe = Probe::Connected { deadline };
        Some(ProbeId(id))
    }

    /// The WebSocket works.
    pub(super) fn confirm_probe(&mut self, id: ProbeId) {
        if let Some(deadline) = self.deadline()
            && self.is_probing(id)
        {
            self.probe = Probe::Probed { deadline };
        }
    }

    pub(super) fn lose_probe(&mut self, id: ProbeId) {
        if self.is_probing(id) {
            self.probe = Probe::None;
        }
    }

    /// Gives a WebSocket up that took too long.
    pub(super) fn expire_probe(&mut self, now: Instant) -> bool {
        let late = self.poll_timeout().is_some_and(|deadline| now >= deadline);
        if late {
            self.probe = Probe::None;
        }
        late
    }

    /// When to give the WebSocket up. Not while a POST is read: the switch may wait for nothing else, and clients have
    /// stopped polling by then.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline().filter(|_| !self.pushing)
    }

    /// Until when the WebSocket has to become the transport.
    fn deadline(&self) -> Option<Instant> {
        match self.probe {
            Probe::None => None,
            Probe::Connected { deadline } | Probe::Probed { deadline } => Some(deadline),
        }
    }

    /// The answer to the GET that is held.
    pub(super) fn answer(&mut self, queued: bool) -> PollAnswer {
        let answer = match self.probe {
            _ if queued => PollAnswer::Packets,
            Probe::Probed { .. } => PollAnswer::Noop,
            Probe::None | Probe::Connected { .. } => return PollAnswer::Wait,
        };
        self.held = false;
        answer
    }
}
