//! A client of either generation over either transport.

use std::{collections::VecDeque, net::SocketAddr, panic::Location};

use serde_json::Value;

use super::{Frame, Packet, Request, Response, TestServer, Ws, payload};

/// The client's revision of Engine.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eio {
    V3 = 3,
    V4 = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Polling,
    WebSocket,
}

/// A session, opened. It answers nothing by itself: no heartbeat, no acknowledgement.
#[derive(Debug)]
pub(crate) struct TestClient {
    eio: Eio,
    addr: SocketAddr,
    /// The data of the open packet.
    pub(crate) open: Value,
    link: Link,
}

#[derive(Debug)]
enum Link {
    Polling(VecDeque<Packet>),
    WebSocket(Box<Ws>),
}

impl Eio {
    /// The target of a request without a session.
    pub(crate) fn target(self, transport: &str) -> String {
        format!("/socket.io/?EIO={}&transport={transport}", self as u8)
    }

    /// A binary message in a WebSocket frame.
    pub(crate) fn frame(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::V3 => [&[4], data].concat(),
            Self::V4 => data.to_vec(),
        }
    }

    pub(crate) fn encode(self, packets: &[Packet]) -> String {
        payload::encode(self, packets)
    }

    pub(crate) fn decode(self, response: &Response) -> Vec<Packet> {
        assert_eq!(response.status, 200, "{response:?}");
        payload::decode(self, response)
    }
}

impl TestClient {
    /// Both generations over both transports.
    pub(crate) const EVERY_WAY: [(Eio, Via); 4] = [
        (Eio::V4, Via::Polling),
        (Eio::V4, Via::WebSocket),
        (Eio::V3, Via::Polling),
        (Eio::V3, Via::WebSocket),
    ];

    /// A session without any namespace yet; an Engine.IO 3 client is about to be connected to `/`.
    pub(crate) async fn open(server: &TestServer, eio: Eio, via: Via) -> Self {
        let addr = server.addr;
        let link = match via {
            Via::Polling => {
                let response = Request::get(eio.target("polling")).send(addr).await;
                Link::Polling(eio.decode(&response).into())
            }
            Via::WebSocket => Link::WebSocket(Box::new(Ws::open(addr, &eio.target("websocket")).await)),
        };
        let mut client = Self {
            eio,
            addr,
            open: Value::Null,
            link,
        };
        let first = client.text().await;
        let open = first.strip_prefix('0').expect("an open packet");
        client.open = serde_json::from_str(open).expect("JSON");
        client
    }

    /// A session connected to `/`.
    pub(crate) async fn connect(server: &TestServer, eio: Eio, via: Via) -> Self {
        let mut client = Self::open(server, eio, via).await;
        client.join("/").await;
        client
    }

    /// Connects to a namespace and gives the socket's id. An Engine.IO 3 client doesn't ask for `/`.
    #[track_caller]
    pub(crate) fn join<'a>(&'a mut self, namespace: &'a str) -> impl Future<Output = String> + 'a {
        let caller = Location::caller();
        async move {
            let name = if namespace == "/" {
                String::new()
            } else {
                format!("{namespace},")
            };
            match self.eio {
                Eio::V3 if namespace == "/" => {
                    self.expect("40").await;
                    self.sid().to_owned()
                }
                Eio::V3 => {
                    self.send(format!("40{name}")).await;
                    self.expect(format!("40{name}")).await;
                    format!("{namespace}#{}", self.sid())
                }
                Eio::V4 => {
                    self.send(format!("40{name}")).await;
                    let reply = self.text().await;
                    let data = reply.strip_prefix(&*format!("40{name}"));
                    let data =
                        data.unwrap_or_else(|| panic!("{reply} is no CONNECT of {namespace}, at {caller}"));
                    let data: Value = serde_json::from_str(data).expect("JSON");
                    data["sid"].as_str().expect("a string").to_owned()
                }
            }
        }
    }

    /// The session id.
    pub(crate) fn sid(&self) -> &str {
        self.open["sid"].as_str().expect("a string")
    }

    /// The target of a poll.
    pub(crate) fn target(&self) -> String {
        format!("{}&sid={}", self.eio.target("polling"), self.sid())
    }

