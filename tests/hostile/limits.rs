//! Each limit: who oversteps it is told as the protocol has it, the hook and the count hear of it, and a client that does not is
//! left alone.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use axum_socketio::{Builder, Socket, SocketIo, engine::Overflow, limit::Limit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Notify,
};

use crate::{
    ground::Ground,
    raw::{self, frame},
    wire::{Eio, Request, TestClient, Via, Ws, within},
};

/// What the hook was told.
#[derive(Clone, Default)]
pub(crate) struct Told(pub(crate) Arc<Mutex<Vec<Line>>>);

/// The limit, the value of its option, the namespace.
pub(crate) type Line = (Limit, usize, Option<String>);

impl Told {
    pub(crate) fn hook(&self, builder: Builder) -> Builder {
        let told = self.clone();
        builder.on_limit(move |exceeded| {
            let namespace = exceeded.namespace().map(str::to_owned);
            told.0
                .lock()
                .unwrap()
                .push((exceeded.limit(), exceeded.max(), namespace));
        })
    }

    #[track_caller]
    fn expect(&self, io: &SocketIo, limit: Limit, max: usize, namespace: Option<&str>) {
        let told = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(told, [(limit, max, namespace.map(str::to_owned))]);
        assert_eq!(io.times_exceeded(limit), 1, "{}", limit.option());
    }
}

#[tokio::test]
async fn a_body_too_large_gets_413_and_its_session_goes_on() {
    let all_at_once = format!("Content-Length: 1001\r\n\r\n{}", "4".repeat(1001));
    // Nobody knows beforehand how much it is.
    let chunk = format!("{:x}\r\n{}\r\n", 600, "4".repeat(600));
    let in_chunks = format!("Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    for body in [all_at_once, in_chunks] {
        let told = Told::default();
        let mut ground = Ground::new(told.hook(SocketIo::builder().max_http_buffer_size(1000))).await;
        let mut client = ground.client(Eio::V4, Via::Polling).await;
        let target = client.target();
        let request = format!("POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{body}");
        let answer = raw::exchange(ground.server.addr, request.as_bytes()).await;
        assert!(answer.starts_with(b"HTTP/1.1 413 "), "{}", answer.escape_ascii());
        told.expect(&ground.io, Limit::HttpBufferSize, 1000, None);
        client.expect_nothing().await;
        client.close().await;
        ground.expect_left("transport close", "a goodbye").await;
        ground.check("a large body").await;
    }
}

#[tokio::test]
async fn a_message_too_large_closes_its_websocket_with_1009() {
    let part = [b'4'; 600];
    let whole = frame(0x81, &[b'4'; 1001]);
    let fragments = [frame(0x01, &part), frame(0x80, &part)].concat();
    for message in [whole, fragments] {
        let told = Told::default();
        let ground = Ground::new(told.hook(SocketIo::builder().max_http_buffer_size(1000))).await;
        let mut stream = raw::websocket(ground.server.addr, &Eio::V4.target("websocket")).await;
        stream.write_all(&message).await.unwrap();
        let mut said = Vec::new();
        let close = |said: &[u8]| said.ends_with(&[0x88, 2, 0x03, 0xf1]);
        while !close(&said) {
            assert_ne!(within(stream.read_buf(&mut said)).await.unwrap(), 0, "{said:?}");
        }
        told.expect(&ground.io, Limit::HttpBufferSize, 1000, None);
    }
}

