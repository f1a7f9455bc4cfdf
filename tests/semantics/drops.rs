//! What the application's values do when they are dropped, and wakers when they wake, keeps nothing from being done.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Wake, Waker},
    time::Duration,
};

use axum::extract::State;
use axum_socketio::{
    ConnectError, EventError, HandlerError, Socket, SocketIo, ack::AckFuture, extract::Event,
};

use crate::{
    log::{Log, log},
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// Panics when the last of its clones is dropped.
#[derive(Clone)]
pub(crate) struct Bomb {
    _last: Arc<Last>,
}

struct Last;

impl Bomb {
    pub(crate) fn new() -> Self {
        Self {
            _last: Arc::new(Last),
        }
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        panic!("a test panics on purpose");
    }
}

#[tokio::test]
async fn values_of_sockets_whose_drop_panics_keep_nobody_from_leaving() {
    let (log, mut heard) = log();
    let io = SocketIo::new();
    let names = ["/", "/one", "/two"];
    for name in names {
        io.of(name)
            .with_state(log.clone())
            .on_connect(async |socket: Socket| {
                socket.join("room");
                socket.extensions().insert(Bomb::new());
                let bomb = Bomb::new();
                socket.on_disconnect(async move || drop(bomb.clone()));
            })
            .on_disconnect(async |socket: Socket, State(log): State<Log>| log.say(socket.namespace_name()));
    }
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/one").await;
        client.join("/two").await;
        client.close().await;
        for name in names {
            heard.expect(name).await;
        }
        for name in names {
            assert_eq!((io.of(name).len(), io.of(name).rooms().len()), (0, 0), "{name}");
        }
        // And when it is the server that ends it.
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.join("/one").await;
            clients.push(client);
        }
        io.of("/").disconnect(false);
        io.of("/one").disconnect(true);
        let mut left = Vec::new();
        for _ in 0..4 {
            left.push(heard.next().await);
        }
        assert_eq!(left, ["/", "/", "/one", "/one"]);
    }
    io.close_within(Duration::from_millis(400)).await;
}

/// Of whatever executor.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a test panics on purpose");
    }
}

