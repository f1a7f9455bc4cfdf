//! The life of one connection, whatever carries it.

mod polling;
mod step;
mod time;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::polling::Polling;
pub(super) use self::{
    polling::ProbeId,
    step::{PollAnswer, PollStep, PushStep, TimeoutStep, UpgradeStep},
};
use super::{CloseReason, Config, ReadyState, Transport, heartbeat::Heartbeat};
use crate::Protocol;

/// How long a polling client may take to fetch what was queued when the server closed the connection.
const POLLING_GRACE: Duration = Duration::from_secs(30);

/// How long a WebSocket may take to write what was queued when the server closed the connection.
const WEBSOCKET_GRACE: Duration = Duration::from_secs(5);

/// The state of one connection.
///
/// It knows no bytes and no queues: its driver tells it what happened (`handle_*`) and does what it answers. Time is
/// an argument.
///
/// ```text
///               polling                      5
///  Opening ───────────────► Polling ───────────────► WebSocket ◄─── websocket ─── Opening
///                              │    probe: None         │
///                              │      ▲ │ connected     │
///                              │ lost │ ▼               │
///                              │    Connected           │
///                              │      ▲ │ 2probe        │
///                              │ lost │ ▼               │
///                              │    Probed              │
///                              ├────────────────────────┤
///                       close()│                        │ the client left, broke a rule, fell silent
///                              ▼                        ▼
///                           Closing ── flushed ──►   Closed
///                                    or too late
/// ```
///
/// A client that was answered `3probe` reads nothing but the WebSocket from then on. So one that polls may move there though the session
/// is closing, as with Node's server: what is queued reaches it.
#[derive(Debug)]
pub(super) struct Session {
    phase: Phase,
    heartbeat: Option<Heartbeat>,
    /// When the session is closed if nobody has found a use for it.
    expires: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    Opening(Transport),
    Polling(Polling),
    WebSocket,
    Closing(Closing),
    Closed(Closed),
}

#[derive(Debug)]
struct Closing {
    reason: CloseReason,
    transport: Transport,
    /// It brings the end to the client.
    get: Get,
    /// A POST is being read, and ignored but for a good-bye.
    pushing: bool,
    /// The WebSocket to which the client may move.
    probe: Option<ProbeId>,
    deadline: Instant,
}

/// The GET of a client whose session is closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Get {
    None,
    Held,
    /// It came after the end: Node answers it with a noop before the close packet.
    Late,
}

#[derive(Debug)]
struct Closed {
    reason: CloseReason,
    transport: Transport,
    /// The client said goodbye itself, so a waiting GET is not told to close.
    by_packet: bool,
}

impl Session {
    pub(super) fn new(transport: Transport) -> Self {
        Self {
            phase: Phase::Opening(transport),
            heartbeat: None,
            expires: None,
        }
    }

    pub(super) fn ready_state(&self) -> ReadyState {
        match self.phase {
            Phase::Opening(_) => ReadyState::Opening,
            Phase::Polling(_) | Phase::WebSocket => ReadyState::Open,
            Phase::Closing(_) => ReadyState::Closing,
            Phase::Closed(_) => ReadyState::Closed,
        }
    }

    pub(super) fn transport(&self) -> Transport {
        match &self.phase {
            Phase::Opening(transport) => *transport,
            Phase::Closing(closing) => closing.transport,
            Phase::Closed(closed) => closed.transport,
            Phase::Polling(_) => Transport::Polling,
            Phase::WebSocket => Transport::WebSocket,
        }
    }

    /// Why the session has ended, if it has.
    pub(super) fn closed(&self) -> Option<CloseReason> {
        match &self.phase {
            Phase::Closed(closed) => Some(closed.reason),
            _ => None,
        }
    }

    /// Packets may be sent.
    pub(super) fn accepts_packets(&self) -> bool {
        matches!(
            self.phase,
            Phase::Opening(_) | Phase::Polling(_) | Phase::WebSocket
        )
    }

    /// The transport could take a packet at this moment, if none waits.
    pub(super) fn is_writable(&self) -> bool {
        match &self.phase {
            Phase::Polling(polling) => polling.held,
            Phase::WebSocket => true,
            _ => false,
        }
    }

