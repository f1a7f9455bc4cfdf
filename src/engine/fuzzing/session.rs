//! The session, driven by anything that a client, a server and the time can do.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    Protocol,
    engine::{
        CloseReason, Config, ReadyState, Transport,
        heartbeat::{Heard, Sign},
        session::{PollAnswer, PollStep, ProbeId, PushStep, Session, TimeoutStep, UpgradeStep},
    },
};

/// As many packets as one answer carries.
const MAX_PACKETS: usize = 16;

/// More steps than any session has deadlines left once nobody does anything any more.
const MAX_DEADLINES: usize = 16;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Operation {
    /// The server sends a packet.
    Send,
    Poll,
    AbortPoll,
    Push,
    EndPush,
    ConnectProbe,
    Probe,
    Upgrade,
    LoseProbe,
    /// The WebSocket takes what is queued.
    Write,
    /// The client gives a sign of life.
    Hear(Sign),
    /// This many milliseconds pass, and the timer looks at whatever was due meanwhile.
    Pass(u64),
    Expire(u64),
    StayOpen,
    Close(CloseReason),
    Fail(CloseReason),
    ClosePacket,
    Flushed,
}

/// Reads the bytes as operations, two bytes each, on a session of each kind.
///
/// # Panics
/// When a packet is lost, doubled or out of turn, the session ends twice, or it never ends.
pub(crate) fn session(bytes: &[u8], epoch: Instant) {
    let Some((&kind, operations)) = bytes.split_first() else {
        return;
    };
    let transport = [Transport::Polling, Transport::WebSocket][usize::from(kind & 1)];
    let protocol = [Protocol::V4, Protocol::V3][usize::from(kind >> 1 & 1)];
    let mut model = Model::new(transport, protocol, epoch);
    for pair in operations.chunks_exact(2) {
        model.apply(Operation::read(pair[0], pair[1]));
        model.check();
    }
    model.run_out();
}

impl Operation {
    fn read(kind: u8, argument: u8) -> Self {
        let millis = u64::from(argument) * 250;
        match kind % 18 {
            0 => Self::Send,
            1 => Self::Poll,
            2 => Self::AbortPoll,
            3 => Self::Push,
            4 => Self::EndPush,
            5 => Self::ConnectProbe,
            6 => Self::Probe,
            7 => Self::Upgrade,
            8 => Self::LoseProbe,
            9 => Self::Write,
            10 => Self::Hear(Sign::from_u8(argument % 3)),
            11 => Self::Pass(millis),
            12 => Self::Expire(millis),
            13 => Self::StayOpen,
            14 if argument & 1 == 0 => Self::Close(CloseReason::ForcedClose),
            14 => Self::Close(CloseReason::ServerShuttingDown),
            15 => Self::Fail(CloseReason::ParseError),
            16 => Self::ClosePacket,
            _ => Self::Flushed,
        }
    }
}

/// The session and those around it: packets are numbers, and the client remembers the last one.
struct Model {
    session: Session,
    config: Config,
    now: Instant,
    heard: Heard,
    queue: VecDeque<u64>,
    sent: u64,
    received: u64,
    /// GETs and POSTs that have no answer.
    held: bool,
    pushing: bool,
    probes: Vec<ProbeId>,
    ended: Option<CloseReason>,
}

