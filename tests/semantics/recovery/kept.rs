//! What a session keeps while its client is away, and for how long.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use axum_socketio::{ConnectError, Socket, SocketIo, recovery::ConnectionStateRecovery};
use serde_json::json;

use super::{Client, LONG, WAYS, events, recovering, told, value, with};
use crate::{
    drops::Bomb,
    wire::{Eio, TestClient, TestServer, Via, within},
};

#[derive(Clone, Debug, PartialEq)]
struct UserName(String);

#[tokio::test]
async fn data_and_extensions_are_there_again_before_the_connect_handlers() {
    let (io, main, mut heard) = told(recovering());
    let (log, mut seen) = crate::log::log();
    let _ = main.on_connect(async move |socket: Socket| {
        let name = socket.extensions().get::<UserName>();
        log.say(format!("{:?} {:?}", socket.data::<Option<u32>>().unwrap(), name));
        socket.set_data(7).unwrap();
        socket.extensions().insert(UserName("Ada".to_owned()));
    });
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        seen.expect("None None").await;
        let memory = client.lose_connection(&mut heard).await;
        let (client, _) = Client::resume(&server, via, &memory).await;
        heard.expect("recovered ").await;
        seen.expect(r#"Some(7) Some(UserName("Ada"))"#).await;
        client.lose_connection(&mut heard).await;
    }
}

#[tokio::test]
async fn a_socket_that_has_left_the_room_of_its_id_is_not_in_it_again() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    let socket = main.socket(&client.memory.sid).unwrap();
    socket.leave(socket.id());
    let memory = client.lose_connection(&mut heard).await;
    main.to(&*memory.sid).emit("not for it", ());
    let (_client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, events([]));
    heard.expect("recovered ").await;
    assert!(!main.socket(&memory.sid).unwrap().is_in(&memory.sid));
}

/// Emits when it wakes, as an executor may that runs what it wakes at once, and says whether it could.
struct Emits {
    socket: Socket,
    told: mpsc::Sender<bool>,
}

impl Wake for Emits {
    fn wake(self: Arc<Self>) {
        let (socket, (answer, answered)) = (self.socket.clone(), mpsc::channel());
        // Another thread does: a lock that is held makes the test fail then, and not hang.
        std::thread::spawn(move || {
            socket.emit("woken", ());
            answer.send(())
        });
        let answered = answered.recv_timeout(Duration::from_secs(5)).is_ok();
        self.told.send(answered).unwrap();
    }
}

