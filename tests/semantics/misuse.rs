//! Code of the user that misbehaves, or does the unusual at an unusual moment.

use std::{
    any::Any,
    convert::Infallible,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::extract::{FromRequestParts, State};
use axum_socketio::{
    DisconnectReason, HandlerError, Socket, SocketIo,
    extract::{DisconnectParts, EventParts, FromDisconnect, FromEvent},
};
use tokio::{
    sync::Semaphore,
    task::{JoinSet, block_in_place, yield_now},
};

use crate::{
    io,
    log::{Log, log},
    threads::Block,
    wire::{Eio, TestClient, TestServer, Via, Ws, within},
};

/// An extractor that panics, wherever it is asked for.
struct Panics;

impl<S> FromEvent<S> for Panics {
    type Rejection = Infallible;

    fn from_event(_: &mut EventParts<'_>, _: &S) -> Result<Self, Infallible> {
        panic!("a test panics on purpose")
    }
}

impl<S> FromDisconnect<S> for Panics {
    type Rejection = Infallible;

    fn from_disconnect(_: &mut DisconnectParts<'_>, _: &S) -> Result<Self, Infallible> {
        panic!("a test panics on purpose")
    }
}

impl<S: Sync> FromRequestParts<S> for Panics {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut axum::http::request::Parts, _: &S) -> Result<Self, Infallible> {
        panic!("a test panics on purpose")
    }
}

#[tokio::test]
async fn extractors_that_panic_are_reported_and_harm_nothing() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let errors = log.clone();
    let _ = main
        .with_state(log)
        .on_connect(async |_: Panics| {})
        .on("event", async |_: Panics| {})
        .on_disconnecting(async |_: Panics| {})
        .on_disconnect(async |_: Panics| {})
        .on_disconnect(async |State(log): State<Log>| log.say("left"))
        .on_error(async move |_: Socket, error: HandlerError| errors.say(error.is_panicked()));
    let _ = io.of("/admin").middleware(async |_: Panics| {});
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        heard.expect("true").await;
        client.send(r#"42["event"]"#).await;
        heard.expect("true").await;
        client.send("40/admin,").await;
        let refusal = client.text().await;
        assert!(refusal.starts_with("44/admin,"), "{refusal}");
        client.expect_nothing().await;
        client.close().await;
        for said in ["true", "true", "left"] {
            heard.expect(said).await;
        }
        assert!(io.of("/").is_empty());
    }
}

/// It holds a thread until the others have had their answers. It has to say so: a thread that blocks without `block_in_place` may be the
/// one that tokio had waiting for the network, and then nobody else is until the next timer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_in_place_holds_up_no_other_connection() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (release, block) = Block::new();
        let blocked = Arc::<AtomicBool>::default();
        let (io, main) = io(SocketIo::builder());
        let _ = main.with_state((block, blocked.clone())).on(
            "block",
            async |socket: Socket, State((block, blocked)): State<(Block, Arc<AtomicBool>)>| {
                blocked.store(true, Ordering::Release);
                socket.emit("released", block_in_place(|| block.is_released()));
            },
        );
        let server = TestServer::start(&io).await;
        let mut others = Vec::new();
        for (eio, via) in TestClient::EVERY_WAY {
            others.push(TestClient::connect(&server, eio, via).await);
        }
        let mut client = TestClient::connect(&server, eio, via).await;
        let send = client.send(r#"42["block"]"#);
        let meanwhile = async {
            while !blocked.load(Ordering::Acquire) {
                yield_now().await;
            }
            for other in &mut others {
                other.expect_nothing().await;
            }
            release.send(()).unwrap();
        };
        within(async { tokio::join!(send, meanwhile) }).await;
        client.expect(r#"42["released",true]"#).await;
        client.expect_nothing().await;
    }
}

