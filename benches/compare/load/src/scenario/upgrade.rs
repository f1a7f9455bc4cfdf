//! What the JavaScript client does by default: a session on long-polling, CONNECT by a post while a poll waits, a probe on
//! a WebSocket, the upgrade when the poll has come back, and one echo over the WebSocket.

use crate::{
    Result,
    net::{Handler, Net, http},
    process::Server,
    scenario::{End, Faults, Meter, Sample, Scenario, TICK, Watch, polling::session_id},
};

pub struct Upgrade {
    pub port: u16,
    pub count: usize,
    pub at_once: usize,
}

const REQUEST: &[u8] = br#"42["echo","upgraded"]"#;

impl Scenario for Upgrade {
    fn slice(&mut self, server: &Server, _end: End) -> Result<Sample> {
        let (mut net, mut state, mut watch) = (Net::new(self.port)?, State::default(), Watch::new());
        let meter = Meter::start(server)?;
        while state.done < self.count && !watch.stalled(state.done as u64) {
            while state.clients.len() < self.count && state.clients.len() - state.done < self.at_once {
                let poller = net.connect(state.clients.len())?;
                state.clients.push(Client {
                    poller,
                    ..Client::default()
                });
            }
            net.poll(TICK, &mut state)?;
        }
        state.faults.missing = (self.count - state.done) as u64;
        let sample = meter.stop(state.done as u64, state.faults)?;
        net.close_all();
        server.settle()?;
        Ok(sample)
    }
}

#[derive(Default)]
struct State {
    clients: Vec<Client>,
    done: usize,
    faults: Faults,
}

#[derive(Default)]
struct Client {
    poller: usize,
    poster: Option<usize>,
    websocket: Option<usize>,
    sid: String,
    polling: bool,
    /// The probe has been answered.
    probed: bool,
    upgraded: bool,
    connected: bool,
    /// A ping that came to a poll is answered over the WebSocket.
    pinged: bool,
    asked: bool,
    done: bool,
}

impl State {
    fn polled(&mut self, net: &mut Net, number: usize, payload: &str) {
        let client = &mut self.clients[number];
        client.polling = false;
        for packet in payload.split('\u{1e}') {
            if let Some(sid) = session_id(packet) {
                sid.clone_into(&mut client.sid);
                // Both can only fail for want of sockets, and then the client is missing.
                client.poster = net.connect(number).ok();
                client.websocket = net.websocket(&http::path("websocket", sid), number).ok();
            } else if packet.starts_with("40") {
                client.connected = true;
            } else if packet == "2" {
                client.pinged = true;
            } else if packet != "6" {
                self.faults.wrong += 1;
            }
        }
        if !client.probed {
            client.polling = true;
            net.send_request(client.poller, &http::get(&http::path("polling", &client.sid)));
        }
        self.proceed(net, number);
    }

    /// The upgrade, once nothing polls; then the echo, once connected.
    fn proceed(&mut self, net: &mut Net, number: usize) {
        let client = &mut self.clients[number];
        let Some(websocket) = client.websocket else { return };
        if client.probed && !client.polling && !client.upgraded {
            client.upgraded = true;
            net.send_text(websocket, b"5");
            if client.pinged {
                net.send_text(websocket, b"3");
            }
        }
        if client.upgraded && client.connected && !client.asked {
            client.asked = true;
            net.send_text(websocket, REQUEST);
        }
    }
}

impl Handler for State {
    fn opened(&mut self, net: &mut Net, id: usize) {
        let client = &self.clients[net.tag(id)];
        if id == client.poller {
            net.send_request(id, &http::get(&http::path("polling", "")));
        } else if Some(id) == client.poster {
            net.send_request(id, &http::post(&http::path("polling", &client.sid), "40"));
        } else {
            net.send_text(id, b"2probe");
        }
    }

    fn response(&mut self, net: &mut Net, id: usize, status: u16, body: &[u8]) {
        let number = net.tag(id);
        match std::str::from_utf8(body) {
            Ok(payload) if status == 200 && id == self.clients[number].poller => {
                self.polled(net, number, payload)
            }
            Ok("ok") if status == 200 => {}
            _ => self.faults.wrong += 1,
        }
    }

    fn text(&mut self, net: &mut Net, id: usize, text: &[u8]) {
        let number = net.tag(id);
        let client = &mut self.clients[number];
        if text == b"3probe" {
            client.probed = true;
        } else if text.starts_with(b"40") {
            client.connected = true;
        } else if text == REQUEST && client.asked && !client.done {
            client.done = true;
            self.done += 1;
            net.close(client.poller);
            if let Some(poster) = client.poster {
                net.close(poster);
            }
            return;
        } else {
            self.faults.wrong += 1;
        }
        self.proceed(net, number);
    }

    fn closed(&mut self, _net: &mut Net, id: usize) {
        let websockets = self.clients.iter().filter(|client| client.websocket == Some(id));
        self.faults.closed += websockets.count() as u64;
    }
}
