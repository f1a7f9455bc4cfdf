//! A server on a port of its own, and how it ends.

use std::{
    future::{IntoFuture as _, pending},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, routing::get};
use axum_socketio::{DisconnectReason, Drain, Socket, SocketIo, layer::Server};
use futures::FutureExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Handle,
    sync::oneshot,
    task::JoinSet,
};

use crate::{
    io,
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// A WebSocket that is in `/` and says nothing more, whatever it is told.
async fn silent(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // A frame that says `40`, with a mask that changes nothing.
    stream.write_all(b"\x81\x82\0\0\0\x0040").await.unwrap();
    let mut read = Vec::new();
    while !read.windows(5).any(|said| said == b"40{\"s") {
        assert_ne!(within(stream.read_buf(&mut read)).await.unwrap(), 0);
    }
    stream
}

/// A connection over which something was asked for, and answered.
async fn kept_alive(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"hello") {
        assert_ne!(within(stream.read_buf(&mut read)).await.unwrap(), 0);
    }
    stream
}

/// Until the server closes it. An error means that it was closed, too.
async fn closed(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// A server of which the application keeps nothing, and what its connect handler owns.
async fn listens(owned: &Arc<()>) -> Server {
    let (io, main) = io(SocketIo::builder());
    let owned = owned.clone();
    let _ = main.on_connect(async move |_: Socket| drop(owned.clone()));
    let app = Router::new().route("/hello", get("hello")).layer(io.layer());
    io.listen("127.0.0.1:0").await.unwrap().app(app)
}

/// As behind `select!` or a time-out.
#[tokio::test]
async fn a_server_whose_future_is_dropped_leaves_nothing() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let (before, owned) = (tasks(), Arc::new(()));
    for _ in 0..10 {
        let serving = listens(&owned).await.into_future();
        assert!(serving.now_or_never().is_none());
    }
    within(async {
        while tasks() > before || Arc::strong_count(&owned) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// What there is of HTTP ends as with `axum::serve`.
#[tokio::test]
async fn a_server_whose_future_is_dropped_is_there_for_its_sockets_until_they_leave() {
    let owned = Arc::new(());
    let server = listens(&owned).await;
    let addr = server.local_addr().unwrap();
    let test = TestServer::at(addr);
    let mut serving = server.into_future();
    let (mut client, kept_alive) = tokio::select! {
        ended = &mut serving => panic!("{ended:?}"),
        clients = async {
            (TestClient::connect(&test, Eio::V4, Via::WebSocket).await, kept_alive(addr).await)
        } => clients,
    };
    drop(serving);
    within(closed(kept_alive)).await;
    assert!(TcpStream::connect(addr).await.is_err(), "the port is free");
    client.expect_nothing().await;
    client.close().await;
    within(async {
        while Arc::strong_count(&owned) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_whose_signal_to_stop_panics_stops_as_if_that_had_come() {
    let (io, main) = io(SocketIo::builder());
    let (left, leaves) = oneshot::channel();
    let left = Arc::new(Mutex::new(Some(left)));
    main.on_disconnect(async move |reason: DisconnectReason| {
        let left = left.lock().unwrap().take();
        left.unwrap().send(reason).unwrap();
    });
    let (stop, stops) = oneshot::channel::<()>();
    let server = io.listen("127.0.0.1:0").await.unwrap();
    let test = TestServer::at(server.local_addr().unwrap());
    let server = server.with_graceful_shutdown(async { stops.await.unwrap() });
    let client = async {
        let mut client = TestClient::connect(&test, Eio::V4, Via::WebSocket).await;
        drop(stop);
        client.expect_closed().await;
    };
    let (served, ()) = within(async { tokio::join!(server.into_future(), client) }).await;
    served.unwrap();
    assert_eq!(leaves.await, Ok(DisconnectReason::ServerShuttingDown));
}

/// A client that doesn't answer its close frame has five seconds for that, a disconnect handler as long as closing takes.
#[tokio::test]
async fn a_server_that_stops_cuts_everything_in_time_though_its_sessions_take_longer() {
    let (io, main) = io(SocketIo::builder());
    main.on_disconnect(async || pending::<()>().await);
    let (begun, mut begins) = oneshot::channel::<()>();
    let (kept, given_up) = oneshot::channel::<()>();
    let kept = Arc::new(Mutex::new(Some((begun, kept))));
    let never = async move || {
        let _kept = kept.lock().unwrap().take().map(|(_begun, kept)| kept);
        pending::<()>().await;
    };
    let routes = Router::new()
        .route("/hello", get("hello"))
        .route("/never", get(never));
    let server = io.listen("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap();
    let (stop, stops) = oneshot::channel::<()>();
    let mut running = JoinSet::new();
    let server = server
        .app(routes.layer(io.layer()))
        .with_graceful_shutdown(async { drop(stops.await) })
        .shutdown_timeout(Duration::from_millis(400));
    running.spawn(server.into_future());
    let silent = silent(addr).await;
    let mut served = TcpStream::connect(addr).await.unwrap();
    let request = "GET /never HTTP/1.1\r\nHost: a\r\n\r\n";
    served.write_all(request.as_bytes()).await.unwrap();
    within(&mut begins).await.unwrap_err();
    let kept_alive = kept_alive(addr).await;
    drop(stop);
    let cut = async {
        running.join_next().await.unwrap().unwrap().unwrap();
        given_up.await.unwrap_err();
        tokio::join!(closed(served), closed(kept_alive));
    };
    tokio::select! {
        biased;
        () = within(cut) => {}
        () = closed(silent) => panic!("what is served has the time of a client that doesn't answer"),
    }
}

/// A client that doesn't answer its close frame has five seconds for that, a disconnect handler as long as closing takes: the ten seconds of a
/// server of its own, and not of one that has drained.
#[tokio::test]
async fn a_server_that_has_drained_waits_for_nobody_once_more_as_it_stops() {
    let (io, main) = io(SocketIo::builder());
    main.on_disconnect(async || pending::<()>().await);
    let server = io.listen("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap();
    let (stop, stops) = oneshot::channel::<()>();
    let mut running = JoinSet::new();
    let drained = async move {
        drop(stops.await);
        let report = io
            .drain(Drain::new(Duration::ZERO).grace(Duration::from_secs(1)))
            .await;
        assert_eq!((report.closed, report.cut, report.unfinished), (1, 0, 2));
    };
    running.spawn(server.with_graceful_shutdown(drained).into_future());
    let silent = silent(addr).await;
    drop(stop);
    tokio::select! {
        biased;
        ended = within(running.join_next()) => ended.unwrap().unwrap().unwrap(),
        () = closed(silent) => panic!("whom the drain has given up is waited for"),
    }
}

/// It has begun only, and refuses.
#[tokio::test]
async fn a_server_whose_drain_was_given_up_disconnects_everyone_as_it_stops() {
    let (io, _main) = io(SocketIo::builder());
    let server = io.listen("127.0.0.1:0").await.unwrap();
    let test = TestServer::at(server.local_addr().unwrap());
    let (stop, stops) = oneshot::channel::<()>();
    let mut running = JoinSet::new();
    let refusing = io.clone();
    let given_up = async move {
        drop(stops.await);
        let drain = Drain::new(Duration::from_secs(3600));
        assert_eq!(refusing.drain(drain).now_or_never(), None);
    };
    running.spawn(server.with_graceful_shutdown(given_up).into_future());
    let mut client = TestClient::connect(&test, Eio::V4, Via::WebSocket).await;
    drop(stop);
    client.expect_closed().await;
    within(running.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(io.engine().clients_count(), 0);
}

/// They have a new connection for each request, as behind many a proxy.
#[tokio::test]
async fn clients_that_poll_by_new_connections_hear_what_was_said_before_a_server_stops() {
    let (io, main) = io(SocketIo::builder());
    let server = io.listen("127.0.0.1:0").await.unwrap();
    let test = TestServer::at(server.local_addr().unwrap());
    let (stop, stops) = oneshot::channel::<()>();
    let mut running = JoinSet::new();
    running.spawn(
        server
            .with_graceful_shutdown(async { drop(stops.await) })
            .into_future(),
    );
    let mut clients = Vec::new();
    for eio in [Eio::V3, Eio::V4] {
        clients.push(TestClient::connect(&test, eio, Via::Polling).await);
    }
    main.emit("last", 1);
    drop(stop);
    while !io.is_closing() {
        tokio::task::yield_now().await;
    }
    for client in &mut clients {
        client.expect(r#"42["last",1]"#).await;
        client.expect_closed().await;
    }
    within(running.join_next()).await.unwrap().unwrap().unwrap();
}
