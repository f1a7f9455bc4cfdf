//! Clients that stop in the middle of something: they are gone in the time of the heartbeat, and nothing of them stays.

use std::{sync::Arc, time::Duration};

use axum_socketio::{Builder, SocketIo};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Semaphore};

use crate::{
    ground::Ground,
    raw,
    wire::{Eio, Packet, Request, TestClient, Via, Ws, http::Pending},
};

/// Short heartbeats, for a few clients: the witnesses answer none, so that each test has its own server without them.
fn hasty() -> Builder {
    SocketIo::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(300))
        .connect_timeout(Duration::from_millis(300))
        .upgrade_timeout(Duration::from_millis(300))
}

/// One byte follows the other until the client's socket has left.
async fn expect_left_though_it_trickles(ground: &mut Ground, stream: &mut TcpStream, case: &str) {
    for _ in 0..160 {
        if let Some(reason) = ground.left_within(Duration::from_millis(50)).await {
            return assert_eq!(reason.as_str(), "ping timeout", "{case}");
        }
        // The server may have closed.
        let _ = stream.write_all(b"a").await;
    }
    panic!("nobody left after {case}");
}

#[tokio::test]
async fn connections_that_say_half_of_a_request_open_nothing() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    let mut halves = Vec::new();
    for bytes in [
        "",
        "G",
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n",
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nUpgrade: websocket\r\n",
        "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nContent-Length: 9\r\n",
        // Whose head is whole.
        "POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4",
        "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4",
    ] {
        let mut stream = TcpStream::connect(ground.server.addr).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    for _ in 0..20 {
        ground.check_others().await;
    }
    assert_eq!(ground.io.engine().clients_count(), TestClient::EVERY_WAY.len());
    drop(halves);
    ground.check("half requests").await;
}

#[tokio::test]
async fn a_client_that_never_joins_is_gone_in_time() {
    let mut ground = Ground::alone(hasty()).await;
    for via in [Via::WebSocket, Via::Polling] {
        let client = TestClient::open(&ground.server, Eio::V4, via).await;
        ground.emptied("a client that never joins").await;
        drop(client);
    }
}

#[tokio::test]
async fn a_client_that_never_polls_again_is_gone_in_time() {
    let mut ground = Ground::alone(hasty()).await;
    for eio in [Eio::V3, Eio::V4] {
        let client = ground.client(eio, Via::Polling).await;
        ground.expect_left("ping timeout", "no poll").await;
        ground.emptied("no poll").await;
        drop(client);
    }
}

/// The body claims more than ever comes, byte by byte, on a connection that stays open.
#[tokio::test]
async fn a_body_that_never_ends_does_not_outlive_its_session() {
    let mut ground = Ground::alone(hasty()).await;
    for eio in [Eio::V3, Eio::V4] {
        let client = ground.client(eio, Via::Polling).await;
        let mut stream = TcpStream::connect(ground.server.addr).await.unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n4",
            client.target()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        expect_left_though_it_trickles(&mut ground, &mut stream, "half a body").await;
        ground.emptied("half a body").await;
        drop(stream);
    }
}

/// A WebSocket that connects for an upgrade, or probes, and then says nothing: the session goes on, and dies of its own.
#[tokio::test]
async fn an_upgrade_that_goes_nowhere_leaves_nothing() {
    let mut ground = Ground::alone(hasty().ping_timeout(Duration::from_secs(3))).await;
    for probes in [false, true] {
        let client = ground.client(Eio::V4, Via::Polling).await;
        let mut ws = Ws::open(ground.server.addr, &client.upgrade_target()).await;
        if probes {
            ws.send("2probe").await;
            ws.expect("3probe").await;
        }
        ws.expect_close().await;
        assert_eq!(ground.io.engine().clients_count(), 1, "the session goes on");
        ground.expect_left("ping timeout", "the session").await;
        ground.emptied("a probe").await;
    }
}

