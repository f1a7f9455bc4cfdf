//! How a server is taken out of service.

use std::time::Duration;

use axum::{Router, extract::State, routing::get};
use axum_socketio::{DisconnectReason, Drain, DrainReport, Socket, SocketIo, adapter::Bus};
use futures::FutureExt as _;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::{
    io,
    log::{Heard, Log, log},
    wire::{Eio, Request, TestClient, TestServer, Via, Ws, within},
};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Its disconnect handlers tell the log, and the hall that somebody left.
fn told(builder: axum_socketio::Builder) -> (SocketIo, Heard) {
    let (log, heard) = log();
    let (io, main) = io(builder);
    let _ = main
        .with_state(log)
        .on_connect(async |socket: Socket| socket.join("hall"))
        .on_disconnect(async |State(log): State<Log>, reason: DisconnectReason| log.say(reason));
    (io, heard)
}

async fn one_of_each(server: &TestServer) -> Vec<TestClient> {
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        clients.push(TestClient::connect(server, eio, via).await);
    }
    clients
}

async fn expect_the_end(clients: &mut [TestClient], heard: &mut Heard) {
    for client in clients {
        client.expect(r#"42["last",1]"#).await;
        client.expect(r#"42["going away","soon",2]"#).await;
        client.expect_closed().await;
        heard.expect("server shutting down").await;
    }
}

fn clean(report: DrainReport) -> (usize, usize) {
    assert!(report.is_clean(), "{report:?}");
    (report.connections, report.closed)
}

/// Also where all are closed at once, and nobody has fetched anything before.
#[tokio::test]
async fn a_drain_announces_flushes_closes_and_runs_every_disconnect_handler() {
    for period in [Duration::ZERO, Duration::from_millis(200)] {
        let (io, mut heard) = told(SocketIo::builder());
        let server = TestServer::start(&io).await;
        let mut clients = one_of_each(&server).await;
        io.of("/").emit("last", 1);
        let drained = io.drain(Drain::new(period).announce("going away", ("soon", 2)));
        let (report, ()) =
            within(async { tokio::join!(drained, expect_the_end(&mut clients, &mut heard)) }).await;
        assert_eq!(clean(report), (4, 4));
        assert_eq!(heard.drain(), [""; 0]);
        assert_eq!(io.engine().clients_count(), 0);
        assert!(io.of("/").is_empty() && io.of("/").rooms().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_drains_refuses_handshakes_and_serves_its_sessions() {
    let (io, mut heard) = told(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut clients = one_of_each(&server).await;
    assert!(!io.is_closing());
    let draining = io.drain(Drain::new(FOR_EVER));
    let meanwhile = async {
        assert!(io.is_closing());
        for eio in [Eio::V3, Eio::V4] {
            let refused = Request::get(eio.target("polling")).send(server.addr).await;
            assert_eq!(refused.status, 503);
            assert_eq!(refused.text(), r#"{"code":7,"message":"Server shutting down"}"#);
            assert_eq!(refused.header("content-type"), Some("application/json"));
            let refused = Ws::try_open(server.addr, &eio.target("websocket")).await;
            assert_eq!(refused.unwrap_err(), (503, "Server shutting down".to_owned()));
        }
        for client in &mut clients {
            client.expect_nothing().await;
        }
        // An upgrade is no handshake.
        let mut probe = Ws::open(server.addr, &clients[0].upgrade_target()).await;
        probe.send("2probe").await;
        probe.expect("3probe").await;
        probe.send("5").await;
        probe.send(r#"42["message","upgraded"]"#).await;
        probe.expect(r#"42["message-back","upgraded"]"#).await;
        // Whoever is in a hurry closes.
        io.close().await;
    };
    let (report, ()) = within(async { tokio::join!(draining, meanwhile) }).await;
    assert_eq!(clean(report), (4, 0));
    for _ in 0..4 {
        heard.expect("server shutting down").await;
    }
}

#[tokio::test]
async fn clients_that_leave_by_themselves_end_a_drain_early() {
    let (io, mut heard) = told(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let clients = one_of_each(&server).await;
    let leave = async {
        for mut client in clients {
            client.expect(r#"42["going away"]"#).await;
            client.close().await;
            heard.expect("transport close").await;
        }
    };
    let drain = io.drain(Drain::new(FOR_EVER).announce("going away", ()));
    let (report, ()) = within(async { tokio::join!(drain, leave) }).await;
    assert_eq!(clean(report), (4, 0));
}

/// Much less than the five seconds that a closed connection has for what is queued.
const SHORTLY: Duration = Duration::from_millis(400);

/// A client that has stopped reading, with more on its way than the network takes.
async fn stalled(io: &SocketIo, server: &TestServer) -> TestClient {
    let client = TestClient::connect(server, Eio::V4, Via::WebSocket).await;
    for _ in 0..32 {
        io.of("/").emit("chunk", "a".repeat(1 << 20));
    }
    client
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_when_the_grace_is_over_and_its_handlers_run() {
    let (io, mut heard) = told(SocketIo::builder().max_send_buffer(64 << 20));
    let server = TestServer::start(&io).await;
    let _stalled = stalled(&io, &server).await;
    let report = within(io.drain(Drain::new(Duration::ZERO).grace(SHORTLY))).await;
    assert_eq!((report.closed, report.cut, report.unfinished), (1, 1, 0));
    assert!(!report.is_clean());
    assert_eq!(heard.drain(), ["server shutting down"]);
}

#[tokio::test]
async fn a_client_that_does_not_read_has_left_when_close_returns() {
    let (io, mut heard) = told(SocketIo::builder().max_send_buffer(64 << 20));
    let server = TestServer::start(&io).await;
    let _stalled = stalled(&io, &server).await;
    within(io.close_within(SHORTLY)).await;
    assert_eq!(heard.drain(), ["server shutting down"]);
    assert_eq!(io.engine().clients_count(), 0);
}

#[tokio::test]
async fn a_disconnect_handler_that_never_returns_is_reported_and_not_waited_for() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on_disconnect(async || std::future::pending::<()>().await);
    let server = TestServer::start(&io).await;
    let clients = one_of_each(&server).await;
    let read = async {
        for mut client in clients {
            while client.recv().await.is_some() {}
        }
    };
    let drain = io.drain(Drain::new(Duration::ZERO).grace(SHORTLY));
    let (report, ()) = within(async { tokio::join!(drain, read) }).await;
    assert_eq!((report.closed, report.cut, report.unfinished), (4, 0, 4));
}

#[tokio::test]
async fn a_drain_that_is_given_up_leaves_connections_and_can_be_taken_up_again() {
    let (io, mut heard) = told(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut clients = one_of_each(&server).await;
    assert!(io.drain(Drain::new(FOR_EVER)).now_or_never().is_none());
    assert!(io.is_closing());
    for client in &mut clients {
        client.expect_nothing().await;
    }
    let report = within(io.drain(Drain::new(Duration::ZERO))).await;
    assert_eq!(clean(report), (4, 4));
    assert_eq!(heard.drain(), ["server shutting down"; 4]);
}

/// Whatever it was that wanted to be announced: refusing everyone and letting nobody go would be worse.
#[tokio::test]
async fn an_announcement_that_panics_does_not_keep_a_server_from_draining() {
    struct Panics;

    impl serde::Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("a test panics on purpose")
        }
    }

    let (io, mut heard) = told(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut clients = one_of_each(&server).await;
    let drain = Drain::new(Duration::ZERO).announce("going away", Panics);
    let report = within(io.drain(drain)).await;
    assert_eq!(clean(report), (4, 4));
    assert_eq!(heard.drain(), ["server shutting down"; 4]);
    for client in &mut clients {
        client.expect_closed().await;
    }
}

#[tokio::test]
async fn the_clients_of_other_servers_hear_nothing_of_a_drain() {
    let bus = Bus::new();
    let (one, _heard) = told(SocketIo::builder().adapter(bus.adapter()));
    let (other, _heard) = told(SocketIo::builder().adapter(bus.adapter()));
    let (drained, stays) = (TestServer::start(&one).await, TestServer::start(&other).await);
    let mut leaves = TestClient::connect(&drained, Eio::V4, Via::WebSocket).await;
    let mut stays = TestClient::connect(&stays, Eio::V4, Via::WebSocket).await;
    let report = within(one.drain(Drain::new(Duration::ZERO).announce("going away", ()))).await;
    assert_eq!(clean(report), (1, 1));
    leaves.expect(r#"42["going away"]"#).await;
    leaves.expect_closed().await;
    stays.expect_nothing().await;
}

/// Runs until its port is free, when it is told to.
async fn deploy(
    serve: impl Future<Output = std::io::Result<()>> + Send + 'static,
    stop: oneshot::Sender<()>,
    io: &SocketIo,
    addr: std::net::SocketAddr,
) {
    let mut running = JoinSet::new();
    running.spawn(serve);
    let server = TestServer::at(addr);
    let mut clients = one_of_each(&server).await;
    stop.send(()).unwrap();
    for client in &mut clients {
        client.expect(r#"42["going away"]"#).await;
        client.expect_closed().await;
    }
    within(running.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(io.engine().clients_count(), 0);
    TcpListener::bind(addr).await.expect("the port is free");
}

async fn leave(io: SocketIo, stop: oneshot::Receiver<()>) {
    stop.await.unwrap();
    let drain = Drain::new(Duration::from_millis(100)).announce("going away", ());
    assert_eq!(clean(io.drain(drain).await), (4, 4));
}

#[tokio::test]
async fn a_drained_application_stops_and_frees_its_port() {
    let (io, _heard) = told(SocketIo::builder());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = Router::new().route("/", get("hello")).layer(io.layer());
    let (stop, stopped) = oneshot::channel();
    let serve = axum::serve(listener, app).with_graceful_shutdown(leave(io.clone(), stopped));
    deploy(serve.into_future(), stop, &io, addr).await;
}

#[tokio::test]
async fn a_drained_server_of_its_own_stops_and_frees_its_port() {
    let (io, _heard) = told(SocketIo::builder());
    let server = io.listen("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let serve = server.with_graceful_shutdown(leave(io.clone(), stopped));
    deploy(serve.into_future(), stop, &io, addr).await;
}

#[tokio::test]
async fn a_period_beyond_all_clocks_is_for_ever() {
    let (io, mut heard) = told(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    // Each time the moment is another one.
    for _ in 0..64 {
        let drain = Drain::new(Duration::MAX).grace(Duration::MAX);
        assert_eq!(io.drain(drain).now_or_never(), None);
    }
    client.expect_nothing().await;
    io.close().await;
    heard.expect("server shutting down").await;
}
