//! Who gets a session, and who doesn't.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use axum_socketio::{Builder, ConnectError, Namespace, Socket, SocketIo, recovery::ConnectionStateRecovery};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{Client, LONG, Memory, WAYS, events, recovering, told, with};
use crate::{
    log::Heard,
    runtimes::Second,
    threads::{Block, in_a_plain_thread},
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// It is a new one that came, under other names.
fn assert_new(client: &Client, memory: &Memory, missed: &[axum_socketio::Value]) {
    assert_eq!(missed, events([]), "missed");
    assert_ne!(client.memory.sid, memory.sid);
    assert_ne!(client.memory.pid, memory.pid);
}

#[tokio::test]
async fn a_session_is_given_out_once() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    main.emit("secret", 1);
    let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed.len(), 1);
    heard.expect("recovered ").await;
    // Having said good-bye.
    client_says_goodbye(client, &mut heard).await;
    let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_new(&client, &memory, &missed);
    heard.expect("new ").await;
}

async fn client_says_goodbye(mut client: Client, heard: &mut crate::log::Heard) {
    client.wire.send("41").await;
    heard.expect("left: client namespace disconnect").await;
    client.wire.close().await;
}

#[tokio::test]
async fn who_is_back_before_the_server_has_noticed_gets_its_session_and_the_old_connection_is_closed() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let mut old = Client::connect(&server, via).await;
        heard.expect("new ").await;
        old.join(&["room"]).await;
        let memory = old.memory.clone();
        // It got lost on the way to the old connection.
        main.emit("lost", 1);
        let (mut client, missed) = Client::resume(&server, via, &memory).await;
        heard.expect("left: transport close").await;
        heard.expect("recovered room").await;
        assert_eq!(missed, events([json!(["lost", 1])]));
        assert_eq!(main.len(), 1);
        main.to("room").emit("after", ());
        assert_eq!(client.event().await, super::value(json!(["after"])));
        // The old one is told nothing of it.
        if via == Via::WebSocket {
            while let Some(packet) = old.wire.recv().await {
                assert!(!format!("{packet:?}").contains("after"), "{packet:?}");
            }
        }
        client.lose_connection(&mut heard).await;
    }
}

#[tokio::test]
async fn a_session_that_is_asked_for_in_vain_is_over() {
    let (log, mut expired) = crate::log::log();
    let recovery = ConnectionStateRecovery::new()
        .max_log_size(500)
        .on_expired(move |session| log.say(session.id()));
    let (io, main, mut heard) = told(super::with(recovery));
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    for number in 0..10 {
        main.emit("missed", number);
    }
    assert_eq!(main.waiting_sessions(), 1);
    let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_new(&client, &memory, &missed);
    heard.expect("new ").await;
    expired.expect(&memory.sid).await;
    assert_eq!(main.waiting_sessions(), 0);
}

