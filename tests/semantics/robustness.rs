use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use axum_socketio::{HandlerError, Room, Rooms, Socket, SocketIo, extract::Data};
use tokio::sync::Notify;

use crate::{
    io,
    log::log,
    wire::{Eio, Packet, TestClient, TestServer, Via, within},
};

struct Token(#[allow(dead_code)] Arc<()>);

#[tokio::test]
async fn a_listener_added_after_the_leave_is_not_kept() {
    let token = Arc::new(());
    let (log, mut heard) = log();
    let gate = Arc::new(Notify::new());
    let (io, main) = io(SocketIo::builder());
    let (t, g, l, l2) = (token.clone(), gate.clone(), log.clone(), log.clone());
    let _ = main
        .on_connect(async move |socket: Socket| {
            l.say("connecting");
            g.notified().await; // a database
            let (s, t) = (socket.clone(), Arc::new(Token(t.clone())));
            socket.on("msg", async move || {
                let _ = &t;
                s.emit("x", 1);
            });
            l.say("registered");
        })
        .on_disconnect(async move || l2.say("left"));
    let server = TestServer::start(&io).await;
    let client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    heard.expect("connecting").await;
    client.close().await;
    heard.expect("left").await;
    gate.notify_one();
    heard.expect("registered").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(Arc::strong_count(&token), 2, "the socket leaked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_without_a_runtime_can_disconnect_a_socket() {
    let (io, main) = io(SocketIo::builder());
    let left = Arc::new(AtomicUsize::new(0));
    let l = left.clone();
    let _ = main
        .on_connect(async |socket: Socket| socket.join("hall"))
        .on_disconnecting(async || tokio::task::yield_now().await)
        .on_disconnect(async move || {
            l.fetch_add(1, Ordering::SeqCst);
        });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/").await;
    let socket = io.of("/").socket(id).unwrap();
    let s = socket.clone();
    let outcome = std::thread::spawn(move || s.disconnect(false)).join();
    client.close().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    eprintln!(
        "panicked: {} status {socket:?} len {} rooms {:?} left {}",
        outcome.is_err(),
        io.of("/").len(),
        io.of("/").rooms(),
        left.load(Ordering::SeqCst)
    );
    assert!(outcome.is_ok() && io.of("/").is_empty() && left.load(Ordering::SeqCst) == 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_without_a_runtime_can_ask_for_an_acknowledgement() {
    let (io, _) = io(SocketIo::builder());
    let outcome = std::thread::spawn(move || drop(io.of("/").emit_with_ack::<u32>("q", ()))).join();
    assert!(outcome.is_ok());
}

fn seq_server(
    log: crate::log::Log,
    release: Arc<Mutex<mpsc::Receiver<()>>>,
    gate: Arc<tokio::sync::Semaphore>,
) -> SocketIo {
    let (io, _) = io(SocketIo::builder());
    let l = log.clone();
    let _ = io
        .of("/s")
        .sequential()
        .middleware(async || tokio::task::yield_now().await)
        .on_connect(async move || {
            tokio::task::block_in_place(|| release.lock().unwrap().recv()).unwrap();
        })
        .on("n", async move |Data(n): Data<u32>| {
            l.say(format!("begins {n}"));
            gate.acquire().await.unwrap().forget();
            l.say(format!("ends {n}"));
        });
    io
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn early_events_of_a_sequential_namespace_run_one_after_the_other() {
    let (log, mut heard) = log();
    let (tx, rx) = mpsc::channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let io = seq_server(log, Arc::new(Mutex::new(rx)), gate.clone());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    client.join("/s").await;
    client
        .send_all((0..3).map(|n| Packet::Text(format!(r#"42/s,["n",{n}]"#))))
        .await;
    tx.send(()).unwrap();
    heard.expect("begins 0").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(heard.drain(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_queue_that_was_filled_early_is_worked_off() {
    let (log, mut heard) = log();
    let (tx, rx) = mpsc::channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(1000));
    let io = seq_server(log, Arc::new(Mutex::new(rx)), gate.clone());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/s").await;
    client
        .send_all((0..70).map(|n| Packet::Text(format!(r#"42/s,["n",{n}]"#))))
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    tx.send(()).unwrap();
    heard.next().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    eprintln!("ran: {}", heard.drain().len());
    client.expect_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_client_that_is_told_to_leave_can_come_back_at_once() {
    let (io, _) = io(SocketIo::builder());
    let (tx, rx) = mpsc::channel::<()>();
    let rx = Arc::new(Mutex::new(rx));
    let _ = io.of("/a").on_disconnecting(async move || {
        let _ = tokio::task::block_in_place(|| rx.lock().unwrap().recv_timeout(Duration::from_secs(2)));
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/a").await;
    let socket = io.of("/a").socket(id).unwrap();
    let task = tokio::spawn(async move { socket.disconnect(false) });
    client.expect("41/a,").await;
    client.send("40/a,").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    tx.send(()).unwrap();
    task.await.unwrap();
    let reply = client.recv().await;
    assert!(
        matches!(&reply, Some(Packet::Text(t)) if t.starts_with("40/a,{")),
        "{reply:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn close_waits_for_handlers_in_their_first_poll() {
    for via in [Via::WebSocket, Via::Polling] {
        let (io, main) = io(SocketIo::builder());
        let done = Arc::new(AtomicBool::new(false));
        let d = done.clone();
        let _ = main.on_disconnect(async move || {
            tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(500)));
            d.store(true, Ordering::SeqCst);
        });
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, Eio::V4, via).await;
        let closing = io.clone();
        let task = tokio::spawn(async move { closing.close().await });
        client.expect_closed().await;
        task.await.unwrap();
        assert!(
            done.load(Ordering::SeqCst),
            "close returned before the handler had ended, {via:?}"
        );
    }
}

#[tokio::test]
async fn an_emit_never_runs_disconnect_handlers() {
    let (io, main) = io(SocketIo::builder().max_send_buffer(64 * 1024));
    let state = Arc::new(Mutex::new(0));
    let (s, would) = (state.clone(), Arc::new(AtomicBool::new(false)));
    let w = would.clone();
    let _ = main.on_disconnect(async move || {
        w.store(s.try_lock().is_err(), Ordering::SeqCst);
    });
    let server = TestServer::start(&io).await;
    let _client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    {
        let _guard = state.lock().unwrap();
        for _ in 0..100 {
            io.of("/").emit("chunk", "a".repeat(1024));
        }
    }
    assert!(!would.load(Ordering::SeqCst), "emit would have deadlocked");
}

#[tokio::test]
async fn on_error_is_not_told_of_itself() {
    static DEPTH: AtomicUsize = AtomicUsize::new(0);
    let (io, main) = io(SocketIo::builder());
    let _ =
        main.on("fail", async || Err::<(), _>("no"))
            .on_error(async |socket: Socket, error: HandlerError| {
                if DEPTH.fetch_add(1, Ordering::SeqCst) < 50 {
                    socket.emit("connect_error", error.to_string());
                }
            });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["fail"]"#).await;
    client.expect_nothing().await;
    assert_eq!(DEPTH.load(Ordering::SeqCst), 1);
}

struct OnDrop(Socket);
impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.event_names();
    }
}

#[tokio::test]
async fn a_listener_is_dropped_without_a_lock() {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/").await;
    let socket = io.of("/").socket(id).unwrap();
    let bomb = Arc::new(OnDrop(socket.clone()));
    socket.on("x", async move || {
        let _ = &bomb;
    });
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        socket.remove_all_listeners("x");
        tx.send(()).unwrap();
    });
    rx.recv_timeout(Duration::from_secs(2)).expect("deadlock");
}

struct Team(SocketIo);
impl Rooms for Team {
    fn each(self, take: &mut dyn FnMut(Room)) {
        take(Room::from(format!("team {}", self.0.of("/").len())));
    }
}

#[tokio::test]
async fn rooms_are_listed_without_a_lock() {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/").await;
    let socket = io.of("/").socket(id).unwrap();
    let (tx, rx) = mpsc::channel();
    let io2 = io.clone();
    std::thread::spawn(move || {
        socket.join(Team(io2));
        tx.send(()).unwrap();
    });
    rx.recv_timeout(Duration::from_secs(2)).expect("deadlock");
}

#[tokio::test]
async fn catch_all_listeners_come_before_those_of_the_event() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let l = log.clone();
    let _ = main
        .on_connect(async move |socket: Socket| {
            let l = l.clone();
            socket.on_any(async move || l.say("own any"));
        })
        .on("e", async move || log.say("shared e"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["e"]"#).await;
    heard.expect("own any").await;
}

#[tokio::test]
async fn nothing_follows_the_farewell_of_a_connect_handler() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/a").on_connect(async move |socket: Socket| {
        socket.disconnect(false);
        log.say(socket.is_connected());
        socket.emit("after", 1);
        socket.disconnect(false);
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/a").await;
    client.expect("41/a,").await;
    let connected = heard.next().await;
    let mut rest = Vec::new();
    client.send(r#"42["message","marker"]"#).await;
    loop {
        let p = client.text().await;
        if p.contains("marker") {
            break;
        }
        rest.push(p);
    }
    assert!(connected == "false" && rest.is_empty(), "{connected} {rest:?}");
}

#[tokio::test]
async fn disconnecting_a_socket_that_has_left_spares_its_siblings() {
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/a");
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/a").await;
    let socket = io.of("/a").socket(id).unwrap();
    client.send("41/a,").await;
    client.expect_nothing().await;
    assert!(!socket.is_connected());
    socket.disconnect(true);
    client.expect_nothing().await;
}

#[tokio::test]
async fn a_middleware_that_awaits_an_answer_hears_that_the_client_left() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/a").middleware(async move |socket: Socket| {
        log.say("asking");
        let answer = socket.emit_with_ack::<u32>("q", ()).await;
        log.say(format!("{answer:?}"));
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/a,").await;
    heard.expect("asking").await;
    client.close().await;
    within(heard.next()).await;
}

#[tokio::test]
async fn events_before_a_goodbye_are_handled() {
    let (log, mut heard) = log();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (g, l, io) = (gate.clone(), log.clone(), io(SocketIo::builder()).0);
    let _ = io
        .of("/a")
        .sequential()
        .on("e", async move |Data(n): Data<u32>| {
            l.say(n);
            g.acquire().await.unwrap().forget();
        })
        .on_disconnect(async move || log.say("left"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    client.join("/a").await;
    client
        .send_all([r#"42/a,["e",1]"#, r#"42/a,["e",2]"#, "41/a,"])
        .await;
    heard.expect("1").await;
    gate.add_permits(5);
    heard.expect("2").await;
    heard.expect("left").await;
}

#[tokio::test]
async fn a_panicking_serialize_harms_nobody() {
    struct Bad;
    impl serde::Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("on purpose")
        }
    }
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("bad", async |socket: Socket| {
        socket.emit("x", Bad);
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["bad"]"#).await;
    client.expect_nothing().await;
}
