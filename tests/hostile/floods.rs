//! Much of what is allowed, or nearly.

use axum_socketio::{Ack, Socket, SocketIo, extract::Data, limit::Limit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    ground::Ground,
    raw::{self, frame},
    wire::{Eio, Request, TestClient, Via, Ws, within},
};

#[tokio::test]
async fn a_hundred_thousand_namespaces_asked_for_are_none_made() {
    const PACKETS: usize = 100_000;

    let mut ground = Ground::new(SocketIo::builder()).await;
    let namespaces = format!("{:?}", ground.io);
    let target = Eio::V4.target("websocket");
    let mut client = Ws::open(ground.server.addr, &target).await;
    client.send("40").await;
    for from in (0..PACKETS).step_by(1000) {
        client
            .send_all((from..from + 1000).map(|n| format!("40/{n},")))
            .await;
        // The refusals are read, or the send buffer would end it.
        for _ in 0..1000 {
            client.recv().await;
        }
    }
    client.close().await;
    ground.expect_left("transport close", "the flood").await;
    ground.check("the flood").await;
    assert_eq!(format!("{:?}", ground.io), namespaces);
}

/// Rooms are what an application lets clients ask for: each is gone with its last member.
#[tokio::test]
async fn a_hundred_thousand_rooms_joined_by_one_client_are_gone_with_it() {
    const ROOMS: usize = 100_000;
    const EACH: usize = 1_000;

    for (eio, via) in [(Eio::V3, Via::Polling), (Eio::V4, Via::WebSocket)] {
        let mut ground = Ground::new(SocketIo::builder()).await;
        let main = ground
            .io
            .of("/")
            .on("join", async |socket: Socket, Data(from): Data<usize>| {
                socket.join(
                    (from..from + EACH)
                        .map(|room| format!("room {room}"))
                        .collect::<Vec<_>>(),
                );
            });
        let mut client = ground.client(eio, via).await;
        let all = (0..ROOMS)
            .step_by(EACH)
            .map(|from| format!(r#"42["join",{from}]"#));
        client.send_all(all).await;
        client.expect_nothing().await;
        ground.check_others().await;
        // With the hall.
        assert_eq!(main.rooms().len(), ROOMS + 1);
        main.to("room 77777").emit("found", ());
        client.expect(r#"42["found"]"#).await;
        client.close().await;
        ground.expect_left("transport close", "rooms").await;
        ground.check("rooms").await;
        assert_eq!(main.rooms().len(), 1);
    }
}

/// To leave one of many rooms takes the lock of the namespace for as long as to join one.
#[tokio::test]
async fn a_client_in_a_hundred_thousand_rooms_leaves_and_joins_one_as_quickly_as_any() {
    const ROOMS: usize = 100_000;
    const TIMES: usize = 20_000;

    let mut ground = Ground::new(SocketIo::builder()).await;
    let main = ground
        .io
        .of("/")
        .on("all", async |socket: Socket| {
            socket.join((0..ROOMS).map(|room| format!("room {room}")).collect::<Vec<_>>());
        })
        .on("again", async |socket: Socket, Data(room): Data<String>| {
            if socket.is_in(&room) {
                socket.leave(&room);
            }
            socket.join(&room);
        })
        .on("done", async || Ack(()));
    let mut client = ground.client(Eio::V4, Via::WebSocket).await;
    client.send(r#"42["all"]"#).await;
    let again = (0..TIMES).map(|time| format!(r#"42["again","room {}"]"#, ROOMS - 2 - time % 8));
    client.send_all(again).await;
    client.send(r#"420["done"]"#).await;
    client.expect("430[]").await;
    // With the hall.
    assert_eq!(main.rooms().len(), ROOMS + 1);
    ground.check_others().await;
    client.close().await;
    ground.expect_left("transport close", "rooms").await;
    ground.check("rooms").await;
}

#[tokio::test]
async fn refusals_that_are_not_read_end_the_client_that_asks_for_them() {
    let builder = SocketIo::builder().max_send_buffer(64 * 1024);
    let mut ground = Ground::new(builder).await;
    let mut client = ground.client(Eio::V4, Via::Polling).await;
    let packets = (0..2000).map(|n| format!("40/{n},"));
    client.send_all(packets).await;
    ground.expect_left("transport error", "the flood").await;
    ground.check("the flood").await;
    assert!(ground.io.times_exceeded(Limit::SendBuffer) > 0);
}

/// Each question for a namespace in which it is already is answered.
#[tokio::test]
async fn answers_that_are_not_read_end_the_client_that_asks_for_them() {
    let builder = SocketIo::builder().max_send_buffer(64 * 1024);
    let mut ground = Ground::new(builder).await;
    let mut client = ground.client(Eio::V4, Via::Polling).await;
    client.send_all((0..4000).map(|_| "40")).await;
    ground.expect_left("transport error", "the flood").await;
    ground.check("the flood").await;
    assert!(ground.io.times_exceeded(Limit::SendBuffer) > 0);
}

#[tokio::test]
async fn acknowledgements_that_nobody_asked_for_are_ignored_by_the_ten_thousand() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = ground.client(eio, via).await;
        client.send_all((0..10_000).map(|id| format!("43{id}[1]"))).await;
        client.expect_nothing().await;
        client.close().await;
        ground.expect_left("transport close", "the flood").await;
        ground.check("the flood").await;
    }
}

/// Neither memory nor time are anything but linear in what was sent.
#[tokio::test]
async fn frames_without_end_are_a_message_that_never_comes() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    let mut stream = raw::websocket(ground.server.addr, &Eio::V4.target("websocket")).await;
    let empty = frame(0x00, b"").repeat(10_000);
    stream
        .write_all(&[frame(0x81, b"40"), frame(0x01, b"")].concat())
        .await
        .unwrap();
    for _ in 0..10 {
        within(stream.write_all(&empty)).await.unwrap();
        ground.check_others().await;
    }
    stream.write_all(&frame(0x80, b"42[]")).await.unwrap();
    let mut said = Vec::new();
    let _ = within(stream.read_to_end(&mut said)).await;
    drop(stream);
    ground.expect_left("forced close", "the frames").await;
    ground.check("the frames").await;
}

/// Of those that come while nothing can be written only the latest is answered (RFC 6455 §5.5.3), and the very last always.
#[tokio::test]
async fn pings_without_end_are_answered_or_merged_and_hold_nobody_up() {
    const PONG: &[u8] = b"\x8a\x08the last";

    let mut ground = Ground::new(SocketIo::builder()).await;
    let mut stream = raw::websocket(ground.server.addr, &Eio::V4.target("websocket")).await;
    stream.write_all(&frame(0x81, b"40")).await.unwrap();
    let pings = frame(0x89, &[7; 125]).repeat(1_000);
    for _ in 0..19 {
        within(stream.write_all(&pings)).await.unwrap();
        ground.check_others().await;
    }
    // Right behind others, with which it is read.
    let last = [pings, frame(0x89, b"the last")].concat();
    within(stream.write_all(&last)).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(PONG) {
        assert_ne!(within(stream.read_buf(&mut said)).await.unwrap(), 0, "no answer");
    }
    drop(stream);
    ground.expect_left("transport close", "the pings").await;
    ground.check("the pings").await;
}

/// The HTTP server's own limits come first; what it lets through must be short enough to be kept.
#[tokio::test]
async fn heads_without_end_open_no_session() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    let target = Eio::V4.target("polling");
    for (name, header) in [
        ("a long header", format!("X: {}\r\n", "a".repeat(20_000))),
        ("a thousand headers", "X: a\r\n".repeat(1_000)),
        (
            "a megabyte of headers",
            format!("X: {}\r\n", "a".repeat(1_000)).repeat(1_000),
        ),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{header}\r\n");
        let answer = raw::exchange(ground.server.addr, head.as_bytes()).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{name}");
        ground.check(name).await;
    }
    let long = format!("{target}&x={}", "a".repeat(20_000));
    Request::get(long)
        .send(ground.server.addr)
        .await
        .assert_empty(431);
    ground.check("a long target").await;
}

#[tokio::test]
async fn requests_that_overlap_end_their_own_session_only() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for eio in [Eio::V3, Eio::V4] {
        let client = ground.client(eio, Via::Polling).await;
        let first = Request::get(client.target()).start(ground.server.addr).await;
        // The first is held by the time that a whole round of others has been served.
        ground.check_others().await;
        Request::get(client.target())
            .send(ground.server.addr)
            .await
            .assert_empty(400);
        assert_eq!(first.response().await.status, 200);
        ground.expect_left("transport error", "two polls").await;
        ground.check("two polls").await;
    }
}

#[tokio::test]
async fn a_websocket_that_is_not_for_a_session_does_not_touch_it() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for garbage in [
        "",
        "x",
        "4",
        "40",
        "2",
        "2prob",
        "3probe",
        "1",
        "6",
        "2probe2probe",
        "42[\"message\"]",
    ] {
        let mut client = ground.client(Eio::V4, Via::Polling).await;
        let mut probe = Ws::open(ground.server.addr, &client.upgrade_target()).await;
        probe.send(garbage).await;
        probe.expect_close().await;
        drop(probe);
        client.expect_nothing().await;
        client.close().await;
        ground.expect_left("transport close", garbage).await;
        ground.check(garbage).await;
    }
    // One that has a WebSocket already, and one that is being upgraded, by somebody who has seen the id.
    let mut client = ground.client(Eio::V4, Via::WebSocket).await;
    Ws::open(ground.server.addr, &client.upgrade_target())
        .await
        .expect_close()
        .await;
    client.expect_nothing().await;
    client.close().await;
    ground.expect_left("transport close", "a foreign probe").await;
    ground.check("a foreign probe").await;
}

#[tokio::test]
async fn garbage_after_the_upgrade_ends_the_session_as_on_any_websocket() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    for garbage in ["", "x", "9", "é"] {
        let client = ground.client(Eio::V4, Via::Polling).await;
        let mut ws = Ws::open(ground.server.addr, &client.upgrade_target()).await;
        ws.send("2probe").await;
        ws.expect("3probe").await;
        ws.send("5").await;
        ws.send(garbage).await;
        ws.expect_close().await;
        drop(ws);
        ground.expect_left("parse error", garbage).await;
        ground.check(garbage).await;
    }
}