impl Model {
    fn new(transport: Transport, protocol: Protocol, now: Instant) -> Self {
        let (mut session, config) = (Session::new(transport), Config::default());
        session.handle_open(protocol, now, &config);
        Self {
            session,
            config,
            now,
            heard: Heard {
                at: now,
                sign: Sign::Said,
            },
            queue: VecDeque::new(),
            sent: 0,
            received: 0,
            held: false,
            pushing: false,
            probes: Vec::new(),
            ended: None,
        }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Send if self.session.accepts_packets() => {
                self.queue.push_back(self.sent);
                self.sent += 1;
            }
            Operation::Send => {}
            Operation::Poll => self.poll(),
            Operation::AbortPoll if self.held => {
                self.held = false;
                self.session.handle_poll_aborted();
            }
            Operation::AbortPoll => {}
            Operation::Push => self.push(),
            Operation::EndPush if self.pushing => {
                self.pushing = false;
                self.session.handle_push_end();
            }
            Operation::EndPush => {}
            Operation::ConnectProbe => self.connect_probe(),
            Operation::Probe => {
                if let Some(id) = self.probes.last() {
                    self.session.handle_probed(*id);
                }
            }
            Operation::Upgrade => self.upgrade(),
            Operation::LoseProbe => {
                if let Some(id) = self.probes.last() {
                    self.session.handle_probe_lost(*id);
                    assert!(!self.session.is_probing(*id));
                }
            }
            Operation::Write => self.write(),
            Operation::Hear(sign) => {
                self.heard = Heard { at: self.now, sign };
            }
            Operation::Pass(millis) => self.pass(Duration::from_millis(millis)),
            Operation::Expire(millis) => {
                self.session.expire_at(self.now + Duration::from_millis(millis));
            }
            Operation::StayOpen => {
                self.session.stay_open();
            }
            Operation::Close(reason) => {
                self.session.close(reason, !self.queue.is_empty(), self.now);
                assert!(!self.session.accepts_packets());
            }
            Operation::Fail(reason) => {
                self.session.fail(reason);
                assert!(self.session.closed().is_some());
            }
            Operation::ClosePacket => self.session.handle_close_packet(),
            Operation::Flushed if self.queue.is_empty() => self.session.handle_flushed(),
            Operation::Flushed => {}
        }
        self.answer();
    }

    fn poll(&mut self) {
        let over = self.session.closed().is_some();
        match self.session.handle_poll() {
            PollStep::Held => {
                assert!(!self.held && !over, "one GET at a time");
                self.held = true;
            }
            PollStep::Overlap => assert!(self.held && self.session.closed().is_some()),
            PollStep::Mismatch => assert_eq!(self.session.transport(), Transport::WebSocket),
            PollStep::Unknown => assert!(over),
        }
    }

    /// The GET that is held is asked for its answer after whatever happened, as the driver does when it is woken.
    fn answer(&mut self) {
        if self.session.closed().is_some() {
            self.queue.clear();
        }
        if !self.held {
            return;
        }
        let answer = self.session.handle_poll_answer(!self.queue.is_empty());
        match answer {
            PollAnswer::Wait => {
                assert!(self.queue.is_empty(), "packets wait for nothing");
                assert!(self.session.accepts_packets(), "nothing will ever answer it");
                return;
            }
            PollAnswer::Packets => {
                assert!(!self.queue.is_empty());
                self.receive(MAX_PACKETS);
            }
            PollAnswer::Noop | PollAnswer::NoopAndClose | PollAnswer::Close => {
                let moved = self.session.transport() == Transport::WebSocket;
                assert!(self.queue.is_empty() || moved, "what is queued comes first");
            }
        }
        self.held = false;
    }

    fn push(&mut self) {
        let over = self.session.closed().is_some();
        match self.session.handle_push() {
            PushStep::Accepted => {
                assert!(!self.pushing && !over, "one POST at a time");
                self.pushing = true;
            }
            PushStep::Overlap => assert!(self.pushing && !self.session.accepts_packets()),
            PushStep::Mismatch => assert_eq!(self.session.transport(), Transport::WebSocket),
            PushStep::Unknown => assert!(over),
        }
    }

    fn connect_probe(&mut self) {
        let before = self.probes.last().copied();
        let busy = before.is_some_and(|id| self.session.is_probing(id));
        if let Some(id) = self.session.handle_probe_connected(self.now, &self.config) {
            assert!(!busy, "one probe at a time");
            assert!(self.session.is_probing(id) && Some(id) != before);
            self.probes.push(id);
        }
    }

    /// Every WebSocket that ever probed tries, the oldest first.
    fn upgrade(&mut self) {
        for id in self.probes.clone() {
            let probing = self.session.is_probing(id);
            match self.session.handle_upgrade(id, self.now) {
                UpgradeStep::Upgraded => {
                    assert!(probing, "only the one that probes");
                    assert!(
                        !self.pushing,
                        "what the POST brings comes before what the WebSocket brings"
                    );
                    assert_eq!(self.session.transport(), Transport::WebSocket);
                }
                UpgradeStep::Wait => assert!(probing && self.pushing),
                UpgradeStep::Gone => assert!(!probing),
            }
        }
    }

    fn write(&mut self) {
        let websocket = self.session.transport() == Transport::WebSocket;
        if websocket && self.session.closed().is_none() {
            self.receive(usize::MAX);
            self.session.handle_flushed();
        }
    }

    fn receive(&mut self, most: usize) {
        for packet in self.queue.drain(..self.queue.len().min(most)) {
            assert_eq!(
                packet, self.received,
                "each once, in the order in which they were sent"
            );
            self.received += 1;
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        // A deadline that is noticed puts the next one later, or ends the session.
        for _ in 0..1000 {
            let next = self.session.poll_timeout(self.now, self.heard, &self.config);
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = next.max(self.now);
            self.time_out();
        }
        panic!("a deadline that is always due: {:?}", self.session);
    }

    fn time_out(&mut self) {
        let step = self.session.handle_timeout(self.now, self.heard, &self.config);
        if step == TimeoutStep::Closed {
            assert!(!self.session.accepts_packets());
        }
        self.answer();
        self.check();
    }

    fn check(&mut self) {
        let state = self.session.ready_state();
        assert_eq!(state == ReadyState::Closed, self.session.closed().is_some());
        if let Some(reason) = self.ended {
            assert_eq!(
                self.session.closed(),
                Some(reason),
                "it ends once, for one reason"
            );
            assert!(!self.session.accepts_packets() && !self.session.is_writable());
        }
        self.ended = self.session.closed();
        let deadline = self.session.poll_timeout(self.now, self.heard, &self.config);
        assert_eq!(
            deadline.is_none(),
            self.ended.is_some(),
            "what lives has a deadline"
        );
    }

    /// Nobody does anything any more: the session ends in the time that heartbeats and graces allow, and the GET has its answer.
    fn run_out(&mut self) {
        for _ in 0..MAX_DEADLINES {
            let Some(next) = self.session.poll_timeout(self.now, self.heard, &self.config) else {
                assert!(self.session.closed().is_some() && !self.held);
                return;
            };
            self.now = next.max(self.now);
            self.time_out();
        }
        panic!("it never ends: {:?}", self.session);
    }
}
