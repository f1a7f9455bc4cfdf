//! What the application's values do when they are dropped, and wakers when they wake, keeps nothing from being done.

use std::{
    future::{Future, pending},
    pin::pin,
    sync::{Arc, OnceLock},
    task::{Context, Wake, Waker},
    time::Duration,
};

use axum::extract::State;
use axum_socketio::{HandlerError, Socket, SocketIo};

use crate::{
    log::{Log, log},
    wire::{Eio, TestClient, TestServer, Via},
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
        let mut answer = pin!(socket.emit_with_ack::<()>("ask", ()).into_future());
        let waker = Waker::from(Arc::new(Panics));
        assert!(
            answer
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        client.close().await;
        heard.expect("left").await;
        assert!(main.is_empty());
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
