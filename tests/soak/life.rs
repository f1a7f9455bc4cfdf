//! One connection of a client, and what it expects of the server.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use serde_json::Value;

use crate::{
    link::Link,
    message::{Kind, Message, payload_bytes, payload_text},
    random::Random,
    server::{Ledger, NAMESPACES},
    tally::Tally,
    wire::{Eio, Packet, within},
};

/// A connection with a socket in each namespace.
pub(crate) struct Life {
    pub(crate) link: Link,
    eio: Eio,
    pub(crate) halves: [Half; 2],
    /// A message that waits for its attachment.
    held: Option<Message>,
    /// The server has announced that it is going away.
    pub(crate) warned: bool,
    tally: Arc<Tally>,
    ledger: Arc<Ledger>,
}

/// What one socket has sent and is to get.
#[derive(Debug, Default)]
pub(crate) struct Half {
    /// Its id, once it is connected.
    pub(crate) id: Option<String>,
    pub(crate) sent: u64,
    /// Echoes on their way back, oldest first, and whether they are binary.
    echoes: VecDeque<(u64, bool)>,
    /// Acknowledgements on their way back, oldest first.
    acks: VecDeque<u64>,
    asked: u64,
    questions: BTreeSet<u64>,
    news: Option<u64>,
    said: HashMap<String, u64>,
}

impl Life {
    pub(crate) async fn begin(
        eio: Eio,
        polls: bool,
        addr: SocketAddr,
        tally: &Arc<Tally>,
        ledger: &Arc<Ledger>,
    ) -> Self {
        let link = if polls {
            Link::poll(eio, addr).await
        } else {
            Link::websocket(eio, addr).await
        };
        let mut life = Self {
            link,
            eio,
            halves: Default::default(),
            held: None,
            warned: false,
            tally: tally.clone(),
            ledger: ledger.clone(),
        };
        if eio == Eio::V4 {
            life.link.send(&["40".into()], false).await;
        }
        life.link.send(&["40/more,".into()], false).await;
        while life.halves.iter().any(|half| half.id.is_none()) {
            life.hear().await;
        }
        life
    }

    /// Sends a few events in one go.
    pub(crate) async fn speak(&mut self, random: &mut Random) {
        let mut packets = Vec::new();
        for _ in 0..=random.below(4) {
            let half = random.below(2) as usize;
            self.halves[half].speak(half, random, &mut packets);
        }
        self.link.send(&packets, random.one_in(2)).await;
    }

    /// An Engine.IO 3 client shows that it lives.
    pub(crate) async fn beat(&mut self) {
        if self.eio == Eio::V3 {
            self.link.send(&["2".into()], false).await;
        }
    }

    pub(crate) async fn upgrade(&mut self, to_the_end: bool) {
        let upgrades = if to_the_end {
            &self.tally.upgrades
        } else {
            &self.tally.probes
        };
        upgrades.fetch_add(1, Ordering::Relaxed);
        for packet in self.link.upgrade(to_the_end).await {
            self.take(packet).await;
        }
    }

    /// Waits until there is news for the first socket.
    pub(crate) async fn wait_for_news(&mut self) {
        let before = self.halves[0].news;
        while self.halves[0].news == before {
            self.hear().await;
        }
    }

    /// Waits until everything sent has had its answers, not for ever: there is always other news.
    pub(crate) async fn settle(&mut self) {
        within(async {
            while !self.halves.iter().all(Half::is_settled) {
                self.hear().await;
            }
        })
        .await;
    }

    /// Takes packets until the server closes the connection.
    pub(crate) async fn hear_the_end(&mut self) {
        while let Some(packet) = self.link.recv().await {
            // Nobody there would hear an answer to a ping any more.
            if packet != Packet::from("2") {
                self.take(packet).await;
            }
        }
    }

    /// Takes the next packet.
    async fn hear(&mut self) {
        let Some(packet) = self.link.recv().await else {
            let id = self.halves[0].id.as_deref().unwrap_or_default();
            let ending = within(self.ledger.end_of(&format!("/ {id}"))).await;
            let transport = if self.link.polls() {
                "polls"
            } else {
                "has a WebSocket"
            };
            panic!(
                "a client in order that {transport} was disconnected: {ending:?}, {:?}",
                self.eio
            );
        };
        self.take(packet).await;
    }

