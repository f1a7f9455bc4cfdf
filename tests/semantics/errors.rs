//! What errors of handlers do when they are said or dropped, and what the log does that says them, keeps nothing from being done.

use std::{
    error::Error,
    fmt,
    io::Sink,
    panic::panic_any,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::State;
use axum_socketio::{
    ConnectError, DisconnectReason, Drain, HandlerError, Namespace, Socket, SocketIo, engine::ReadyState,
};
use tracing::{Event, Level, Subscriber, subscriber::DefaultGuard};
use tracing_subscriber::{Layer, Registry, layer, layer::SubscriberExt as _};

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, Request, TestClient, TestServer, Via},
};

/// Panics when it is asked what it is, or why, and when it is dropped.
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a test panics on purpose");
    }
}

impl fmt::Debug for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a test panics on purpose");
    }
}

impl Error for Unspeakable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic!("a test panics on purpose");
    }
}

impl Drop for Unspeakable {
    fn drop(&mut self) {
        panic!("a test panics on purpose");
    }
}

type Boxed = Box<dyn Error + Send + Sync>;

/// Of any type, and as it is.
async fn fail() -> Result<(), Unspeakable> {
    Err(Unspeakable)
}

async fn fail_boxed() -> Result<(), Boxed> {
    Err(Box::new(Unspeakable))
}

/// Somebody reads the log of this thread.
fn heard() -> DefaultGuard {
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::sink)
        .with_max_level(Level::DEBUG);
    tracing::subscriber::set_default(log.finish())
}

#[tokio::test]
async fn an_error_that_cannot_be_said_keeps_no_socket_from_leaving() {
    let _heard = heard();
    let (log, mut told) = log();
    let io = SocketIo::new();
    let names = ["/", "/one", "/two"];
    for name in names {
        io.of(name)
            .with_state(log.clone())
            .on_connect(async |socket: Socket| socket.join("room"))
            .on_disconnecting(fail)
            .on_disconnecting(fail_boxed)
            .on_disconnect(fail)
            .on_disconnect(fail_boxed)
            .on_disconnect(async |socket: Socket, State(log): State<Log>| log.say(socket.namespace_name()));
    }
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/one").await;
        client.join("/two").await;
        client.close().await;
        for name in names {
            told.expect(name).await;
            assert_eq!((io.of(name).len(), io.of(name).rooms().len()), (0, 0), "{name}");
        }
    }
}

/// A log that can't be written, as one to a pipe whose reader has gone.
fn broken() -> DefaultGuard {
    let log = tracing_subscriber::fmt()
        .with_writer(|| -> Sink { panic!("a test panics on purpose") })
        .with_max_level(Level::DEBUG);
    tracing::subscriber::set_default(log.finish())
}

