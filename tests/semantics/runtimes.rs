//! Servers that live in several runtimes, of which some end before they do, and threads that use sockets in runtimes of their own.

use std::{future::pending, sync::Arc, thread, time::Duration};

use axum::{Router, extract::State};
use axum_socketio::{
    ConnectError, DisconnectReason, NamespaceRequest, Socket, SocketIo, extract::Data,
    recovery::ConnectionStateRecovery,
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::{Mutex, Semaphore, oneshot},
    task::yield_now,
};

use crate::{
    io,
    log::{Heard, Log, log},
    threads::{Block, in_a_plain_thread},
    wire::{Eio, Request, TestClient, TestServer, Via, within},
};

/// So many that their leaves, inside of each other, are more than a stack is to hold.
const MANY: usize = 20;

/// A runtime that serves the server too, until it ends.
pub(crate) struct Second {
    runtime: Runtime,
    pub(crate) server: TestServer,
}

impl Second {
    async fn start(io: &SocketIo) -> Self {
        Self::of(1, io).await
    }

    async fn of(threads: usize, io: &SocketIo) -> Self {
        // It sees that it is to end before it looks at its next task.
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .event_interval(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.spawn(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.await.unwrap().unwrap();
        let server = TestServer::at(listener.local_addr().unwrap());
        let router: Router = Router::new().layer(io.layer());
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { runtime, server }
    }

    /// With a connection of its own, so that what its clients begin goes on there.
    pub(crate) async fn with_a_connection(io: &SocketIo) -> (Self, TestClient) {
        let second = Self::start(io).await;
        let client = TestClient::open(&second.server, Eio::V4, Via::Polling).await;
        (second, client)
    }

    /// What a client says whose connection may be another runtime's.
    pub(crate) async fn hears(&self, client: &TestClient, packet: impl Into<String>) {
        let body = Eio::V4.encode(&[packet.into().into()]);
        Request::post(client.target(), body)
            .send(self.server.addr)
            .await
            .assert_ok();
    }

    pub(crate) fn end(self) -> impl Future<Output = ()> {
        in_a_plain_thread(move || drop(self.runtime))
    }
}

async fn connected(server: &TestServer, via: Via) -> Vec<TestClient> {
    let mut clients = Vec::new();
    for _ in 0..MANY {
        clients.push(TestClient::connect(server, Eio::V4, via).await);
    }
    clients
}

/// Whoever waits with a timer of a runtime that has ended hears of that, before the server has opened a session.
async fn tell_of_the_end(server: &TestServer) {
    TestClient::open(server, Eio::V4, Via::Polling).await;
}

async fn emptied(io: &SocketIo) {
    while !io.of("/").is_empty() {
        yield_now().await;
    }
}

/// Does it in a runtime that ends right afterwards.
fn in_a_short_runtime(run: impl FnOnce() + Send + 'static) -> impl Future<Output = ()> {
    in_a_plain_thread(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { run() });
    })
}

#[derive(Clone)]
struct Work {
    log: Log,
    permits: Arc<Semaphore>,
}

impl Work {
    fn new() -> (Self, Heard) {
        let (log, heard) = log();
        let permits = Arc::new(Semaphore::new(0));
        (Self { log, permits }, heard)
    }

    async fn permitted(&self) {
        // With a timer, which is of the runtime that this is polled in first.
        within(self.permits.acquire()).await.unwrap().forget();
    }
}

#[tokio::test]
async fn handlers_that_begin_in_a_runtime_that_ends_soon_go_on() {
    let (work, mut heard) = Work::new();
    let permits = work.permits.clone();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(work)
        .on_disconnect(async |State(work): State<Work>| {
            work.log.say("begins");
            work.permitted().await;
            work.log.say("ends");
        });
    let server = TestServer::start(&io).await;
    let _clients = connected(&server, Via::WebSocket).await;
    let main = io.of("/");
    in_a_short_runtime(move || main.disconnect(false)).await;
    for _ in 0..MANY {
        heard.expect("begins").await;
    }
    tell_of_the_end(&server).await;
    permits.add_permits(MANY);
    for _ in 0..MANY {
        heard.expect("ends").await;
    }
}

#[tokio::test]
async fn listeners_for_what_is_sent_from_a_runtime_that_ends_soon_go_on() {
    let (work, mut heard) = Work::new();
    let permits = work.permits.clone();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(work)
        .on_connect(async |socket: Socket, State(work): State<Work>| {
            socket.on_any_outgoing(async move || {
                work.permitted().await;
                work.log.say("told");
            });
        });
    let server = TestServer::start(&io).await;
    let _client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let socket = io.of("/").sockets().remove(0);
    in_a_short_runtime(move || socket.emit("news", ())).await;
    tell_of_the_end(&server).await;
    permits.add_permits(1);
    heard.expect("told").await;
}

/// Each sends the next one away.
fn falling_like_dominoes() -> SocketIo {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on_disconnect(async |socket: Socket| {
        if let Some(next) = socket.namespace().sockets().first() {
            next.disconnect(false);
        }
    });
    io
}

