//! The engine through its two doors: HTTP requests, and a WebSocket over a pipe. Time stands still unless a test moves it.

#![expect(clippy::disallowed_methods, reason = "a test is a driver too")]

mod admission;
mod blocked;
#[cfg(feature = "deflate")]
mod deflate;
mod draining;
mod ending;
mod events;
mod exact;
mod full;
mod heads;
mod held;
mod long_answers;
mod polling;
mod served;
mod size;
mod upgrade;
mod wakers;
mod websocket;

use std::{
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::{
    Acceptor, AnswerBody, CloseReason, Config, Connection, Engine, HEADROOM, Handshake, Outgoing, Receiver,
    transport::websocket::{Opening, begin},
};
use crate::Protocol;

/// What the upper half was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Text(String),
    Binary(Vec<u8>),
    Close(CloseReason),
}

/// An upper half that writes down what it is told, and does as a message says: `echo …`, `close`, `panic`, `pause`.
#[derive(Default)]
struct Upper {
    connection: OnceLock<Connection>,
    told: Mutex<Vec<Told>>,
    paused: AtomicBool,
    /// Isn't ready when it is asked the next time, and doesn't tell anybody when it is.
    blinks: AtomicBool,
    /// Isn't ready when it is asked the next time, and another thread ends the session meanwhile.
    ends: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

/// A server above the engine, with all its upper halves.
struct Server {
    engine: Engine,
    uppers: Mutex<Vec<Arc<Upper>>>,
    /// Sent to every new connection at once.
    greeting: Mutex<Option<&'static str>>,
    /// New connections are closed unless they find a use.
    has_time_to_join: Mutex<bool>,
}

impl Upper {
    fn connection(&self) -> &Connection {
        self.connection.get().unwrap()
    }

    fn send(&self, text: &str) {
        self.connection().send(packet(text, &[])).unwrap();
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// What it has been told, if nothing but text.
    fn texts(&self) -> Vec<String> {
        let texts = self.told().into_iter().filter_map(|told| match told {
            Told::Text(text) => Some(text),
            _ => None,
        });
        texts.collect()
    }

    fn close_reasons(&self) -> Vec<CloseReason> {
        let reasons = self.told().into_iter().filter_map(|told| match told {
            Told::Close(reason) => Some(reason),
            _ => None,
        });
        reasons.collect()
    }

    fn tell(&self, told: Told) {
        self.told.lock().unwrap().push(told);
    }

    fn resume(&self) {
        self.paused.store(false, Ordering::Release);
        if let Some(waker) = self.waiting.lock().unwrap().take() {
            waker.wake();
        }
    }
}

impl Receiver for Upper {
    fn on_text(&self, text: &str) {
        self.tell(Told::Text(text.to_owned()));
        match text.split_once(' ').unwrap_or((text, "")) {
            ("echo", rest) => self.send(rest),
            ("close", _) => self.connection().close(),
            ("panic", _) => panic!("as the test wants"),
            ("pause", _) => self.paused.store(true, Ordering::Release),
            _ => {}
        }
    }

    fn on_binary(&self, data: Bytes) {
        self.tell(Told::Binary(data.to_vec()));
    }

