//! What clients say, wherever they say it, is in no line of the log, and makes none long.

use std::error::Error;

use axum::{Extension, extract::Query};
use axum_socketio::{
    HandlerError, Namespace, Protocol, Socket, SocketIo,
    extract::{Auth, Data},
    parser::{Decoder, Message, Messages, Packet, PacketType, Parser},
};
use serde::Deserialize;
use tracing::Level;

use super::{
    Heard, SECRET, listen,
    wire::{Eio, TestClient, TestServer, Via, Ws, within},
};

#[derive(Debug, Deserialize)]
struct Credentials {
    #[expect(dead_code, reason = "nobody has any")]
    token: u64,
}

/// Of each namespace where something goes wrong there is a second one, whose `on_error` is told all.
fn told(io: &SocketIo, name: &str) -> [Namespace; 2] {
    let told = io.of(format!("{name}-told"));
    [io.of(name), told.on_error(tell)]
}

/// Tells the client, because the log isn't.
async fn tell(socket: Socket, error: HandlerError) {
    let source = error.source().unwrap();
    let causes = std::iter::successors(Some(source), |&error| error.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    socket.emit("told", causes.join(": "));
}

fn lines(heard: &Heard, level: Level) -> Vec<String> {
    let all = heard.all().into_iter();
    let lines = all.filter(|said| said.name != "handler" && said.level == level);
    lines.map(|said| format!("{said:?}")).collect()
}

/// One who says it in the query of its handshake, and wherever else it can.
async fn speaker(server: &TestServer) -> Ws {
    let target = format!("/socket.io/?EIO=4&transport=websocket&token={SECRET}");
    let mut ws = Ws::open(server.addr, &target).await;
    let _open = within(ws.recv()).await;
    ws
}

async fn ask_for(ws: &mut Ws, name: &str) -> String {
    ws.send(&format!(r#"40{name},{{"token":"{SECRET}"}}"#)).await;
    format!("{:?}", within(ws.recv()).await)
}

fn is_in_no_line(heard: &Heard) {
    for said in heard.all() {
        assert!(!format!("{said:?}").contains(SECRET), "{said:?}");
    }
}

#[tokio::test]
async fn what_clients_say_in_auth_or_a_query_is_in_no_line() {
    let (heard, _listening) = listen();
    let io = SocketIo::new();
    let _ = io.of("/auth").middleware(async |_: Auth<Credentials>| ());
    let _ = io.of("/query").middleware(async |_: Query<Credentials>| ());
    let _ = io.of("/missing").middleware(async |_: Extension<Missing>| ());
    for namespace in told(&io, "/connect") {
        let _ = namespace.on_connect(async |_: Auth<Credentials>| ());
    }
    let server = TestServer::start(&io).await;
    let mut ws = speaker(&server).await;
    for (name, told) in [
        ("/auth", "Bad Request"),
        ("/query", "Bad Request"),
        ("/missing", "Internal Server Error"),
        ("/connect", "sid"),
        ("/connect-told", "sid"),
    ] {
        let answer = ask_for(&mut ws, name).await;
        assert!(answer.contains(told), "{name}: {answer}");
    }
    let told = format!("{:?}", within(ws.recv()).await);
    assert!(told.contains("told") && told.contains(SECRET), "{told}");
    let warned = lines(&heard, Level::WARN);
    assert_eq!(warned.len(), 4, "{warned:#?}");
    // That one is the server's mistake, so it is told whole.
    for kind in ["Auth<", "Query<", "400 Bad Request", "Missing request extension"] {
        assert!(
            warned.iter().any(|line| line.contains(kind)),
            "{kind}: {warned:#?}"
        );
    }
    is_in_no_line(&heard);
}

/// No request has it.
#[derive(Clone)]
struct Missing;

#[tokio::test]
async fn what_serde_says_of_what_a_handler_reads_is_in_no_line() {
    let (heard, _listening) = listen();
    let io = SocketIo::new();
    for namespace in told(&io, "/failed") {
        let _ = namespace.on("read", async |Data(text): Data<String>| {
            serde_json::from_str::<u64>(&text).map(|_| ())
        });
    }
    let server = TestServer::start(&io).await;
    let mut ws = speaker(&server).await;
    for name in ["/failed", "/failed-told"] {
        let _connected = ask_for(&mut ws, name).await;
        ws.send(&format!(r#"42{name},["read",{:?}]"#, format!("{SECRET:?}")))
            .await;
    }
    let told = format!("{:?}", within(ws.recv()).await);
    assert!(told.contains("told") && told.contains(SECRET), "{told}");
    let warned = lines(&heard, Level::WARN);
    assert!(
        matches!(&warned[..], [line] if line.contains("JSON of another type")),
        "{warned:#?}"
    );
    is_in_no_line(&heard);
}

/// Quotes all that it can't read, as an error or in a panic.
#[derive(Debug)]
struct Quoting;

impl Parser for Quoting {
    fn encode(&self, packet: &Packet, _: Protocol) -> Result<Messages, Box<dyn Error + Send + Sync>> {
        Ok(Messages::text(u8::from(packet.kind).to_string()))
    }

    fn decoder(&self, _: Protocol) -> Box<dyn Decoder> {
        Box::new(Self)
    }
}

impl Decoder for Quoting {
    fn add(&mut self, message: Message<'_>) -> Result<Option<Packet>, Box<dyn Error + Send + Sync>> {
        match message {
            Message::Text("connect") => Ok(Some(Packet::new(PacketType::Connect, "/", ()))),
            Message::Text(text) if text.contains("panic") => panic!("a test panics on purpose over {text}"),
            Message::Text(text) => Err(format!("{text} is no packet").into()),
            Message::Binary(_) => Err("there is nothing binary".into()),
        }
    }
}

#[tokio::test]
async fn what_a_parser_says_of_a_message_is_told_to_on_error_and_in_no_line() {
    for on_error in [false, true] {
        let (heard, _listening) = listen();
        let io = SocketIo::builder().parser(Quoting).build().unwrap();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        if on_error {
            let _ = io.of("/").on_error(move |_: Socket, error: HandlerError| {
                tell.send(error.source().unwrap().to_string()).unwrap();
                async {}
            });
        }
        let server = TestServer::start(&io).await;
        for word in ["panic ", ""] {
            let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
            client.send("4connect").await;
            client.expect("40").await;
            let text = format!("{word}{SECRET}{}", "x".repeat(100_000));
            client.send(format!("4{text}")).await;
            client.expect_closed().await;
            if on_error {
                assert!(within(told.recv()).await.unwrap().contains(&text));
            }
        }
        let warned = lines(&heard, Level::WARN);
        assert_eq!(warned.len(), if on_error { 0 } else { 2 }, "{warned:#?}");
        assert!(warned.iter().all(|line| line.contains("a packet makes no sense")));
        for said in heard.all() {
            let said = format!("{said:?}");
            assert!(!said.contains(SECRET) && said.len() < 1_000, "{said}");
        }
    }
}

#[tokio::test]
async fn names_of_namespaces_and_what_handlers_say_of_them_make_no_line_long() {
    let (heard, _listening) = listen();
    let io = SocketIo::builder().max_namespaces(2).build().unwrap();
    let parent = io
        .of_matching(|name| name.starts_with("/x"))
        .middleware(
            async |socket: Socket| match socket.namespace_name().ends_with("no") {
                true => Err(socket.namespace_name().to_owned()),
                false => Ok(()),
            },
        )
        .on_connect(async || ())
        .on_disconnect(async || ())
        .on("number", async |Data(_): Data<u8>| ())
        .on("fail", async |Data(text): Data<String>| Err::<(), _>(text))
        .on("panic", async |Data(text): Data<String>| panic!("{text}"))
        .on("emit", async |socket: Socket, Data(event): Data<String>| {
            socket.namespace().emit(&event, f64::NAN);
            socket.namespace().emit(event, Unwritable);
        })
        .on_any(async || ());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    let long = "x".repeat(100_000);
    // As long as names of namespaces may be.
    let name = "x".repeat(1_000);
    client.send(format!("40/{name}no,")).await;
    let _refused = within(client.recv()).await;
    client.send(format!("40/{name},")).await;
    let _connected = within(client.recv()).await;
    for event in ["number", "fail", "panic", "emit", "nobody-hears", &long] {
        client.send(format!(r#"42/{name},["{event}","{long}"]"#)).await;
    }
    client.send(format!("41/{name},")).await;
    while !parent.is_empty() {
        within(tokio::task::yield_now()).await;
    }
    client.send(format!("40/{name}no,")).await;
    let _refused = within(client.recv()).await;
    let lines = heard.all();
    for text in [
        "a connection was refused",
        "a socket connected",
        "an extractor refused",
        "a handler failed",
        "a handler panicked",
        "a broadcast was lost",
        "nobody listens",
        "a socket left",
        "a dynamic namespace has ended",
    ] {
        assert!(
            lines.iter().any(|said| format!("{said:?}").contains(text)),
            "{text}"
        );
    }
    for said in lines {
        let said = format!("{said:?}");
        assert!(said.len() < 1_000, "{}: {}", said.len(), &said[..200]);
    }
}

struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it can't be written"))
    }
}