#[tokio::test]
async fn a_waker_that_panics_keeps_no_socket_from_leaving() {
    let (log, mut heard) = log();
    let (io, main) = crate::io(SocketIo::builder());
    let main = main
        .with_state(log)
        .on_disconnect(async |State(log): State<Log>| log.say("left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let client = TestClient::connect(&server, eio, via).await;
        let socket = main.sockets().remove(0);
        let mut panicking: Vec<_> = (0..4).map(|_| ask(&socket)).collect();
        for answer in &mut panicking {
            panics_when_it_is_woken(answer.as_mut());
        }
        // Nor anybody else from hearing of it.
        let others: Vec<_> = (0..4).map(|_| ask(&socket)).collect();
        client.close().await;
        heard.expect("left").await;
        assert!(main.is_empty());
        for other in others {
            assert!(other.await.unwrap_err().is_disconnected());
        }
    }
}

fn ask(socket: &Socket) -> Pin<Box<AckFuture<()>>> {
    Box::pin(socket.emit_with_ack("ask", ()).into_future())
}

fn panics_when_it_is_woken(future: Pin<&mut impl Future>) {
    let waker = Waker::from(Arc::new(Panics));
    assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
}

#[tokio::test]
async fn a_waker_that_panics_over_an_answer_costs_no_client_its_connection() {
    let (io, main) = crate::io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    for (turn, (eio, via)) in TestClient::EVERY_WAY.into_iter().enumerate() {
        let [one, other] = [2 * turn, 2 * turn + 1];
        let mut client = TestClient::connect(&server, eio, via).await;
        let socket = main.sockets().remove(0);
        let mut first = ask(&socket);
        panics_when_it_is_woken(first.as_mut());
        client.expect(format!(r#"42{one}["ask"]"#)).await;
        let second = ask(&socket);
        client.expect(format!(r#"42{other}["ask"]"#)).await;
        client.send(format!("43{one}[]")).await;
        client.send(format!("43{other}[]")).await;
        second.await.unwrap();
        first.await.unwrap();
        client.close().await;
        within(async {
            while !main.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn listeners_that_panic_when_they_are_dropped_are_removed_all_the_same() {
    let (io, main) = crate::io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let _client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let socket = main.sockets().remove(0);
    for _ in 0..3 {
        let bomb = Bomb::new();
        socket.on("event", async move || drop(bomb.clone()));
    }
    socket.remove_all_listeners();
    assert_eq!(socket.event_names().len(), 0);
}

/// What a panic is raised with may panic in its turn.
fn panic_with_a_bomb() -> ! {
    std::panic::panic_any(Bomb::new())
}

#[tokio::test]
async fn what_code_of_the_application_panics_with_costs_no_client_its_connection() {
    let (log, mut heard) = log();
    let io = SocketIo::builder()
        .headers(|_, _| panic_with_a_bomb())
        .on_limit(|_| panic_with_a_bomb())
        .max_namespaces(2)
        .build()
        .unwrap();
    let main = io.of("/").with_state(log);
    let _main = main
        .packet_middleware(async |event: Event| match &*event.name {
            "middleware" => panic_with_a_bomb(),
            _ => Ok::<_, EventError>(()),
        })
        .on("panic", async || -> () { panic_with_a_bomb() })
        .on("panic later", async || -> () {
            tokio::task::yield_now().await;
            panic_with_a_bomb()
        })
        .on("still there", async |State(log): State<Log>| {
            log.say("still there")
        })
        .on_error(async |_: Socket, _: HandlerError| -> () { panic_with_a_bomb() });
    let _refusing = io
        .of("/refusing")
        .middleware(async |_: Socket| -> Result<(), ConnectError> { panic_with_a_bomb() });
    let _one_too_many = io.of("/one too many");
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        for event in ["middleware", "panic", "panic later"] {
            client.send(format!(r#"42["{event}"]"#)).await;
        }
        client.send("40/refusing,").await;
        client.send("40/one too many,").await;
        client.send(r#"42["still there"]"#).await;
        heard.expect("still there").await;
        client.close().await;
    }
}

#[tokio::test]
async fn a_question_that_is_given_up_is_answered_though_its_drop_panics() {
    let (io, _) = crate::io(SocketIo::builder().connect_timeout(Duration::from_millis(50)));
    let _parent = io.of_matching_async(|_| {
        let bomb = Bomb::new();
        async move {
            pending::<()>().await;
            drop(bomb);
            false
        }
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/room,").await;
    client.expect(r#"44/room,{"message":"Invalid namespace"}"#).await;
}

/// Each takes itself away as it is called, or hears once: the last of it is dropped by whoever calls it.
fn listen_once(socket: &Socket) {
    let [any, outgoing, once, asked, error] = [(); 5].map(|()| Bomb::new());
    socket.on_any(async move |socket: Socket| {
        let _any = &any;
        socket.off_any();
    });
    socket.on_any_outgoing(async move |socket: Socket| {
        let _outgoing = &outgoing;
        socket.off_any_outgoing();
    });
    socket.once("ask", async move || drop(once.clone()));
    let id = Arc::new(OnceLock::new());
    let known = id.clone();
    let middleware = socket.middleware(async move |socket: Socket| {
        let _asked = &asked;
        if let Some(id) = known.get() {
            socket.remove_listener(*id);
        }
    });
    id.set(middleware).expect("it is set once");
    socket.on_error(async move |socket: Socket, _: HandlerError| {
        let _error = &error;
        socket.remove_all_listeners();
    });
}

#[tokio::test]
async fn listeners_of_a_socket_whose_drop_panics_keep_no_event_from_the_others() {
    let (log, mut heard) = log();
    let (io, main) = crate::io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_connect(async |socket: Socket| listen_once(&socket))
        .on("fail", async || Err::<(), _>("no"))
        .on("ask", async |socket: Socket| socket.emit("answer", ()))
        .on_disconnect(async |State(log): State<Log>| log.say("left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["ask"]"#).await;
        client.expect(r#"42["answer"]"#).await;
        client.send(r#"42["fail"]"#).await;
        client.expect_nothing().await;
        client.close().await;
        heard.expect("left").await;
    }
}
