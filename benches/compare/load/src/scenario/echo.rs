//! Every connection keeps so many requests under way and compares each answer, byte for byte.

use crate::{
    Result,
    net::{Handler, Net},
    process::Server,
    scenario::{End, Faults, Meter, Sample, Scenario, TICK, Watch, opening, tag, untag},
};

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Text,
    Json,
    Ack,
    Binary,
}

/// A message with its number in it.
struct Template {
    text: Vec<u8>,
    tag: usize,
    /// An acknowledgement has its id, of two digits, behind the packet type.
    numbered: bool,
}

impl Template {
    fn new(before: &str, after: &str, numbered: bool) -> Self {
        Self {
            text: [before, "00000000", after].concat().into_bytes(),
            tag: before.len(),
            numbered,
        }
    }

    fn fill(&mut self, number: u32) -> &[u8] {
        self.text[self.tag..self.tag + 8].copy_from_slice(&tag(number));
        if self.numbered {
            // No two of up to 90 requests under way have the same.
            let id = 10 + number % 90;
            self.text[2..4].copy_from_slice(&[b'0' + (id / 10) as u8, b'0' + (id % 10) as u8]);
        }
        &self.text
    }

    /// The number, if the rest is as it has to be.
    fn number(&mut self, text: &[u8]) -> Option<u32> {
        let number = untag(text.get(self.tag..)?)?;
        (self.fill(number) == text).then_some(number)
    }
}

const BINARY_REQUEST: &[u8] = br#"451-["ping-bin",{"_placeholder":true,"num":0}]"#;
const BINARY_ANSWER: &[u8] = br#"451-["pong-bin",{"_placeholder":true,"num":0}]"#;

