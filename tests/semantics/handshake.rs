//! What a socket knows of how it came.

use std::time::{Duration, SystemTime};

use axum::{Extension, Router};
use axum_socketio::{Handshake, SocketIo, layer::Encrypted};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    io,
    wire::{Eio, Request, TestClient, TestServer, Via},
};

fn handshake_of<T>(io: &SocketIo, namespace: &str, read: impl Fn(&Handshake) -> T) -> T {
    read(io.of(namespace).sockets()[0].handshake())
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the moment of the handshake is one of the clock"
)]
async fn every_field_is_there() {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let target = format!("{}&room=a%20b", Eio::V3.target("polling"));
    let opened = Request::get(&*target)
        .header("User-Agent", "test")
        .header("Origin", "http://elsewhere.example");
    assert_eq!(opened.send(server.addr).await.status, 200);
    handshake_of(&io, "/", |handshake| {
        assert_eq!(handshake.header("user-agent"), Some("test"));
        let mut headers = handshake.headers();
        assert!(headers.any(|(name, value)| (name, value) == ("user-agent", &b"test"[..])));
        assert_eq!(handshake.address(), None, "the server wasn't asked for it");
        assert!(handshake.is_cross_domain());
        assert!(!handshake.is_secure());
        assert_eq!(handshake.url(), target);
        assert_eq!(handshake.query("room").as_deref(), Some("a b"));
        assert_eq!(handshake.query("EIO").as_deref(), Some("3"));
        let issued = SystemTime::UNIX_EPOCH + Duration::from_millis(handshake.issued());
        assert_eq!(millis(handshake.time()), handshake.issued());
        let age = SystemTime::now().duration_since(issued).unwrap();
        assert!(age < Duration::from_secs(60), "{age:?}");
        let (time, seconds) = (handshake.time_string(), handshake.issued() / 1000);
        assert!(
            time.ends_with(&format!(
                ":{:02} GMT+0000 (Coordinated Universal Time)",
                seconds % 60
            )),
            "{time}"
        );
    });
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// However late it joins them.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the moment of the handshake is one of the clock"
)]
async fn the_moment_is_that_of_the_connection_in_every_namespace() {
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/late");
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        let root = client.join("/").await;
        let moment = io.of("/").socket(root).unwrap().handshake().issued();
        while millis(SystemTime::now()) < moment + 5 {
            tokio::task::yield_now().await;
        }
        let late = client.join("/late").await;
        let late = io.of("/late").socket(late).unwrap();
        assert_eq!(late.handshake().issued(), moment);
    }
}

/// Socket.IO 2.x: the parameters of the namespace stand before those of the request, in that namespace only.
#[tokio::test]
async fn the_query_of_a_namespace_is_merged_into_that_of_the_request() {
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/admin");
    let server = TestServer::start(&io).await;
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = TestClient::connect(&server, Eio::V3, via).await;
        client.send("40/admin?token=1&EIO=x&token=2,").await;
        client.expect("40/admin,").await;
        handshake_of(&io, "/admin", |handshake| {
            assert_eq!(handshake.query("token").as_deref(), Some("2"));
            assert_eq!(handshake.query("EIO").as_deref(), Some("x"));
            assert!(handshake.query("transport").is_some());
            let pairs: Vec<_> = handshake.query_pairs().filter(|(key, _)| key == "EIO").collect();
            assert_eq!(pairs, [("EIO".to_owned(), "x".to_owned())]);
        });
        handshake_of(&io, "/", |handshake| {
            assert_eq!(handshake.query("token"), None);
            assert_eq!(handshake.query("EIO").as_deref(), Some("3"));
        });
        client.close().await;
        while !io.of("/").is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

/// What clients can write themselves proves nothing; what the application says does.
#[tokio::test]
async fn a_connection_is_secure_where_the_application_says_so() {
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let claimed = Request::get(Eio::V3.target("polling")).header("X-Forwarded-Proto", "https");
    assert_eq!(claimed.send(server.addr).await.status, 200);
    assert!(!handshake_of(&io, "/", Handshake::is_secure));
    assert!(!handshake_of(&io, "/", Handshake::is_cross_domain));

    let (io, _) = self::io(SocketIo::builder());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router: Router = Router::new().layer(io.layer()).layer(Extension(Encrypted));
    let mut running = JoinSet::new();
    running.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let marked = Request::get(Eio::V3.target("polling"));
    assert_eq!(marked.send(addr).await.status, 200);
    assert!(handshake_of(&io, "/", Handshake::is_secure));
    let parts = io.of("/").sockets()[0].request_parts();
    assert!(parts.extensions.get::<Encrypted>().is_some());
}