    /// The target of an upgrade.
    pub(crate) fn upgrade_target(&self) -> String {
        format!("{}&sid={}", self.eio.target("websocket"), self.sid())
    }

    pub(crate) async fn send(&mut self, packet: impl Into<Packet>) {
        self.send_all(vec![packet.into()]).await;
    }

    /// Sends the packets back to back; over polling in one body.
    pub(crate) async fn send_all(&mut self, packets: impl IntoIterator<Item = impl Into<Packet>>) {
        let packets: Vec<Packet> = packets.into_iter().map(Into::into).collect();
        match &mut self.link {
            Link::Polling(_) => {
                let body = self.eio.encode(&packets);
                Request::post(self.target(), body)
                    .send(self.addr)
                    .await
                    .assert_ok();
            }
            Link::WebSocket(ws) => {
                for packet in packets {
                    match packet {
                        Packet::Text(text) => ws.send(&text).await,
                        Packet::Binary(data) => ws.send_binary(self.eio.frame(&data)).await,
                    }
                }
            }
        }
    }

    /// Sends the packets so that the server finds them all there: in one body, or with as few writes as can be.
    pub(crate) async fn send_at_once(&mut self, texts: impl IntoIterator<Item = String>) {
        match &mut self.link {
            Link::Polling(_) => self.send_all(texts).await,
            Link::WebSocket(ws) => ws.send_all(texts).await,
        }
    }

    /// The next packet, or `None` if the server closes the connection. Polls past the noops of an upgrade.
    pub(crate) async fn recv(&mut self) -> Option<Packet> {
        let target = self.target_if_open();
        match &mut self.link {
            Link::WebSocket(ws) => match ws.recv().await {
                Frame::Text(text) => Some(Packet::Text(text)),
                Frame::Binary(data) if self.eio == Eio::V4 => Some(Packet::Binary(data)),
                Frame::Binary(data) => Some(Packet::Binary(
                    data.strip_prefix(&[4]).expect("a message").to_vec(),
                )),
                Frame::Close(_) | Frame::Eof => None,
            },
            Link::Polling(queue) => loop {
                match queue.pop_front() {
                    Some(packet) if packet == Packet::from("6") => {}
                    Some(packet) if packet == Packet::from("1") => return None,
                    Some(packet) => return Some(packet),
                    None => {
                        let response = Request::get(target.as_str()).send(self.addr).await;
                        if response.status == 400 {
                            return None;
                        }
                        queue.extend(self.eio.decode(&response));
                    }
                }
            },
        }
    }

    /// The next packet, which is text.
    pub(crate) async fn text(&mut self) -> String {
        match self.recv().await {
            Some(Packet::Text(text)) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, packet: impl Into<Packet>) -> impl Future<Output = ()> + '_ {
        let (caller, packet) = (Location::caller(), packet.into());
        async move { assert_eq!(self.recv().await, Some(packet), "at {caller}") }
    }

    /// The server closes the connection, and says nothing before.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) -> impl Future<Output = ()> + '_ {
        let caller = Location::caller();
        async move { assert_eq!(self.recv().await, None, "at {caller}") }
    }

    /// The connection is open and nothing is on its way: an echo is what comes next.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) -> impl Future<Output = ()> + '_ {
        let caller = Location::caller();
        async move {
            self.send(r#"42["message","marker"]"#).await;
            let next = self.recv().await;
            assert_eq!(next, Some(r#"42["message-back","marker"]"#.into()), "at {caller}");
        }
    }

    /// Says and hears something some times: others have had their time as well.
    pub(crate) async fn time_passes(&mut self) {
        for _ in 0..10 {
            self.expect_nothing().await;
        }
    }

    /// Over a WebSocket: a ping, see [`Ws::ping`].
    pub(crate) async fn ping(&mut self) {
        if let Link::WebSocket(ws) = &mut self.link {
            ws.ping().await;
        }
    }

    /// The client closes the connection in the way of its transport.
    pub(crate) async fn close(mut self) {
        if matches!(self.link, Link::Polling(_)) {
            self.send("1").await;
        } else if let Link::WebSocket(ws) = self.link {
            ws.close().await;
        }
    }

    fn target_if_open(&self) -> String {
        if self.open.is_null() {
            String::new()
        } else {
            self.target()
        }
    }
}