    async fn take(&mut self, packet: Packet) {
        match packet {
            Packet::Text(text) if text == "2" => self.link.send(&["3".into()], false).await,
            Packet::Text(text) if text == "3" => {}
            Packet::Text(text) => {
                assert!(self.held.is_none(), "{text} came instead of an attachment");
                let message = Message::parse(&text);
                if message.attachments > 0 {
                    self.held = Some(message);
                } else {
                    self.message(message, None).await;
                }
            }
            Packet::Binary(data) => {
                let message = self.held.take().expect("an attachment that was announced");
                self.message(message, Some(data)).await;
            }
        }
    }

    async fn message(&mut self, message: Message, attachment: Option<Vec<u8>>) {
        let half = message.half;
        match message.kind {
            Kind::Connect => {
                let id = match (self.eio, half) {
                    (Eio::V4, _) => message.body["sid"].as_str().unwrap().to_owned(),
                    (Eio::V3, 0) => self.link.sid().to_owned(),
                    (Eio::V3, _) => format!("{}#{}", NAMESPACES[half], self.link.sid()),
                };
                self.halves[half].id = Some(id);
            }
            Kind::Disconnect => {}
            Kind::Ack => {
                let expected = self.halves[half].acks.pop_front();
                assert_eq!(
                    (message.id, &message.body[0]),
                    (expected, &Value::from(message.id))
                );
                self.tally.acks.fetch_add(1, Ordering::Relaxed);
            }
            Kind::Event if message.body[0] == "question" => {
                let (id, number) = (message.id.unwrap(), &message.body[1]);
                let answer = format!("43{}{id}[{number}]", Message::prefix(half));
                self.link.send(&[answer.into()], false).await;
            }
            Kind::Event if message.body[0] == "going away" => self.warned = true,
            Kind::Event => self.halves[half].event(&message.body, attachment.as_deref(), &self.tally),
        }
    }
}

impl Half {
    /// Puts one more event into what is about to be sent.
    fn speak(&mut self, half: usize, random: &mut Random, packets: &mut Vec<Packet>) {
        let prefix = Message::prefix(half);
        if random.one_in(8) {
            let question = self.asked;
            self.asked += 1;
            self.questions.insert(question);
            packets.push(format!(r#"42{prefix}["ask",{question}]"#).into());
            return;
        }
        let number = self.sent;
        self.sent += 1;
        let ack = if random.one_in(3) {
            self.acks.push_back(number);
            number.to_string()
        } else {
            String::new()
        };
        let binary = random.one_in(3);
        self.echoes.push_back((number, binary));
        if binary {
            let event = format!(r#"451-{prefix}{ack}["up",{number},{{"_placeholder":true,"num":0}}]"#);
            packets.extend([event.into(), Packet::Binary(payload_bytes(number))]);
        } else {
            let text = serde_json::to_string(&payload_text(number)).unwrap();
            packets.push(format!(r#"42{prefix}{ack}["up",{number},{text}]"#).into());
        }
    }

    fn is_settled(&self) -> bool {
        self.echoes.is_empty() && self.acks.is_empty() && self.questions.is_empty()
    }

    fn event(&mut self, body: &Value, attachment: Option<&[u8]>, tally: &Tally) {
        match body[0].as_str().unwrap() {
            "down" => {
                let (number, binary) = self.echoes.pop_front().expect("an echo of what was sent");
                assert_eq!(body[1], number, "an echo out of order");
                if binary {
                    assert!(
                        attachment == Some(&payload_bytes(number)),
                        "the bytes of {number}"
                    );
                } else {
                    assert!(body[2] == *payload_text(number), "the text of {number}");
                }
                tally.echoes.fetch_add(1, Ordering::Relaxed);
            }
            "news" => {
                let number = body[1].as_u64().unwrap();
                if let Some(last) = self.news.replace(number) {
                    assert_eq!(number, last + 1, "news lost, twice or out of order");
                }
                tally.news.fetch_add(1, Ordering::Relaxed);
            }
            "said" => {
                let (who, number) = (body[1].as_str().unwrap(), body[2].as_u64().unwrap());
                if let Some(last) = self.said.insert(who.to_owned(), number) {
                    assert_eq!(number, last + 1, "of {who}: lost, twice or out of order");
                }
                tally.passed_on.fetch_add(1, Ordering::Relaxed);
            }
            "answered" => {
                let number = body[1].as_u64().unwrap();
                assert!(
                    self.questions.remove(&number),
                    "{number} was not asked, or answered twice"
                );
                tally.answers.fetch_add(1, Ordering::Relaxed);
            }
            other => panic!("nobody sends {other}"),
        }
    }
}