    /// This WebSocket may become the transport.
    pub(super) fn is_probing(&self, id: ProbeId) -> bool {
        match &self.phase {
            Phase::Polling(polling) => polling.is_probing(id),
            Phase::Closing(closing) => closing.probe == Some(id),
            _ => false,
        }
    }

    /// The handshake has been answered. A session that was closed meanwhile stays closing.
    pub(super) fn handle_open(&mut self, protocol: Protocol, now: Instant, config: &Config) {
        self.heartbeat = Some(Heartbeat::new(protocol, now, config));
        match self.phase {
            Phase::Opening(Transport::Polling) => self.phase = Phase::Polling(Polling::new()),
            Phase::Opening(Transport::WebSocket) => self.phase = Phase::WebSocket,
            _ => {}
        }
    }

    pub(super) fn handle_poll(&mut self) -> PollStep {
        match &mut self.phase {
            Phase::Polling(polling) if !polling.held => {
                polling.held = true;
                PollStep::Held
            }
            Phase::Closing(closing)
                if closing.transport == Transport::Polling && closing.get == Get::None =>
            {
                closing.get = Get::Late;
                PollStep::Held
            }
            Phase::Polling(_) => {
                self.fail(CloseReason::TransportError);
                PollStep::Overlap
            }
            Phase::Closing(closing) if closing.transport == Transport::Polling => {
                let reason = closing.reason;
                self.fail(reason);
                PollStep::Overlap
            }
            Phase::Opening(_) | Phase::WebSocket | Phase::Closing(_) => PollStep::Mismatch,
            Phase::Closed(_) => PollStep::Unknown,
        }
    }

    /// The answer to the GET that is held. `queued`: packets wait.
    pub(super) fn handle_poll_answer(&mut self, queued: bool) -> PollAnswer {
        match &mut self.phase {
            Phase::Polling(polling) => polling.answer(queued),
            Phase::Closing(closing) if closing.transport == Transport::Polling => {
                // The close packet comes in a response of its own: JS clients act on it before the packets in front.
                if queued {
                    closing.get = Get::None;
                    return PollAnswer::Packets;
                }
                let (reason, get) = (closing.reason, closing.get);
                self.fail(reason);
                if get == Get::Late {
                    PollAnswer::NoopAndClose
                } else {
                    PollAnswer::Close
                }
            }
            Phase::Closed(Closed { by_packet: true, .. }) => PollAnswer::Noop,
            // The client upgraded without a probe, or the session has ended: nothing else will ever come here.
            Phase::WebSocket | Phase::Closed(_) | Phase::Opening(_) | Phase::Closing(_) => PollAnswer::Close,
        }
    }

    /// The client gave up a GET that was held.
    pub(super) fn handle_poll_aborted(&mut self) {
        match self.phase {
            Phase::Polling(Polling { held: true, .. }) => self.fail(CloseReason::TransportError),
            Phase::Closing(Closing {
                get: Get::Held | Get::Late,
                reason,
                ..
            }) => self.fail(reason),
            _ => {}
        }
    }

    pub(super) fn handle_push(&mut self) -> PushStep {
        match &mut self.phase {
            Phase::Polling(polling) if !polling.pushing => {
                polling.pushing = true;
                PushStep::Accepted
            }
            Phase::Polling(_) => {
                self.fail(CloseReason::TransportError);
                PushStep::Overlap
            }
            // Ignored but for a good-bye, as everything that comes after the end.
            Phase::Closing(closing) if closing.transport == Transport::Polling && !closing.pushing => {
                closing.pushing = true;
                PushStep::Accepted
            }
            Phase::Closing(closing) if closing.transport == Transport::Polling => PushStep::Overlap,
            Phase::Opening(_) | Phase::WebSocket | Phase::Closing(_) => PushStep::Mismatch,
            Phase::Closed(_) => PushStep::Unknown,
        }
    }

    /// The POST has been answered.
    pub(super) fn handle_push_end(&mut self) {
        match &mut self.phase {
            Phase::Polling(polling) => polling.pushing = false,
            Phase::Closing(closing) => closing.pushing = false,
            _ => {}
        }
    }

    /// A WebSocket has connected to this polling session. `None` if there is one already.
    pub(super) fn handle_probe_connected(&mut self, now: Instant, config: &Config) -> Option<ProbeId> {
        match &mut self.phase {
            Phase::Polling(polling) => polling.start_probe(now + config.upgrade_timeout),
            _ => None,
        }
    }

