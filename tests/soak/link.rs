//! A client's connection: polling, a WebSocket, or the one and then the other.

use std::{collections::VecDeque, net::SocketAddr};

use crate::wire::{Eio, Frame, Packet, Request, Ws, http::Line};

pub(crate) struct Link {
    eio: Eio,
    addr: SocketAddr,
    sid: String,
    via: Via,
}

enum Via {
    Polling(Box<Polling>),
    WebSocket(Box<Ws>),
}

/// Two HTTP connections, as browsers have them: one for the polls, one for what is sent.
struct Polling {
    get: Line,
    post: Line,
    /// A poll has no answer yet.
    waiting: bool,
    /// A WebSocket has been tried out and dropped.
    gave_up: bool,
    queue: VecDeque<Packet>,
}

impl Link {
    pub(crate) async fn poll(eio: Eio, addr: SocketAddr) -> Self {
        let (mut get, post) = (Line::open(addr).await, Line::open(addr).await);
        get.send(Request::get(eio.target("polling"))).await;
        let answer = get.response().await.expect("an answer to the handshake");
        let polling = Polling {
            get,
            post,
            waiting: false,
            gave_up: false,
            queue: eio.decode(&answer).into(),
        };
        Self::opened(eio, addr, Via::Polling(Box::new(polling))).await
    }

    pub(crate) async fn websocket(eio: Eio, addr: SocketAddr) -> Self {
        let ws = Ws::open(addr, &eio.target("websocket")).await;
        Self::opened(eio, addr, Via::WebSocket(Box::new(ws))).await
    }

    async fn opened(eio: Eio, addr: SocketAddr, via: Via) -> Self {
        let sid = String::new();
        let mut link = Self { eio, addr, sid, via };
        let Some(Packet::Text(first)) = link.recv().await else {
            panic!("no open packet");
        };
        let open: serde_json::Value = serde_json::from_str(first.strip_prefix('0').unwrap()).unwrap();
        link.sid = open["sid"].as_str().unwrap().to_owned();
        link
    }

    pub(crate) fn sid(&self) -> &str {
        &self.sid
    }

    pub(crate) fn polls(&self) -> bool {
        matches!(self.via, Via::Polling(_))
    }

    /// Sends packets back to back; over polling in one body, while a poll waits or not.
    pub(crate) async fn send(&mut self, packets: &[Packet], poll_first: bool) {
        let target = self.target("polling");
        match &mut self.via {
            Via::Polling(polling) => {
                if poll_first {
                    polling.ask(&target).await;
                }
                let body = self.eio.encode(packets);
                polling.post.send(Request::post(target, body)).await;
                let answer = polling.post.response().await.expect("an answer to a POST");
                answer.assert_ok();
            }
            Via::WebSocket(ws) => {
                for packet in packets {
                    match packet {
                        Packet::Text(text) => ws.send(text).await,
                        Packet::Binary(data) => ws.send_binary(self.eio.frame(data)).await,
                    }
                }
            }
        }
    }

    /// The next packet; `None` where the server has closed the connection.
    pub(crate) async fn recv(&mut self) -> Option<Packet> {
        let target = self.target("polling");
        match &mut self.via {
            Via::WebSocket(ws) => match (ws.recv().await, self.eio) {
                (Frame::Text(text), _) => Some(Packet::Text(text)),
                (Frame::Binary(data), Eio::V4) => Some(Packet::Binary(data)),
                (Frame::Binary(data), Eio::V3) => {
                    Some(Packet::Binary(data.strip_prefix(&[4]).unwrap().to_vec()))
                }
                (Frame::Close(_) | Frame::Eof, _) => None,
            },
            Via::Polling(polling) => loop {
                match polling.queue.pop_front() {
                    Some(packet) if packet == Packet::from("6") => {}
                    Some(packet) if packet == Packet::from("1") => return None,
                    Some(packet) => return Some(packet),
                    None => {
                        polling.ask(&target).await;
                        let answer = polling.answer().await;
                        if answer.status == 400 {
                            return None;
                        }
                        polling.queue.extend(self.eio.decode(&answer));
                    }
                }
            },
        }
    }

    /// Tries a WebSocket out, and moves to it or drops it. Gives back what the last poll brought.
    pub(crate) async fn upgrade(&mut self, to_the_end: bool) -> Vec<Packet> {
        let (polls, upgrades) = (self.target("polling"), self.target("websocket"));
        let Via::Polling(polling) = &mut self.via else {
            return Vec::new();
        };
        polling.ask(&polls).await;
        let mut ws = Ws::open(self.addr, &upgrades).await;
        ws.send("2probe").await;
        match ws.recv().await {
            Frame::Text(text) if text == "3probe" => {}
            // The server, which hasn't noticed yet that the last one is gone, takes one at a time.
            Frame::Close(None) if polling.gave_up => return Vec::new(),
            other => panic!("{other:?} instead of the answer to a probe"),
        }
        if !to_the_end {
            polling.gave_up = true;
            return Vec::new();
        }
        let answer = polling.answer().await;
        let mut last: Vec<Packet> = polling.queue.drain(..).collect();
        last.extend(self.eio.decode(&answer));
        last.retain(|packet| *packet != Packet::from("6"));
        ws.send("5").await;
        self.via = Via::WebSocket(Box::new(ws));
        last
    }

    /// Says goodbye in the way of the transport.
    pub(crate) async fn close(mut self) {
        if self.polls() {
            self.send(&["1".into()], false).await;
        } else if let Via::WebSocket(ws) = self.via {
            ws.close().await;
        }
    }

    fn target(&self, transport: &str) -> String {
        format!("{}&sid={}", self.eio.target(transport), self.sid)
    }
}

impl Polling {
    async fn ask(&mut self, target: &str) {
        if !self.waiting {
            self.get.send(Request::get(target)).await;
            self.waiting = true;
        }
    }

    async fn answer(&mut self) -> crate::wire::Response {
        self.waiting = false;
        self.get.response().await.expect("an answer to a poll")
    }
}
