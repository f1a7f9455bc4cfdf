//! From long-polling to a WebSocket.

use super::*;
use crate::engine::{SendError, Transport};

async fn probed(client: &Client) -> Ws {
    let mut ws = Ws::probe(client).await;
    ws.send("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    ws
}

#[tokio::test(start_paused = true)]
async fn a_probe_releases_the_get_at_once_and_every_one_after_it() {
    for (query, noop) in [("EIO=4", "6"), ("EIO=3", "1:6")] {
        let client = Client::open_with(Config::default(), query).await;
        let held = client.hold().await;
        let mut ws = probed(&client).await;
        held.await.unwrap().is(200, noop);
        client.get().await.is(200, noop);
        client.get().await.is(200, noop);
        ws.send("5").await;
        assert_eq!(client.upper.connection().transport(), Transport::WebSocket);
        ws.send("4hello").await;
        assert_eq!(client.upper.texts(), ["hello"]);
        assert_eq!(
            client.get().await.text(),
            "{\"code\":3,\"message\":\"Bad request\"}"
        );
        assert_eq!(
            client.post("4a").await.text(),
            "{\"code\":3,\"message\":\"Bad request\"}"
        );
        assert_eq!(client.upper.close_reasons(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_beside_a_long_answer_does_no_harm_after_the_upgrade() {
    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    let text = "x".repeat(1 << 20);
    client.upper.send(&text);
    let uri = format!("/socket.io/?{}", client.query);
    let get = Request::get(uri).body(Full::<Bytes>::default()).unwrap();
    let answer = client.server.engine.handle(get, None, false).await;
    ws.send("5").await;
    assert_eq!(
        client.get().await.text(),
        "{\"code\":3,\"message\":\"Bad request\"}"
    );
    client.upper.send("after it");
    assert_eq!(ws.text().await, "4after it");
    assert_eq!(client.upper.close_reasons(), []);
    // It is whole all the same.
    Answer::of(answer).await.is(200, &format!("4{text}"));
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_over_the_websocket_before_the_upgrade() {
    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    client.upper.send("by polling");
    client.get().await.is(200, "4by polling");
    client.upper.send("first");
    client.upper.send("second");
    assert!(ws.is_quiet().await);
    ws.send("5").await;
    assert_eq!(ws.text().await, "4first");
    assert_eq!(ws.text().await, "4second");
}

#[tokio::test(start_paused = true)]
async fn posts_are_taken_until_the_upgrade() {
    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    client.post("4a").await.is(200, "ok");
    ws.send("5").await;
    ws.send("4b").await;
    assert_eq!(client.upper.texts(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn the_upgrade_waits_for_a_post_that_is_being_read() {
    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    let (server, query) = (Arc::clone(&client.server), client.query.clone());
    let post = tokio::spawn(async move { server.post(&query, "4pause\u{1e}4a").await });
    settle().await;
    ws.send("5").await;
    ws.send("4b").await;
    assert_eq!(client.upper.connection().transport(), Transport::Polling);
    client.upper.resume();
    post.await.unwrap().is(200, "ok");
    settle().await;
    assert_eq!(client.upper.texts(), ["pause", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_waits_for_a_post_does_not_come_too_late() {
    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    let (server, query) = (Arc::clone(&client.server), client.query.clone());
    let post = tokio::spawn(async move { server.post(&query, "4pause\u{1e}4a").await });
    settle().await;
    ws.send("5").await;
    ws.send("4b").await;
    pass(11).await;
    client.upper.resume();
    post.await.unwrap().is(200, "ok");
    settle().await;
    assert_eq!(client.upper.connection().transport(), Transport::WebSocket);
    assert_eq!(client.upper.texts(), ["pause", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_post_keeps_a_probe_no_longer_than_it_lasts() {
    let client = Client::open(Config::default()).await;
    let mut silent = Ws::probe(&client).await;
    let post = client.post_for_ever("4a");
    pass(11).await;
    assert!(silent.is_quiet().await);
    pass(15).await;
    pass(21).await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::PingTimeout)]);
    post.await.unwrap().is(400, "");
    assert_eq!(silent.close_code().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_asks_without_end_leaves_others_their_turn() {
    const PROBES: usize = 100;
    const ANSWER: usize = b"\x81\x063probe".len();
    let client = Client::open(Config::default()).await;
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    let opening = Opening::Probe(client.upper.connection().clone());
    let mut driver = Box::pin(begin(far, b"", opening, false, None).unwrap());
    // Masked with zeros.
    let probes = b"\x81\x86\0\0\0\x002probe".repeat(PROBES);
    near.write_all(&probes).await.unwrap();
    assert!((&mut driver).now_or_never().is_none());
    let mut answers = [0; 64 * 1024];
    let first = near.read(&mut answers).await.unwrap() / ANSWER;
    assert!((1..10).contains(&first), "{first} at once");
    tokio::spawn(driver);
    near.read_exact(&mut answers[..(PROBES - first) * ANSWER])
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_without_a_probe_is_taken() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    let mut ws = Ws::probe(&client).await;
    ws.send("5").await;
    held.await.unwrap().is(200, "1");
    client.upper.send("hello");
    assert_eq!(ws.text().await, "4hello");
    assert_eq!(client.upper.told(), []);
}

#[tokio::test(start_paused = true)]
async fn messages_right_behind_the_upgrade_are_delivered() {
    let client = Client::open(Config::default()).await;
    let mut ws = Ws::probe(&client).await;
    for text in ["2probe", "5", "4a", "4b"] {
        ws.0.feed(Message::text(text)).await.unwrap();
    }
    ws.0.flush().await.unwrap();
    settle().await;
    assert_eq!(client.upper.texts(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_says_anything_else_leaves_polling_alive() {
    for nonsense in ["4hello", "2other", "3", "x", "2"] {
        let client = Client::open(Config::default()).await;
        let mut ws = Ws::probe(&client).await;
        ws.send(nonsense).await;
        assert_eq!(ws.close_code().await, None);
        client.post("4still").await.is(200, "ok");
        assert_eq!(client.upper.told(), [Told::Text("still".into())]);
        // And the next probe may try.
        probed(&client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_probe_leaves_polling_alive() {
    let client = Client::open(Config::default()).await;
    drop(probed(&client).await);
    settle().await;
    let held = client.hold().await;
    client.upper.send("x");
    held.await.unwrap().is(200, "4x");
    probed(&client).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_takes_too_long_leaves_polling_alive() {
    let client = Client::open(Config::default()).await;
    let mut silent = Ws::probe(&client).await;
    pass(11).await;
    assert_eq!(silent.close_code().await, None);
    let mut dawdling = probed(&client).await;
    pass(11).await;
    assert_eq!(dawdling.close_code().await, None);
    let held = client.hold().await;
    client.upper.send("x");
    held.await.unwrap().is(200, "4x");
    assert_eq!(client.upper.told(), []);
}

#[tokio::test(start_paused = true)]
async fn a_second_probe_is_closed_and_the_first_goes_on() {
    let client = Client::open(Config::default()).await;
    let mut first = probed(&client).await;
    let mut second = Ws::probe(&client).await;
    assert_eq!(second.close_code().await, None);
    first.send("5").await;
    let mut third = Ws::probe(&client).await;
    assert_eq!(third.close_code().await, None);
    first.send("4hello").await;
    assert_eq!(client.upper.told(), [Told::Text("hello".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_closes_its_probe() {
    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    client.post("1").await.is(200, "ok");
    assert_eq!(ws.close_code().await, None);

    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    client.upper.connection().close();
    assert!(ws.is_quiet().await);
    client.get().await.is(200, "6\u{1e}1");
    assert_eq!(ws.close_code().await, None);
}

/// It doesn't poll any more: nothing else brings it what is queued, and tells it why the session ends.
#[tokio::test(start_paused = true)]
async fn a_client_that_moves_as_its_session_is_closed_gets_what_is_queued_over_the_websocket() {
    for query in ["EIO=4", "EIO=3"] {
        let client = Client::open_with(Config::default(), query).await;
        let mut ws = probed(&client).await;
        client.upper.send("bye");
        client.upper.connection().close();
        assert!(ws.is_quiet().await);
        ws.send("5").await;
        assert_eq!(ws.text().await, "4bye");
        assert_eq!(ws.close_code().await, None);
        assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_probes_as_its_session_is_closed_may_move_too() {
    let client = Client::open(Config::default()).await;
    let mut ws = Ws::probe(&client).await;
    client.upper.send("bye");
    client.upper.connection().close();
    ws.send("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    // The POST that it was sending is read to its end, and ignored.
    let (server, query) = (Arc::clone(&client.server), client.query.clone());
    server.post(&query, "4late").await.is(200, "ok");
    ws.send("5").await;
    assert_eq!(ws.text().await, "4bye");
    assert_eq!(ws.close_code().await, None);
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_does_not_keep_a_session_that_is_closing() {
    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    client.upper.send("bye");
    client.upper.connection().close();
    pass(29).await;
    assert!(ws.is_quiet().await);
    pass(2).await;
    assert_eq!(ws.close_code().await, None);
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
    assert_eq!(client.server.engine.clients_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_heartbeat_survives_the_upgrade() {
    let client = Client::open(Config::default()).await;
    pass(20).await;
    let mut ws = probed(&client).await;
    ws.send("5").await;
    pass(6).await;
    assert_eq!(ws.text().await, "2");
    pass(21).await;
    assert_eq!(ws.close_code().await, None);
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::PingTimeout)]);

    let client = Client::open_with(Config::default(), "EIO=3").await;
    let mut ws = probed(&client).await;
    ws.send("5").await;
    pass(46).await;
    assert_eq!(ws.close_code().await, None);
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::PingTimeout)]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_stands_in_the_wheel_once_however_often_it_probes() {
    let client = Client::open(Config::default()).await;
    for _ in 0..20 {
        drop(probed(&client).await);
        settle().await;
    }
    for _ in 0..4 {
        let held = client.hold().await;
        while !held.is_finished() {
            pass(1).await;
        }
        client.post("3").await.is(200, "ok");
    }
    assert_eq!(client.upper.close_reasons(), []);
    assert_eq!(client.upper.connection().shared().timers.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pong_may_come_over_the_new_transport() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    pass(25).await;
    held.await.unwrap().is(200, "2");
    let mut ws = probed(&client).await;
    ws.send("5").await;
    ws.send("3").await;
    pass(21).await;
    assert_eq!(client.upper.told(), []);
}

#[tokio::test(start_paused = true)]
async fn volatile_packets_need_a_get_during_the_upgrade() {
    let client = Client::open(Config::default()).await;
    let mut ws = probed(&client).await;
    let connection = client.upper.connection();
    assert_eq!(
        connection.send_volatile(packet("lost", &[]), || true),
        Err(SendError::NotWritable)
    );
    ws.send("5").await;
    assert_eq!(connection.send_volatile(packet("heard", &[]), || true), Ok(()));
    assert_eq!(ws.text().await, "4heard");
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_not_allowed_is_refused_before_it_begins() {
    let config = Config {
        allow_upgrades: false,
        ..Config::default()
    };
    let client = Client::open(config).await;
    let query = client.query.replace("polling", "websocket");
    let request = Request::get(format!("/socket.io/?{query}"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Full::<Bytes>::default())
        .unwrap();
    let answer = Answer::of(client.server.engine.handle(request, None, false).await).await;
    answer.is(400, "Bad request");
    assert_eq!(answer.header("content-type"), "text/html");
    assert_eq!(client.upper.told(), []);
}

#[tokio::test(start_paused = true)]
async fn a_refused_websocket_is_told_why_in_plain_words() {
    let server = Server::new(Config {
        allow_eio3: false,
        ..Config::default()
    });
    let cases = [
        ("EIO=4&transport=carrier", "Transport unknown"),
        ("EIO=4&transport=polling", "Bad request"),
        ("EIO=4&transport=websocket&sid=unknown", "Session ID unknown"),
        ("EIO=3&transport=websocket", "Unsupported protocol version"),
    ];
    for (query, message) in cases {
        let request = Request::get(format!("/socket.io/?{query}"))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .body(Full::<Bytes>::default())
            .unwrap();
        Answer::of(server.engine.handle(request, None, false).await)
            .await
            .is(400, message);
    }
}