    /// The probing WebSocket works: from now on every GET is released, so that the client can stop polling.
    pub(super) fn handle_probed(&mut self, id: ProbeId) {
        if let Phase::Polling(polling) = &mut self.phase {
            polling.confirm_probe(id);
        }
    }

    /// The client moves to the WebSocket. The probe before it may be missing.
    pub(super) fn handle_upgrade(&mut self, id: ProbeId, now: Instant) -> UpgradeStep {
        if !self.is_probing(id) {
            return UpgradeStep::Gone;
        }
        match &mut self.phase {
            Phase::Polling(Polling { pushing: true, .. }) | Phase::Closing(Closing { pushing: true, .. }) => {
                return UpgradeStep::Wait;
            }
            Phase::Closing(closing) => closing.move_to_websocket(now),
            phase => *phase = Phase::WebSocket,
        }
        UpgradeStep::Upgraded
    }

    /// The probing WebSocket has gone or said something wrong; the session goes on without it.
    pub(super) fn handle_probe_lost(&mut self, id: ProbeId) {
        match &mut self.phase {
            Phase::Polling(polling) => polling.lose_probe(id),
            Phase::Closing(closing) => closing.probe = closing.probe.filter(|probe| *probe != id),
            _ => {}
        }
    }

    /// The WebSocket has written everything there was when the session was closed.
    pub(super) fn handle_flushed(&mut self) {
        if let Phase::Closing(closing) = &self.phase {
            let reason = closing.reason;
            self.fail(reason);
        }
    }

    /// The client said goodbye with a close packet. Whoever closes the session already has said why.
    pub(super) fn handle_close_packet(&mut self) {
        let reason = match &self.phase {
            Phase::Polling(_) => CloseReason::TransportClose,
            Phase::Closing(closing) if closing.transport == Transport::Polling => closing.reason,
            _ => return,
        };
        self.end(reason, true);
    }

    /// The session is closed at this time, unless it is asked to stay before. Whether it is news that it waits for that.
    pub(super) fn expire_at(&mut self, deadline: Instant) -> bool {
        self.closed().is_none() && self.expires.replace(deadline).is_none()
    }

    /// Whether it waits to be asked.
    pub(super) const fn waits_for_use(&self) -> bool {
        self.expires.is_some()
    }

    /// Whether it had waited to be asked.
    pub(super) fn stay_open(&mut self) -> bool {
        self.expires.take().is_some()
    }

    /// Closes the session after what is queued has been sent.
    pub(super) fn close(&mut self, reason: CloseReason, queued: bool, now: Instant) {
        if !self.accepts_packets() {
            return;
        }
        let transport = self.transport();
        let (held, pushing, probe) = match &self.phase {
            Phase::Polling(polling) => (polling.held, polling.pushing, polling.probing()),
            _ => (false, false, None),
        };
        // Nobody waits for the next poll while the server shuts down, unless it would bring something.
        if reason == CloseReason::ServerShuttingDown && transport == Transport::Polling && !held && !queued {
            return self.fail(reason);
        }
        let grace = match (transport, reason) {
            (Transport::Polling, CloseReason::ServerShuttingDown) | (Transport::WebSocket, _) => {
                WEBSOCKET_GRACE
            }
            (Transport::Polling, _) => POLLING_GRACE,
        };
        self.phase = Phase::Closing(Closing {
            reason,
            transport,
            get: if held { Get::Held } else { Get::None },
            pushing,
            probe,
            deadline: now + grace,
        });
    }

    /// Ends the session at once.
    pub(super) fn fail(&mut self, reason: CloseReason) {
        if self.closed().is_none() {
            self.end(reason, false);
        }
    }

    fn end(&mut self, reason: CloseReason, by_packet: bool) {
        let transport = self.transport();
        self.phase = Phase::Closed(Closed {
            reason,
            transport,
            by_packet,
        });
    }
}

impl Closing {
    fn move_to_websocket(&mut self, now: Instant) {
        self.transport = Transport::WebSocket;
        self.get = Get::None;
        self.probe = None;
        self.deadline = now + WEBSOCKET_GRACE;
    }
}
