//! HTTP long-polling.

use super::*;
use crate::engine::{ReadyState, SendError, Transport};

#[tokio::test(start_paused = true)]
async fn a_handshake_is_answered_with_the_open_packet() {
    let server = Server::new(Config::default());
    let answer = server.get("EIO=4&transport=polling").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; charset=UTF-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-length"), "118");
    let connection = server.last().connection().clone();
    let start = format!(
        "0{{\"sid\":\"{}\",\"upgrades\":[\"websocket\"],",
        connection.id().as_str()
    );
    assert!(answer.text().starts_with(&start));
    assert_eq!(connection.transport(), Transport::Polling);
    assert_eq!(connection.ready_state(), ReadyState::Open);
    assert_eq!(server.engine.clients_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_longest_times_there_are_do_no_harm() {
    const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);
    let config = Config {
        ping_interval: LONGEST,
        ping_timeout: LONGEST,
        upgrade_timeout: LONGEST,
        ..Config::default()
    };
    for query in ["EIO=3", "EIO=4"] {
        let client = Client::open_with(config.clone(), query).await;
        client.upper.connection().close_after(LONGEST);
        drop(Ws::probe(&client).await);
        pass(3600).await;
        client
            .post(if query == "EIO=3" { "2:4a" } else { "4a" })
            .await
            .is(200, "ok");
        assert_eq!(client.upper.told(), [Told::Text("a".into())]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_while_accepting_leaves_with_the_open_packet() {
    let server = Server::new(Config::default());
    *server.greeting.lock().unwrap() = Some("0");
    let answer = server.get("EIO=3&transport=polling").await;
    assert!(answer.text().ends_with("}2:40"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_held_get_is_answered_by_the_next_packet() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    client.upper.send("2[\"a\"]");
    client.upper.send("2[\"b\"]");
    held.await.unwrap().is(200, "42[\"a\"]\u{1e}42[\"b\"]");
}

#[tokio::test(start_paused = true)]
async fn a_post_is_delivered_in_order_and_answered_ok() {
    let client = Client::open(Config::default()).await;
    let answer = client.post("4a\u{1e}bAQI=\u{1e}4b").await;
    answer.is(200, "ok");
    assert_eq!(answer.header("content-type"), "text/html");
    let told = [
        Told::Text("a".into()),
        Told::Binary(vec![1, 2]),
        Told::Text("b".into()),
    ];
    assert_eq!(client.upper.told(), told);
}

#[tokio::test(start_paused = true)]
async fn a_post_of_many_packets_lets_others_have_their_turn() {
    let client = Client::open(Config::default()).await;
    let body = vec!["4a"; 6400].join("\u{1e}");
    let mut post = std::pin::pin!(client.post(&body));
    let mut turns = 1;
    let answer = loop {
        match futures::poll!(post.as_mut()) {
            std::task::Poll::Ready(answer) => break answer,
            std::task::Poll::Pending => turns += 1,
        }
    };
    answer.is(200, "ok");
    assert_eq!(client.upper.texts(), ["a"; 6400]);
    assert_eq!(turns, 100);
}

#[tokio::test(start_paused = true)]
async fn a_response_carries_sixteen_packets_at_most_to_who_takes_no_more() {
    let client = Client::open(Config::default()).await;
    client.takes_few_packets();
    for _ in 0..17 {
        client.upper.send("x");
    }
    assert_eq!(client.get().await.text().split('\u{1e}').count(), 16);
    client.get().await.is(200, "4x");
}

/// It has been sent more than it can fetch until it would be given up, sixteen packets at a time.
#[tokio::test(start_paused = true)]
async fn a_client_that_fetches_a_long_queue_gets_its_ping_in_time() {
    let client = Client::open(Config::default()).await;
    client.takes_few_packets();
    for number in 0..2_000 {
        client.upper.send(&number.to_string());
    }
    let mut fetched = Vec::new();
    while fetched.len() < 2_000 {
        pass(1).await;
        let answer = client.get().await;
        for packet in answer.text().split('\u{1e}') {
            match packet {
                "2" => client.post("3").await.is(200, "ok"),
                message => fetched.push(message.to_owned()),
            }
        }
    }
    assert!(
        fetched
            .iter()
            .enumerate()
            .all(|(number, packet)| *packet == format!("4{number}"))
    );
    assert_eq!(client.upper.close_reasons(), []);
}

#[tokio::test(start_paused = true)]
async fn the_pong_of_an_old_client_overtakes_its_queue_and_is_said_once() {
    let client = Client::open_with(Config::default(), "EIO=3").await;
    client.takes_few_packets();
    for number in 0..40 {
        client.upper.send(&number.to_string());
    }
    for _ in 0..10 {
        client.post("1:21:2").await.is(200, "ok");
    }
    let answer = client.get().await;
    assert!(answer.text().starts_with("1:32:40"), "{answer:?}");
    assert!(!client.get().await.text().contains("1:3"));
}

#[tokio::test(start_paused = true)]
async fn attachments_follow_their_text() {
    let client = Client::open(Config::default()).await;
    client
        .upper
        .connection()
        .send(packet("51-[]", &[&[1, 2, 3, 4]]))
        .unwrap();
    client.get().await.is(200, "451-[]\u{1e}bAQIDBA==");
}

#[tokio::test(start_paused = true)]
async fn an_old_client_gets_binary_payloads_unless_it_said_otherwise() {
    for (b64, content_type) in [
        ("", "application/octet-stream"),
        ("&b64=1", "text/plain; charset=UTF-8"),
    ] {
        let client = Client::open_with(Config::default(), &format!("EIO=3{b64}")).await;
        client
            .upper
            .connection()
            .send(packet("€", &[&[1, 2, 3, 4]]))
            .unwrap();
        let answer = client.get().await;
        assert_eq!(answer.header("content-type"), content_type);
        if b64.is_empty() {
            assert_eq!(
                &*answer.body,
                b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04"
            );
        } else {
            assert!(answer.text().ends_with("10:b4AQIDBA=="), "{}", answer.text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_jsonp_session_is_scripts_and_forms_all_its_life() {
    let client = Client::open_with(Config::default(), "EIO=4&j=3").await;
    client.upper.send("line\n\u{2028}");
    client.get().await.is(200, "___eio[3](\"4line\\n\\u2028\");");
    client.post("d=4a%1Eb%20").await.is(200, "ok");
    assert_eq!(client.upper.texts(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_rests_holds_the_post_back() {
    let client = Client::open(Config::default()).await;
    let (server, query) = (Arc::clone(&client.server), client.query.clone());
    let post = tokio::spawn(async move { server.post(&query, "4pause\u{1e}4later").await });
    settle().await;
    assert!(!post.is_finished());
    assert_eq!(client.upper.texts(), ["pause"]);
    client.upper.resume();
    post.await.unwrap().is(200, "ok");
    assert_eq!(client.upper.texts(), ["pause", "later"]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_became_ready_unnoticed_is_asked_again() {
    let client = Client::open(Config::default()).await;
    client.upper.blinks.store(true, Ordering::Release);
    client.post("4a").await.is(200, "ok");
    assert_eq!(client.upper.texts(), ["a"]);
    // And it is over with the indulgence for a client that isn't read.
    pass(26).await;
    pass(21).await;
    assert_eq!(client.upper.close_reasons(), [CloseReason::PingTimeout]);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_costs_nothing_but_itself() {
    let config = Config {
        max_http_buffer_size: 10,
        ..Config::default()
    };
    let client = Client::open(config).await;
    client.post("4234567890").await.is(200, "ok");
    client.post("42345678901").await.is(413, "");
    let chunks = ["423456", "78901"].map(|chunk| Ok::<_, std::convert::Infallible>(Bytes::from(chunk)));
    let chunked =
        http_body_util::StreamBody::new(futures::StreamExt::map(futures::stream::iter(chunks), |chunk| {
            chunk.map(http_body::Frame::data)
        }));
    let request = Request::post(format!("/socket.io/?{}", client.query))
        .body(chunked)
        .unwrap();
    let answer = Answer::of(client.server.engine.handle(request, None, false).await).await;
    answer.is(413, "");
    client.post("4still").await.is(200, "ok");
    assert_eq!(client.upper.texts(), ["234567890", "still"]);
}

#[tokio::test(start_paused = true)]
async fn a_length_over_the_limit_is_refused_before_anything_is_read() {
    /// Says how long it is, and doesn't want to be read.
    struct Announced;

    impl http_body::Body for Announced {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            panic!("the body is read")
        }

        fn size_hint(&self) -> http_body::SizeHint {
            http_body::SizeHint::with_exact(1_000_001)
        }
    }

    let client = Client::open(Config::default()).await;
    let request = Request::post(format!("/socket.io/?{}", client.query))
        .body(Announced)
        .unwrap();
    Answer::of(client.server.engine.handle(request, None, false).await)
        .await
        .is(413, "");
}

#[tokio::test(start_paused = true)]
async fn binary_bodies_are_for_old_clients() {
    let client = Client::open(Config::default()).await;
    let request = Request::post(format!("/socket.io/?{}", client.query))
        .header("content-type", "application/octet-stream")
        .body(Full::new(Bytes::from_static(b"4a")))
        .unwrap();
    Answer::of(client.server.engine.handle(request, None, false).await)
        .await
        .is(400, "");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);

    let client = Client::open_with(Config::default(), "EIO=3").await;
    let request = Request::post(format!("/socket.io/?{}", client.query))
        .header("content-type", "application/octet-stream")
        .body(Full::new(Bytes::from_static(
            b"\x00\x04\xff4\xe2\x82\xac\x01\x03\xff\x04\x01\x02",
        )))
        .unwrap();
    Answer::of(client.server.engine.handle(request, None, false).await)
        .await
        .is(200, "ok");
    assert_eq!(
        client.upper.told(),
        [Told::Text("€".into()), Told::Binary(vec![1, 2])]
    );
}

#[tokio::test(start_paused = true)]
async fn volatile_packets_need_a_get_that_waits() {
    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection();
    assert_eq!(
        connection.send_volatile(packet("lost", &[]), || true),
        Err(SendError::NotWritable)
    );
    let held = client.hold().await;
    assert_eq!(connection.send_volatile(packet("first", &[]), || true), Ok(()));
    assert_eq!(
        connection.send_volatile(packet("second", &[]), || true),
        Err(SendError::NotWritable)
    );
    held.await.unwrap().is(200, "4first");
}

#[tokio::test(start_paused = true)]
async fn writable_waits_until_the_queue_is_fetched() {
    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection().clone();
    connection.writable().await;
    client.upper.send("x");
    let waiting = tokio::spawn(async move { connection.writable().await });
    settle().await;
    assert!(!waiting.is_finished());
    client.get().await.is(200, "4x");
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_waiting_for_writable_leaves_nothing_behind() {
    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection();
    client.upper.send("x");
    let mut stays = Box::pin(connection.writable());
    for _ in 0..100 {
        assert!((&mut stays).now_or_never().is_none());
        assert!(connection.writable().now_or_never().is_none());
        assert_eq!(connection.lock().waiting(), 1);
    }
    client.get().await.is(200, "4x");
    assert_eq!(connection.lock().waiting(), 0);
    // One that was woken and hasn't looked yet doesn't take the place of another.
    client.upper.send("y");
    let mut next = Box::pin(connection.writable());
    assert!((&mut next).now_or_never().is_none());
    assert!((&mut stays).now_or_never().is_none());
    assert_eq!(connection.lock().waiting(), 2);
    drop(stays);
    client.get().await.is(200, "4y");
    next.await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_fit_no_session_are_refused() {
    let config = Config {
        allow_eio3: false,
        ..Config::default()
    };
    let client = Client::open(config).await;
    let sid = client.upper.connection().id().as_str();
    let cases = [
        (
            "EIO=4&transport=polling&sid=unknown",
            400,
            "{\"code\":1,\"message\":\"Session ID unknown\"}",
        ),
        (
            "EIO=4&transport=carrier",
            400,
            "{\"code\":0,\"message\":\"Transport unknown\"}",
        ),
        (
            "EIO=4&transport=websocket",
            400,
            "{\"code\":3,\"message\":\"Bad request\"}",
        ),
        (
            "EIO=3&transport=polling",
            400,
            "{\"code\":5,\"message\":\"Unsupported protocol version\"}",
        ),
        (
            &format!("EIO=3&transport=polling&sid={sid}"),
            400,
            "{\"code\":3,\"message\":\"Bad request\"}",
        ),
    ];
    for (query, status, body) in cases {
        let answer = client.server.get(query).await;
        answer.is(status, body);
        assert_eq!(answer.header("content-type"), "application/json");
    }
    client
        .server
        .post("EIO=4&transport=polling", "")
        .await
        .is(400, "{\"code\":2,\"message\":\"Bad handshake method\"}");
    client
        .server
        .request(Method::PUT, &client.query, "")
        .await
        .is(500, "");
    assert_eq!(client.upper.told(), []);
}