#[tokio::test]
async fn a_connection_does_not_replace_itself() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    let Memory { sid, pid, .. } = client.memory.clone();
    let asking = super::asking(&client.memory);
    for connect in ["40".to_owned(), format!("40{asking}")] {
        client.wire.send(connect).await;
        let again = format!(r#"40{{"sid":"{sid}","pid":"{pid}"}}"#);
        client.wire.expect(again).await;
    }
    assert_eq!((main.len(), main.waiting_sessions()), (1, 0));
    let memory = client.lose_connection(&mut heard).await;
    main.emit("missed", 1);
    let (mut client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    heard.expect("recovered ").await;
    assert_eq!(missed, events([json!(["missed", 1])]));
    // Nor with the session that it has got back.
    client.wire.send("40").await;
    let again = format!(r#"40{{"sid":"{sid}","pid":"{pid}"}}"#);
    client.wire.expect(again).await;
    assert_eq!(heard.drain(), [""; 0]);
}

#[tokio::test]
async fn who_has_left_or_was_sent_away_begins_anew() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    type Leave = fn(&Socket);
    let ways: [(Leave, &str); 2] = [
        (|socket| socket.disconnect(false), "server namespace disconnect"),
        (|socket| socket.disconnect(true), "server namespace disconnect"),
    ];
    for (leave, reason) in ways {
        let client = Client::connect(&server, Via::WebSocket).await;
        heard.expect("new ").await;
        let memory = client.memory.clone();
        leave(&main.socket(&memory.sid).unwrap());
        heard.expect(&format!("left: {reason}")).await;
        main.emit("not for it", ());
        let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
        assert_new(&client, &memory, &missed);
        heard.expect("new ").await;
        client_says_goodbye(client, &mut heard).await;
    }
}

#[tokio::test]
async fn what_is_no_session_is_a_new_one() {
    let (io, _main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    for auth in [
        json!({ "pid": "unknown" }),
        json!({ "pid": memory.pid, "offset": "unknown" }),
        json!({ "pid": memory.pid, "offset": 7 }),
        json!({ "pid": [memory.pid] }),
        json!({ "offset": "1" }),
        json!({ "pid": memory.sid }),
    ] {
        let (client, missed) = Client::ask(&server, Via::WebSocket, "/", auth.clone()).await;
        heard.expect("new ").await;
        assert_new(&client, &memory, &missed);
        client_says_goodbye(client, &mut heard).await;
    }
    // None of them has cost the session.
    let (client, _) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(client.memory.pid, memory.pid);
    heard.expect("recovered ").await;
}

#[tokio::test]
async fn a_session_is_one_namespaces() {
    let (io, _main, mut heard) = told(recovering());
    let (log, mut others) = crate::log::log();
    super::tell(io.of("/other"), &log);
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    let asking = super::asking(&memory);
    let (client, missed) = Client::ask(&server, Via::WebSocket, "/other", asking).await;
    assert_new(&client, &memory, &missed);
    others.expect("new ").await;
}

#[tokio::test]
async fn middlewares_are_skipped_or_asked_as_the_option_says() {
    for skip in [true, false] {
        let recovery = ConnectionStateRecovery::new().skip_middlewares(skip);
        let (io, main, mut heard) = told(with(recovery));
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let _ = main.middleware(async move |socket: Socket| {
            counter.fetch_add(1, Ordering::Relaxed);
            match socket.recovered() {
                true => Err(ConnectError::new("not again")),
                false => Ok(()),
            }
        });
        let server = TestServer::start(&io).await;
        let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
        let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        wire.send(format!("40{}", super::asking(&memory))).await;
        let reply = wire.text().await;
        assert_eq!(asked.load(Ordering::Relaxed), if skip { 1 } else { 2 });
        if skip {
            assert!(reply.contains(&memory.pid), "{reply}");
            heard.expect("recovered ").await;
        } else {
            assert_eq!(reply, r#"44{"message":"not again"}"#);
            // A middleware that has said no has ended the session.
            let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
            assert_new(&client, &memory, &missed);
        }
    }
}

#[tokio::test]
async fn a_client_that_is_gone_again_before_the_middlewares_have_decided_can_come_once_more() {
    let recovery = ConnectionStateRecovery::new()
        .skip_middlewares(false)
        .max_disconnection_duration(LONG);
    let (io, main, mut heard) = told(with(recovery));
    let waits = Arc::new(tokio::sync::Semaphore::new(1));
    let (gate, (log, mut asked)) = (waits.clone(), crate::log::log());
    let main = main.middleware(async move |_: Socket| {
        log.say("asked");
        gate.acquire().await.unwrap().forget();
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, Via::WebSocket).await;
    asked.expect("asked").await;
    heard.expect("new ").await;
    let memory = client.lose_connection(&mut heard).await;
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", super::asking(&memory))).await;
    asked.expect("asked").await;
    main.emit("meanwhile", 1);
    wire.close().await;
    crate::wire::within(async {
        while io.engine().clients_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waits.add_permits(2);
    // Its middleware may still be at it.
    let (client, missed) = crate::wire::within(async {
        loop {
            let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
            if client.memory.pid == memory.pid {
                return (client, missed);
            }
            waits.add_permits(1);
        }
    })
    .await;
    assert_eq!(missed, events([json!(["meanwhile", 1])]));
    assert_eq!(client.memory.sid, memory.sid);
}

#[tokio::test]
async fn without_the_option_nothing_is_added_and_nothing_is_given_back() {
    let (io, main, mut heard) = told(axum_socketio::SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"40{"pid":"x","offset":"y"}"#).await;
    let reply: serde_json::Value = serde_json::from_str(&client.text().await[2..]).unwrap();
    assert_eq!(reply.as_object().unwrap().keys().collect::<Vec<_>>(), ["sid"]);
    heard.expect("new ").await;
    main.emit("plain", 1);
    client.expect(r#"42["plain",1]"#).await;
}

/// A server whose sockets say when they connect and leave, and leave when they may; and who says so.
fn says_when_it_leaves() -> (SocketIo, Namespace, [Heard; 2], mpsc::Sender<()>) {
    let (io, main, heard) = told(recovering());
    let _ = io.of("/other");
    let (log, seen) = crate::log::log();
    let (go_on, blocked) = mpsc::channel::<()>();
    let (leaving, blocked) = (log.clone(), Arc::new(Mutex::new(blocked)));
    let main = main
        .on_connect(async move |_: Socket| log.say("connects"))
        .on_disconnect(async move |_: Socket| {
            leaving.say("leaves");
            // Like a handler that computes.
            tokio::task::block_in_place(|| blocked.lock().unwrap().recv()).unwrap();
            leaving.say("has left");
        });
    (io, main, [heard, seen], go_on)
}

/// A client that has asked for its session and isn't answered yet, though it gets into another namespace.
async fn waits_alone(server: &TestServer, memory: &Memory) -> TestClient {
    let mut wire = TestClient::open(server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", super::asking(memory))).await;
    wire.send("40/other,").await;
    let reply = wire.text().await;
    assert!(reply.starts_with("40/other,"), "{reply}");
    wire
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn disconnect_handlers_have_started_before_the_next_sockets_connect_handlers_do() {
    let (io, main, [mut heard, mut seen], go_on) = says_when_it_leaves();
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, Via::WebSocket).await;
    seen.expect("connects").await;
    heard.expect("new ").await;
    let memory = client.lose_connection(&mut heard).await;
    seen.expect("leaves").await;
    let mut wire = waits_alone(&server, &memory).await;
    main.emit("meanwhile", 1);
    go_on.send(()).unwrap();
    seen.expect("has left").await;
    seen.expect("connects").await;
    heard.expect("recovered ").await;
    let missed = wire.text().await;
    assert!(missed.starts_with(r#"42["meanwhile",1,"#), "{missed}");
    let reply = wire.text().await;
    assert!(reply.contains(&memory.pid), "{reply}");
    go_on.send(()).unwrap();
}

/// They don't wait to be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_has_left_or_was_sent_away_begins_anew_behind_the_disconnect_handlers() {
    let (io, main, [_heard, mut seen], go_on) = says_when_it_leaves();
    let server = TestServer::start(&io).await;
    // npm's takes the last text of an event that has no offset for one.
    let ways = [
        (None, None),
        (None, Some("a text")),
        (Some(false), None),
        (Some(true), None),
        (Some(false), Some("a text")),
    ];
    for (sent_away, offset) in ways {
        let mut client = Client::connect(&server, Via::WebSocket).await;
        seen.expect("connects").await;
        let mut memory = client.memory.clone();
        memory.offset = offset.map(str::to_owned);
        match sent_away {
            Some(close) => {
                let socket = main.socket(&memory.sid).unwrap();
                drop(in_a_plain_thread(move || socket.disconnect(close)));
            }
            None => client.wire.send("41").await,
        }
        seen.expect("leaves").await;
        drop(client);
        let mut wire = waits_alone(&server, &memory).await;
        go_on.send(()).unwrap();
        seen.expect("has left").await;
        seen.expect("connects").await;
        let reply = wire.text().await;
        assert!(
            reply.starts_with("40{") && !reply.contains(&memory.pid),
            "{reply}"
        );
        go_on.send(()).unwrap();
        wire.send("41").await;
        seen.expect("leaves").await;
        seen.expect("has left").await;
    }
}

/// Its connection has ended, but its handlers don't know yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_ends_with_no_offset_begins_anew_behind_what_its_last_socket_does() {
    let (io, main, [_heard, mut seen], go_on) = says_when_it_leaves();
    let (release, block) = Block::new();
    let (log, mut worked) = crate::log::log();
    let main = main.on("work", async move || {
        log.say("works");
        tokio::task::block_in_place(|| block.wait());
    });
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    seen.expect("connects").await;
    client.send(json!(["work"])).await;
    worked.expect("works").await;
    let connection = main.socket(&client.memory.sid).unwrap().connection().clone();
    in_a_plain_thread(move || connection.close()).await;
    client.memory.offset = Some("a text".to_owned());
    let _wire = waits_alone(&server, &client.memory).await;
    release.send(()).unwrap();
    go_on.send(()).unwrap();
    for said in ["leaves", "has left", "connects"] {
        seen.expect(said).await;
    }
    go_on.send(()).unwrap();
}

/// A server whose sockets have not left before it is told so, and who tells it.
fn held_up(builder: Builder) -> (SocketIo, Namespace, Heard, mpsc::Sender<()>) {
    let (io, main, heard) = told(builder);
    let (go_on, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let main = main.on_disconnect(async move |_: Socket| {
        let _ = tokio::task::block_in_place(|| blocked.lock().unwrap().recv());
    });
    (io, main, heard, go_on)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_has_gone_while_it_waited_does_not_take_the_session_from_the_next() {
    let recovery = ConnectionStateRecovery::new().max_log_size(1_000);
    let (io, main, mut heard, go_on) = held_up(with(recovery));
    let (log, mut others) = crate::log::log();
    let _ = io
        .of("/other")
        .on_disconnect(async move |_: Socket| log.say("has gone"));
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    main.emit("first", "x".repeat(600));
    client.event().await;
    let memory = client.lose_connection(&mut heard).await;
    main.emit("second", "x".repeat(600));
    // It couldn't have it anyway, as the first is gone; and who asks for it in vain ends it.
    let mut gone = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    gone.send("40/other,").await;
    gone.text().await;
    gone.send(format!("40{}", json!({ "pid": memory.pid }))).await;
    gone.close().await;
    others.expect("has gone").await;
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", super::asking(&memory))).await;
    wire.send("40/other,").await;
    assert!(wire.text().await.starts_with("40/other,"));
    drop(go_on);
    heard.expect("recovered ").await;
    assert!(wire.text().await.starts_with(r#"42["second","#));
    assert!(wire.text().await.contains(&memory.pid));
    main.emit("third", 1);
    assert!(wire.text().await.starts_with(r#"42["third","#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_has_gone_is_not_kept_by_the_handler_that_it_waited_for() {
    let builder = recovering().connect_timeout(Duration::from_millis(100));
    let (io, _main, mut heard, go_on) = held_up(builder);
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..3 {
        let mut gone = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        gone.send(format!("40{}", super::asking(&memory))).await;
        gone.close().await;
    }
    within(async {
        while tasks() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(go_on);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_waits_for_its_session_in_a_runtime_that_ends_is_answered() {
    let (io, _main, mut heard, go_on) = held_up(recovering());
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    let (second, _other) = Second::with_a_connection(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::Polling).await;
    second
        .hears(&client, format!("40{}", super::asking(&memory)))
        .await;
    second.end().await;
    client.expect(r#"44{"message":"Internal error"}"#).await;
    drop(go_on);
}

#[tokio::test]
async fn a_session_about_which_a_middleware_decides_in_a_runtime_that_ends_waits_on() {
    let (io, main, mut heard) = told(with(ConnectionStateRecovery::new().skip_middlewares(false)));
    let gate = Arc::new(Semaphore::new(1));
    let waits = gate.clone();
    let main = main.middleware(async move || waits.acquire().await.unwrap().forget());
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    let (second, _other) = Second::with_a_connection(&io).await;
    let client = TestClient::open(&second.server, Eio::V4, Via::Polling).await;
    second
        .hears(&client, format!("40{}", super::asking(&memory)))
        .await;
    second.end().await;
    assert_eq!(main.waiting_sessions(), 1);
    gate.add_permits(1);
    let (client, _) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(client.memory.pid, memory.pid);
    heard.expect("recovered ").await;
}

#[tokio::test]
async fn who_begins_anew_after_all_is_in_no_room() {
    let recovery = ConnectionStateRecovery::new()
        .skip_middlewares(false)
        .max_log_size(400);
    let (io, main, mut heard) = told(with(recovery));
    let everyone = main.clone();
    let main = main.middleware(async move |socket: Socket| {
        if socket.recovered() {
            // What the client has missed is gone when it is let in.
            everyone.emit("too much", "x".repeat(400));
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    let memory = client.lose_connection(&mut heard).await;
    main.emit("missed", 1);
    let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, events([]));
    assert_ne!(client.memory.pid, memory.pid);
    heard.expect("new ").await;
}

#[tokio::test]
async fn a_socket_that_a_connect_handler_sends_away_sends_nothing_more() {
    let (io, main, mut heard) = told(recovering());
    let (log, mut tried) = crate::log::log();
    let _ = main.clone().on_connect(async move |socket: Socket| {
        socket.disconnect(false);
        log.say(socket.try_emit("too late", 1).is_err());
        main.emit("too late for it", 2);
    });
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    tried.expect("true").await;
    heard.expect("left: server namespace disconnect").await;
    client.wire.expect("41").await;
}
