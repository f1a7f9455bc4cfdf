//! Who is sent away by another thread, or goes, while a handler of an event runs up to its first `await`.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use axum::extract::State;
use axum_socketio::{
    Builder, ConnectError, DisconnectReason, EventError, Namespace, Socket, SocketIo, engine::ReadyState,
    recovery::ConnectionStateRecovery,
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc::unbounded_channel},
    task::{block_in_place, coop, yield_now},
};

use crate::{
    io,
    log::{Heard, Log, log},
    wire::{Eio, TestClient, TestServer, Via, within},
};

const ENTER: &str = r#"42/away,["enter"]"#;

/// A server whose handlers of `enter`, and of `enter later` when it has waited, keep their threads until they may go on.
struct Scene {
    io: SocketIo,
    server: TestServer,
    away: Namespace<Log>,
    heard: Heard,
    go_on: mpsc::Sender<()>,
}

impl Scene {
    async fn new(make: impl FnOnce(Namespace) -> Namespace) -> Self {
        Self::with(SocketIo::builder(), make).await
    }

    async fn with(builder: Builder, make: impl FnOnce(Namespace) -> Namespace) -> Self {
        let (log, heard) = log();
        let (io, _main) = io(builder);
        let (go_on, busy) = mpsc::channel::<()>();
        let busy = Arc::new(Mutex::new(busy));
        let later = busy.clone();
        let away = make(io.of("/away"))
            .with_state(log)
            .on("enter", async move |State(log): State<Log>| {
                enters(&log, &busy);
            })
            .on("enter later", async move |State(log): State<Log>| {
                yield_now().await;
                enters(&log, &later);
            })
            .on("go", async |socket: Socket, State(log): State<Log>| {
                log.say("goes");
                socket.disconnect(false);
                log.say("has gone");
            })
            .on_disconnecting(async |State(log): State<Log>| log.say("leaves"))
            .on_disconnect(async |reason: DisconnectReason, State(log): State<Log>| {
                log.say(format!("has left, {reason}"));
            });
        Self {
            server: TestServer::start(&io).await,
            io,
            away,
            heard,
            go_on,
        }
    }

    fn socket(&self) -> Socket {
        self.away.sockets().remove(0)
    }

    /// Another thread sends away who enters.
    async fn is_sent_away_as_it_enters(&mut self, close: bool) {
        self.heard.expect("enters").await;
        let socket = self.socket();
        let sent_away = socket.clone();
        thread::spawn(move || sent_away.disconnect(close)).join().unwrap();
        assert!(!socket.is_connected());
        assert_eq!(self.heard.drain(), [""; 0]);
    }

    async fn leaves_when_it_has_entered(&mut self) {
        self.go_on.send(()).unwrap();
        self.heard.expect("has entered").await;
        self.has_left("server namespace disconnect").await;
    }

    async fn has_left(&mut self, reason: &str) {
        self.heard.expect("leaves").await;
        self.heard.expect(&format!("has left, {reason}")).await;
    }
}

fn enters(log: &Log, busy: &Mutex<mpsc::Receiver<()>>) {
    log.say("enters");
    block_in_place(|| busy.lock().unwrap().recv().unwrap());
    log.say("has entered");
}

/// What the middleware lets pass goes on in a task.
fn behind_a_middleware(away: Namespace) -> Namespace {
    away.packet_middleware(async || {
        yield_now().await;
        Ok::<_, EventError>(())
    })
}

/// One event waits for a permit, and the next one in the queue.
fn in_a_queue(away: Namespace, permits: &Arc<Semaphore>) -> Namespace {
    let permits = permits.clone();
    away.sequential()
        .on("wait", async move || permits.acquire().await.unwrap().forget())
}

/// Uses up the budget of the connection's task, but not that of a task of its own.
async fn out_of_breath() {
    for _ in 0..200 {
        coop::consume_budget().await;
    }
}