#[tokio::test]
async fn leaves_inside_of_leaves_come_about_though_their_runtime_ends_soon() {
    let io = falling_like_dominoes();
    let server = TestServer::start(&io).await;
    let _clients = connected(&server, Via::WebSocket).await;
    let first = io.of("/").sockets().remove(0);
    in_a_short_runtime(move || first.disconnect(false)).await;
    within(emptied(&io)).await;
}

#[tokio::test]
async fn leaves_inside_of_leaves_come_about_though_no_runtime_is_left() {
    let io = falling_like_dominoes();
    let second = Second::start(&io).await;
    let _clients = connected(&second.server, Via::Polling).await;
    second.end().await;
    let first = io.of("/").sockets().remove(0);
    let emptied = io.of("/");
    in_a_plain_thread(move || {
        first.disconnect(false);
        assert!(emptied.is_empty());
    })
    .await;
}

/// A handler that waits for nothing uses up what its task may do at a time, and its runtime ends before that goes on.
#[tokio::test]
async fn who_leaves_behind_handlers_that_are_late_leaves_though_their_runtime_ends() {
    let (log, mut heard) = log();
    let (release, block) = Block::new();
    let (io, main) = io(SocketIo::builder());
    let lock = Arc::new(Mutex::new(()));
    let _ = main
        .with_state((log, block, lock))
        .on(
            "tire",
            async |State((log, block, lock)): State<(Log, Block, Arc<Mutex<()>>)>| {
                log.say("begins");
                block.wait();
                for _ in 0..200 {
                    drop(lock.lock().await);
                }
            },
        )
        .on_disconnect(async |State((log, ..)): State<(Log, Block, Arc<Mutex<()>>)>| log.say("leaves"));
    for eio in [Eio::V4, Eio::V3] {
        let second = Second::start(&io).await;
        let mut client = TestClient::connect(&second.server, eio, Via::WebSocket).await;
        client.send(r#"42["tire"]"#).await;
        heard.expect("begins").await;
        second.runtime.shutdown_background();
        release.send(()).unwrap();
        heard.expect("leaves").await;
        within(emptied(&io)).await;
    }
    // Nobody is waited for.
    within(io.close()).await;
}

/// Sends somebody away as it is dropped.
struct SendsAway(Socket);

impl Drop for SendsAway {
    fn drop(&mut self) {
        self.0.disconnect(false);
    }
}

/// tokio drops what it is given to spawn while it is at work, so that no runtime can be entered.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "an application's handler")]
async fn who_is_sent_away_by_a_task_that_is_spawned_in_a_runtime_that_has_ended_leaves() {
    for _ in 0..10 {
        let (log, mut heard) = log();
        let (release, block) = Block::new();
        let (io, main) = io(SocketIo::builder());
        let _ = main
            .with_state((log, block))
            .on(
                "go",
                async |socket: Socket, State((log, block)): State<(Log, Block)>| {
                    let mut others = socket.namespace().sockets();
                    others.retain(|other| *other != socket);
                    log.say("begins");
                    block.wait();
                    let guard = SendsAway(others.remove(0));
                    tokio::spawn(async move {
                        yield_now().await;
                        drop(guard);
                    });
                },
            )
            .on_disconnecting(async |State((log, _)): State<(Log, Block)>| log.say("leaves"))
            .on_disconnect(
                async |reason: DisconnectReason, State((log, _)): State<(Log, Block)>| log.say(reason),
            );
        let server = TestServer::start(&io).await;
        let mut stays = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        let second = Second::of(2, &io).await;
        let mut client = TestClient::connect(&second.server, Eio::V4, Via::WebSocket).await;
        let (ends, ended) = oneshot::channel::<()>();
        second.runtime.spawn(async move {
            let _ends = ends;
            pending::<()>().await;
        });
        client.send(r#"42["go"]"#).await;
        heard.expect("begins").await;
        second.runtime.shutdown_background();
        ended.await.unwrap_err();
        tell_of_the_end(&server).await;
        release.send(()).unwrap();
        heard.expect("leaves").await;
        heard.expect("server namespace disconnect").await;
        stays.expect("41").await;
        within(emptied(&io)).await;
    }
}

/// A server whose `/work` handles one event at a time, each with a permit of the test.
fn working() -> (SocketIo, Heard, Arc<Semaphore>) {
    let (work, heard) = Work::new();
    let permits = work.permits.clone();
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/work").sequential().with_state(work).on(
        "n",
        async |State(work): State<Work>, Data(n): Data<u32>| {
            work.log.say(format!("begins {n}"));
            work.permitted().await;
            work.log.say(format!("ends {n}"));
        },
    );
    (io, heard, permits)
}

#[tokio::test]
async fn a_queue_whose_runtime_ends_is_worked_off_in_another_one() {
    let (io, mut heard, permits) = working();
    let server = TestServer::start(&io).await;
    let (second, _other) = Second::with_a_connection(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    client.join("/work").await;
    second.hears(&client, r#"42/work,["n",0]"#).await;
    heard.expect("begins 0").await;
    client
        .send_all(["1", "2"].map(|n| format!(r#"42/work,["n",{n}]"#)))
        .await;
    client.expect_nothing().await;
    second.end().await;
    heard.expect("begins 1").await;
    permits.add_permits(2);
    for line in ["ends 1", "begins 2", "ends 2"] {
        heard.expect(line).await;
    }
}

#[tokio::test]
async fn a_queue_whose_last_runtime_ends_is_given_up() {
    let (io, mut heard, _permits) = working();
    let server = TestServer::start(&io).await;
    let second = Second::start(&io).await;
    let mut client = TestClient::connect(&second.server, Eio::V4, Via::Polling).await;
    client.join("/work").await;
    client
        .send_at_once((0..3).map(|n| format!(r#"42/work,["n",{n}]"#)))
        .await;
    heard.expect("begins 0").await;
    second.end().await;
    // Elsewhere it is heard again, and the next event finds the gate open.
    let body = Eio::V4.encode(&[r#"42/work,["n",3]"#.into()]);
    let post = Request::post(client.target(), body).send(server.addr);
    within(post).await.assert_ok();
    heard.expect("begins 3").await;
}

#[tokio::test]
async fn whom_a_middleware_thinks_about_in_a_runtime_that_ends_is_turned_away() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.middleware(async |socket: Socket| {
        socket.join("hall");
        std::future::pending::<Result<(), ConnectError>>().await
    });
    let server = TestServer::start(&io).await;
    let (second, _other) = Second::with_a_connection(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::Polling).await;
    second.hears(&client, "40").await;
    assert_eq!(io.of("/").rooms().len(), 1);
    second.end().await;
    client.expect(r#"44{"message":"Internal error"}"#).await;
    assert!(io.of("/").rooms().is_empty());
    // Its place is free.
    client.send("40").await;
    assert_eq!(io.of("/").rooms().len(), 1);
}

#[tokio::test]
async fn who_asks_for_a_namespace_in_a_runtime_that_ends_is_answered() {
    let (io, _) = io(SocketIo::builder());
    let _ = io.of_matching_async(async |_: NamespaceRequest| std::future::pending::<bool>().await);
    let server = TestServer::start(&io).await;
    let (second, _other) = Second::with_a_connection(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    second.hears(&client, "40/x").await;
    second.end().await;
    client.expect(r#"44/x,{"message":"Invalid namespace"}"#).await;
}

#[tokio::test]
async fn sessions_are_looked_after_though_the_runtime_that_did_ends() {
    let (log, mut told) = log();
    let left = log.clone();
    let recovery = ConnectionStateRecovery::new()
        .max_disconnection_duration(Duration::from_millis(300))
        .on_expired(move |session| log.say(session.id()));
    let (io, main) = io(SocketIo::builder().connection_state_recovery(recovery));
    let main = main.on_disconnect(async move |socket: Socket| left.say(socket.id()));
    let here = TestServer::start(&io).await;
    let _stays = TestClient::connect(&here, Eio::V4, Via::WebSocket).await;
    let second = Second::start(&io).await;
    let client = TestClient::connect(&second.server, Eio::V4, Via::WebSocket).await;
    client.close().await;
    let gone = told.next().await;
    assert_eq!(main.waiting_sessions(), 1);
    second.end().await;
    told.expect(&gone).await;
    assert_eq!(main.waiting_sessions(), 0);
}

/// A client of a server in a runtime of this thread, which a panic ends.
fn a_panic_ends_a_runtime(io: &SocketIo) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = TestServer::start(io).await;
        let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        io.of("/").emit("news", ());
        assert!(client.text().await.starts_with(r#"42["news""#));
        panic!("on purpose");
    });
}

/// As it unwinds, its runtime drops who looks after sessions, and drops at once whoever is to do so instead. (It was the end of the process.)
#[test]
fn a_panic_that_ends_the_only_runtime_is_no_stack_overflow() {
    let (io, _main) = io(SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new()));
    let ended = thread::spawn(move || a_panic_ends_a_runtime(&io)).join();
    assert_eq!(ended.unwrap_err().downcast_ref(), Some(&"on purpose"));
}

#[tokio::test]
async fn sessions_are_looked_after_though_a_panic_ends_the_runtime_that_did() {
    let (log, mut told) = log();
    let recovery = ConnectionStateRecovery::new()
        .max_disconnection_duration(Duration::from_millis(100))
        .on_expired(move |_| log.say("expired"));
    let (io, main) = io(SocketIo::builder().connection_state_recovery(recovery));
    let here = TestServer::start(&io).await;
    let _stays = TestClient::connect(&here, Eio::V4, Via::WebSocket).await;
    let ended = thread::spawn(move || a_panic_ends_a_runtime(&io));
    told.expect("expired").await;
    ended.join().unwrap_err();
    assert_eq!(main.waiting_sessions(), 0);
}
