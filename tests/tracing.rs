//! What a server says to `tracing`: its spans are those of `docs/observability.md`, and no credential or payload is in anything.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

#[path = "support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the protocol suites")]
mod wire;
#[path = "tracing/words.rs"]
mod words;

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Debug,
    iter::successors,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum_socketio::{
    ConnectError, EventError, HandlerError, Namespace, Socket, SocketIo,
    adapter::Bus,
    extract::{Auth, Data},
    layer::Origins,
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt as _},
    registry::LookupSpan,
};

use wire::{Eio, Request, TestClient, TestServer, Via, Ws, within};

/// Everything of every level that the crate says.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Said>>>);

/// A span or an event.
#[derive(Clone, Debug)]
struct Said {
    name: &'static str,
    target: String,
    level: tracing::Level,
    fields: BTreeMap<&'static str, String>,
    /// The names of the spans around it, the outermost first.
    within: Vec<&'static str>,
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    /// With its sources, as `tracing_subscriber::fmt` writes it.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let chain = successors(Some(value), |&error| error.source());
        let chain: Vec<_> = chain.map(ToString::to_string).collect();
        self.0.insert(field.name(), chain.join(": "));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Heard {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let parents = context.span(id).unwrap().scope().skip(1);
        let parents = parents.map(|span| span.name()).collect();
        self.say(attributes.metadata(), fields, parents);
    }

    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {
        unreachable!("fields are complete from the start");
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let spans = context.event_scope(event).into_iter().flatten();
        let spans = spans.map(|span| span.name()).collect();
        self.say(event.metadata(), fields, spans);
    }
}

impl Heard {
    fn say(
        &self,
        metadata: &'static tracing::Metadata<'static>,
        fields: BTreeMap<&'static str, String>,
        mut within: Vec<&'static str>,
    ) {
        if metadata.target().starts_with("axum_socketio") {
            within.reverse();
            self.0.lock().unwrap().push(Said {
                name: metadata.name(),
                target: metadata.target().to_owned(),
                level: *metadata.level(),
                fields,
                within,
            });
        }
    }

    fn all(&self) -> Vec<Said> {
        self.0.lock().unwrap().clone()
    }

    /// The spans of handlers: kind and event.
    fn handlers(&self) -> Vec<(String, Option<String>)> {
        let said = self.all().into_iter().filter(|said| said.name == "handler");
        said.map(|said| (said.fields["kind"].clone(), said.fields.get("event").cloned()))
            .collect()
    }
}

fn listen() -> (Heard, tracing::subscriber::DefaultGuard) {
    let heard = Heard::default();
    let subscriber = tracing_subscriber::registry().with(heard.clone());
    (heard, tracing::subscriber::set_default(subscriber))
}

/// Handlers of every kind, some of which fail.
fn handlers(namespace: &Namespace) {
    let _ = namespace
        .clone()
        .middleware(async || Ok::<_, ConnectError>(()))
        .on_connect(async || ())
        .on_disconnecting(async || ())
        .on_disconnect(async || ())
        .on("message", async |socket: Socket| {
            socket.emit("message-back", "marker")
        })
        .on(
            "log",
            async |_: Socket| tracing::info!(target: "axum_socketio::test", "in a handler"),
        )
        .on("wait", async |socket: Socket| {
            tokio::task::yield_now().await;
            tracing::info!(target: "axum_socketio::test", "after an await");
            socket.emit("waited", ());
        })
        .on("number", async |Data(_): Data<u8>| ())
        .on("fail", async || Err::<(), _>("it failed"))
        .on("panic", async |_: Socket| panic!("as the test wants"));
}

/// The servers of the process run beside their tests, or this test would hear nothing of them.
async fn serve() -> (SocketIo, TestServer) {
    assert!(
        std::env::var_os("AXUM_SOCKETIO_WORKERS").is_none(),
        "this test hears one thread"
    );
    let io = SocketIo::builder()
        .max_json_depth(20)
        .max_namespaces(3)
        .build()
        .unwrap();
    handlers(&io.sockets());
    handlers(&io.of("/other"));
    let server = TestServer::start(&io).await;
    (io, server)
}

