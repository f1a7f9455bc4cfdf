//! Clients that are back while the socket that they had is about to leave.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use axum::extract::State;
use axum_socketio::{
    ConnectError, EventError, Namespace, Socket, SocketIo,
    extract::{Auth, Data},
    recovery::ConnectionStateRecovery,
};
use serde_json::json;
use tokio::{
    sync::Semaphore,
    task::{block_in_place, coop, yield_now},
    time::timeout,
};

use super::{Client, Memory, WAYS, asking, events, recovering, told, with};
use crate::{
    log::{Heard, Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

/// Handlers that compute, each until it is told to go on, or that nobody will.
struct Busy {
    go_on: mpsc::Sender<()>,
    started: Heard,
}

/// Those that hear that its last socket leaves are busy when a client is back.
fn busy(main: &Namespace) -> Busy {
    let (go_on, told) = mpsc::channel::<()>();
    let (told, (log, started)) = (Arc::new(Mutex::new(told)), log());
    let _ = main.clone().on_disconnecting(async move |socket: Socket| {
        if !socket.recovered() {
            log.say("started");
            let _ = block_in_place(|| told.lock().unwrap().recv());
        }
    });
    Busy { go_on, started }
}

/// The client closes its connection, of which the server tells it when those handlers have started.
#[expect(clippy::disallowed_methods, reason = "the client's own task")]
fn close(wire: TestClient) {
    tokio::spawn(wire.close());
}

/// One that has asked for its session and is connected to another namespace in the meantime.
async fn back(server: &TestServer, via: Via, memory: &Memory) -> TestClient {
    let mut wire = asks_again(server, via, memory).await;
    // What came before it has been read.
    wire.send(r#"42/other,["echo"]"#).await;
    assert!(wire.text().await.starts_with(r#"42/other,["echo","#));
    wire
}

/// A client that has lost its connection, and whose socket a handler keeps.
async fn is_kept(server: &TestServer, via: Via, heard: &mut Heard, busy: &mut Busy) -> Memory {
    let client = Client::connect(server, via).await;
    heard.expect("new ").await;
    close(client.wire);
    busy.started.expect("started").await;
    client.memory
}

async fn asks_again(server: &TestServer, via: Via, memory: &Memory) -> TestClient {
    let mut wire = TestClient::open(server, Eio::V4, via).await;
    wire.send("40/other,").await;
    assert!(wire.text().await.starts_with("40/other,"));
    wire.send(format!("40{}", asking(memory))).await;
    wire
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_is_back_before_its_last_socket_has_left_waits_for_that_and_gets_all_that_it_missed() {
    for via in WAYS {
        let (io, main, mut heard) = told(recovering());
        let _other = echoing(&io);
        let mut busy = busy(&main);
        let server = TestServer::start(&io).await;
        let memory = is_kept(&server, via, &mut heard, &mut busy).await;
        main.emit("missed", 1);
        let mut wire = back(&server, via, &memory).await;
        assert_eq!(main.len(), 1, "it has not left");
        assert_eq!(heard.drain(), [""; 0]);
        busy.go_on.send(()).unwrap();
        heard.expect("left: transport close").await;
        heard.expect("recovered ").await;
        let missed = wire.text().await;
        assert!(missed.starts_with(r#"42["missed",1,"#), "{missed}");
        let reply = wire.text().await;
        assert!(reply.contains(&memory.pid), "{reply}");
        assert_eq!((main.len(), main.waiting_sessions()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_waits_for_a_handler_that_does_not_return_begins_anew_in_time() {
    for via in WAYS {
        let (io, main, mut heard) = told(recovering().connect_timeout(Duration::from_secs(1)));
        let _ = io.of("/other");
        let mut busy = busy(&main);
        let server = TestServer::start(&io).await;
        let memory = is_kept(&server, via, &mut heard, &mut busy).await;
        let mut wire = asks_again(&server, via, &memory).await;
        let reply = wire.text().await;
        assert!(
            reply.starts_with("40{") && !reply.contains(&memory.pid),
            "{reply}"
        );
        drop(busy.go_on);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_asks_again_while_it_waits_for_a_handler_that_does_not_return_begins_anew_in_time() {
    for via in WAYS {
        let longest = Duration::from_secs(3);
        let (io, main, mut heard) = told(recovering().connect_timeout(longest));
        let mut busy = busy(&main);
        let server = TestServer::start(&io).await;
        let memory = is_kept(&server, via, &mut heard, &mut busy).await;
        let mut wire = TestClient::open(&server, Eio::V4, via).await;
        for _ in 0..2 {
            wire.send(format!("40{}", asking(&memory))).await;
        }
        // Half of it, and not that twice.
        let reply = timeout(longest.mul_f32(0.8), wire.text()).await.unwrap();
        assert!(
            reply.starts_with("40{") && !reply.contains(&memory.pid),
            "{reply}"
        );
        drop(busy.go_on);
    }
}

/// What a client says while it waits for its last socket to leave: that it asks, with these numbers, or that it leaves. The middlewares are asked
/// once, about the last number, and it gets one answer and all that it missed.
async fn is_asked_about_the_last(via: Via, max_namespaces: usize, said: &[Option<u32>]) {
    let recovery = ConnectionStateRecovery::new().skip_middlewares(false);
    let (io, main, mut heard) = told(with(recovery).max_namespaces(max_namespaces));
    let (log, mut asked) = log();
    let main = main.middleware(async move |Auth(auth): Auth<serde_json::Value>| log.say(&auth["n"]));
    let mut busy = busy(&main);
    let _other = echoing(&io);
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, via).await;
    asked.expect("null").await;
    heard.expect("new ").await;
    let pid = client.memory.pid.clone();
    close(client.wire);
    busy.started.expect("started").await;
    main.emit("missed", 1);
    let mut wire = TestClient::open(&server, Eio::V4, via).await;
    let said = said.iter().map(|n| match n {
        Some(n) => format!("40{}", json!({ "pid": pid, "n": n })),
        None => "41".to_owned(),
    });
    says_all(&mut wire, said).await;
    busy.go_on.send(()).unwrap();
    heard.expect("left: transport close").await;
    heard.expect("recovered ").await;
    let missed = wire.text().await;
    assert!(missed.starts_with(r#"42["missed",1,"#), "{missed}");
    let reply = wire.text().await;
    assert!(reply.starts_with("40{") && reply.contains(&pid), "{reply}");
    // There is one.
    wire.send(r#"42/other,["echo"]"#).await;
    assert!(wire.text().await.starts_with(r#"42/other,["echo","#));
    asked.expect("3").await;
    assert_eq!((asked.drain(), heard.drain()), (vec![], vec![]));
    assert_eq!((main.len(), main.waiting_sessions()), (1, 0));
}

/// As npm's does where the application calls `connect()` as long as it isn't connected. It takes one place, beside that in `/other`.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_asks_again_while_it_waits_for_its_session_has_one_answer_to_what_it_said_last() {
    for via in WAYS {
        is_asked_about_the_last(via, 2, &[Some(1), Some(2), Some(3)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_leaves_and_asks_again_while_it_waits_for_its_session_gets_that() {
    for via in WAYS {
        is_asked_about_the_last(via, 3, &[Some(1), Some(2), None, Some(4), Some(3)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_said_again_while_it_waits_for_its_session_counts_as_long_as_it_is_kept() {
    for via in WAYS {
        let (io, main, mut heard) = told(recovering().max_http_buffer_size(1000));
        let _third = io.of("/third");
        let mut busy = busy(&main);
        let _other = echoing(&io);
        let server = TestServer::start(&io).await;
        let client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        let pid = client.memory.pid.clone();
        close(client.wire);
        busy.started.expect("started").await;
        let says = |length: usize| json!({ "pid": pid, "more": "a".repeat(length) });
        let mut wire = TestClient::open(&server, Eio::V4, via).await;
        says_all(
            &mut wire,
            [300, 500].map(|length| format!("40{}", says(length))).into_iter(),
        )
        .await;
        wire.send(format!("40/third,{}", says(200))).await;
        wire.expect(r#"44/third,{"message":"auth too large"}"#).await;
        // This is too much, and what it comes in place of is kept no more.
        wire.send(format!("40{}", says(700))).await;
        wire.send(format!("40/third,{}", says(500))).await;
        assert!(wire.text().await.starts_with("40/third,{"));
        busy.go_on.send(()).unwrap();
        heard.expect("left: transport close").await;
        heard.expect("recovered ").await;
        let reply = wire.text().await;
        assert!(reply.contains(&pid), "{reply}");
    }
}

fn echoing(io: &SocketIo) -> Namespace {
    let echo = async |socket: Socket| socket.emit("echo", ());
    io.of("/other").on("echo", echo)
}

/// A client says this and so many events, and is back for its session when that has been read.
async fn all_is_heard_before_a_return(server: &TestServer, heard: &mut Heard, first: &[&str], count: u32) {
    for via in WAYS {
        let mut client = Client::connect(server, via).await;
        heard.expect("new ").await;
        let next = TestClient::open(server, Eio::V4, via).await;
        let first = first.iter().map(|text| (*text).to_owned());
        let said = first.chain((0..count).map(|n| format!(r#"42["n",{n}]"#)));
        says_all(&mut client.wire, said).await;
        let (_next, missed) = Client::over(next, "/", asking(&client.memory)).await;
        assert_eq!(missed, events([]));
        for n in 0..count {
            assert_eq!(heard.next().await, n.to_string(), "{via:?}");
        }
        heard.expect("left: transport close").await;
        heard.expect("recovered ").await;
    }
}

/// All of it has been read afterwards.
async fn says_all(wire: &mut TestClient, said: impl Iterator<Item = String>) {
    wire.send("40/other,").await;
    assert!(wire.text().await.starts_with("40/other,"));
    let echo = r#"42/other,["echo"]"#.to_owned();
    wire.send_at_once(said.chain([echo])).await;
    assert!(wire.text().await.starts_with(r#"42/other,["echo","#));
}

/// Their handlers share the budget of a task, and most have to wait for others.
#[tokio::test]
async fn what_came_before_the_client_was_back_is_heard_before_it_gets_its_session() {
    let io = recovering().build().unwrap();
    let (log, mut heard) = log();
    let _other = echoing(&io);
    let main = super::tell(io.of("/"), &log);
    let _ = main
        .with_state(log)
        .on("n", async |State(log): State<Log>, Data(n): Data<u32>| {
            for _ in 0..100 {
                coop::consume_budget().await;
            }
            log.say(n);
        });
    let server = TestServer::start(&io).await;
    all_is_heard_before_a_return(&server, &mut heard, &[], 60).await;
}

/// All of them together take longer than one that doesn't return may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_the_client_was_back_is_heard_as_long_as_handlers_return() {
    let io = recovering()
        .ping_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let (log, mut heard) = log();
    let (_go_on, busy) = mpsc::channel::<()>();
    let busy = Arc::new(Mutex::new(busy));
    let _other = echoing(&io);
    let main = super::tell(io.of("/"), &log);
    let _ = main
        .with_state(log)
        .on("late", async || {
            for _ in 0..200 {
                coop::consume_budget().await;
            }
        })
        .on("n", async move |State(log): State<Log>, Data(n): Data<u32>| {
            let works = || busy.lock().unwrap().recv_timeout(Duration::from_millis(50));
            let _ = block_in_place(works);
            log.say(n);
        });
    let server = TestServer::start(&io).await;
    all_is_heard_before_a_return(&server, &mut heard, &[r#"42["late"]"#], 12).await;
}

/// A client that has said good-bye is waited for by nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_asks_for_a_session_that_ends_meanwhile_begins_anew() {
    let (io, main, mut heard) = told(recovering());
    let mut busy = busy(&main);
    let _other = echoing(&io);
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.wire.send("41").await;
    busy.started.expect("started").await;
    let mut wire = back(&server, Via::WebSocket, &client.memory).await;
    busy.go_on.send(()).unwrap();
    heard.expect("left: client namespace disconnect").await;
    heard.expect("new ").await;
    let reply = wire.text().await;
    assert!(!reply.contains(&client.memory.pid), "{reply}");
    assert_eq!((main.len(), main.waiting_sessions()), (1, 0));
    drop(busy.go_on);
}

/// It takes its question back, and may ask again.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_leaves_while_it_waits_for_its_session_is_not_let_in() {
    for via in WAYS {
        let (io, main, mut heard) = told(recovering());
        let mut busy = busy(&main);
        let _other = echoing(&io);
        let server = TestServer::start(&io).await;
        let memory = is_kept(&server, via, &mut heard, &mut busy).await;
        let mut wire = back(&server, via, &memory).await;
        wire.send("41").await;
        wire.send(r#"42/other,["echo"]"#).await;
        assert!(wire.text().await.starts_with(r#"42/other,["echo","#));
        busy.go_on.send(()).unwrap();
        heard.expect("left: transport close").await;
        // If it were let in, that would be before this.
        let mut another = Client::connect(&server, via).await;
        heard.expect("new ").await;
        another.join(&[]).await;
        assert_eq!((main.len(), main.waiting_sessions()), (1, 1), "{via:?}");
        wire.send(format!("40{}", asking(&memory))).await;
        heard.expect("recovered ").await;
        let reply = wire.text().await;
        assert!(reply.contains(&memory.pid), "{reply}");
        drop(busy.go_on);
    }
}

/// It asks with other words than before, while a middleware still decides about those.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_asks_for_it_while_a_middleware_decides_waits_for_its_last_socket_to_leave() {
    let (io, main, mut heard) = told(recovering());
    let (log, mut middleware) = log();
    let (gate, decides) = (Arc::new(Semaphore::new(1)), log.clone());
    let permits = gate.clone();
    let main = main.middleware(async move || {
        decides.say("asked");
        permits.acquire().await.unwrap().forget();
        decides.say("decides");
        Ok::<_, ConnectError>(())
    });
    let mut busy = busy(&main);
    let _other = echoing(&io);
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    middleware.expect("asked").await;
    middleware.expect("decides").await;
    let memory = client.memory.clone();
    close(client.wire);
    busy.started.expect("started").await;
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send("40/other,").await;
    assert!(wire.text().await.starts_with("40/other,"));
    wire.send("40").await;
    middleware.expect("asked").await;
    wire.send(format!("40{}", asking(&memory))).await;
    wire.send(r#"42/other,["echo"]"#).await;
    assert!(wire.text().await.starts_with(r#"42/other,["echo","#));
    gate.add_permits(1);
    middleware.expect("decides").await;
    busy.go_on.send(()).unwrap();
    heard.expect("left: transport close").await;
    heard.expect("recovered ").await;
    let reply = wire.text().await;
    assert!(reply.contains(&memory.pid), "{reply}");
    assert_eq!(main.len(), 1);
}

/// What the handler notes, the `disconnect` handlers of its socket forget, before the next one's connect handlers start.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_is_back_while_a_handler_of_an_event_starts_comes_behind_it() {
    for via in WAYS {
        let (io, main, mut heard) = told(recovering());
        let _other = echoing(&io);
        let (go_on, wait) = mpsc::channel::<()>();
        let (wait, (log, mut started)) = (Arc::new(Mutex::new(wait)), log());
        let main = main
            .packet_middleware(async || {
                yield_now().await;
                Ok::<_, EventError>(())
            })
            .on("enter", async move |socket: Socket| {
                log.say("enters");
                let _ = block_in_place(|| wait.lock().unwrap().recv());
                socket.emit("has entered", ());
                log.say("has entered");
            });
        let server = TestServer::start(&io).await;
        let mut client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        client.wire.send(r#"42["enter"]"#).await;
        started.expect("enters").await;
        let memory = client.memory.clone();
        close(client.wire);
        let mut wire = back(&server, via, &memory).await;
        assert_eq!(main.len(), 1, "it has not left");
        assert_eq!(heard.drain(), [""; 0]);
        main.emit("missed", ());
        go_on.send(()).unwrap();
        started.expect("has entered").await;
        heard.expect("left: transport close").await;
        heard.expect("recovered ").await;
        // Nothing of what was sent meanwhile is lost.
        for begins in [r#"42["missed""#, r#"42["has entered""#] {
            let text = wire.text().await;
            assert!(text.starts_with(begins), "{text}");
        }
        assert!(wire.text().await.contains(&memory.pid));
    }
}

/// Who ends its connection has its sockets leave one after the other, and it has gone by itself before that comes to this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_had_gone_as_it_was_to_be_sent_away_is_back_and_gets_all_that_it_missed() {
    for via in WAYS {
        let (io, main, mut heard) = told(recovering());
        let first = io.of("/first");
        let mut sent_away = busy(&first);
        let (go_on, wait) = mpsc::channel::<()>();
        let (wait, (log, mut works)) = (Arc::new(Mutex::new(wait)), log());
        // In a task of its own, so that the end of the connection is noticed.
        let main = main
            .packet_middleware(async || {
                yield_now().await;
                Ok::<_, EventError>(())
            })
            .on("work", async move || {
                log.say("works");
                block_in_place(|| wait.lock().unwrap().recv().unwrap());
            });
        let server = TestServer::start(&io).await;
        let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        wire.join("/first").await;
        let mut client = Client::over(wire, "/", json!({})).await.0;
        main.emit("n", 0);
        client.event().await;
        client.send(json!(["work"])).await;
        works.expect("works").await;
        let socket = first.sockets().remove(0);
        let ends = thread::spawn(move || socket.disconnect(true));
        sent_away.started.expect("started").await;
        let memory = client.memory.clone();
        close(client.wire);
        while !main.sockets().is_empty() {
            yield_now().await;
        }
        sent_away.go_on.send(()).unwrap();
        ends.join().unwrap();
        main.emit("missed", 1);
        go_on.send(()).unwrap();
        heard.expect("new ").await;
        heard.expect("left: transport close").await;
        let (_client, missed) = Client::resume(&server, via, &memory).await;
        assert_eq!(missed, events([json!(["missed", 1])]), "{via:?}");
        heard.expect("recovered ").await;
    }
}
