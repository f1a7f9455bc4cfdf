//! Clients that lost their connection for a while get back what they had.

mod between;
mod entry;
mod expiry;
mod kept;
mod leaving;
mod middlewares;
mod missed;
mod several;

use std::time::Duration;

use axum_socketio::{
    Builder, Namespace, Socket, SocketIo, Value, extract::Data, recovery::ConnectionStateRecovery,
};
use serde_json::json;

use crate::{
    log::{Heard, Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

/// Both transports of the clients that can come back.
const WAYS: [Via; 2] = [Via::Polling, Via::WebSocket];

/// What a client remembers of its session, as npm's does.
#[derive(Clone, Debug, Default)]
struct Memory {
    sid: String,
    pid: String,
    offset: Option<String>,
}

/// A client that remembers its session.
struct Client {
    wire: TestClient,
    memory: Memory,
}

fn recovering() -> Builder {
    with(ConnectionStateRecovery::new())
}

fn with(recovery: ConnectionStateRecovery) -> Builder {
    SocketIo::builder().connection_state_recovery(recovery)
}

/// A server whose sockets join the rooms they are asked to, and say how they came and went.
fn told(builder: Builder) -> (SocketIo, Namespace, Heard) {
    let io = builder.build().unwrap();
    let (log, heard) = log();
    let main = tell(io.of("/"), &log);
    (io, main, heard)
}

fn tell(namespace: Namespace, log: &Log) -> Namespace {
    let (came, went) = (log.clone(), log.clone());
    namespace
        .on_connect(async move |socket: Socket| {
            let how = if socket.recovered() { "recovered" } else { "new" };
            came.say(format!("{how} {}", rooms(&socket)));
        })
        .on_disconnect(async move |_: Socket, reason: axum_socketio::DisconnectReason| {
            went.say(format!("left: {reason}"));
        })
        .on("join", async |socket: Socket, Data(rooms): Data<Vec<String>>| {
            socket.join(rooms);
            socket.emit("joined", ());
        })
        .on("leave", async |socket: Socket, Data(rooms): Data<Vec<String>>| {
            socket.leave(rooms);
            socket.emit("left", ());
        })
}

fn rooms(socket: &Socket) -> String {
    let rooms: Vec<String> = socket.rooms().iter().skip(1).map(ToString::to_string).collect();
    rooms.join(" ")
}

impl Client {
    /// One that had no session before.
    async fn connect(server: &TestServer, via: Via) -> Self {
        let (mut client, before) = Self::ask(server, via, "/", json!({})).await;
        client.memory.offset = None;
        assert!(before.is_empty(), "{before:?} before the CONNECT");
        client
    }

    /// One that was connected and has lost its connection: what it remembers.
    async fn away(server: &TestServer, via: Via, heard: &mut Heard) -> Memory {
        let client = Self::connect(server, via).await;
        heard.expect("new ").await;
        client.lose_connection(heard).await
    }

    /// One that had a session, and asks for it. Gives the events that come before the CONNECT, without their offsets.
    async fn resume(server: &TestServer, via: Via, memory: &Memory) -> (Self, Vec<Value>) {
        Self::ask(server, via, "/", asking(memory)).await
    }

    async fn ask(
        server: &TestServer,
        via: Via,
        namespace: &str,
        auth: serde_json::Value,
    ) -> (Self, Vec<Value>) {
        let wire = TestClient::open(server, Eio::V4, via).await;
        Self::over(wire, namespace, auth).await
    }

    async fn over(mut wire: TestClient, namespace: &str, auth: serde_json::Value) -> (Self, Vec<Value>) {
        let name = if namespace == "/" {
            String::new()
        } else {
            format!("{namespace},")
        };
        wire.send(format!("40{name}{auth}")).await;
        let mut client = Self {
            wire,
            memory: Memory {
                offset: auth["offset"].as_str().map(str::to_owned),
                ..Memory::default()
            },
        };
        let mut before = Vec::new();
        let reply = loop {
            let text = client.wire.text().await;
            match text.strip_prefix(&*format!("40{name}")) {
                Some(reply) => break serde_json::from_str::<serde_json::Value>(reply).unwrap(),
                None => before.push(client.remember(&text)),
            }
        };
        for (field, value) in [(&mut client.memory.sid, "sid"), (&mut client.memory.pid, "pid")] {
            reply[value].as_str().unwrap_or_default().clone_into(field);
        }
        (client, before)
    }

    /// The next event without its offset, which the client remembers.
    async fn event(&mut self) -> Value {
        let text = self.wire.text().await;
        self.remember(&text)
    }

    fn remember(&mut self, text: &str) -> Value {
        let array = &text[text.find('[').unwrap_or_else(|| panic!("{text} is no event"))..];
        let mut event: Vec<Value> = serde_json::from_str(array).unwrap();
        let offset = event.pop().unwrap();
        self.memory.offset = Some(offset.as_str().expect("an offset").to_owned());
        Value::Array(event)
    }

    async fn send(&mut self, event: serde_json::Value) {
        self.wire.send(format!("42{event}")).await;
    }

    async fn join(&mut self, rooms: &[&str]) {
        self.send(json!(["join", rooms])).await;
        assert_eq!(self.event().await, value(json!(["joined"])));
    }

    /// Its connection ends, which the client didn't want.
    async fn lose_connection(self, heard: &mut Heard) -> Memory {
        let memory = self.memory.clone();
        self.wire.close().await;
        heard.expect("left: transport close").await;
        memory
    }
}

/// What a client says of the session it had.
fn asking(memory: &Memory) -> serde_json::Value {
    match &memory.offset {
        Some(offset) => json!({ "pid": memory.pid, "offset": offset }),
        None => json!({ "pid": memory.pid }),
    }
}

fn value(json: serde_json::Value) -> Value {
    serde_json::from_value(json).unwrap()
}

fn events(events: impl IntoIterator<Item = serde_json::Value>) -> Vec<Value> {
    events.into_iter().map(value).collect()
}

/// Long enough for no test to see it end.
const LONG: Duration = Duration::from_secs(600);
