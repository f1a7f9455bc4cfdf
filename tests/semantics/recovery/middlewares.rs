//! What middlewares do to a socket whose client is about to get its session back.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Context, Wake, Waker},
    thread,
    time::Duration,
};

use axum_socketio::{ConnectError, Namespace, Room, Socket, Value, recovery::ConnectionStateRecovery};
use serde_json::json;
use tokio::{sync::Semaphore, task::block_in_place};

use super::{Client, LONG, Memory, WAYS, asking, events, rooms, tell, told, value, with};
use crate::{
    log::{Heard, log},
    wire::{Eio, TestClient, TestServer, Via, within},
};

fn asked() -> ConnectionStateRecovery {
    ConnectionStateRecovery::new()
        .skip_middlewares(false)
        .max_disconnection_duration(LONG)
}

#[tokio::test]
async fn who_is_turned_away_is_in_no_room_that_a_middleware_has_joined() {
    let (io, main, mut heard) = told(with(asked()));
    let main = main.middleware(async |socket: Socket| {
        if !socket.recovered() {
            return Ok(());
        }
        socket.join(["hall", "room"]);
        Err(ConnectError::new("not again"))
    });
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    let memory = client.lose_connection(&mut heard).await;
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", asking(&memory))).await;
    wire.expect(r#"44{"message":"not again"}"#).await;
    assert_eq!(main.rooms(), [""; 0]);
    assert_eq!(main.waiting_sessions(), 0);
}

#[tokio::test]
async fn who_is_gone_before_the_middlewares_have_decided_is_in_no_room_that_one_has_joined() {
    let (io, main, mut heard) = told(with(asked()));
    let (log, mut came) = log();
    let waits = Arc::new(Semaphore::new(1));
    let gate = waits.clone();
    let main = main.middleware(async move |socket: Socket| {
        socket.join("hall");
        log.say("asked");
        gate.acquire().await.unwrap().forget();
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, Via::WebSocket).await;
    came.expect("asked").await;
    heard.expect("new hall").await;
    let memory = client.lose_connection(&mut heard).await;
    assert_eq!(main.rooms(), [""; 0]);
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", asking(&memory))).await;
    came.expect("asked").await;
    assert_eq!(main.rooms(), ["hall"]);
    wire.close().await;
    within(async {
        while io.engine().clients_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waits.add_permits(1);
    within(async {
        while !main.rooms().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    wait_for_sessions(&main, 1).await;
}

/// Both the session that waits and the socket that is to have it are in the room then.
#[tokio::test]
async fn what_is_sent_to_a_room_that_a_middleware_joins_again_comes_once() {
    let (io, main, mut heard) = told(with(asked()));
    let everyone = main.clone();
    let main = main.middleware(async move |socket: Socket| {
        socket.join(["room", "hall"]);
        if socket.recovered() {
            everyone.to("room").emit("meanwhile", 1);
            everyone.to("hall").emit("meanwhile", 2);
            everyone.emit("meanwhile", 3);
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let client = Client::connect(&server, via).await;
        heard.expect("new room hall").await;
        let memory = client.lose_connection(&mut heard).await;
        let (mut client, missed) = Client::resume(&server, via, &memory).await;
        let meanwhile = [1, 2, 3].map(|number| json!(["meanwhile", number]));
        assert_eq!(missed, events(meanwhile));
        heard.expect("recovered room hall").await;
        main.to("hall").emit("after", ());
        assert_eq!(client.event().await, value(json!(["after"])));
        let socket = main.sockets().pop().unwrap();
        socket.disconnect(true);
        heard.expect("left: server namespace disconnect").await;
    }
    assert_eq!(main.rooms(), [""; 0]);
}

#[tokio::test]
async fn who_has_gone_and_could_not_have_been_sent_all_begins_anew_the_next_time_too() {
    let (io, main, mut heard) = told(with(asked().max_log_size(400)));
    let everyone = main.clone();
    let once = Arc::new(AtomicBool::new(true));
    let main = main.middleware(async move |socket: Socket| {
        if socket.recovered() && once.swap(false, Ordering::Relaxed) {
            for number in 0..20 {
                everyone.emit("meanwhile", number);
            }
            socket.connection().close_now();
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    main.emit("missed", ());
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", asking(&memory))).await;
    while wire.recv().await.is_some() {}
    let (_, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, [Value::Null; 0]);
    heard.expect("new ").await;
}

/// As in Node. One that is asked again may find that the client has lost a right.
#[tokio::test]
async fn a_middleware_finds_a_socket_in_the_rooms_of_its_session_and_may_take_it_out() {
    let (io, main, mut heard) = told(with(asked()));
    let (log, mut seen) = log();
    let everyone = main.clone();
    let main = main.middleware(async move |socket: Socket| {
        if !socket.recovered() {
            socket.join(["admins", "hall"]);
            return Ok(());
        }
        socket.join(["hall", "early"]);
        let own = (socket.rooms()[0] == *socket.id(), socket.is_in(socket.id()));
        log.say(format!("{} {own:?} {}", rooms(&socket), socket.is_in("admins")));
        socket.leave(["admins", "no room of its"]);
        log.say(format!("{} {}", rooms(&socket), socket.is_in("admins")));
        everyone.to("admins").emit("secret", ());
        everyone.to("hall").emit("meanwhile", ());
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let client = Client::connect(&server, via).await;
        heard.expect("new admins hall").await;
        let memory = client.lose_connection(&mut heard).await;
        let (mut client, missed) = Client::resume(&server, via, &memory).await;
        seen.expect("hall early admins (true, true) true").await;
        seen.expect("hall early false").await;
        assert_eq!(missed, events([json!(["meanwhile"])]));
        heard.expect("recovered hall early").await;
        main.to("admins").emit("secret", ());
        main.to("hall").emit("after", ());
        assert_eq!(client.event().await, value(json!(["after"])));
        client.lose_connection(&mut heard).await;
    }
}

#[tokio::test]
async fn a_socket_that_a_middleware_takes_out_of_the_room_of_its_id_is_not_sent_what_is_for_it() {
    let (io, main, mut heard) = told(with(asked()));
    let everyone = main.clone();
    let main = main.middleware(async move |socket: Socket| {
        if socket.recovered() {
            socket.leave(socket.id());
            everyone.to(socket.id()).emit("not for it", ());
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    let (_client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, [Value::Null; 0]);
    assert!(!main.socket(&memory.sid).unwrap().is_in(&memory.sid));
}

#[tokio::test]
async fn who_begins_anew_is_in_the_room_of_its_id_though_its_last_socket_had_left_that() {
    let (io, main, mut heard) = told(with(asked().max_log_size(400)));
    let everyone = main.clone();
    let main = main.middleware(async move |socket: Socket| {
        if socket.recovered() {
            assert!(!socket.is_in(socket.id()));
            everyone.emit("too much", "x".repeat(400));
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    let socket = main.socket(&client.memory.sid).unwrap();
    socket.leave(socket.id());
    let memory = client.lose_connection(&mut heard).await;
    let (mut client, _) = Client::resume(&server, Via::WebSocket, &memory).await;
    heard.expect("new ").await;
    main.to(&*memory.sid).emit("for it", ());
    assert_eq!(client.event().await, value(json!(["for it"])));
}

/// Leaves a room whenever it is woken.
struct Leaves(Socket);

impl Wake for Leaves {
    fn wake(self: Arc<Self>) {
        self.0.leave("room");
    }
}

/// Who listens to its connection is woken as it is told that it is in, which it isn't quite yet.
#[tokio::test]
async fn a_room_that_is_left_as_a_socket_is_let_in_is_left() {
    let (io, main, mut heard) = told(with(asked()));
    let listens = Arc::new(Mutex::new(Vec::new()));
    let main = main.middleware(async move |socket: Socket| {
        if !socket.recovered() {
            socket.join("room");
            return Ok(());
        }
        let waker = Waker::from(Arc::new(Leaves(socket.clone())));
        let mut events = socket.connection().events();
        let waits = pin!(events.next()).poll(&mut Context::from_waker(&waker));
        assert!(waits.is_pending());
        listens.lock().unwrap().push(events);
        assert!(socket.is_in("room"));
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let client = Client::connect(&server, via).await;
        heard.expect("new room").await;
        let memory = client.lose_connection(&mut heard).await;
        let (client, _) = Client::resume(&server, via, &memory).await;
        heard.expect("recovered ").await;
        assert_eq!(main.rooms(), [""; 0]);
        client.lose_connection(&mut heard).await;
    }
}

/// Before its connect handlers start, which know it for a new one.
#[tokio::test]
async fn a_session_that_turns_out_to_be_incomplete_as_its_client_is_let_in_is_told_to_the_hook() {
    let (log, mut heard) = log();
    let hook = log.clone();
    let recovery = asked()
        .max_log_size(400)
        .on_expired(move |session| hook.say(format!("ended: {} {:?}", session.id(), session.rooms())));
    let io = with(recovery).build().unwrap();
    let main = tell(io.of("/"), &log);
    let everyone = main.clone();
    let _ = main.middleware(async move |socket: Socket| {
        if socket.recovered() {
            everyone.emit("too much", "x".repeat(400));
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    let memory = client.lose_connection(&mut heard).await;
    let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    heard.expect(&format!("ended: {} [\"room\"]", memory.sid)).await;
    heard.expect("new ").await;
    assert!(missed.is_empty());
    assert_ne!(client.memory.pid, memory.pid);
}

/// A middleware that keeps who asks for a session waiting as long as `keeps` holds, says so, and lets it in when there is a permit.
fn kept_waiting(main: Namespace, keeps: &Arc<AtomicBool>) -> (Namespace, Heard, Arc<Semaphore>) {
    let (log, asked) = log();
    let (gate, keeps) = (Arc::new(Semaphore::new(0)), keeps.clone());
    let waits = gate.clone();
    let main = main.middleware(async move |socket: Socket| {
        if socket.recovered() && keeps.load(Ordering::Relaxed) {
            log.say("waits");
            waits.acquire().await.unwrap().forget();
            log.say("decided");
        }
        Ok::<_, ConnectError>(())
    });
    (main, asked, gate)
}

/// A connection over which a client asks for its session, and that a middleware keeps waiting.
async fn waiting(server: &TestServer, via: Via, memory: &Memory, asked: &mut Heard) -> TestClient {
    let mut wire = TestClient::open(server, Eio::V4, via).await;
    wire.send(format!("40{}", asking(memory))).await;
    asked.expect("waits").await;
    wire
}

/// So many sessions wait for their clients.
async fn wait_for_sessions(main: &Namespace, number: usize) {
    within(async {
        while main.waiting_sessions() != number {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_gone_again_while_a_middleware_decides_gets_its_session_over_the_next_connection() {
    let (io, main, mut heard) = told(with(asked()));
    let keeps = Arc::new(AtomicBool::new(true));
    let (main, mut asked, gate) = kept_waiting(main, &keeps);
    let server = TestServer::start(&io).await;
    for via in WAYS {
        keeps.store(true, Ordering::Relaxed);
        let mut client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        client.join(&["room"]).await;
        let memory = client.lose_connection(&mut heard).await;
        main.emit("missed", 1);
        let wire = waiting(&server, via, &memory, &mut asked).await;
        assert_eq!(main.waiting_sessions(), 0);
        main.emit("missed", 2);
        wire.close().await;
        wait_for_sessions(&main, 1).await;
        main.to("room").emit("missed", 3);
        keeps.store(false, Ordering::Relaxed);
        let (mut client, missed) = Client::resume(&server, via, &memory).await;
        assert_eq!(missed, events([1, 2, 3].map(|number| json!(["missed", number]))));
        assert_eq!(client.memory.pid, memory.pid);
        heard.expect("recovered room").await;
        // The first one's comes when it doesn't matter any more.
        gate.add_permits(1);
        asked.expect("decided").await;
        main.to("room").emit("after", ());
        assert_eq!(client.event().await, value(json!(["after"])));
        assert_eq!((main.waiting_sessions(), main.len()), (0, 1));
        let memory = client.lose_connection(&mut heard).await;
        let (client, _) = Client::resume(&server, via, &memory).await;
        heard.expect("recovered room").await;
        assert_eq!(client.memory.pid, memory.pid);
        main.disconnect(true);
        heard.expect("left: server namespace disconnect").await;
    }
    assert_eq!(heard.drain(), [""; 0]);
}

/// Unless it has asked for it again.
#[tokio::test]
async fn who_says_good_bye_while_a_middleware_decides_and_goes_begins_anew() {
    let (log, mut expired) = log();
    let recovery = asked().on_expired(move |session| log.say(session.id()));
    let (io, main, mut heard) = told(with(recovery));
    let keeps = Arc::new(AtomicBool::new(true));
    let (main, mut asked, _gate) = kept_waiting(main, &keeps);
    let server = TestServer::start(&io).await;
    for (via, asks_again) in WAYS.into_iter().flat_map(|via| [(via, false), (via, true)]) {
        keeps.store(true, Ordering::Relaxed);
        let memory = Client::away(&server, via, &mut heard).await;
        let mut wire = waiting(&server, via, &memory, &mut asked).await;
        wire.send("41").await;
        if asks_again {
            wire.send(format!("40{}", asking(&memory))).await;
        }
        wire.close().await;
        if asks_again {
            wait_for_sessions(&main, 1).await;
        } else {
            expired.expect(&memory.sid).await;
        }
        keeps.store(false, Ordering::Relaxed);
        let (client, _) = Client::resume(&server, via, &memory).await;
        heard.expect(if asks_again { "recovered " } else { "new " }).await;
        assert_eq!(client.memory.pid == memory.pid, asks_again);
        main.disconnect(true);
        heard.expect("left: server namespace disconnect").await;
        assert_eq!(main.waiting_sessions(), 0);
    }
    assert_eq!(expired.drain(), [""; 0]);
}

#[tokio::test]
async fn who_is_back_before_it_is_noticed_that_it_has_gone_again_gets_its_session() {
    let (io, main, mut heard) = told(with(asked()));
    let keeps = Arc::new(AtomicBool::new(true));
    let (main, mut asked, gate) = kept_waiting(main, &keeps);
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    main.emit("missed", 1);
    let mut wire = waiting(&server, Via::WebSocket, &memory, &mut asked).await;
    keeps.store(false, Ordering::Relaxed);
    let (mut client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, events([json!(["missed", 1])]));
    assert_eq!(client.memory.pid, memory.pid);
    heard.expect("recovered ").await;
    // As any connection that a client has left behind.
    wire.expect_closed().await;
    gate.add_permits(1);
    asked.expect("decided").await;
    main.emit("after", ());
    assert_eq!(client.event().await, value(json!(["after"])));
    assert_eq!((main.waiting_sessions(), main.len()), (0, 1));
}

#[tokio::test]
async fn a_room_that_a_middleware_has_left_stays_left_though_its_client_goes_again() {
    let (io, main, mut heard) = told(with(asked()));
    let main = main.middleware(async move |socket: Socket| {
        if socket.recovered() && socket.is_in("room") {
            socket.leave(["room".into(), Room::from(socket.id())]);
            socket.connection().close_now();
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room", "hall"]).await;
    let memory = client.lose_connection(&mut heard).await;
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", asking(&memory))).await;
    while wire.recv().await.is_some() {}
    main.to("room").emit("secret", ());
    main.to(&*memory.sid).emit("secret", ());
    main.to("hall").emit("missed", ());
    let (_client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, events([json!(["missed"])]));
    let socket = main.sockets().remove(0);
    assert_eq!(socket.rooms(), ["hall"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_with_its_connection_while_a_middleware_decides_may_be_back_for_its_session() {
    let (io, main, mut heard) = told(with(asked()));
    let keeps = Arc::new(AtomicBool::new(true));
    let (main, mut asked, gate) = kept_waiting(main, &keeps);
    let (log, mut leaves) = log();
    let (go_on, told) = mpsc::channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let other = io.of("/other").on_disconnecting(async move || {
        log.say("leaves");
        block_in_place(|| told.lock().unwrap().recv().unwrap());
    });
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    let mut wire = waiting(&server, Via::WebSocket, &memory, &mut asked).await;
    wire.join("/other").await;
    let socket = other.sockets().remove(0);
    let sends_away = thread::spawn(move || socket.disconnect(true));
    leaves.expect("leaves").await;
    gate.add_permits(1);
    asked.expect("decided").await;
    wait_for_sessions(&main, 1).await;
    go_on.send(()).unwrap();
    sends_away.join().unwrap();
    keeps.store(false, Ordering::Relaxed);
    let (client, _) = Client::resume(&server, Via::WebSocket, &memory).await;
    heard.expect("recovered ").await;
    assert_eq!(client.memory.pid, memory.pid);
}

#[tokio::test]
async fn a_middleware_that_never_ends_gives_a_session_no_more_time_than_it_had() {
    let (log, mut expired) = log();
    let recovery = asked()
        .max_disconnection_duration(Duration::from_millis(300))
        .on_expired(move |session| log.say(session.id()));
    let (io, main, mut heard) = told(with(recovery));
    let (main, mut asked, _gate) = kept_waiting(main, &Arc::new(AtomicBool::new(true)));
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    let wire = waiting(&server, Via::WebSocket, &memory, &mut asked).await;
    // Its time would be over by then, but its client is there.
    let before = Client::away(&server, Via::WebSocket, &mut heard).await;
    expired.expect(&before.sid).await;
    let after = Client::away(&server, Via::WebSocket, &mut heard).await;
    wire.close().await;
    expired.expect(&memory.sid).await;
    expired.expect(&after.sid).await;
    assert_eq!(main.waiting_sessions(), 0);
}

#[tokio::test]
async fn a_session_that_a_middleware_decides_on_takes_no_other_ones_place() {
    let (log, mut expired) = log();
    let recovery = asked()
        .max_waiting_sessions(1)
        .on_expired(move |session| log.say(session.id()));
    let (io, main, mut heard) = told(with(recovery));
    let keeps = Arc::new(AtomicBool::new(true));
    let (main, mut asked, _gate) = kept_waiting(main, &keeps);
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    let wire = waiting(&server, Via::WebSocket, &memory, &mut asked).await;
    let other = Client::away(&server, Via::WebSocket, &mut heard).await;
    assert_eq!(main.waiting_sessions(), 1);
    // From then on it needs one again, and has waited longest.
    wire.close().await;
    expired.expect(&memory.sid).await;
    keeps.store(false, Ordering::Relaxed);
    let (client, _) = Client::resume(&server, Via::WebSocket, &other).await;
    assert_eq!(client.memory.pid, other.pid);
    heard.expect("recovered ").await;
    assert_eq!(expired.drain(), [""; 0]);
}

/// A value whose copy makes so many events as its session is asked for that something of what has been missed is forgotten.
struct Floods(Arc<AtomicBool>, Namespace);

impl Clone for Floods {
    fn clone(&self) -> Self {
        if self.0.swap(false, Ordering::Relaxed) {
            self.1.emit("too much", "x".repeat(400));
        }
        Self(self.0.clone(), self.1.clone())
    }
}

/// It is closed, comes back, and is asked about.
#[tokio::test]
async fn who_skips_the_middlewares_gets_its_session_or_is_not_let_in() {
    for via in WAYS {
        let ((log, mut asked), (hook, mut ended)) = (log(), log());
        let recovery = ConnectionStateRecovery::new().max_log_size(400);
        let recovery = recovery.on_expired(move |session| hook.say(session.id()));
        let (io, main, mut heard) = told(with(recovery));
        let floods = Arc::new(AtomicBool::new(false));
        let main = main.middleware(async move || {
            log.say("asked");
            Ok::<_, ConnectError>(())
        });
        let server = TestServer::start(&io).await;
        let mut client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        asked.expect("asked").await;
        main.emit("first", ());
        client.event().await;
        let socket = main.sockets().remove(0);
        socket.extensions().insert(Floods(floods.clone(), main.clone()));
        drop(socket);
        let memory = client.lose_connection(&mut heard).await;
        floods.store(true, Ordering::Relaxed);
        let mut wire = TestClient::open(&server, Eio::V4, via).await;
        wire.send(format!("40{}", asking(&memory))).await;
        assert_eq!(wire.recv().await, None);
        ended.expect(&memory.sid).await;
        assert_eq!((main.len(), main.waiting_sessions()), (0, 0));
        let (client, missed) = Client::resume(&server, via, &memory).await;
        assert_eq!(missed, [Value::Null; 0]);
        assert_ne!(client.memory.pid, memory.pid);
        asked.expect("asked").await;
        heard.expect("new ").await;
    }
}