    fn on_close(&self, reason: CloseReason) {
        assert_eq!(self.connection().ready_state(), crate::engine::ReadyState::Closed);
        self.tell(Told::Close(reason));
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ends.swap(false, Ordering::AcqRel) {
            let connection = self.connection().clone();
            std::thread::spawn(move || connection.close_now()).join().unwrap();
            return Poll::Pending;
        }
        if self.blinks.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        if !self.paused.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        *self.waiting.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Server {
    fn new(config: Config) -> Arc<Self> {
        Arc::new_cyclic(|server: &Weak<Self>| Self {
            engine: Engine::new(config, server.clone()),
            uppers: Mutex::default(),
            greeting: Mutex::default(),
            has_time_to_join: Mutex::default(),
        })
    }

    fn upper(&self, index: usize) -> Arc<Upper> {
        Arc::clone(&self.uppers.lock().unwrap()[index])
    }

    fn last(&self) -> Arc<Upper> {
        Arc::clone(self.uppers.lock().unwrap().last().unwrap())
    }

    async fn get(&self, query: &str) -> Answer {
        self.request(Method::GET, query, "").await
    }

    async fn post(&self, query: &str, body: &str) -> Answer {
        self.request(Method::POST, query, body).await
    }

    async fn request(&self, method: Method, query: &str, body: &str) -> Answer {
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let request = Request::builder()
            .method(method)
            .uri(format!("/socket.io/?{query}"));
        Answer::of(self.engine.handle(request.body(body).unwrap(), None, false).await).await
    }
}

impl Acceptor for Server {
    fn accept(&self, connection: &Connection) -> Arc<dyn Receiver> {
        let upper = Arc::new(Upper::default());
        upper.connection.set(connection.clone()).unwrap();
        if let Some(greeting) = *self.greeting.lock().unwrap() {
            upper.send(greeting);
        }
        if *self.has_time_to_join.lock().unwrap() {
            connection.close_after(Duration::from_secs(45));
        }
        self.uppers.lock().unwrap().push(Arc::clone(&upper));
        upper
    }
}

/// An HTTP response, read.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Answer {
    async fn of(response: http::Response<AnswerBody>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    fn is(&self, status: u16, text: &str) {
        assert_eq!((self.status.as_u16(), self.text()), (status, text));
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A polling client with its session.
struct Client {
    server: Arc<Server>,
    query: String,
    upper: Arc<Upper>,
}

impl Client {
    async fn open(config: Config) -> Self {
        Self::open_with(config, "EIO=4").await
    }

    async fn open_with(config: Config, query: &str) -> Self {
        let server = Server::new(config);
        server.get(&format!("{query}&transport=polling")).await;
        let upper = server.last();
        let query = format!(
            "{query}&transport=polling&sid={}",
            upper.connection().id().as_str()
        );
        Self { server, query, upper }
    }

    /// It is one of those that drop an answer of too many packets.
    fn takes_few_packets(&self) {
        self.upper.connection().lock().takes_any_number = false;
    }

    async fn get(&self) -> Answer {
        self.server.get(&self.query).await
    }

    async fn post(&self, body: &str) -> Answer {
        self.server.post(&self.query, body).await
    }

    /// A POST whose body begins like this and never ends.
    fn post_for_ever(&self, start: &'static str) -> tokio::task::JoinHandle<Answer> {
        let start = Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from(start)));
        let frames = futures::stream::iter([start]).chain(futures::stream::pending());
        let request = Request::post(format!("/socket.io/?{}", self.query))
            .body(http_body_util::StreamBody::new(frames))
            .unwrap();
        let answer = self.server.engine.handle(request, None, false);
        tokio::spawn(async move { Answer::of(answer.await).await })
    }

    /// A GET that is held by the server.
    async fn hold(&self) -> tokio::task::JoinHandle<Answer> {
        let (server, query) = (Arc::clone(&self.server), self.query.clone());
        let held = tokio::spawn(async move { server.get(&query).await });
        settle().await;
        assert!(
            !held.is_finished(),
            "the GET was answered at once: {:?}",
            held.await
        );
        held
    }

    async fn is_gone(&self) -> bool {
        self.server.engine.clients_count() == 0 && self.get().await.text().contains("\"code\":1")
    }
}

/// Lets every task do what it can without time passing.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Lets time pass, which nothing but timers can notice.
async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
    settle().await;
}

fn packet(text: &str, attachments: &[&'static [u8]]) -> Outgoing {
    let mut bytes = vec![0; HEADROOM];
    bytes.extend_from_slice(text.as_bytes());
    let attachments = attachments.iter().map(|data| Bytes::from_static(data)).collect();
    Outgoing::new(&mut bytes, attachments, true)
}

/// The client's end of a WebSocket, by another implementation of the protocol.
struct Ws(WebSocketStream<DuplexStream>);

impl Ws {
    /// A session that begins on a WebSocket.
    async fn open(server: &Server, query: &str) -> Self {
        Self::open_over(server, query, 64 * 1024).await
    }

    /// The same, over a pipe that holds this many bytes.
    async fn open_over(server: &Server, query: &str, pipe: usize) -> Self {
        let protocol = if query.contains("EIO=3") {
            Protocol::V3
        } else {
            Protocol::V4
        };
        let (parts, ()) = Request::get(format!("/socket.io/?{query}"))
            .body(())
            .unwrap()
            .into_parts();
        let handshake = Handshake::new(parts, None, false, std::time::SystemTime::UNIX_EPOCH);
        let opening = Opening::Handshake(server.engine.clone(), protocol, handshake, None);
        let mut ws = Self::connect(opening, query, pipe).await;
        assert!(ws.text().await.starts_with("0{"));
        ws
    }

    /// A WebSocket for a session that polls.
    async fn probe(client: &Client) -> Self {
        Self::connect(
            Opening::Probe(client.upper.connection().clone()),
            &client.query,
            64 * 1024,
        )
        .await
    }

    async fn connect(opening: Opening, query: &str, pipe: usize) -> Self {
        let (near, far) = tokio::io::duplex(pipe);
        let driver = begin(far, b"", opening, query.contains("b64"), None).unwrap();
        tokio::spawn(driver);
        Self(WebSocketStream::from_raw_socket(near, Role::Client, None).await)
    }

    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
        settle().await;
    }

    async fn send_binary(&mut self, data: &[u8]) {
        self.0.send(Message::binary(data.to_vec())).await.unwrap();
        settle().await;
    }

    async fn next(&mut self) -> Message {
        self.0.next().await.unwrap().unwrap()
    }

    async fn text(&mut self) -> String {
        self.next().await.into_text().unwrap().to_string()
    }

    /// Whether nothing has arrived.
    async fn is_quiet(&mut self) -> bool {
        settle().await;
        self.0.next().now_or_never().is_none()
    }

    /// The code the server closes with; `None` without one.
    async fn close_code(&mut self) -> Option<u16> {
        match self.next().await {
            Message::Close(frame) => frame.map(|frame| frame.code.into()),
            other => panic!("not a close frame: {other:?}"),
        }
    }
}