#[tokio::test]
async fn attachments_and_depth_beyond_the_limit_close_the_connection() {
    for (eio, via) in TestClient::EVERY_WAY {
        let told = Told::default();
        let builder = SocketIo::builder().max_attachments(3).max_json_depth(4);
        let mut ground = Ground::new(told.hook(builder)).await;
        let mut client = ground.client(eio, via).await;
        client.send(r#"453-["nobody",[[[1]]]]"#).await;
        client.send_all([[1], [2], [3]]).await;
        client.expect_nothing().await;
        client.send(r#"454-["nobody"]"#).await;
        assert_eq!(client.recv().await, None);
        drop(client);
        told.expect(&ground.io, Limit::Attachments, 3, None);
        ground.expect_left("forced close", "attachments").await;

        let mut client = ground.client(eio, via).await;
        client.send(r#"42["nobody",[[[[1]]]]]"#).await;
        assert_eq!(client.recv().await, None);
        told.expect(&ground.io, Limit::JsonDepth, 4, None);
        drop(client);
        ground.expect_left("forced close", "depth").await;
        ground.check("both").await;
    }
}

/// Clients 2.x may send a query with every packet, whatever stands in it.
#[tokio::test]
async fn a_quotation_mark_before_the_json_of_a_packet_hides_nothing_of_its_depth() {
    for (eio, via) in TestClient::EVERY_WAY {
        if eio == Eio::V4 {
            continue;
        }
        let told = Told::default();
        let mut ground = Ground::new(told.hook(SocketIo::builder().max_json_depth(4))).await;
        let mut client = ground.client(eio, via).await;
        client.send(r#"42/?",["nobody","[[[[["]"#).await;
        client.expect_nothing().await;
        client.send(r#"42/?",["nobody",[[[[1]]]]]"#).await;
        assert_eq!(client.recv().await, None);
        told.expect(&ground.io, Limit::JsonDepth, 4, None);
        drop(client);
        ground.expect_left("forced close", "depth").await;
        ground.check("both").await;
    }
}

/// Or a packet of a megabyte that is echoed would be one of gigabytes.
#[tokio::test]
async fn an_attachment_stands_for_no_more_than_the_limit() {
    for (eio, via) in TestClient::EVERY_WAY {
        let told = Told::default();
        let mut ground = Ground::new(told.hook(SocketIo::builder().max_attachments(3))).await;
        for (placeholders, limit) in [(3, None), (4, Some(3))] {
            let mut client = ground.client(eio, via).await;
            let all = [r#"{"_placeholder":true,"num":0}"#; 4][..placeholders].join(",");
            client.send(format!(r#"451-["nobody",{all}]"#)).await;
            client.send_all([[1]]).await;
            let reason = match limit {
                None => {
                    client.expect_nothing().await;
                    client.close().await;
                    "transport close"
                }
                Some(max) => {
                    assert_eq!(client.recv().await, None);
                    told.expect(&ground.io, Limit::Attachments, max, None);
                    "forced close"
                }
            };
            ground.expect_left(reason, "an attachment named often").await;
        }
        ground.check("both").await;
    }
}

#[tokio::test]
async fn a_megabyte_of_brackets_closes_its_connection_by_default() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    let mut times = 0;
    for (eio, via) in TestClient::EVERY_WAY {
        for open in ["[", "{\"a\":"] {
            let mut client = ground.client(eio, via).await;
            client
                .send(format!("42[\"message\",{}", open.repeat(900_000 / open.len())))
                .await;
            assert_eq!(client.recv().await, None);
            drop(client);
            ground.expect_left("forced close", "brackets").await;
            ground.check("brackets").await;
            // Not for being incomplete, which a parser finds out at its end only.
            times += 1;
            assert_eq!(ground.io.times_exceeded(Limit::JsonDepth), times);
        }
    }
}

#[tokio::test]
async fn one_namespace_too_many_is_a_connect_error() {
    for (eio, refusal) in [
        (Eio::V4, r#"44/other,{"message":"too many namespaces"}"#),
        (Eio::V3, r#"44/other,"too many namespaces""#),
    ] {
        let told = Told::default();
        let mut ground = Ground::new(told.hook(SocketIo::builder().max_namespaces(2))).await;
        let _ = ground.io.of("/other");
        let mut client = ground.client(eio, Via::WebSocket).await;
        client.join("/custom").await;
        client.send("40/other,").await;
        client.expect(refusal).await;
        told.expect(&ground.io, Limit::Namespaces, 2, Some("/other"));
        client.expect_nothing().await;
        // Who leaves one may join another.
        client.send("41/custom,").await;
        client.join("/other").await;
        ground
            .expect_left("client namespace disconnect", "the first")
            .await;
        client.close().await;
        ground.expect_left("transport close", "the second").await;
        ground.check("both").await;
    }
}

/// Sockets keep it: a hundred namespaces would be a hundred messages.
#[tokio::test]
async fn too_much_auth_for_all_namespaces_is_a_connect_error() {
    let auth = "a".repeat(600);
    for (eio, first, second, refusal) in [
        (
            Eio::V4,
            format!(r#"40/custom,{{"a":"{auth}"}}"#),
            format!(r#"40/other,{{"a":"{auth}"}}"#),
            r#"44/other,{"message":"auth too large"}"#,
        ),
        (
            Eio::V3,
            format!("40/custom?a={auth},"),
            format!("40/other?a={auth},"),
            r#"44/other,"auth too large""#,
        ),
    ] {
        let told = Told::default();
        let mut ground = Ground::new(told.hook(SocketIo::builder().max_http_buffer_size(1000))).await;
        let _ = ground.io.of("/other");
        let mut client = ground.client(eio, Via::WebSocket).await;
        client.send(first).await;
        assert!(client.text().await.starts_with("40/custom,"));
        client.send(second.clone()).await;
        client.expect(refusal).await;
        told.expect(&ground.io, Limit::HttpBufferSize, 1000, Some("/other"));
        client.expect_nothing().await;
        // Who leaves one has room for another.
        client.send("41/custom,").await;
        ground
            .expect_left("client namespace disconnect", "the first")
            .await;
        client.send(second).await;
        assert!(client.text().await.starts_with("40/other,"));
        client.close().await;
        ground.expect_left("transport close", "the second").await;
        ground.check("both").await;
    }
}

/// It is kept as long as a predicate thinks about it.
#[tokio::test]
async fn auth_of_namespaces_that_are_still_asked_for_counts() {
    let mut ground = Ground::new(SocketIo::builder().max_http_buffer_size(1000)).await;
    let (known, asked) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (knows, asks) = (known.clone(), asked.clone());
    let _ = ground.io.of_matching_async(move |_| {
        asks.fetch_add(1, Ordering::Relaxed);
        let knows = knows.clone();
        async move {
            knows.notified().await;
            true
        }
    });
    let auth = "a".repeat(600);
    let mut client = ground.client(Eio::V4, Via::WebSocket).await;
    client.send(format!(r#"40/first,{{"a":"{auth}"}}"#)).await;
    for name in ["/second", "/custom"] {
        client.send(format!(r#"40{name},{{"a":"{auth}"}}"#)).await;
        client
            .expect(format!(r#"44{name},{{"message":"auth too large"}}"#))
            .await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    known.notify_one();
    assert!(client.text().await.starts_with("40/first,"));
    client.send(format!(r#"40/second,{{"a":"{auth}"}}"#)).await;
    client.expect(r#"44/second,{"message":"auth too large"}"#).await;
    client.send("41/first,").await;
    client.expect_nothing().await;
    client.send(format!(r#"40/custom,{{"a":"{auth}"}}"#)).await;
    assert!(client.text().await.starts_with("40/custom,"));
    assert_eq!(ground.io.times_exceeded(Limit::HttpBufferSize), 3);
    client.close().await;
    for namespace in ["/", "/custom"] {
        ground.expect_left("transport close", namespace).await;
    }
    ground.check("the questions").await;
}

#[tokio::test]
async fn one_acknowledgement_too_many_is_not_asked_for() {
    let told = Told::default();
    let ground = Ground::new(told.hook(SocketIo::builder().max_pending_acks(2))).await;
    let mut client = TestClient::open(&ground.server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/").await;
    let socket = ground.io.of("/").socket(id).unwrap();
    let waiting: Vec<_> = (0..2).map(|_| socket.emit_with_ack::<u32>("a", ())).collect();
    let error = socket.emit_with_ack::<u32>("a", ()).await.unwrap_err();
    assert!(error.is_emit(), "{error}");
    told.expect(&ground.io, Limit::PendingAcks, 2, Some("/"));
    drop(waiting);
    let again = socket.emit_with_ack::<u32>("b", ());
    client.text().await;
    client.text().await;
    let asked = client.text().await;
    client
        .send(asked.replace("42", "43").replace(r#"["b"]"#, "[7]"))
        .await;
    assert_eq!(again.await.unwrap(), 7);
}

#[tokio::test]
async fn a_full_server_refuses_with_503_and_has_room_again_when_somebody_leaves() {
    let told = Told::default();
    let mut ground = Ground::new(told.hook(SocketIo::builder().max_connections(5))).await;
    let client = ground.client(Eio::V4, Via::WebSocket).await;
    let response = Request::get(Eio::V4.target("polling"))
        .send(ground.server.addr)
        .await;
    let body = r#"{"code":6,"message":"Too many connections"}"#;
    assert_eq!((response.status, response.text()), (503, body));
    told.expect(&ground.io, Limit::Connections, 5, None);
    let refused = Ws::try_open(ground.server.addr, &Eio::V4.target("websocket")).await;
    assert_eq!(refused.unwrap_err(), (503, "Too many connections".to_owned()));
    client.close().await;
    ground.expect_left("transport close", "the fifth").await;
    ground.check("the fifth").await;
    ground.client(Eio::V3, Via::Polling).await.expect_nothing().await;
}

#[tokio::test]
async fn handshakes_that_join_nothing_take_no_more_room_than_they_may() {
    let told = Told::default();
    let mut ground = Ground::new(told.hook(SocketIo::builder().max_handshakes(2))).await;
    let idle = TestClient::open(&ground.server, Eio::V4, Via::Polling).await;
    let mut joins = TestClient::open(&ground.server, Eio::V4, Via::WebSocket).await;
    let response = Request::get(Eio::V4.target("polling"))
        .send(ground.server.addr)
        .await;
    assert_eq!(response.status, 503);
    told.expect(&ground.io, Limit::Handshakes, 2, None);
    joins.join("/").await;
    let next = TestClient::open(&ground.server, Eio::V4, Via::Polling).await;
    for leaves in [idle, next] {
        leaves.close().await;
    }
    joins.close().await;
    ground.expect_left("transport close", "the one that joined").await;
    ground.check("all three").await;
    ground.client(Eio::V4, Via::Polling).await.expect_nothing().await;
}

#[tokio::test]
async fn handlers_that_wait_stop_the_reading_until_one_has_ended() {
    for via in [Via::Polling, Via::WebSocket] {
        let (database, started) = (Arc::new(Notify::new()), Arc::new(Mutex::new(0)));
        let told = Told::default();
        let ground = Ground::new(told.hook(SocketIo::builder().max_events_in_flight(3))).await;
        let (waits, count) = (database.clone(), started.clone());
        let _ = ground.io.of("/").on("wait", async move |socket: Socket| {
            *count.lock().unwrap() += 1;
            waits.notified().await;
            socket.emit("done", ());
        });
        let client = ground.client(Eio::V4, via).await;
        let addr = ground.server.addr;
        let mut flood = tokio::task::JoinSet::new();
        flood.spawn(async move {
            let mut client = client;
            client.send_all(vec![r#"42["wait"]"#; 10]).await;
            for _ in 0..10 {
                client.expect(r#"42["done"]"#).await;
            }
            client
        });
        let mut other = TestClient::connect(&ground.server, Eio::V4, Via::Polling).await;
        for done in 0..10 {
            while *started.lock().unwrap() < (done + 3).min(10) {
                other.expect_nothing().await;
            }
            other.expect_nothing().await;
            assert_eq!(
                *started.lock().unwrap(),
                (done + 3).min(10),
                "via {via:?} at {addr}"
            );
            database.notify_one();
        }
        let mut client = flood.join_next().await.unwrap().unwrap();
        client.expect_nothing().await;
        // With the third, and whenever another one took the place of one that had ended.
        let line = (Limit::EventsInFlight, 3, Some("/".to_owned()));
        assert_eq!(*told.0.lock().unwrap(), vec![line; 8]);
        assert_eq!(ground.io.times_exceeded(Limit::EventsInFlight), 8);
    }
}

/// A new socket begins to count at zero, and the handlers of the one before it still wait.
#[tokio::test]
async fn leaving_and_joining_again_gets_no_more_handlers_to_wait_than_all_sockets_may_have() {
    const CYCLES: usize = 10;
    const MOST: usize = 2 * 2;

    for via in [Via::Polling, Via::WebSocket] {
        let (database, started) = (Arc::new(Notify::new()), Arc::new(Mutex::new(0)));
        let told = Told::default();
        let builder = SocketIo::builder().max_events_in_flight(2).max_namespaces(2);
        let ground = Ground::new(told.hook(builder)).await;
        let (waits, count) = (database.clone(), started.clone());
        let _ = ground.io.of("/again").on_connect(async move |_socket: Socket| {
            *count.lock().unwrap() += 1;
            waits.notified().await;
        });
        let mut client = ground.client(Eio::V4, via).await;
        let mut flood = tokio::task::JoinSet::new();
        flood.spawn(async move {
            client.send_all(["40/again,", "41/again,"].repeat(CYCLES)).await;
            client
        });
        let mut other = TestClient::connect(&ground.server, Eio::V4, Via::Polling).await;
        for done in 0..CYCLES {
            let expected = (done + MOST).min(CYCLES);
            while *started.lock().unwrap() < expected {
                other.expect_nothing().await;
            }
            other.expect_nothing().await;
            assert_eq!(*started.lock().unwrap(), expected, "via {via:?}");
            database.notify_one();
        }
        flood.join_next().await.unwrap().unwrap();
        assert!(ground.io.times_exceeded(Limit::EventsInFlight) > 0);
    }
}

/// It may be told of what it does itself, and that again, without end.
#[tokio::test]
async fn a_hook_is_not_told_of_the_limits_that_it_oversteps_itself() {
    let (io, depth) = (
        Arc::new(OnceLock::<SocketIo>::new()),
        Arc::new(AtomicUsize::new(0)),
    );
    let (told, deepest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (server, times, most) = (io.clone(), told.clone(), deepest.clone());
    let builder = SocketIo::builder()
        .max_send_buffer(1000)
        .overflow(Overflow::DropNewest)
        .on_limit(move |_| {
            let within = depth.fetch_add(1, Ordering::Relaxed) + 1;
            most.fetch_max(within, Ordering::Relaxed);
            times.fetch_add(1, Ordering::Relaxed);
            // Enough to be seen, and not so many that the stack ends.
            if within < 5 {
                server.get().unwrap().sockets().emit("alert", "x".repeat(1000));
            }
            depth.fetch_sub(1, Ordering::Relaxed);
        });
    let ground = Ground::new(builder).await;
    io.set(ground.io.clone()).unwrap();
    let _client = ground.client(Eio::V4, Via::Polling).await;
    // It polls no more.
    while told.load(Ordering::Relaxed) == 0 {
        ground.io.sockets().emit("news", "x".repeat(300));
    }
    assert_eq!(deepest.load(Ordering::Relaxed), 1);
    // They are counted, and nothing else is forgotten.
    assert!(ground.io.times_exceeded(Limit::SendBuffer) > told.load(Ordering::Relaxed) as u64);
    let before = told.load(Ordering::Relaxed);
    ground.io.sockets().emit("news", "x".repeat(1000));
    assert!(told.load(Ordering::Relaxed) > before);
}