async fn who_enters_is_sent_away_afterwards(make: impl FnOnce(Namespace) -> Namespace) {
    let mut scene = Scene::new(make).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        client.join("/away").await;
        // What it posts is answered when the handler has gone on.
        tokio::join!(client.send(ENTER), async {
            scene.is_sent_away_as_it_enters(false).await;
            scene.leaves_when_it_has_entered().await;
        });
        client.expect("41/away,").await;
        client.expect_nothing().await;
        assert_eq!(scene.heard.drain(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_while_a_handler_starts_leaves_behind_it() {
    who_enters_is_sent_away_afterwards(|away| away).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_while_a_handler_starts_in_a_sequential_namespace_leaves_behind_it() {
    who_enters_is_sent_away_afterwards(Namespace::sequential).await;
}

/// The one before waits, so that this one starts in a task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_while_the_next_handler_of_an_event_starts_leaves_behind_it() {
    who_enters_is_sent_away_afterwards(|away| away.sequential().on("enter", async || yield_now().await))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_while_a_handler_starts_behind_a_middleware_leaves_behind_it() {
    who_enters_is_sent_away_afterwards(behind_a_middleware).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_while_a_handler_starts_behind_one_that_is_late_leaves_behind_it() {
    who_enters_is_sent_away_afterwards(|away| away.on("enter", out_of_breath)).await;
}

/// It would miss what was sent while its leave waited, and hear what comes after that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_while_a_handler_starts_is_sent_nothing_more_though_its_leave_says_something() {
    let recovery = SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new());
    for builder in [SocketIo::builder(), recovery] {
        let (seen, mut looks) = log();
        let mut scene = Scene::with(builder, |away| {
            away.on_disconnecting(async move |socket: Socket| {
                socket.namespace().emit("left", socket.id());
                let is_sent = socket.try_emit("left", ()).is_ok();
                let (is_connected, others) = (socket.is_connected(), socket.namespace().sockets());
                seen.say(format!("{is_connected} {is_sent} {}", others.contains(&socket)));
            })
        })
        .await;
        for (eio, via) in TestClient::EVERY_WAY {
            let mut client = TestClient::connect(&scene.server, eio, via).await;
            client.join("/away").await;
            tokio::join!(client.send(ENTER), async {
                scene.is_sent_away_as_it_enters(false).await;
                scene.away.emit("leaves", ());
                scene.leaves_when_it_has_entered().await;
            });
            looks.expect("true false true").await;
            client.expect("41/away,").await;
        }
    }
}

/// It has waited in the queue, and the connection is to be closed as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_while_a_handler_starts_that_has_waited_leaves_behind_it_and_is_closed_then() {
    let permits = Arc::new(Semaphore::new(0));
    let waits = permits.clone();
    let mut scene = Scene::new(|away| {
        away.sequential().on("wait", async move || {
            waits.acquire().await.unwrap().forget();
        })
    })
    .await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        client.join("/away").await;
        client.send_all([r#"42/away,["wait"]"#, ENTER]).await;
        client.expect_nothing().await;
        permits.add_permits(1);
        scene.is_sent_away_as_it_enters(true).await;
        client.expect("41").await;
        scene.leaves_when_it_has_entered().await;
        client.expect("41/away,").await;
        client.expect_closed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_by_a_handler_that_starts_leaves_inside_of_it() {
    let ways: [fn(Namespace) -> Namespace; 5] = [
        |away| away,
        Namespace::sequential,
        behind_a_middleware,
        |away| away.on("go", out_of_breath),
        |away| behind_a_middleware(away).on("go", out_of_breath),
    ];
    for make in ways {
        let mut scene = Scene::new(make).await;
        for (eio, via) in TestClient::EVERY_WAY {
            let mut client = TestClient::connect(&scene.server, eio, via).await;
            client.join("/away").await;
            client.send(r#"42/away,["go"]"#).await;
            scene.heard.expect("goes").await;
            scene.has_left("server namespace disconnect").await;
            scene.heard.expect("has gone").await;
            client.expect("41/away,").await;
        }
    }
}

/// Who listens to what another is sent is told inside of the handler that sends it.
#[tokio::test]
async fn who_is_sent_away_by_whom_its_handler_sends_something_leaves_inside_of_that() {
    let (log, mut heard) = log();
    let io = SocketIo::new();
    let (goes, left) = (log.clone(), log);
    let main = io
        .of("/")
        .on("go", async move |socket: Socket| {
            goes.say("goes");
            socket.broadcast().emit("news", ());
            goes.say("has gone");
        })
        .on_disconnect(async move || left.say("left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        let socket = main.sockets().remove(0);
        let mut other = TestClient::connect(&server, eio, via).await;
        let others = main.sockets();
        for listens in others.into_iter().filter(|other| *other != socket) {
            let away = socket.clone();
            listens.on_any_outgoing(async move || away.disconnect(false));
        }
        client.send(r#"42["go"]"#).await;
        for said in ["goes", "left", "has gone"] {
            heard.expect(said).await;
        }
        client.expect("41").await;
        other.send("41").await;
        heard.expect("left").await;
    }
}

/// Handlers of one socket start on several threads where middlewares wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_by_one_handler_while_another_one_starts_leaves_behind_that() {
    let mut scene = Scene::new(behind_a_middleware).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        client.join("/away").await;
        client.send(ENTER).await;
        scene.heard.expect("enters").await;
        client.send(r#"42/away,["go"]"#).await;
        scene.heard.expect("goes").await;
        scene.heard.expect("has gone").await;
        // None starts any more.
        client.send(ENTER).await;
        client.expect_nothing().await;
        assert_eq!(scene.heard.drain(), [""; 0]);
        scene.leaves_when_it_has_entered().await;
        client.expect("41/away,").await;
    }
}

/// A handler of it is started by another task than that of the connection.
async fn who_enters_goes(
    make: impl FnOnce(Namespace, &Arc<Semaphore>) -> Namespace,
    goes: Option<&str>,
    reason: &str,
) {
    let permits = Arc::new(Semaphore::new(0));
    let mut scene = Scene::new(|away| make(away, &permits)).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        let mut other = TestClient::connect(&scene.server, Eio::V4, Via::WebSocket).await;
        client.join("/away").await;
        client.send_all([r#"42/away,["wait"]"#, ENTER]).await;
        client.expect_nothing().await;
        permits.add_permits(1);
        scene.heard.expect("enters").await;
        let connection = scene.socket().connection().clone();
        if let Some(leave) = goes {
            client.send(leave).await;
        } else {
            client.close().await;
            while connection.ready_state() != ReadyState::Closed {
                other.expect_nothing().await;
            }
        }
        other.time_passes().await;
        assert_eq!(scene.heard.drain(), [""; 0], "{eio:?} {via:?}");
        scene.go_on.send(()).unwrap();
        scene.heard.expect("has entered").await;
        scene.has_left(reason).await;
        connection.close();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_a_handler_starts_leaves_behind_it() {
    let (goes, reason) = (Some("41/away,"), "client namespace disconnect");
    who_enters_goes(|away, _| behind_a_middleware(away), goes, reason).await;
    who_enters_goes(in_a_queue, goes, reason).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_connection_ends_while_a_handler_starts_leaves_behind_it() {
    who_enters_goes(|away, _| behind_a_middleware(away), None, "transport close").await;
    who_enters_goes(in_a_queue, None, "transport close").await;
}

/// The leave has waited itself, for a handler that was late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_in_turn_while_a_handler_starts_leaves_behind_it() {
    let is_late = Arc::new(AtomicBool::new(false));
    let (late, (goes_on, wait)) = (is_late.clone(), mpsc::channel::<()>());
    let (told, mut started) = log();
    let wait = Arc::new(Mutex::new(wait));
    let mut scene = Scene::new(|away| {
        behind_a_middleware(away).on_any(async move || {
            if late.load(Ordering::Relaxed) {
                out_of_breath().await;
                told.say("is late");
                block_in_place(|| wait.lock().unwrap().recv().unwrap());
            }
        })
    })
    .await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        let mut other = TestClient::connect(&scene.server, Eio::V4, Via::WebSocket).await;
        client.join("/away").await;
        client.send(ENTER).await;
        scene.heard.expect("enters").await;
        is_late.store(true, Ordering::Relaxed);
        client.send(r#"42/away,["late"]"#).await;
        started.expect("is late").await;
        is_late.store(false, Ordering::Relaxed);
        client.send("41/away,").await;
        other.time_passes().await;
        goes_on.send(()).unwrap();
        other.time_passes().await;
        assert_eq!(scene.heard.drain(), [""; 0], "{eio:?} {via:?}");
        scene.go_on.send(()).unwrap();
        scene.heard.expect("has entered").await;
        scene.has_left("client namespace disconnect").await;
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_a_handler_that_has_waited_goes_on_leaves_behind_it() {
    let mut scene = Scene::new(|away| away).await;
    for (eio, via) in TestClient::EVERY_WAY {
        for reason in [
            "server namespace disconnect",
            "client namespace disconnect",
            "transport close",
        ] {
            let mut client = TestClient::connect(&scene.server, eio, via).await;
            let mut other = TestClient::connect(&scene.server, Eio::V4, Via::WebSocket).await;
            client.join("/away").await;
            client.send(r#"42/away,["enter later"]"#).await;
            scene.heard.expect("enters").await;
            let socket = scene.socket();
            let connection = socket.connection().clone();
            match reason {
                "client namespace disconnect" => client.send("41/away,").await,
                "transport close" => client.close().await,
                _ => {
                    let socket = socket.clone();
                    thread::spawn(move || socket.disconnect(false)).join().unwrap();
                }
            }
            while socket.is_connected() {
                other.expect_nothing().await;
            }
            other.time_passes().await;
            assert_eq!(scene.heard.drain(), [""; 0], "{eio:?} {via:?} {reason}");
            scene.go_on.send(()).unwrap();
            scene.heard.expect("has entered").await;
            scene.has_left(reason).await;
            connection.close();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_a_listener_is_told_what_is_sent_to_it_leaves_behind_that() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let busy = Arc::new(Mutex::new(busy));
    let (tells, told) = (log.clone(), log);
    // Who emits may hold a lock that a disconnect handler wants.
    let game = Arc::new(Mutex::new(()));
    let ends = game.clone();
    let away = io
        .of("/away")
        .on_connect(async move |socket: Socket| {
            socket.on_any_outgoing(async move || enters(&tells, &busy));
        })
        .on_disconnect(async move || {
            block_in_place(|| drop(ends.lock().unwrap()));
            told.say("has left");
        });
    let server = TestServer::start(&io).await;
    let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        let (socket, all, game) = (away.sockets().remove(0), away.clone(), game.clone());
        let emits = thread::spawn(move || {
            let _held = game.lock().unwrap();
            all.emit("news", 1);
        });
        heard.expect("enters").await;
        thread::spawn(move || socket.disconnect(false)).join().unwrap();
        other.time_passes().await;
        assert_eq!(heard.drain(), [""; 0], "{eio:?} {via:?}");
        go_on.send(()).unwrap();
        heard.expect("has entered").await;
        heard.expect("has left").await;
        emits.join().unwrap();
        client.expect("41/away,").await;
        // Nobody is told any more.
        away.emit("news", 2);
    }
    assert_eq!(heard.drain(), [""; 0]);
}

/// As presence is written: load the user, look whether the socket is still there, note it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_connect_handler_notes_that_has_waited_is_forgotten_as_it_leaves() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let (busy, loaded) = (Arc::new(Mutex::new(busy)), Arc::new(Semaphore::new(0)));
    let loads = loaded.clone();
    let online = io.of("/online").on_connect(async move |socket: Socket| {
        loads.acquire().await.unwrap().forget();
        if !socket.is_connected() {
            return log.say("has gone");
        }
        log.say("is there");
        block_in_place(|| busy.lock().unwrap().recv().unwrap());
        log.say("is noted");
        socket.on_disconnect(async move || log.say("is forgotten"));
    });
    let server = TestServer::start(&io).await;
    let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    for (eio, via) in TestClient::EVERY_WAY {
        for looks_first in [true, false] {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.join("/online").await;
            let socket = online.sockets().remove(0);
            if looks_first {
                loaded.add_permits(1);
                heard.expect("is there").await;
            }
            client.close().await;
            while socket.is_connected() {
                other.expect_nothing().await;
            }
            if looks_first {
                go_on.send(()).unwrap();
                heard.expect("is noted").await;
                heard.expect("is forgotten").await;
            } else {
                loaded.add_permits(1);
                heard.expect("has gone").await;
            }
        }
    }
}

/// Its disconnect handlers, which have begun on another thread, don't wait for it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_goes_on_as_its_socket_leaves_finds_it_gone() {
    let (log, mut heard) = log();
    let (leaves, finds) = (log.clone(), log);
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let (busy, goes_on) = (Arc::new(Mutex::new(busy)), Arc::new(Semaphore::new(0)));
    let waits = goes_on.clone();
    let away = io
        .of("/away")
        .on("enter", async move |socket: Socket| {
            finds.say(format!("enters, {}", socket.is_connected()));
            waits.acquire().await.unwrap().forget();
            finds.say(format!("goes on, {}", socket.is_connected()));
        })
        .on_disconnecting(async move |socket: Socket| {
            leaves.say(format!("leaves, {}", socket.is_connected()));
            block_in_place(|| busy.lock().unwrap().recv().unwrap());
            leaves.say(format!("has left, {}", socket.is_connected()));
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        client.send(ENTER).await;
        heard.expect("enters, true").await;
        let socket = away.sockets().remove(0);
        let sends_away = thread::spawn(move || socket.disconnect(false));
        heard.expect("leaves, true").await;
        goes_on.add_permits(1);
        heard.expect("goes on, false").await;
        go_on.send(()).unwrap();
        heard.expect("has left, true").await;
        sends_away.join().unwrap();
        client.expect("41/away,").await;
    }
}

/// A disconnect handler may wait in place for what a handler holds that waits itself: it isn't run by the task of that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_waited_for_a_handler_that_goes_on_does_not_leave_inside_of_its_task() {
    let ways: [fn(Namespace) -> Namespace; 3] = [|away| away, Namespace::sequential, behind_a_middleware];
    for make in ways {
        let (log, mut heard) = log();
        let (works, leaves) = (log.clone(), log);
        let (io, _main) = io(SocketIo::builder());
        let (go_on, busy) = mpsc::channel::<()>();
        let (busy, ends) = (Arc::new(Mutex::new(busy)), Arc::new(Semaphore::new(0)));
        let (waits, document) = (ends.clone(), Arc::new(Semaphore::new(1)));
        let closes = document.clone();
        let away = make(io.of("/away"))
            .on("enter", async move || {
                yield_now().await;
                let _open = document.acquire().await.unwrap();
                enters(&works, &busy);
                waits.acquire().await.unwrap().forget();
            })
            .on_disconnect(async move || {
                leaves.say("waits");
                let closed = block_in_place(|| Handle::current().block_on(within(closes.acquire())));
                drop(closed.unwrap());
                leaves.say("has left");
            });
        let server = TestServer::start(&io).await;
        for (eio, via) in TestClient::EVERY_WAY {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.join("/away").await;
            tokio::join!(client.send(ENTER), async {
                heard.expect("enters").await;
                let socket = away.sockets().remove(0);
                thread::spawn(move || socket.disconnect(false)).join().unwrap();
                go_on.send(()).unwrap();
                heard.expect("has entered").await;
                heard.expect("waits").await;
                ends.add_permits(1);
                heard.expect("has left").await;
            });
            client.expect("41/away,").await;
        }
    }
}

#[tokio::test]
async fn who_sends_others_away_as_it_leaves_is_connected_for_their_handlers_too() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let away = io.of("/away").on_disconnecting(async move |socket: Socket| {
        for guest in socket.to("all").sockets() {
            guest.disconnect(false);
        }
        let everybody = socket.namespace().to("all").sockets();
        log.say(format!("{}, {}", socket.is_connected(), everybody.len()));
    });
    let server = TestServer::start(&io).await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        clients.push(client);
    }
    away.join("all");
    away.sockets().remove(0).disconnect(false);
    // From the innermost, who finds those that wait for it.
    for left in 1..=clients.len() {
        heard.expect(&format!("true, {}", clients.len() + 1 - left)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_leaves_in_time_though_a_handler_keeps_its_thread() {
    let builder = SocketIo::builder().ping_timeout(Duration::from_millis(100));
    let mut scene = Scene::with(builder, |away| away).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        client.join("/away").await;
        client.send(r#"42/away,["enter later"]"#).await;
        scene.is_sent_away_as_it_enters(false).await;
        scene.has_left("server namespace disconnect").await;
        client.expect("41/away,").await;
        scene.go_on.send(()).unwrap();
        scene.heard.expect("has entered").await;
    }
}

/// A handler may keep its thread for ever: nobody waits for it longer than a client may be silent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_connection_ends_leaves_in_time_though_a_handler_starts() {
    let builder = SocketIo::builder().ping_timeout(Duration::from_millis(100));
    let mut scene = Scene::with(builder, behind_a_middleware).await;
    for (eio, via) in TestClient::EVERY_WAY {
        for is_sent_away in [true, false] {
            let mut client = TestClient::connect(&scene.server, eio, via).await;
            client.join("/away").await;
            client.send(ENTER).await;
            let reason = if is_sent_away {
                scene.is_sent_away_as_it_enters(false).await;
                "server namespace disconnect"
            } else {
                scene.heard.expect("enters").await;
                "transport close"
            };
            client.close().await;
            scene.has_left(reason).await;
            assert!(scene.away.is_empty());
            scene.go_on.send(()).unwrap();
            scene.heard.expect("has entered").await;
        }
    }
}

/// Its leave has waited for a handler that was late, and is put behind that as somebody sends it away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_after_its_connection_has_ended_leaves_in_time_though_a_handler_starts() {
    let builder = SocketIo::builder().ping_timeout(Duration::from_millis(100));
    let mut scene = Scene::with(builder, |away| away.on("enter", out_of_breath)).await;
    let (leaves, mut has_left) = unbounded_channel();
    let last = scene.io.of("/last");
    last.on_disconnect(async move || leaves.send(()).unwrap());
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        client.join("/away").await;
        // It leaves this one when it has begun to leave the other.
        client.join("/last").await;
        client.send(ENTER).await;
        scene.heard.expect("enters").await;
        let socket = scene.socket();
        client.close().await;
        has_left.recv().await.unwrap();
        // Behind its events it is there for their handlers.
        assert!(socket.is_connected());
        thread::spawn(move || socket.disconnect(false)).join().unwrap();
        scene.has_left("server namespace disconnect").await;
        scene.go_on.send(()).unwrap();
        scene.heard.expect("has entered").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_with_its_connection_as_it_leaves_and_comes_again_is_not_let_in() {
    let mut scene = Scene::with(SocketIo::builder(), |away| away.on("enter", out_of_breath)).await;
    let (comes, mut has_come) = unbounded_channel();
    let away = scene.away.clone();
    let _ = away.on_connect(async move || comes.send(()).unwrap());
    let mut other = TestClient::connect(&scene.server, Eio::V4, Via::WebSocket).await;
    for eio in [Eio::V4, Eio::V3].repeat(10) {
        let mut client = TestClient::connect(&scene.server, eio, Via::WebSocket).await;
        client.join("/away").await;
        has_come.recv().await.unwrap();
        client.send(ENTER).await;
        scene.heard.expect("enters").await;
        let socket = scene.socket();
        // Read together, and nothing behind the leave before that is over.
        let back = [r#"42["message",1]"#, "41/away,", "40/away,", r#"42/away,["go"]"#];
        client.send_at_once(back.map(str::to_owned)).await;
        client.expect(r#"42["message-back",1]"#).await;
        other.time_passes().await;
        thread::spawn(move || socket.disconnect(true)).join().unwrap();
        scene.go_on.send(()).unwrap();
        let mut heard = Vec::new();
        while heard.len() < 3 {
            other.expect_nothing().await;
            heard.extend(scene.heard.drain());
        }
        other.time_passes().await;
        heard.extend(scene.heard.drain());
        let left = ["has entered", "leaves", "has left, server namespace disconnect"];
        assert_eq!(heard, left, "{eio:?}");
        assert!(has_come.try_recv().is_err(), "{eio:?}");
        assert!(scene.away.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_with_its_connection_while_a_middleware_decides_is_not_let_in() {
    let mut scene = Scene::new(behind_a_middleware).await;
    let (comes, mut has_come) = unbounded_channel();
    let (asks, mut has_asked) = unbounded_channel();
    let decides = Arc::new(Semaphore::new(0));
    let decided = decides.clone();
    let late = scene.io.of("/late").middleware(async move || {
        asks.send(()).unwrap();
        decided.acquire().await.unwrap().forget();
        Ok::<_, ConnectError>(())
    });
    let late = late.on_connect(async move || comes.send(()).unwrap());
    let mut other = TestClient::connect(&scene.server, Eio::V4, Via::WebSocket).await;
    for eio in [Eio::V4, Eio::V3].repeat(10) {
        let mut client = TestClient::connect(&scene.server, eio, Via::WebSocket).await;
        client.join("/away").await;
        client.send("40/late,").await;
        has_asked.recv().await.unwrap();
        client.send(ENTER).await;
        scene.is_sent_away_as_it_enters(true).await;
        decides.add_permits(1);
        other.time_passes().await;
        scene.leaves_when_it_has_entered().await;
        other.time_passes().await;
        assert!(has_come.try_recv().is_err() && late.is_empty(), "{eio:?}");
    }
}

/// It isn't told that it was sent away: it would take that for the end of the socket that it gets next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_by_itself_while_it_is_to_be_sent_away_does_so_behind_the_handler_and_may_come_again() {
    let mut scene = Scene::new(behind_a_middleware).await;
    for eio in [Eio::V4, Eio::V3] {
        let mut client = TestClient::connect(&scene.server, eio, Via::WebSocket).await;
        client.join("/away").await;
        client.send(ENTER).await;
        scene.is_sent_away_as_it_enters(false).await;
        // Read together, and nothing after that before it has left.
        let back = [r#"42["message",1]"#, "41/away,", "40/away,"].map(str::to_owned);
        client.send_at_once(back).await;
        client.expect(r#"42["message-back",1]"#).await;
        assert_eq!(scene.heard.drain(), [""; 0]);
        scene.leaves_when_it_has_entered().await;
        let told = client.text().await;
        assert!(told.starts_with("40/away,"), "{eio:?}: {told}");
        client.close().await;
        scene.has_left("transport close").await;
    }
}

/// A handler, started by another task than that of the connection, works in place until it hears that its socket has gone.
#[derive(Clone, Copy, PartialEq)]
enum Works {
    OnEvent,
    OnConnect,
}

async fn who_goes_is_noticed(
    when: Works,
    goes: Option<&str>,
    work: impl Fn(&Socket) + Clone + Send + Sync + 'static,
) {
    let working = Arc::new(AtomicBool::new(false));
    let is_early = Arc::new(AtomicBool::new(false));
    let (works, still, early) = (working.clone(), working.clone(), is_early.clone());
    let works = async move |socket: Socket| {
        works.store(true, Ordering::Release);
        block_in_place(|| work(&socket));
        works.store(false, Ordering::Release);
    };
    let mut scene = Scene::new(|away| {
        let away = behind_a_middleware(away)
            .on_disconnecting(async move || early.store(still.load(Ordering::Acquire), Ordering::Release));
        match when {
            Works::OnEvent => away.on("work", works),
            Works::OnConnect => away.middleware(async || yield_now().await).on_connect(works),
        }
    })
    .await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        if when == Works::OnConnect {
            client.send("40/away,").await;
        } else {
            client.join("/away").await;
            client.send(r#"42/away,["work"]"#).await;
        }
        while !working.load(Ordering::Acquire) {
            yield_now().await;
        }
        let reason = match goes {
            Some(leave) => {
                client.send(leave).await;
                "client namespace disconnect"
            }
            None => {
                client.close().await;
                "transport close"
            }
        };
        scene.has_left(reason).await;
        assert!(
            !is_early.load(Ordering::Acquire),
            "{eio:?} {via:?}: it still works"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_works_until_its_socket_has_gone_hears_of_it_at_once() {
    fn works(socket: &Socket) {
        while socket.is_connected() {
            thread::yield_now();
        }
    }
    for when in [Works::OnEvent, Works::OnConnect] {
        who_goes_is_noticed(when, Some("41/away,"), works).await;
        who_goes_is_noticed(when, None, works).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_waits_for_an_answer_in_place_hears_at_once_that_there_will_be_none() {
    let waits = |socket: &Socket| {
        let asked = socket.emit_with_ack::<()>("question", ());
        assert!(Handle::current().block_on(asked.into_future()).is_err());
    };
    who_goes_is_noticed(Works::OnEvent, None, waits).await;
    who_goes_is_noticed(Works::OnConnect, None, waits).await;
    who_goes_is_noticed(Works::OnConnect, Some("41/away,"), waits).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_runs_disconnect_handlers_though_handlers_of_events_keep_their_threads() {
    let mut scene = Scene::new(behind_a_middleware).await;
    let mut client = TestClient::connect(&scene.server, Eio::V4, Via::WebSocket).await;
    client.join("/away").await;
    client.send(ENTER).await;
    scene.heard.expect("enters").await;
    let io = scene.socket().io().clone();
    io.close_within(Duration::from_secs(2)).await;
    assert_eq!(scene.heard.drain(), ["leaves", "has left, server shutting down"]);
    scene.go_on.send(()).unwrap();
}