/// Half of a frame, and then a byte now and then: what has come of it is freed with the session.
#[tokio::test]
async fn half_a_frame_is_no_sign_of_life() {
    let mut ground = Ground::alone(hasty()).await;
    for eio in [Eio::V3, Eio::V4] {
        let mut stream = raw::websocket(ground.server.addr, &eio.target("websocket")).await;
        let half = [
            raw::frame(0x81, b"40"),
            raw::head(0x82, 900_000),
            vec![0; 100_000],
        ]
        .concat();
        stream.write_all(&half).await.unwrap();
        expect_left_though_it_trickles(&mut ground, &mut stream, "half a frame").await;
        drop(stream);
        ground.emptied("half a frame").await;
    }
}

/// The process of the client is killed: its system resets the connection.
#[tokio::test]
async fn a_reset_connection_is_noticed_at_once() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for eio in [Eio::V3, Eio::V4] {
        let mut stream = raw::websocket(ground.server.addr, &eio.target("websocket")).await;
        stream.write_all(&raw::frame(0x81, b"40")).await.unwrap();
        // What it has not read makes the system answer with a reset.
        while ground.io.of("/").len() == TestClient::EVERY_WAY.len() {
            ground.check_others().await;
        }
        drop(stream);
        ground.expect_left("transport close", "a reset").await;
        ground.check("a reset").await;
    }
}

#[tokio::test]
async fn a_poll_given_up_ends_its_session() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for eio in [Eio::V3, Eio::V4] {
        let client = ground.client(eio, Via::Polling).await;
        let poll = Request::get(client.target()).start(ground.server.addr).await;
        ground.check_others().await;
        drop(poll);
        ground.expect_left("transport error", "a poll").await;
        ground.check("a poll").await;
    }
}

/// They wait for what never comes, so nothing is read any more, and no end can be heard.
#[tokio::test]
async fn a_client_whose_handlers_never_end_is_gone_in_time() {
    for sequential in [false, true] {
        let mut ground = Ground::alone(hasty().max_events_in_flight(3)).await;
        let permits = Arc::new(Semaphore::new(0));
        let waits = permits.clone();
        let namespace = ground.io.of("/").on("wait", async move || {
            let _ = waits.acquire().await;
        });
        if sequential {
            let _ = namespace.sequential();
        }
        let (mut sockets, mut posts) = (Vec::new(), Vec::new());
        for eio in [Eio::V3, Eio::V4] {
            posts.push(post_many(&ground, eio).await);
            for leaves in ["says nothing", "says good-bye", "closes its half"] {
                sockets.push(say_much_and_leave(&ground, eio, leaves).await);
            }
        }
        for left in 0..sockets.len() + posts.len() {
            let case = format!("{left} had left, sequential: {sequential}");
            ground.expect_left("ping timeout", &case).await;
        }
        permits.close();
        drop((sockets, posts));
        ground.emptied("handlers that waited").await;
    }
}

/// More than may wait in a queue.
const EVENTS: usize = 100;
const EVENT: &str = r#"42["wait"]"#;

async fn post_many(ground: &Ground, eio: Eio) -> Pending {
    let client = ground.client(eio, Via::Polling).await;
    let events = vec![Packet::Text(EVENT.to_owned()); EVENTS];
    let post = Request::post(client.target(), eio.encode(&events));
    post.start(ground.server.addr).await
}

async fn say_much_and_leave(ground: &Ground, eio: Eio, leaves: &str) -> TcpStream {
    let mut stream = raw::websocket(ground.server.addr, &eio.target("websocket")).await;
    let mut said = match eio {
        Eio::V3 => Vec::new(),
        Eio::V4 => raw::frame(0x81, b"40"),
    };
    said.extend(raw::frame(0x81, EVENT.as_bytes()).repeat(EVENTS));
    if leaves == "says good-bye" {
        said.extend(raw::frame(0x88, b""));
    }
    stream.write_all(&said).await.unwrap();
    if leaves == "closes its half" {
        stream.shutdown().await.unwrap();
    }
    stream
}
