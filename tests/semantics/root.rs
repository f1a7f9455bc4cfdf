//! What `/` is to clients of Engine.IO 3: whoever isn't connected to it gets into no other namespace.

use std::sync::Arc;

use axum::extract::State;
use axum_socketio::{Socket, SocketIo};
use tokio::sync::Semaphore;

use crate::{
    echoing, io,
    log::{Heard, Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

const WAYS: [Via; 2] = [Via::Polling, Via::WebSocket];

/// A server with a middleware of `/` that lets in whom it has a permit for, and a log of who asks to get into `/first` and `/second`.
fn guarded() -> (SocketIo, Arc<Semaphore>, Heard) {
    let (log, heard) = log();
    let (io, main) = io(SocketIo::builder());
    let gate = Arc::new(Semaphore::new(0));
    let _ = main
        .with_state(gate.clone())
        .middleware(async |State(gate): State<Arc<Semaphore>>| {
            gate.acquire().await.expect("it is open").forget();
        });
    for name in ["/first", "/second"] {
        let _ = echoing(io.of(name)).with_state(log.clone()).middleware(
            async |socket: Socket, State(log): State<Log>| {
                let secret = socket.handshake().query("secret").unwrap_or_default();
                log.say(format!("{}{secret}", socket.namespace_name()));
            },
        );
    }
    (io, gate, heard)
}

/// Nothing else is on its way, for a client that isn't connected to `/`.
async fn silent(client: &mut TestClient) {
    client.send("2").await;
    client.expect("3").await;
}

#[tokio::test]
async fn an_old_client_that_the_main_namespace_refuses_gets_into_no_other() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main.middleware(async || Err::<(), _>("not here"));
    let _ = io
        .of("/other")
        .with_state(log)
        .middleware(async |State(log): State<Log>| log.say("asked"))
        .on_connect(async |socket: Socket| socket.emit("secret", ()));
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let mut client = TestClient::open(&server, Eio::V3, via).await;
        client.expect(r#"44"not here""#).await;
        client.send("40/other,").await;
        silent(&mut client).await;
        client.send(r#"42/other,["message",1]"#).await;
        client.send("40").await;
        client.expect(r#"44"not here""#).await;
        // What isn't there can be said at once.
        client.send("40/nowhere,").await;
        client.expect(r#"44/nowhere,"Invalid namespace""#).await;
        silent(&mut client).await;
        assert_eq!(heard.drain(), [""; 0]);
        client.close().await;
    }
    // Those of Engine.IO 4 say themselves where they want to be.
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/other,").await;
    assert!(client.text().await.starts_with("40/other,"));
    heard.expect("asked").await;
}

#[tokio::test]
async fn namespaces_that_an_old_client_asks_for_wait_for_the_main_one_in_their_order() {
    let (io, gate, mut heard) = guarded();
    let _ = echoing(io.of_matching(|name| name.starts_with("/room-")));
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let mut client = TestClient::open(&server, Eio::V3, via).await;
        client
            .send_all(["40/second?secret=1,", "40/room-1,", "40/first,"])
            .await;
        silent(&mut client).await;
        assert_eq!(heard.drain(), [""; 0]);
        assert!(io.get("/room-1").is_some());
        gate.add_permits(1);
        for name in ["", "/second,", "/room-1,", "/first,"] {
            client.expect(format!("40{name}")).await;
        }
        assert_eq!(heard.drain(), ["/second1", "/first"]);
        // Now they don't wait any more.
        client.send("41/first,").await;
        client.join("/first").await;
        assert_eq!(heard.drain(), ["/first"]);
        client.close().await;
    }
}

#[tokio::test]
async fn an_old_client_that_has_left_the_main_namespace_waits_until_it_is_back() {
    let (io, gate, mut heard) = guarded();
    let server = TestServer::start(&io).await;
    for via in WAYS {
        gate.add_permits(1);
        let mut client = TestClient::open(&server, Eio::V3, via).await;
        client.expect("40").await;
        client.join("/first").await;
        client.send("41").await;
        client.send("40/second,").await;
        // Where it is, it stays.
        client.send(r#"42/first,["message",1]"#).await;
        client.expect(r#"42/first,["message-back",1]"#).await;
        assert_eq!(heard.drain(), ["/first"]);
        // Who doesn't want it any more doesn't get it.
        client.send("41/second,").await;
        client.send("40").await;
        silent(&mut client).await;
        gate.add_permits(1);
        client.expect("40").await;
        client.expect_nothing().await;
        client.send("41").await;
        client.send("40/second,").await;
        client.send("41/second,").await;
        client.send("40/second?secret=2,").await;
        client.send("40").await;
        silent(&mut client).await;
        gate.add_permits(1);
        client.expect("40").await;
        client.expect("40/second,").await;
        assert_eq!(heard.drain(), ["/second2"]);
        client.close().await;
    }
}

/// A connect handler may send away whom no middleware has refused.
#[tokio::test]
async fn an_old_client_that_is_sent_away_from_the_main_namespace_at_once_gets_into_no_other() {
    let (io, gate, mut heard) = guarded();
    let _ = io
        .of("/")
        .on_connect(async |socket: Socket| socket.disconnect(false));
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let mut client = TestClient::open(&server, Eio::V3, via).await;
        client.send("40/first,").await;
        silent(&mut client).await;
        gate.add_permits(1);
        client.expect("40").await;
        client.expect("41").await;
        client.send("40/second,").await;
        silent(&mut client).await;
        assert_eq!(heard.drain(), [""; 0]);
        client.close().await;
    }
}

#[tokio::test]
async fn what_an_old_client_waits_for_goes_with_it() {
    let (io, _gate, mut heard) = guarded();
    let _parent = io.of_matching(|name| name.starts_with("/room-"));
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let mut client = TestClient::open(&server, Eio::V3, via).await;
        client.send_all(["40/first,", "40/room-1,"]).await;
        silent(&mut client).await;
        assert!(io.get("/room-1").is_some());
        client.close().await;
        while io.get("/room-1").is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(heard.drain(), [""; 0]);
    }
}
