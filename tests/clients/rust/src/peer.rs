//! One client socket, with everything that arrives as one queue per event.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use rust_socketio::{
    Event, Payload, TransportType,
    asynchronous::{Client, ClientBuilder},
};
use serde_json::Value;
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

const ACK_DEADLINE: Duration = Duration::from_secs(20);

const EVENTS: &[&str] = &[
    "echo",
    "answered",
    "burst",
    "unicode",
    "volatile",
    "room message",
    "broadcast message",
    "open",
    "close",
    "error",
];

/// What arrives with an event. The client gives either the JSON arguments or the first attachment, never both.
#[derive(Clone, Debug, PartialEq)]
pub enum Args {
    Json(Vec<Value>),
    Binary(Vec<u8>),
}

/// What the client under test is: its transports, and the server's URL.
#[derive(Clone)]
pub struct Subject {
    transports: TransportType,
    url: String,
}

/// A socket. A connection has only one.
pub struct Peer {
    client: Client,
    arriving: HashMap<String, UnboundedReceiver<Args>>,
}

impl Subject {
    pub fn new(transports: &str, url: &str) -> Option<Self> {
        let transports = match transports {
            "polling" => TransportType::Polling,
            "websocket" => TransportType::Websocket,
            "upgrade" => TransportType::WebsocketUpgrade,
            _ => return None,
        };
        Some(Self {
            transports,
            url: url.to_owned(),
        })
    }

    /// Whether sessions stay on polling.
    pub fn polls(&self) -> bool {
        matches!(self.transports, TransportType::Polling)
    }

    /// A connection of its own to `/`, connected.
    pub async fn open(&self) -> Peer {
        self.open_namespace("/", None).await
    }

    /// A connection of its own to this namespace, connected.
    pub async fn open_namespace(&self, namespace: &str, auth: Option<Value>) -> Peer {
        let mut peer = self.dial(namespace, auth).await;
        peer.next("open").await;
        peer
    }

    /// A connection of its own that may still be on its way.
    pub async fn dial(&self, namespace: &str, auth: Option<Value>) -> Peer {
        let mut builder = ClientBuilder::new(&self.url)
            .namespace(namespace)
            .transport_type(self.transports.clone())
            .reconnect(false);
        if let Some(auth) = auth {
            builder = builder.auth(auth);
        }
        let mut arriving = HashMap::new();
        for event in EVENTS {
            let (sender, receiver) = unbounded_channel();
            arriving.insert((*event).to_owned(), receiver);
            builder = listen(builder, event, sender);
        }
        let client = builder.connect().await.expect("the client connects");
        Peer { client, arriving }
    }
}

fn listen(builder: ClientBuilder, event: &str, sender: UnboundedSender<Args>) -> ClientBuilder {
    builder.on(Event::from(event), move |payload, _| {
        // Nobody listens any more once the check is over.
        let _ = sender.send(args(payload));
        async {}.boxed()
    })
}

#[expect(deprecated, reason = "the client still has the variant")]
fn args(payload: Payload) -> Args {
    match payload {
        Payload::Text(values) => Args::Json(values),
        Payload::Binary(bytes) => Args::Binary(bytes.to_vec()),
        Payload::String(text) => Args::Json(vec![text.into()]),
    }
}

impl Peer {
    /// What comes with the next event of this name, come or to come.
    pub async fn next(&mut self, event: &str) -> Args {
        let arriving = self
            .arriving
            .get_mut(event)
            .expect("the event is one of the script's");
        arriving.recv().await.expect("the client keeps its listeners")
    }

    /// How many events of this name arrived and nobody asked for.
    pub fn unread(&mut self, event: &str) -> usize {
        self.arriving.get_mut(event).map_or(0, |arriving| arriving.len())
    }

    pub async fn emit(&self, event: &str, payload: impl Into<Payload>) {
        self.client
            .emit(event, payload)
            .await
            .expect("the event can be emitted");
    }

    /// Emits and waits for the acknowledgement's arguments.
    pub async fn call(&self, event: &str, payload: impl Into<Payload>) -> Vec<Value> {
        let (sender, receiver) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let answer = move |payload, _| {
            if let Some(sender) = sender.lock().expect("nobody panics with the lock").take() {
                let _ = sender.send(args(payload));
            }
            async {}.boxed()
        };
        self.client
            .emit_with_ack(event, payload, ACK_DEADLINE, answer)
            .await
            .expect("the event can be emitted");
        // All arguments of an acknowledgement come as one JSON array.
        match receiver.await.expect("the acknowledgement comes") {
            Args::Json(values) => values,
            Args::Binary(bytes) => panic!("a binary acknowledgement: {bytes:?}"),
        }
    }

    /// When this returns, whatever the server sent before it has arrived.
    pub async fn settle(&self) {
        self.call("whoami", Payload::Text(vec![])).await;
    }

    pub async fn disconnect(&self) {
        self.client.disconnect().await.expect("the client disconnects");
    }
}
