//! Clients that leave a namespace and join it again at once, while their last socket is on its way out.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
};

use axum::extract::State;
use axum_socketio::{Socket, SocketIo};

use crate::{
    io,
    log::{Log, log},
    wire::{TestClient, TestServer},
};

/// Leaves and joins again at once, while something else happens; gives back what it is told. The answer to what it posts may wait for that.
async fn comes_back(client: &mut TestClient, meanwhile: impl Future<Output = ()>) -> String {
    let packets = ["41/away,", "40/away,"].map(str::to_owned);
    let back = async {
        client.send_at_once(packets).await;
        client.text().await
    };
    tokio::join!(back, meanwhile).0
}

/// What it sends next waits until it has left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_its_leave_goes_on_elsewhere_may_join_again_at_once() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let busy = Arc::new(Mutex::new(busy));
    let away = io
        .of("/away")
        .with_state(log)
        .on_connect(async |State(log): State<Log>| log.say("connects"))
        .on_disconnecting(async move |State(log): State<Log>| {
            log.say("leaves");
            busy.lock().unwrap().recv().unwrap();
        })
        .on_disconnect(async |State(log): State<Log>| log.say("has left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        heard.expect("connects").await;
        let socket = away.sockets().remove(0);
        let thread = thread::spawn(move || socket.disconnect(false));
        heard.expect("leaves").await;
        let told = comes_back(&mut client, async {
            let mut other = TestClient::connect(&server, eio, via).await;
            other.expect_nothing().await;
            assert_eq!(heard.drain(), [""; 0]);
            go_on.send(()).unwrap();
        })
        .await;
        // And not that it was sent away, which it would take for the end of the socket that it gets now.
        assert!(told.starts_with("40/away,"), "{eio:?} {via:?}: {told}");
        heard.expect("has left").await;
        heard.expect("connects").await;
        thread.join().unwrap();
        client.expect_nothing().await;
        go_on.send(()).unwrap();
        client.close().await;
        heard.expect("leaves").await;
        heard.expect("has left").await;
    }
}

/// A middleware has waited, so that they start in a task of their own. The client is told when they have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_before_its_connect_handlers_have_started_may_join_again_at_once() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let busy = Arc::new(Mutex::new(busy));
    let _ = io
        .of("/away")
        .with_state(log)
        .middleware(async || tokio::task::yield_now().await)
        .on_connect(async move |State(log): State<Log>| {
            log.say("connects");
            tokio::task::block_in_place(|| busy.lock().unwrap().recv().unwrap());
        })
        .on_disconnect(async |State(log): State<Log>| log.say("has left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send("40/away,").await;
        heard.expect("connects").await;
        let told = comes_back(&mut client, async {
            let mut other = TestClient::connect(&server, eio, via).await;
            other.expect_nothing().await;
            assert_eq!(heard.drain(), [""; 0]);
            go_on.send(()).unwrap();
            heard.expect("has left").await;
            heard.expect("connects").await;
            go_on.send(()).unwrap();
        })
        .await;
        assert!(told.starts_with("40/away,"), "{eio:?} {via:?}: {told}");
        let told = client.text().await;
        assert!(told.starts_with("40/away,"), "{eio:?} {via:?}: {told}");
        client.expect_nothing().await;
        client.close().await;
        heard.expect("has left").await;
    }
}

/// Its next connect handlers come after the disconnect handlers of its last socket, of which it is not told any more that it was sent away: it
/// would take that for the end of the socket that it gets now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_it_is_sent_away_joins_again_behind_all_disconnect_handlers() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let busy = Arc::new(Mutex::new(busy));
    let away = io
        .of("/away")
        .with_state(log)
        .on_connect(async |State(log): State<Log>| log.say("connects"))
        .on("ask", async |socket: Socket| socket.emit("answer", 1))
        .on_disconnect(async move |State(log): State<Log>| {
            log.say("leaves");
            busy.lock().unwrap().recv().unwrap();
        })
        .on_disconnect(async |State(log): State<Log>| log.say("has left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        heard.expect("connects").await;
        let socket = away.sockets().remove(0);
        // Not a handler, whose thread would hold back what it sends.
        let thread = thread::spawn(move || socket.disconnect(false));
        heard.expect("leaves").await;
        let told = comes_back(&mut client, async {
            let mut other = TestClient::connect(&server, eio, via).await;
            other.expect_nothing().await;
            assert_eq!(heard.drain(), [""; 0]);
            go_on.send(()).unwrap();
        })
        .await;
        assert!(told.starts_with("40/away,"), "{eio:?} {via:?}: {told}");
        heard.expect("has left").await;
        heard.expect("connects").await;
        thread.join().unwrap();
        client.send(r#"42/away,["ask"]"#).await;
        client.expect(r#"42/away,["answer",1]"#).await;
        go_on.send(()).unwrap();
        client.close().await;
        heard.expect("leaves").await;
        heard.expect("has left").await;
    }
}

/// npm's clients say nothing if they give a namespace up before they have heard that they are in, and overhear the answer. They may as well have
/// asked twice, and take the first answer for that to the second question.
#[tokio::test]
async fn who_asks_for_a_namespace_that_it_is_in_is_told_so_and_heard_at_once() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let feed = io
        .of("/feed")
        .with_state(log)
        // It has to be asked once.
        .middleware(async |State(log): State<Log>| {
            log.say("asked");
            tokio::task::yield_now().await;
        })
        .on_connect(async |State(log): State<Log>| log.say("connects"))
        .on("ask", async |socket: Socket| socket.emit("answer", 1))
        .on_disconnect(async |State(log): State<Log>| log.say("leaves"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send("40/feed,").await;
        let told = client.text().await;
        assert!(told.starts_with("40/feed,"), "{told}");
        heard.expect("asked").await;
        heard.expect("connects").await;
        let packets = ["40/feed,", r#"42/feed,["ask"]"#].map(str::to_owned);
        client.send_at_once(packets).await;
        client.expect(told).await;
        client.expect(r#"42/feed,["answer",1]"#).await;
        assert_eq!((feed.len(), main.len(), heard.drain().len()), (1, 1, 0));
        client.close().await;
        heard.expect("leaves").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_it_is_sent_away_is_not_told_and_is_heard_again() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let busy = Arc::new(Mutex::new(busy));
    let away = io
        .of("/away")
        .with_state(log)
        .on_disconnect(async move |State(log): State<Log>| {
            log.say("leaves");
            busy.lock().unwrap().recv().unwrap();
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        let socket = away.sockets().remove(0);
        let thread = thread::spawn(move || socket.disconnect(false));
        heard.expect("leaves").await;
        // As often as it says so.
        let leaves = ["41/away,", "41/away,"].map(str::to_owned);
        tokio::join!(client.send_at_once(leaves), async {
            let mut other = TestClient::connect(&server, eio, via).await;
            other.expect_nothing().await;
            go_on.send(()).unwrap();
        });
        thread.join().unwrap();
        client.expect_nothing().await;
        client.close().await;
    }
}