#[tokio::test]
async fn handlers_have_spans_within_that_of_their_session() {
    for (eio, via) in [
        (Eio::V4, Via::Polling),
        (Eio::V4, Via::WebSocket),
        (Eio::V3, Via::Polling),
    ] {
        let (heard, _listening) = listen();
        let (_io, server) = serve().await;
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["log","payload"]"#).await;
        client.send(r#"42["wait"]"#).await;
        client.expect(r#"42["waited"]"#).await;
        client.send("41").await;
        while heard.handlers().len() < 6 {
            within(tokio::task::yield_now()).await;
        }
        let event = |name: &str| ("event".to_owned(), Some(name.to_owned()));
        let kind = |kind: &str| (kind.to_owned(), None);
        let expected = [
            kind("middleware"),
            kind("connect"),
            event("log"),
            event("wait"),
            kind("disconnecting"),
            kind("disconnect"),
        ];
        assert_eq!(heard.handlers(), expected, "{eio:?} {via:?}");
        for said in heard.all() {
            match said.name {
                "session" => {
                    assert_eq!(said.target, "axum_socketio::session");
                    assert_eq!(said.level, tracing::Level::DEBUG);
                    let keys: Vec<_> = said.fields.keys().copied().collect();
                    // This server isn't told who its peers are.
                    assert_eq!(keys, ["protocol", "transport"]);
                    assert_eq!(said.fields["protocol"], (eio as u8).to_string());
                }
                "handler" => {
                    assert_eq!(said.target, "axum_socketio::handler");
                    assert_eq!(said.level, tracing::Level::DEBUG);
                    assert_eq!(said.within, ["session"], "{said:?}");
                    assert_eq!(said.fields["namespace"], "/");
                    assert_eq!(said.fields.contains_key("socket"), eio == Eio::V4);
                }
                _ if said.target == "axum_socketio::test" => {
                    assert_eq!(said.within, ["session", "handler"], "{said:?}");
                }
                _ => {}
            }
        }
        let sessions = heard.all().into_iter().filter(|said| said.name == "session");
        assert_eq!(sessions.count(), 1);
    }
}

#[tokio::test]
async fn handlers_that_start_in_other_tasks_are_within_that_of_their_session_too() {
    let (heard, _listening) = listen();
    let (io, server) = serve().await;
    let late = io
        .of("/late")
        .middleware(async || {
            tokio::task::yield_now().await;
            Ok::<_, ConnectError>(())
        })
        .packet_middleware(async || {
            tokio::task::yield_now().await;
            Ok::<_, EventError>(())
        });
    handlers(&late);
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/late").await;
    client.send(r#"42/late,["wait"]"#).await;
    client.expect(r#"42/late,["waited"]"#).await;
    late.disconnect(false);
    client.expect("41/late,").await;
    let handlers = heard.all().into_iter().filter(|said| said.name == "handler");
    let late = handlers.filter(|said| said.fields["namespace"] == "/late");
    assert!(late.clone().count() >= 5 && late.into_iter().all(|said| said.within == ["session"]));
}

#[tokio::test]
async fn a_session_keeps_its_span_through_an_upgrade() {
    let (heard, _listening) = listen();
    let (_io, server) = serve().await;
    let client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    let mut ws = upgraded(&server, &client).await;
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back","marker"]"#).await;
    let sessions = heard.all().into_iter().filter(|said| said.name == "session");
    assert_eq!(sessions.count(), 1);
    let handlers = heard.all().into_iter().filter(|said| said.name == "handler");
    assert!(handlers.clone().count() == 3 && handlers.into_iter().all(|said| said.within == ["session"]));
}

async fn upgraded(server: &TestServer, client: &TestClient) -> Ws {
    let mut ws = Ws::open(server.addr, &client.upgrade_target()).await;
    ws.send("2probe").await;
    ws.expect("3probe").await;
    ws.send("5").await;
    ws
}

const SECRET: &str = "arguments-are-nobodys-business";

/// Everything that goes wrong, and much that doesn't; nothing that is said of it at any level has a session's id or an argument.
#[tokio::test]
async fn no_span_and_no_line_of_the_log_has_a_session_id_or_a_payload() {
    let (heard, _listening) = listen();
    let (io, server) = serve().await;
    let mut sids = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        sids.push(client.sid().to_owned());
        for socket in io.sockets().sockets() {
            let shown = format!("{socket:?} {:?} {:?}", socket.client(), socket.connection());
            let shown = shown + &format!("{:?}", socket.handshake());
            assert!(!shown.contains(client.sid()), "{shown}");
            assert_eq!(shown.contains(socket.id().as_str()), eio == Eio::V4, "{shown}");
        }
        use_it(&mut client, &io).await;
        misuse_it(&mut client, &server, eio, via).await;
        // Node 2 lets a packet pass that makes no sense, and so do we.
        io.sockets().disconnect(true);
        while client.recv().await.is_some() {}
        Request::get(client.target()).send(server.addr).await;
        let mut deep = TestClient::connect(&server, eio, via).await;
        sids.push(deep.sid().to_owned());
        deep.send(format!("42{}{}", "[".repeat(30), "]".repeat(30))).await;
        io.sockets().disconnect(true);
        while deep.recv().await.is_some() {}
    }
    io.close().await;
    let said = heard.all();
    assert!(said.len() > 100, "{} lines", said.len());
    for said in said {
        let text = format!("{said:?}");
        assert!(!text.contains(SECRET), "{text}");
        assert!(!sids.iter().any(|sid| text.contains(&**sid)), "{text}");
    }
}

async fn use_it(client: &mut TestClient, io: &SocketIo) {
    client.join("/other").await;
    for event in [
        "message",
        "log",
        "wait",
        "number",
        "fail",
        "panic",
        "nobody-listens",
    ] {
        client.send(format!(r#"42["{event}","{SECRET}"]"#)).await;
    }
    client.send(format!(r#"42/other,["fail","{SECRET}"]"#)).await;
    let hasty = io.sockets().timeout(Duration::from_millis(1));
    let unanswered = hasty.emit_with_ack::<u8>("ask", SECRET);
    assert!(unanswered.collect_all().await.is_err());
}

/// Requests that are refused for their session, a second WebSocket for one, and a packet that makes no sense.
async fn misuse_it(client: &mut TestClient, server: &TestServer, eio: Eio, via: Via) {
    let target = client.target();
    let (own, other) = match eio {
        Eio::V3 => ("EIO=3", "EIO=4"),
        Eio::V4 => ("EIO=4", "EIO=3"),
    };
    for request in [
        Request::new("PUT", target.as_str()),
        Request::get(target.replace(own, other)),
    ] {
        assert_ne!(request.send(server.addr).await.status, 200);
    }
    if via == Via::Polling {
        let _ws = Ws::open(server.addr, &client.upgrade_target()).await;
        let _second = Ws::try_open(server.addr, &client.upgrade_target()).await;
    }
    client.send(format!("4{SECRET}")).await;
}

/// Who oversteps limits could fill a disk otherwise.
#[tokio::test]
async fn a_limit_that_is_overstepped_again_and_again_is_one_line_that_names_its_option() {
    let (heard, _listening) = listen();
    let io = SocketIo::builder().max_namespaces(1).build().unwrap();
    handlers(&io.of("/other"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    for _ in 0..100 {
        client.send("40/other,").await;
        client
            .expect(r#"44/other,{"message":"too many namespaces"}"#)
            .await;
    }
    assert_eq!(io.times_exceeded(axum_socketio::limit::Limit::Namespaces), 100);
    let mut lines = heard.all();
    lines.retain(|said| said.target == "axum_socketio::limit");
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(line.level, tracing::Level::WARN);
    let field = |name| &*line.fields[name];
    assert_eq!(
        ["option", "max", "namespace", "times"].map(field),
        ["max_namespaces", "1", "/other", "1"]
    );
    assert!(field("message").contains("`max_namespaces`"), "{line:?}");
}

/// So could who sends arguments that no handler takes, is let into nothing, or comes from somewhere else.
#[tokio::test]
async fn what_clients_do_wrong_again_and_again_is_ten_lines_of_a_kind_and_says_how_often_it_was() {
    let (heard, _listening) = listen();
    let guarded = SocketIo::builder().origins(Origins::list(["http://here.example"]).unwrap());
    let elsewhere = TestServer::start(&guarded.build().unwrap()).await;
    let io = SocketIo::new();
    let _ = io
        .of("/")
        .on("count", async |Data(_): Data<u32>| ())
        .on("fail", async || Err::<(), _>("not today"))
        .on("lose", async |socket: Socket| {
            socket.namespace().emit("connect", ())
        });
    let _ = io.of("/guarded").middleware(async |_: Auth<u32>| ());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    for _ in 0..25 {
        client.send(r#"42["count","many"]"#).await;
        client.send(r#"42["fail"]"#).await;
        client.send(r#"42["lose"]"#).await;
        client.send("40/guarded,").await;
        client.expect(r#"44/guarded,{"message":"Bad Request"}"#).await;
        let request =
            Request::get("/socket.io/?EIO=4&transport=polling").header("origin", "http://there.example");
        assert_eq!(request.send(elsewhere.addr).await.status, 403);
    }
    let lines = heard.all();
    let of = |level, message: &str| {
        let lines = lines.iter();
        lines
            .filter(|said| {
                said.level == level
                    && said
                        .fields
                        .get("message")
                        .is_some_and(|said| said.contains(message))
            })
            .collect::<Vec<_>>()
    };
    let refusals = [
        of(tracing::Level::WARN, "an extractor refused"),
        of(tracing::Level::WARN, "a middleware's extractor refused"),
    ];
    assert_eq!(refusals.iter().map(Vec::len).sum::<usize>(), 10, "{refusals:?}");
    assert!(
        refusals
            .iter()
            .all(|lines| lines.iter().all(|said| said.fields["times"] == "1")),
        "{refusals:?}"
    );
    let [_, refused] = refusals;
    assert_eq!(refused[0].fields["namespace"], "/guarded");
    assert_eq!(of(tracing::Level::DEBUG, "an extractor refused").len(), 20);
    assert_eq!(of(tracing::Level::WARN, "a handler failed").len(), 10);
    assert_eq!(of(tracing::Level::DEBUG, "a handler failed").len(), 15);
    assert_eq!(of(tracing::Level::WARN, "a broadcast was lost").len(), 10);
    assert_eq!(of(tracing::Level::DEBUG, "a broadcast was lost").len(), 15);
    assert_eq!(of(tracing::Level::INFO, "handshake refused").len(), 10);
}

/// A megabyte of either is no more than another message for a client.
#[tokio::test]
async fn names_and_arguments_of_clients_make_no_line_long() {
    let (heard, _listening) = listen();
    let io = SocketIo::builder().max_namespaces(4).build().unwrap();
    let _ = io.of("/").on_any(async |Data(_): Data<u32>| ());
    let _ = (io.of("/deaf"), io.of("/last"), io.of("/full"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/deaf").await;
    let long = "x".repeat(60_000);
    client.send(format!(r#"42["{long}","{long}"]"#)).await;
    client.send(format!(r#"42/deaf,["{long}"]"#)).await;
    client.send(format!("40/{long},")).await;
    let refusal = format!(r#"44/{long},{{"message":"Invalid namespace"}}"#);
    client.expect(&*refusal).await;
    client.join("/last").await;
    // Patterns are asked about names of this length, and of no longer ones.
    let name = "x".repeat(1_000);
    let refusal = refusal.replace(&long, &name);
    let _ = io.of_matching(|_| panic!("as the test wants"));
    client.send(format!("40/{name},")).await;
    client.expect(&*refusal).await;
    client.join("/full").await;
    client.send(format!("40/{name},")).await;
    client
        .expect(refusal.replace("Invalid namespace", "too many namespaces"))
        .await;
    let lines = heard.all();
    let has = |text: &str| lines.iter().any(|said| format!("{said:?}").contains(text));
    assert!(has("an extractor refused") && has("nobody listens"));
    assert!(
        has("does not exist") && has("a predicate of namespaces panicked") && has("a limit was exceeded")
    );
    assert!(lines.iter().all(|said| format!("{said:?}").len() < 1_000));
}

#[tokio::test]
async fn an_event_that_nobody_listens_to_and_a_request_for_another_path_can_be_seen() {
    let (heard, _listening) = listen();
    let (_io, server) = serve().await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["mesage"]"#).await;
    client.send(r#"42["message"]"#).await;
    client.expect(r#"42["message-back","marker"]"#).await;
    for path in ["/chat/?EIO=4&transport=polling", "/chat/?page=4"] {
        assert_eq!(Request::get(path).send(server.addr).await.status, 404);
    }
    let of = |target: &str, field: &str| {
        let lines = heard.all().into_iter().filter(|said| said.target == target);
        let fields = lines.map(|said| (said.level, said.fields[field].clone()));
        fields.collect::<Vec<_>>()
    };
    let seen = |text: &str| vec![(tracing::Level::DEBUG, text.to_owned())];
    assert_eq!(of("axum_socketio::unheard", "event"), seen("mesage"));
    assert_eq!(of("axum_socketio::elsewhere", "asked"), seen("/chat/"));
}

#[tokio::test]
async fn a_server_says_that_its_application_has_no_layer() {
    for is_mounted in [false, true] {
        let (heard, _listening) = listen();
        let io = SocketIo::new();
        let mut app = axum::Router::new();
        if is_mounted {
            app = app.layer(io.layer());
        }
        let server = io.listen("127.0.0.1:0").await.unwrap().app(app);
        server.with_graceful_shutdown(async {}).await.unwrap();
        let warned = heard
            .all()
            .iter()
            .any(|said| format!("{said:?}").contains("no layer"));
        assert_eq!(warned, !is_mounted);
    }
}

/// A handler that reports what went wrong may log it: what it is given has no session's id either.
#[tokio::test]
async fn what_on_error_is_told_has_no_session_id() {
    let (io, server) = serve().await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let _ = io.sockets().on_error(move |socket: Socket, error: HandlerError| {
        let _ = tell.send(format!("{socket:?} {error:?} {error}"));
        async {}
    });
    let mut client = TestClient::connect(&server, Eio::V3, Via::WebSocket).await;
    client.send(r#"42["fail"]"#).await;
    let told = within(told.recv()).await.unwrap();
    assert!(
        told.contains("it failed") && !told.contains(client.sid()),
        "{told}"
    );
}

#[tokio::test]
async fn a_listener_of_servers_events_that_panics_is_reported_also_after_it_has_waited() {
    let (heard, _listening) = listen();
    let bus = Bus::new();
    let [one, two] = [(); 2].map(|()| SocketIo::builder().adapter(bus.adapter()).build().unwrap());
    for (event, waits) in [("at once", false), ("later", true)] {
        two.of("/").on_server_event(event, move |_| async move {
            if waits {
                tokio::task::yield_now().await;
            }
            panic!("a test panics on purpose");
        });
        one.of("/").server_side_emit(event, ());
        let reported = |said: &Said| {
            let message = said.fields.get("message").map(String::as_str);
            message == Some("a listener of servers' events panicked") && said.fields["event"] == event
        };
        within(async {
            while !heard.all().iter().any(reported) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}