/// The first ones take two milliseconds each, the others wait for another client to have what the first one has sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
#[expect(clippy::disallowed_methods, reason = "handlers that take their time")]
async fn what_a_handler_has_sent_does_not_wait_for_all_that_its_client_has_said() {
    let (release, block) = Block::new();
    let handled = Arc::<AtomicUsize>::default();
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("work", async move |socket: Socket| {
        let number = handled.fetch_add(1, Ordering::Relaxed);
        socket.broadcast().emit("done", number);
        let start = Instant::now();
        let is_quick = block_in_place(|| match number {
            0..16 => {
                while start.elapsed() < Duration::from_millis(2) {
                    std::hint::spin_loop();
                }
                true
            }
            _ => block.is_released(),
        });
        socket.emit("quick", is_quick);
    });
    let server = TestServer::start(&io).await;
    let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let mut client = Ws::open(server.addr, &Eio::V4.target("websocket")).await;
    client.recv().await;
    client.send("40").await;
    client.recv().await;
    // In one piece, so that the server has all of it before it has handled the second one.
    client.send_all(vec![r#"42["work"]"#.to_owned(); 24]).await;
    within(other.expect(r#"42["done",0]"#)).await;
    (16..24).for_each(|_| release.send(()).unwrap());
    for _ in 0..24 {
        client.expect(r#"42["quick",true]"#).await;
    }
}

/// The server, one of its namespaces, a selection; a socket, its client and connection; the HTTP server; the peer.
async fn handles(number: usize) -> (Vec<Box<dyn Any>>, Weak<()>) {
    let owned = Arc::new(());
    let remains = Arc::downgrade(&owned);
    let (io, main) = io(SocketIo::builder());
    let main = main
        .with_state(owned)
        .on("event", async |State(_): State<Arc<()>>| {});
    let server = TestServer::start(&io).await;
    let eio = [Eio::V3, Eio::V4][number % 2];
    let mut client = TestClient::open(&server, eio, Via::WebSocket).await;
    let id = client.join("/").await;
    let socket = io.of("/").socket(id).unwrap();
    socket.on("own", async || {});
    socket.join("hall");
    let handles: Vec<Box<dyn Any>> = vec![
        Box::new((main.to("hall"), main)),
        Box::new((socket.client().clone(), socket.connection().clone(), socket)),
        Box::new(io),
        Box::new(server),
        Box::new(client),
    ];
    (handles, remains)
}

#[tokio::test]
async fn handles_dropped_in_any_order_leave_nothing_behind() {
    let mut orders = Vec::new();
    permute(&mut vec![0, 1, 2, 3, 4], 0, &mut orders);
    assert_eq!(orders.len(), 120);
    for (number, order) in orders.into_iter().enumerate() {
        let (handles, remains) = handles(number).await;
        let mut handles: Vec<_> = handles.into_iter().map(Some).collect();
        for next in &order {
            handles[*next] = None;
            yield_now().await;
        }
        within(async {
            while remains.strong_count() > 0 {
                yield_now().await;
            }
        })
        .await;
    }
}

fn permute(order: &mut Vec<usize>, from: usize, found: &mut Vec<Vec<usize>>) {
    if from == order.len() {
        return found.push(order.clone());
    }
    for next in from..order.len() {
        order.swap(from, next);
        permute(order, from + 1, found);
        order.swap(from, next);
    }
}

#[tokio::test]
async fn a_client_is_served_though_every_handle_of_the_application_is_gone() {
    let (io, main) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    drop((io, main));
    for (eio, via) in TestClient::EVERY_WAY {
        TestClient::connect(&server, eio, via)
            .await
            .expect_nothing()
            .await;
    }
}

#[tokio::test]
async fn a_handler_may_close_the_server_that_runs_it() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (log, mut heard) = log();
        let (io, main) = io(SocketIo::builder());
        let _ = main
            .with_state(log)
            .on("stop", async |io: SocketIo, State(log): State<Log>| {
                io.close().await;
                log.say("closed");
            })
            .on_disconnect(async |State(log): State<Log>, reason: DisconnectReason| log.say(reason));
        let server = TestServer::start(&io).await;
        let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["stop"]"#).await;
        client.expect_closed().await;
        other.expect_closed().await;
        heard.expect("server shutting down").await;
        heard.expect("server shutting down").await;
        heard.expect("closed").await;
        assert_eq!(io.engine().clients_count(), 0);
    }
}

/// It waits for itself, so all it gets is the deadline.
#[tokio::test]
async fn a_disconnect_handler_that_closes_the_server_is_held_until_the_deadline_only() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_disconnect(async |io: SocketIo, State(log): State<Log>| {
            io.close_within(Duration::from_millis(200)).await;
            log.say("closed");
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        if io.is_closing() {
            break;
        }
        TestClient::connect(&server, eio, via).await.close().await;
        heard.expect("closed").await;
    }
    within(io.close()).await;
}

/// What a handler does to its own socket, by the moment at which it does it.
async fn at(moment: &'static str, what: fn(&Socket)) {
    for (eio, via) in TestClient::EVERY_WAY {
        let (log, mut heard) = log();
        let (io, main) = io(SocketIo::builder());
        let done = move |now: &'static str, socket: Socket| {
            if now == moment {
                what(&socket);
            }
        };
        let _ = main
            .with_state(log)
            .middleware(async move |socket: Socket| done("middleware", socket))
            .on_connect(async move |socket: Socket| done("connect", socket))
            .on("event", async move |socket: Socket| done("event", socket))
            .on_disconnecting(async move |socket: Socket| done("disconnecting", socket))
            .on_disconnect(
                async move |socket: Socket, State(log): State<Log>, reason: DisconnectReason| {
                    done("disconnect", socket);
                    log.say(reason);
                },
            );
        let server = TestServer::start(&io).await;
        let mut client = TestClient::open(&server, eio, via).await;
        if eio == Eio::V4 {
            client.send("40").await;
        }
        if moment != "middleware" {
            assert!(client.text().await.starts_with("40"), "{moment} {eio:?} {via:?}");
        }
        if moment == "event" {
            client.send(r#"42["event"]"#).await;
        }
        if moment.starts_with("disc") {
            client.close().await;
        } else {
            while client.recv().await.is_some() {}
        }
        within(async {
            while !io.of("/").is_empty() || io.engine().clients_count() > 0 {
                yield_now().await;
            }
        })
        .await;
        within(io.close()).await;
        let left = heard.drain().len();
        // Whoever never was connected doesn't leave.
        let expected = usize::from(moment != "middleware");
        assert_eq!(left, expected, "{moment} {eio:?} {via:?}");
        assert!(io.of("/").rooms().is_empty(), "{moment} {eio:?} {via:?}");
    }
}

#[tokio::test]
async fn a_handler_may_disconnect_its_socket_at_any_moment() {
    for moment in ["connect", "event", "disconnecting", "disconnect"] {
        at(moment, |socket| {
            socket.join("hall");
            socket.disconnect(true);
            socket.join("hall");
        })
        .await;
    }
}

#[tokio::test]
async fn a_handler_may_close_its_connection_at_any_moment() {
    for moment in ["middleware", "connect", "event", "disconnecting", "disconnect"] {
        at(moment, |socket| {
            socket.join("hall");
            socket.connection().close();
            socket.join("hall");
        })
        .await;
    }
}

/// So many that one of them has always asked whether it may, and waits for the lock.
const JOINING: u32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_that_races_with_the_leave_leaves_no_trace() {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let joins = Arc::new(Semaphore::new(0));
    for _ in 0..100 {
        let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        let id = client.join("/").await;
        let socket = io.of("/").socket(id).unwrap();
        let mut joining = JoinSet::new();
        for _ in 0..JOINING {
            let (socket, begun) = (socket.clone(), joins.clone());
            joining.spawn_blocking(move || {
                for round in 0u32.. {
                    socket.join(["hall", "yard"]);
                    if round == 0 {
                        begun.add_permits(1);
                    }
                    if !socket.is_connected() {
                        socket.join("hall");
                        return;
                    }
                }
            });
        }
        within(joins.acquire_many(JOINING)).await.unwrap().forget();
        client.close().await;
        within(joining.join_all()).await;
        // It counts as disconnected before it is out of the namespace.
        while !io.of("/").is_empty() {
            within(tokio::task::yield_now()).await;
        }
        block_in_place(|| assert!(io.of("/").rooms().is_empty()));
    }
}