#[tokio::test]
async fn a_log_that_panics_keeps_no_socket_from_leaving_and_no_client_from_its_answer() {
    let _broken = broken();
    let (log, mut told) = log();
    let io = SocketIo::new();
    let names = ["/", "/one", "/two"];
    for name in names {
        let fail = async || Err::<(), _>("no");
        io.of(name)
            .with_state(log.clone())
            .on_connect(fail)
            .on("fail", fail)
            .on("ask", async |socket: Socket| socket.emit("answer", ()))
            .on_disconnecting(fail)
            .on_disconnect(fail)
            .on_disconnect(async |socket: Socket, State(log): State<Log>| log.say(socket.namespace_name()));
    }
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/one").await;
        client.join("/two").await;
        client.send(r#"42["fail"]"#).await;
        client.send(r#"42["ask"]"#).await;
        client.expect(r#"42["answer"]"#).await;
        client.close().await;
        for name in names {
            told.expect(name).await;
            assert!(io.of(name).is_empty(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_log_that_panics_keeps_nobody_from_being_refused() {
    let _broken = broken();
    let (log, mut told) = log();
    let (io, main) = io(SocketIo::builder()
        .max_http_buffer_size(1_000)
        .max_send_buffer(100_000));
    let main = main
        .with_state(log)
        .on_disconnect(async |reason: DisconnectReason, State(log): State<Log>| log.say(reason));
    let server = TestServer::start(&io).await;
    let mut witness = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    for eio in [Eio::V4, Eio::V3] {
        let client = TestClient::connect(&server, eio, Via::Polling).await;
        let refused = Request::post(client.target(), vec![b'x'; 2_000])
            .send(server.addr)
            .await;
        assert_eq!(refused.status, 413);
        witness.expect_nothing().await;

        let mut sockets = main.sockets();
        sockets.retain(|socket| socket.client().id().as_str() == client.sid());
        let connection = sockets.remove(0).connection().clone();
        let held = Request::get(client.target()).start(server.addr).await;
        while !connection.is_writable() {
            witness.expect_nothing().await;
        }
        drop(held);
        told.expect("transport error").await;
        witness.expect_nothing().await;

        // Who reads has all of it, and who doesn't is let go.
        let _silent = TestClient::connect(&server, eio, Via::Polling).await;
        for n in 0..10 {
            main.emit("n", (n, "x".repeat(20_000)));
            let text = witness.text().await;
            assert!(
                text.starts_with(&format!(r#"42["n",{n},"#)),
                "{n}: {}",
                &text[..20]
            );
        }
        told.expect("transport error").await;
    }
    tokio::join!(io.drain(Drain::new(Duration::ZERO)), witness.expect_closed());
    told.expect("server shutting down").await;
}

/// A log that looks at a client whenever something is refused.
#[derive(Clone, Default)]
struct Looks {
    at: Arc<Mutex<Option<Socket>>>,
    seen: Arc<Mutex<Vec<ReadyState>>>,
}

impl<S: Subscriber> Layer<S> for Looks {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        if event.metadata().target() == "axum_socketio::refused"
            && let Some(socket) = &*self.at.lock().unwrap()
        {
            let state = socket.connection().ready_state();
            self.seen.lock().unwrap().push(state);
        }
    }
}

/// One that emits what it hears would hear of that for ever.
#[tokio::test]
async fn a_log_hears_that_a_client_takes_no_more_when_its_connection_has_ended() {
    let looks = Looks::default();
    let _looks = tracing::subscriber::set_default(Registry::default().with(looks.clone()));
    let (io, main) = io(SocketIo::builder().max_send_buffer(100_000));
    let server = TestServer::start(&io).await;
    let _silent = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    *looks.at.lock().unwrap() = main.sockets().pop();
    main.emit("long", "x".repeat(99_000));
    main.emit("long", "x".repeat(99_000));
    assert_eq!(*looks.seen.lock().unwrap(), [ReadyState::Closed]);
}

/// A handler at once and one after a wait, which fail, and one that answers.
fn handlers(namespace: Namespace) -> Namespace {
    namespace
        .on("fail", fail)
        .on("fail", fail_boxed)
        .on("fail later", async || {
            tokio::task::yield_now().await;
            fail().await
        })
        .on("ask", async |socket: Socket| socket.emit("answer", ()))
}

#[tokio::test]
async fn an_error_that_cannot_be_said_keeps_no_client_from_its_next_answer() {
    let _heard = heard();
    let io = SocketIo::new();
    let later = async || {
        tokio::task::yield_now().await;
        Ok::<(), ConnectError>(())
    };
    // Connect handlers fail too, before the gate opens.
    let _ = handlers(io.of("/")).on_connect(fail);
    let _ = handlers(io.of("/later")).middleware(later).on_connect(fail_boxed);
    let _ = handlers(io.of("/one by one")).sequential().on_connect(fail);
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        for (name, to) in [("/", ""), ("/later", "/later,"), ("/one by one", "/one by one,")] {
            if name != "/" {
                client.join(name).await;
            }
            for event in ["fail", "fail later", "ask"] {
                client.send(format!(r#"42{to}["{event}"]"#)).await;
            }
            client.expect(format!(r#"42{to}["answer"]"#)).await;
        }
        client.close().await;
    }
    io.close_within(Duration::from_secs(20)).await;
    assert!(
        ["/", "/later", "/one by one"]
            .iter()
            .all(|name| io.of(name).is_empty())
    );
}

#[tokio::test]
async fn an_error_handler_is_not_told_of_its_own_panic_whatever_that_is_raised_with() {
    let told = Arc::new(AtomicUsize::new(0));
    let telling = told.clone();
    let io = SocketIo::new();
    let _ = handlers(io.of("/")).on_error(async move |_: Socket, _: HandlerError| {
        telling.fetch_add(1, Ordering::Relaxed);
        panic_any(Unspeakable)
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["fail"]"#).await;
        client.send(r#"42["ask"]"#).await;
        client.expect(r#"42["answer"]"#).await;
        // One for each handler.
        assert_eq!(told.swap(0, Ordering::Relaxed), 2);
    }
}

#[tokio::test]
async fn a_question_about_a_handshake_whose_error_cannot_be_said_refuses_it() {
    let io = SocketIo::builder()
        .allow_request(|head| head.headers.get("x-name").map(drop).ok_or_else(|| Unspeakable))
        .build()
        .unwrap();
    let server = TestServer::start(&io).await;
    let handshake = || Request::get(Eio::V4.target("polling"));
    assert_eq!(handshake().send(server.addr).await.status, 403);
    let named = handshake().header("x-name", "me");
    assert_eq!(named.send(server.addr).await.status, 200);
}