fn templates(kind: Kind, size: usize) -> (Template, Template) {
    let rest = "x".repeat(size.saturating_sub(8));
    let both = |before: &str, after: &str| {
        (
            Template::new(before, after, false),
            Template::new(before, after, false),
        )
    };
    match kind {
        Kind::Text => both(r#"42["echo",""#, &format!(r#"{rest}"]"#)),
        Kind::Json => {
            let meta = r#""meta":{"flags":[1,2,3,true,null],"lang":"en","score":12.5}"#;
            let user = r#""user":{"id":123456,"name":"Ada Lovelace"}"#;
            let after =
                format!(r#"","body":"{rest}",{meta},"tags":["alpha","beta","gamma"],{user},"v":4}}]"#);
            both(r#"42["echo-json",{"a_id":""#, &after)
        }
        Kind::Ack => {
            let after = format!(r#"{rest}"]"#);
            (
                Template::new(r#"4200["echo-ack",""#, &after, true),
                Template::new(r#"4300[""#, &after, true),
            )
        }
        Kind::Binary => both("", &rest),
    }
}

pub struct Echo {
    net: Net,
    state: State,
    depth: usize,
}

struct State {
    kind: Kind,
    request: Template,
    answer: Template,
    clients: Vec<Client>,
    /// Whether an answer is followed by the next request.
    sending: bool,
    sent: u64,
    answered: u64,
    limit: u64,
    overtaken: u64,
    faults: Faults,
}

#[derive(Default)]
struct Client {
    next: u32,
    under_way: Vec<u32>,
    highest: u32,
    /// The text that announces the binary has come.
    announced: bool,
}

impl Echo {
    pub fn new(port: u16, kind: Kind, connections: usize, depth: usize, size: usize) -> Result<Self> {
        let mut net = Net::new(port)?;
        opening::must_open(&mut net, connections)?;
        let (request, answer) = templates(kind, size);
        let clients = std::iter::repeat_with(Client::default)
            .take(connections)
            .collect();
        let state = State {
            kind,
            request,
            answer,
            clients,
            sending: false,
            sent: 0,
            answered: 0,
            limit: u64::MAX,
            overtaken: 0,
            faults: Faults::default(),
        };
        Ok(Self { net, state, depth })
    }
}

impl Scenario for Echo {
    fn slice(&mut self, server: &Server, end: End) -> Result<Sample> {
        let Self { net, state, depth } = self;
        (state.sent, state.answered, state.overtaken, state.faults) = (0, 0, 0, Faults::default());
        state.limit = if let End::Count(count) = end {
            count
        } else {
            u64::MAX
        };
        state.sending = true;
        let meter = Meter::start(server)?;
        for _ in 0..*depth {
            (0..state.clients.len()).for_each(|id| state.send(net, id));
        }
        let mut watch = Watch::new();
        while state.answered < state.sent && !watch.stalled(state.answered) && state.faults.closed == 0 {
            state.sending = state.sending && !end.reached(meter.started, state.sent);
            net.poll(TICK, state)?;
        }
        let missing: usize = state
            .clients
            .iter_mut()
            .map(|client| client.under_way.drain(..).count())
            .sum();
        state.faults.missing = missing as u64;
        let overtaken = state.overtaken;
        Ok(Sample {
            overtaken,
            ..meter.stop(state.answered, state.faults)?
        })
    }
}

impl State {
    fn send(&mut self, net: &mut Net, id: usize) {
        if !self.sending || self.sent >= self.limit {
            return;
        }
        let client = &mut self.clients[id];
        client.next += 1;
        client.under_way.push(client.next);
        self.sent += 1;
        let request = self.request.fill(client.next);
        if self.kind == Kind::Binary {
            net.send_text(id, BINARY_REQUEST);
            net.send_binary(id, request);
        } else {
            net.send_text(id, request);
        }
    }

    fn answer(&mut self, net: &mut Net, id: usize, answer: &[u8]) {
        let client = &mut self.clients[id];
        let number = self.answer.number(answer);
        let Some(at) = client.under_way.iter().position(|&sent| Some(sent) == number) else {
            self.faults.wrong += 1;
            return;
        };
        let number = client.under_way.remove(at);
        if number < client.highest {
            self.overtaken += 1;
        }
        client.highest = client.highest.max(number);
        self.answered += 1;
        self.send(net, id);
    }
}

impl Handler for State {
    fn text(&mut self, net: &mut Net, id: usize, text: &[u8]) {
        if self.kind == Kind::Binary {
            let announced = std::mem::replace(&mut self.clients[id].announced, true);
            self.faults.wrong += u64::from(announced || text != BINARY_ANSWER);
        } else {
            self.answer(net, id, text);
        }
    }

    fn binary(&mut self, net: &mut Net, id: usize, bytes: &[u8]) {
        let announced = std::mem::replace(&mut self.clients[id].announced, false);
        self.faults.wrong += u64::from(!announced);
        self.answer(net, id, bytes);
    }

    fn closed(&mut self, _net: &mut Net, _id: usize) {
        self.faults.closed += 1;
    }
}

/// When every client has sent `size` bytes to `echo` and got them back, at most [`opening::AT_ONCE`] at a time.
pub fn once_each(net: &mut Net, size: usize) -> Result<Faults> {
    let count = net.count();
    let (mut clients, text) = (Once::default(), format!(r#"42["echo","{}"]"#, "x".repeat(size)));
    clients.expected = text.into_bytes();
    let (mut started, mut watch) = (0, Watch::new());
    while clients.answered < count && !watch.stalled(clients.answered as u64) && clients.faults.closed == 0 {
        while started < count && started - clients.answered < opening::AT_ONCE {
            net.send_text(started, &clients.expected);
            started += 1;
        }
        net.poll(TICK, &mut clients)?;
    }
    clients.faults.missing = (count - clients.answered) as u64;
    Ok(clients.faults)
}

#[derive(Default)]
struct Once {
    expected: Vec<u8>,
    answered: usize,
    faults: Faults,
}

impl Handler for Once {
    fn text(&mut self, _net: &mut Net, _id: usize, text: &[u8]) {
        self.answered += 1;
        self.faults.wrong += u64::from(text != self.expected);
    }

    fn closed(&mut self, _net: &mut Net, _id: usize) {
        self.faults.closed += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_differs_in_one_byte_is_wrong() {
        for kind in [Kind::Text, Kind::Json, Kind::Ack, Kind::Binary] {
            let (_, mut answer) = templates(kind, 64);
            let mut text = answer.fill(77).to_vec();
            assert_eq!(answer.number(&text), Some(77));
            *text.last_mut().unwrap() ^= 1;
            assert_eq!(answer.number(&text), None);
        }
    }

    #[test]
    fn the_object_has_the_size_that_is_promised() {
        let (mut request, _) = templates(Kind::Json, 64);
        let text = request.fill(0).len();
        assert!((220..=260).contains(&text), "{text}");
    }
}
