//! Messages to many: to everybody, or to rooms. So many at a time; the next goes out when all have got one.

use std::{collections::VecDeque, time::Instant};

use crate::{
    Result,
    histogram::Histogram,
    net::{Handler, Net},
    process::Server,
    scenario::{End, Faults, Meter, Sample, Scenario, TICK, Watch, opening, tag, untag},
};

#[derive(Clone, Copy)]
pub enum Audience {
    /// Client 0 sends to all.
    All,
    /// Any client sends to any room. Member `m` of room `r` is client `r * members + m`, counted around.
    Rooms { rooms: usize, members: usize },
}

pub struct Fanout {
    net: Net,
    pub state: State,
    window: usize,
}

pub struct State {
    audience: Audience,
    clients: Vec<Client>,
    /// A client that does not read; nobody waits for it.
    pub stalled: Option<usize>,
    pub stalled_closed: bool,
    text: String,
    random: u32,
    next: u32,
    under_way: VecDeque<Message>,
    delivered: u64,
    overtaken: u64,
    faults: Faults,
    /// From sending to the last delivery.
    pub last: Histogram,
}

#[derive(Clone, Copy, Default)]
struct Client {
    received: u64,
    highest: u32,
}

struct Message {
    number: u32,
    room: usize,
    missing: usize,
    sent: Instant,
}

impl Fanout {
    pub fn new(
        port: u16,
        audience: Audience,
        connections: usize,
        window: usize,
        size: usize,
    ) -> Result<Self> {
        let mut net = Net::new(port)?;
        opening::must_open(&mut net, connections)?;
        Self::on(net, audience, window, size)
    }

    /// On connections that are there.
    pub fn on(mut net: Net, audience: Audience, window: usize, size: usize) -> Result<Self> {
        if let Audience::Rooms { rooms, members } = audience {
            join(&mut net, rooms, members)?;
        }
        let state = State {
            audience,
            clients: vec![Client::default(); net.count()],
            stalled: None,
            stalled_closed: false,
            text: "x".repeat(size - 8),
            random: 1,
            next: 0,
            under_way: VecDeque::new(),
            delivered: 0,
            overtaken: 0,
            faults: Faults::default(),
            last: Histogram::default(),
        };
        Ok(Self { net, state, window })
    }

    pub fn net(&mut self) -> (&mut Net, &mut State) {
        (&mut self.net, &mut self.state)
    }
}

impl Scenario for Fanout {
    fn slice(&mut self, server: &Server, end: End) -> Result<Sample> {
        let Self { net, state, window } = self;
        (state.delivered, state.overtaken, state.faults) = (0, 0, Faults::default());
        state.last = Histogram::default();
        let (meter, mut watch, mut sent, mut sending) = (Meter::start(server)?, Watch::new(), 0, true);
        while sending || !state.under_way.is_empty() {
            sending = sending && !end.reached(meter.started, sent);
            while sending && state.under_way.len() < *window && !end.reached(meter.started, sent) {
                state.send(net);
                sent += 1;
            }
            net.poll(TICK, state)?;
            if watch.stalled(state.delivered) || state.faults.closed > 0 {
                break;
            }
        }
        let missing: usize = state.under_way.drain(..).map(|message| message.missing).sum();
        state.faults.missing = missing as u64;
        let overtaken = state.overtaken;
        Ok(Sample {
            overtaken,
            ..meter.stop(state.delivered, state.faults)?
        })
    }
}

impl State {
    pub fn send(&mut self, net: &mut Net) {
        self.next += 1;
        let (number, digits) = (self.next, tag(self.next));
        let digits = std::str::from_utf8(&digits).unwrap_or_default();
        let (room, sender, packet) = match self.audience {
            Audience::All => (0, 0, format!(r#"42["bcast","{digits}{}"]"#, self.text)),
            Audience::Rooms { rooms, .. } => {
                let (room, sender) = (self.random() % rooms, self.random() % self.clients.len());
                (
                    room,
                    sender,
                    format!(r#"42["room","room {room}","{digits}{}"]"#, self.text),
                )
            }
        };
        let missing = match self.audience {
            Audience::All => self.clients.len() - usize::from(self.stalled.is_some()),
            Audience::Rooms { members, .. } => members,
        };
        self.under_way.push_back(Message {
            number,
            room,
            missing,
            sent: Instant::now(),
        });
        net.send_text(sender, packet.as_bytes());
    }

    fn random(&mut self) -> usize {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 8) as usize
    }

    /// The number of a delivery that is as it has to be.
    fn number(&self, text: &[u8]) -> Option<u32> {
        let event = if let Audience::All = self.audience {
            r#"42["bcast",""#
        } else {
            r#"42["room",""#
        };
        let rest = text.strip_prefix(event.as_bytes())?;
        let number = untag(rest)?;
        (rest[8..].strip_suffix(b"\"]")? == self.text.as_bytes()).then_some(number)
    }

    fn deliver(&mut self, id: usize, number: u32) -> Option<()> {
        let first = self.under_way.front()?.number;
        let count = self.clients.len();
        let message = self.under_way.get_mut(number.checked_sub(first)? as usize)?;
        if let Audience::Rooms { members, .. } = self.audience {
            let place = (id + count - message.room * members % count) % count;
            if place >= members {
                return None;
            }
        } else {
            // Nobody gets one twice: that would count as overtaken, and as wrong if it was the last one.
            let client = &mut self.clients[id];
            if number == client.highest {
                return None;
            }
            self.overtaken += u64::from(number < client.highest);
            client.highest = client.highest.max(number);
        }
        message.missing = message.missing.checked_sub(1)?;
        if message.missing == 0 {
            self.last.add(message.sent.elapsed());
            while self.under_way.front().is_some_and(|message| message.missing == 0) {
                self.under_way.pop_front();
            }
        }
        Some(())
    }

    pub fn received(&self, id: usize) -> u64 {
        self.clients[id].received
    }
}

impl Handler for State {
    fn text(&mut self, _net: &mut Net, id: usize, text: &[u8]) {
        self.clients[id].received += 1;
        if self.stalled == Some(id) {
            return;
        }
        match self.number(text).and_then(|number| self.deliver(id, number)) {
            Some(()) => self.delivered += 1,
            None => self.faults.wrong += 1,
        }
    }

    fn closed(&mut self, _net: &mut Net, id: usize) {
        let stalled = self.stalled == Some(id);
        self.stalled_closed |= stalled;
        self.faults.closed += u64::from(!stalled);
    }
}

/// Lets every member join, and waits for the answers.
fn join(net: &mut Net, rooms: usize, members: usize) -> Result<()> {
    struct Joining(usize);
    impl Handler for Joining {
        fn text(&mut self, _net: &mut Net, _id: usize, text: &[u8]) {
            self.0 += usize::from(text == br#"430["joined"]"#);
        }
    }
    let (mut joining, mut started, mut watch, count) = (Joining(0), 0, Watch::new(), net.count());
    while joining.0 < rooms * members {
        while started < rooms * members && started - joining.0 < opening::AT_ONCE {
            let packet = format!(r#"420["join","room {}"]"#, started / members);
            net.send_text(started % count, packet.as_bytes());
            started += 1;
        }
        net.poll(TICK, &mut joining)?;
        if watch.stalled(joining.0 as u64) {
            return Err(format!("{} of {} joins were answered", joining.0, rooms * members).into());
        }
    }
    Ok(())
}