#[tokio::test]
async fn who_listens_to_a_connection_is_woken_without_the_lock_of_its_session() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let mut client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        let socket = main.socket(&client.memory.sid).unwrap();
        let (told, woken) = mpsc::channel();
        let waker = Waker::from(Arc::new(Emits {
            socket: socket.clone(),
            told,
        }));
        let mut events = socket.connection().events();
        let waits = pin!(events.next()).poll(&mut Context::from_waker(&waker));
        assert!(waits.is_pending());
        socket.emit("news", ());
        assert_eq!(woken.try_recv(), Ok(true), "via {via:?}");
        assert_eq!(client.event().await, value(json!(["news"])));
        assert_eq!(client.event().await, value(json!(["woken"])));
        drop(events);
        client.lose_connection(&mut heard).await;
    }
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_over_and_the_hook_is_told() {
    let (log, mut expired) = crate::log::log();
    let recovery = ConnectionStateRecovery::new()
        .max_disconnection_duration(Duration::from_millis(200))
        .on_expired(move |session| {
            let data: u32 = session.data().unwrap();
            log.say(format!("{} {:?} {data}", session.id(), session.rooms()));
        });
    let (io, main, mut heard) = told(with(recovery));
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    let sid = client.memory.sid.clone();
    main.socket(&sid).unwrap().set_data(7).unwrap();
    let memory = client.lose_connection(&mut heard).await;
    expired.expect(&format!(r#"{sid} ["room"] 7"#)).await;
    let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, events([]));
    assert_ne!(client.memory.pid, memory.pid);
    heard.expect("new ").await;
}

/// Whose token has expired, say: nobody is told by a disconnect handler any more.
#[tokio::test]
async fn the_hook_is_told_of_who_is_not_let_in_again() {
    let (log, mut expired) = crate::log::log();
    let recovery = ConnectionStateRecovery::new()
        .skip_middlewares(false)
        .on_expired(move |session| log.say(format!("{} {:?}", session.id(), session.rooms())));
    let (io, main, mut heard) = told(with(recovery));
    let is_expired = Arc::new(AtomicBool::new(false));
    let expires = is_expired.clone();
    let main = main.middleware(async move || match expires.load(Ordering::Relaxed) {
        true => Err(ConnectError::new("expired")),
        false => Ok(()),
    });
    let server = TestServer::start(&io).await;
    for via in WAYS {
        is_expired.store(false, Ordering::Relaxed);
        let mut client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        client.join(&["room"]).await;
        let memory = client.lose_connection(&mut heard).await;
        is_expired.store(true, Ordering::Relaxed);
        let mut wire = TestClient::open(&server, Eio::V4, via).await;
        wire.send(format!("40{}", super::asking(&memory))).await;
        assert!(wire.text().await.starts_with("44"));
        expired.expect(&format!(r#"{} ["room"]"#, memory.sid)).await;
        assert_eq!(main.waiting_sessions(), 0);
        wire.close().await;
    }
}

#[tokio::test]
async fn no_more_sessions_wait_than_may_and_the_oldest_end_first() {
    let (log, mut expired) = crate::log::log();
    let recovery = ConnectionStateRecovery::new()
        .max_waiting_sessions(2)
        .on_expired(move |session| log.say(session.id()));
    let (io, main, mut heard) = told(with(recovery));
    let server = TestServer::start(&io).await;
    let mut memories = Vec::new();
    for _ in 0..5 {
        let client = Client::connect(&server, Via::WebSocket).await;
        heard.expect("new ").await;
        memories.push(client.lose_connection(&mut heard).await);
        within(async {
            while main.waiting_sessions() > 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    for gone in &memories[..3] {
        expired.expect(&gone.sid).await;
    }
    for (memory, how) in memories
        .iter()
        .zip(["new ", "new ", "new ", "recovered ", "recovered "])
        .rev()
    {
        let (mut client, _) = Client::resume(&server, Via::WebSocket, memory).await;
        heard.expect(how).await;
        // So that it doesn't wait again.
        client.wire.send("41").await;
        heard.expect("left: client namespace disconnect").await;
    }
}

#[tokio::test]
async fn sessions_that_wait_are_nobody_for_the_application() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    let memory = client.lose_connection(&mut heard).await;
    assert!(main.is_empty() && main.sockets().is_empty() && main.rooms().is_empty());
    assert!(main.fetch_sockets().await.unwrap().is_empty());
    assert_eq!(main.to("room").emit_with_ack::<()>("asked", ()).recipients(), 0);
    // Nor are they moved while they wait.
    main.leave("room");
    main.disconnect(true);
    let (_client, _) = Client::resume(&server, Via::WebSocket, &memory).await;
    heard.expect("recovered room").await;
}

#[tokio::test]
async fn a_dynamic_namespace_is_there_for_those_who_come_back_to_it() {
    let io = recovering().build().unwrap();
    let (log, mut heard) = crate::log::log();
    let parent = super::tell(io.of_matching(|name| name == "/room-1"), &log);
    let server = TestServer::start(&io).await;
    let (mut client, _) = Client::ask(&server, Via::WebSocket, "/room-1", json!({})).await;
    client.memory.offset = None;
    heard.expect("new ").await;
    let memory = client.lose_connection(&mut heard).await;
    parent.emit("to all children", 1);
    let asking = super::asking(&memory);
    let (client, missed) = Client::ask(&server, Via::WebSocket, "/room-1", asking).await;
    assert_eq!(missed, events([json!(["to all children", 1])]));
    assert_eq!(client.memory.pid, memory.pid);
    heard.expect("recovered ").await;
}

#[tokio::test]
async fn a_server_that_is_closed_keeps_no_session() {
    let recovery = ConnectionStateRecovery::new().max_disconnection_duration(LONG);
    let (io, main, mut heard) = told(with(recovery));
    let server = TestServer::start(&io).await;
    let away = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    away.lose_connection(&mut heard).await;
    let _there = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    assert_eq!(main.waiting_sessions(), 1);
    within(io.close()).await;
    heard.expect("left: server shutting down").await;
    assert_eq!(main.waiting_sessions(), 0);
}

#[tokio::test]
async fn a_server_that_nobody_has_any_more_leaves_no_session() {
    let held = std::sync::Arc::new(());
    let witness = std::sync::Arc::downgrade(&held);
    let recovery = ConnectionStateRecovery::new()
        .max_disconnection_duration(Duration::from_secs(600))
        .on_expired(move |_| drop(held.clone()));
    let (io, main, mut heard) = told(with(recovery));
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.lose_connection(&mut heard).await;
    drop((server, main, io));
    within(async {
        while witness.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Clients of children of a pattern, one after the other; each loses its connection.
async fn lost_in(server: &TestServer, heard: &mut crate::log::Heard, room: usize) -> super::Memory {
    let (mut client, _) = Client::ask(server, Via::WebSocket, &format!("/room-{room}"), json!({})).await;
    client.memory.offset = None;
    heard.expect("new ").await;
    client.lose_connection(heard).await
}

#[tokio::test]
async fn in_all_children_of_a_pattern_no_more_sessions_wait_than_may_in_one_namespace() {
    let (log, mut expired) = crate::log::log();
    let recovery = ConnectionStateRecovery::new()
        .max_waiting_sessions(16)
        .on_expired(move |session| log.say(session.id()));
    let io = with(recovery).build().unwrap();
    let (log, mut heard) = crate::log::log();
    let parent = super::tell(io.of_matching(|name| name.starts_with("/room-")), &log);
    let server = TestServer::start(&io).await;
    let mut memories = Vec::new();
    for room in 0..40 {
        memories.push(lost_in(&server, &mut heard, room).await);
        within(async {
            while parent.waiting_sessions() > 16 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    // One too many makes room for two more; they end at the same time.
    for gone in memories[..24].chunks(3) {
        let mut ended = [expired.next().await, expired.next().await, expired.next().await];
        let mut sids: Vec<&str> = gone.iter().map(|memory| &*memory.sid).collect();
        ended.sort_unstable();
        sids.sort_unstable();
        assert_eq!(ended.each_ref().map(|sid| &**sid), *sids);
    }
    assert!(expired.drain().is_empty());
    let mut clients = Vec::new();
    for (room, how) in [(39, "recovered "), (24, "recovered "), (23, "new ")] {
        let name = format!("/room-{room}");
        let asking = super::asking(&memories[room]);
        clients.push(Client::ask(&server, Via::WebSocket, &name, asking).await);
        heard.expect(how).await;
    }
}

#[tokio::test]
async fn all_children_of_a_pattern_keep_no_more_bytes_than_one_namespace_may() {
    let recovery = ConnectionStateRecovery::new().max_log_size(16_000);
    let io = with(recovery).build().unwrap();
    let (log, mut heard) = crate::log::log();
    let _parent = super::tell(io.of_matching(|name| name.starts_with("/room-")), &log);
    let server = TestServer::start(&io).await;
    let mut memories = Vec::new();
    for (room, events) in [(0, 1), (1, 12), (2, 12)] {
        let memory = lost_in(&server, &mut heard, room).await;
        let namespace = io.get(format!("/room-{room}")).unwrap();
        for event in 0..events {
            namespace.emit("event", (event, "x".repeat(1000)));
        }
        memories.push(memory);
    }
    // Those who have much give it up.
    let mut clients = Vec::new();
    for (room, how) in [(0, "recovered "), (1, "new "), (2, "new ")] {
        let name = format!("/room-{room}");
        let asking = super::asking(&memories[room]);
        let (client, missed) = Client::ask(&server, Via::WebSocket, &name, asking).await;
        heard.expect(how).await;
        assert_eq!(missed.len(), usize::from(room == 0));
        clients.push(client);
    }
}

async fn has_ended(io: &SocketIo, namespace: &str) {
    within(async {
        while io.get(namespace).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_dynamic_namespace_ends_with_those_who_may_come_back_to_it() {
    let io = with(ConnectionStateRecovery::new().max_disconnection_duration(LONG))
        .build()
        .unwrap();
    let (log, mut heard) = crate::log::log();
    let _parent = super::tell(io.of_matching(|name| name.starts_with("/room-")), &log);
    let server = TestServer::start(&io).await;
    let memory = lost_in(&server, &mut heard, 1).await;
    let (mut client, _) = Client::ask(&server, Via::WebSocket, "/room-1", super::asking(&memory)).await;
    heard.expect("recovered ").await;
    client.wire.send(r#"42/room-1,["join",["room"]]"#).await;
    client.event().await;
    client.wire.send("41/room-1,").await;
    heard.expect("left: client namespace disconnect").await;
    has_ended(&io, "/room-1").await;
}

/// Their generation knows of no recovery.
#[tokio::test]
async fn a_dynamic_namespace_of_clients_that_never_come_back_ends_with_them_whatever_they_were_sent() {
    let io = recovering().build().unwrap();
    let _main = io.of("/");
    let _parent = io
        .of_matching(|name| name.starts_with("/room-"))
        .on_connect(async |socket: Socket| socket.namespace().emit("joined", ()));
    let server = TestServer::start(&io).await;
    for via in super::WAYS {
        let mut client = TestClient::connect(&server, Eio::V3, via).await;
        client.join("/room-1").await;
        client.expect(r#"42/room-1,["joined"]"#).await;
        client.send("41/room-1,").await;
        has_ended(&io, "/room-1").await;
        client.close().await;
    }
}

/// As npm's does: after `socket.disconnect()` and `socket.connect()` it still says the last offset that it has heard.
#[tokio::test]
async fn who_is_back_in_a_dynamic_namespace_that_had_ended_gets_its_session_though_it_says_an_offset_of_that_time()
 {
    let io = recovering().build().unwrap();
    let (log, mut heard) = crate::log::log();
    let _parent = super::tell(io.of_matching(|name| name.starts_with("/room-")), &log);
    let server = TestServer::start(&io).await;
    let emit = |event: &str| io.get("/room-1").unwrap().emit(event, ());
    for via in super::WAYS {
        let (mut client, _) = Client::ask(&server, via, "/room-1", json!({})).await;
        heard.expect("new ").await;
        emit("first");
        client.event().await;
        client.wire.send("41/room-1,").await;
        heard.expect("left: client namespace disconnect").await;
        has_ended(&io, "/room-1").await;
        let asking = super::asking(&client.memory);
        let (client, missed) = Client::over(client.wire, "/room-1", asking).await;
        assert_eq!(missed, events([]));
        heard.expect("new ").await;
        let memory = client.lose_connection(&mut heard).await;
        emit("missed");
        let (mut client, missed) = Client::ask(&server, via, "/room-1", super::asking(&memory)).await;
        assert_eq!(missed, events([json!(["missed"])]));
        heard.expect("recovered ").await;
        client.wire.send("41/room-1,").await;
        heard.expect("left: client namespace disconnect").await;
    }
}

/// It can be cloned once.
struct Unique(Arc<AtomicBool>);

impl Clone for Unique {
    fn clone(&self) -> Self {
        assert!(!self.0.swap(true, Ordering::Relaxed), "cloned twice");
        Self(self.0.clone())
    }
}

#[tokio::test]
async fn extensions_that_panic_when_they_are_cloned_are_lost_and_nothing_else() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    // When the socket leaves, or when the client is back.
    for cloned in [true, false] {
        let mut client = Client::connect(&server, Via::WebSocket).await;
        heard.expect("new ").await;
        client.join(&["room"]).await;
        let socket = main.socket(&client.memory.sid).unwrap();
        let unique = Unique(Arc::new(AtomicBool::new(cloned)));
        socket.extensions().insert(unique);
        let memory = client.lose_connection(&mut heard).await;
        assert!(main.is_empty());
        let (mut client, _) = Client::resume(&server, Via::WebSocket, &memory).await;
        heard.expect("recovered room").await;
        assert_eq!(client.memory.pid, memory.pid);
        let socket = main.socket(&client.memory.sid).unwrap();
        assert!(socket.extensions().remove::<Unique>().is_none());
        client.wire.send("41").await;
        heard.expect("left: client namespace disconnect").await;
    }
}

#[tokio::test]
async fn a_socket_that_was_there_before_broadcasts_to_others_than_its_client() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let mut other = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    other.join(&["room"]).await;
    let before = main.socket(&client.memory.sid).unwrap();
    // Who isn't in the room of its id is left out all the same.
    before.leave(before.id());
    let made = before.broadcast();
    for _ in 0..2 {
        let memory = client.lose_connection(&mut heard).await;
        made.emit("while away", 1);
        before.broadcast().emit("while away", 2);
        let (again, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
        client = again;
        assert_eq!(missed, events([]));
        heard.expect("recovered ").await;
        made.emit("to all others", 1);
        before.broadcast().emit("to all others", 2);
        made.clone().to("room").emit("to others in the room", 1);
        before.to("room").emit("to others in the room", 2);
        main.emit("to all", ());
        assert_eq!(client.event().await, value(json!(["to all"])));
        for event in ["while away", "to all others", "to others in the room"] {
            for number in [1, 2] {
                assert_eq!(other.event().await, value(json!([event, number])));
            }
        }
        assert_eq!(other.event().await, value(json!(["to all"])));
    }
}

#[tokio::test]
async fn sessions_whose_values_panic_when_they_are_dropped_all_end() {
    let (tell, expired) = mpsc::channel();
    let recovery = ConnectionStateRecovery::new()
        .max_disconnection_duration(Duration::from_millis(50))
        .on_expired(move |session| tell.send(session.rooms().len()).unwrap());
    let (io, main, mut heard) = told(with(recovery));
    let _ = main.clone().on_connect(async |socket: Socket| {
        socket.join("room");
        socket.extensions().insert(Bomb::new());
    });
    let server = TestServer::start(&io).await;
    for _ in 0..2 {
        let mut clients = Vec::new();
        for via in [Via::WebSocket, Via::Polling] {
            clients.push(Client::connect(&server, via).await);
            heard.expect("new ").await;
        }
        for client in clients {
            client.lose_connection(&mut heard).await;
        }
        for _ in 0..2 {
            let rooms = within(async {
                loop {
                    match expired.try_recv() {
                        Ok(rooms) => break rooms,
                        Err(_) => tokio::task::yield_now().await,
                    }
                }
            });
            assert_eq!(rooms.await, 1);
        }
        assert_eq!(main.waiting_sessions(), 0);
    }
}
