//! Long-polling: every client has a connection that polls and one that posts, and one request under way.

use crate::{
    Result,
    net::{Handler, Net, http},
    process::Server,
    scenario::{End, Faults, Meter, Sample, Scenario, TICK, Watch, tag},
};

pub struct Polling {
    net: Net,
    state: State,
}

struct State {
    clients: Vec<Client>,
    rest: String,
    ready: usize,
    sending: bool,
    sent: u64,
    answered: u64,
    limit: u64,
    faults: Faults,
}

#[derive(Default)]
struct Client {
    poller: usize,
    poster: usize,
    sid: String,
    next: u32,
    /// The answer that is still to come.
    expected: Option<String>,
    /// A post has not been answered yet.
    posting: bool,
    /// A ping has not been answered yet.
    pinged: bool,
    under_way: bool,
    /// The next request waits until there is no other on its connection.
    deferred: bool,
}

impl Polling {
    pub fn new(port: u16, connections: usize, size: usize) -> Result<Self> {
        let mut net = Net::new(port)?;
        let mut clients = Vec::new();
        for number in 0..connections {
            let (poller, poster) = (net.connect(number)?, net.connect(number)?);
            clients.push(Client {
                poller,
                poster,
                ..Client::default()
            });
        }
        let mut state = State {
            clients,
            rest: "x".repeat(size - 8),
            ready: 0,
            sending: false,
            sent: 0,
            answered: 0,
            limit: u64::MAX,
            faults: Faults::default(),
        };
        let mut watch = Watch::new();
        while state.ready < connections || state.unfinished() {
            net.poll(TICK, &mut state)?;
            if watch.stalled(state.ready as u64) || state.faults != Faults::default() {
                return Err(format!(
                    "{} of {connections} clients were served ({})",
                    state.ready, state.faults
                )
                .into());
            }
        }
        Ok(Self { net, state })
    }
}

impl Scenario for Polling {
    fn slice(&mut self, server: &Server, end: End) -> Result<Sample> {
        let Self { net, state } = self;
        (state.sent, state.answered, state.faults) = (0, 0, Faults::default());
        state.limit = if let End::Count(count) = end {
            count
        } else {
            u64::MAX
        };
        state.sending = true;
        let meter = Meter::start(server)?;
        (0..state.clients.len()).for_each(|number| state.send(net, number));
        let mut watch = Watch::new();
        while state.unfinished() && !watch.stalled(state.answered) && state.faults.closed == 0 {
            state.sending = state.sending && !end.reached(meter.started, state.sent);
            net.poll(TICK, state)?;
        }
        state.faults.missing = state.sent - state.answered;
        meter.stop(state.answered, state.faults)
    }
}

impl State {
    fn unfinished(&self) -> bool {
        self.answered < self.sent || self.clients.iter().any(|client| client.posting)
    }

    fn send(&mut self, net: &mut Net, number: usize) {
        if !self.sending || self.sent >= self.limit {
            return;
        }
        let client = &mut self.clients[number];
        client.deferred = client.posting;
        if client.deferred {
            return;
        }
        self.sent += 1;
        client.next += 1;
        let digits = tag(client.next);
        let digits = std::str::from_utf8(&digits).unwrap_or_default();
        let packet = format!(r#"42["echo","{digits}{}"]"#, self.rest);
        client.post(net, &packet);
        (client.expected, client.under_way) = (Some(packet), true);
    }

    fn polled(&mut self, net: &mut Net, number: usize, payload: &str) {
        let client = &mut self.clients[number];
        for packet in payload.split('\u{1e}') {
            if let Some(sid) = session_id(packet) {
                sid.clone_into(&mut client.sid);
                client.post(net, "40");
            } else if packet.starts_with("40") {
                self.ready += 1;
            } else if packet == "2" {
                client.pinged = true;
            } else if client.expected.take().as_deref() != Some(packet) {
                self.faults.wrong += 1;
            }
        }
        net.send_request(client.poller, &http::get(&http::path("polling", &client.sid)));
        self.complete(net, number);
    }

    /// When both have come, the answer to the post and the echo, the next may go.
    fn complete(&mut self, net: &mut Net, number: usize) {
        let client = &mut self.clients[number];
        if client.posting {
            return;
        }
        if std::mem::take(&mut client.pinged) {
            client.post(net, "3");
        } else if client.expected.is_none() && std::mem::take(&mut client.under_way) {
            self.answered += 1;
            self.send(net, number);
        } else if client.deferred {
            self.send(net, number);
        }
    }
}

impl Client {
    fn post(&mut self, net: &mut Net, body: &str) {
        net.send_request(self.poster, &http::post(&http::path("polling", &self.sid), body));
        self.posting = true;
    }
}

/// The session id in Engine.IO's open packet.
pub fn session_id(packet: &str) -> Option<&str> {
    let json = packet.strip_prefix("0{")?;
    json.split_once(r#""sid":""#)?.1.split('"').next()
}

impl Handler for State {
    fn opened(&mut self, net: &mut Net, id: usize) {
        if self.clients[net.tag(id)].poller == id {
            net.send_request(id, &http::get(&http::path("polling", "")));
        }
    }

    fn response(&mut self, net: &mut Net, id: usize, status: u16, body: &[u8]) {
        let number = net.tag(id);
        match std::str::from_utf8(body) {
            Ok(payload) if status == 200 && self.clients[number].poller == id => {
                self.polled(net, number, payload)
            }
            Ok("ok") if status == 200 => {
                self.clients[number].posting = false;
                self.complete(net, number);
            }
            _ => self.faults.wrong += 1,
        }
    }

    fn closed(&mut self, _net: &mut Net, _id: usize) {
        self.faults.closed += 1;
    }
}
