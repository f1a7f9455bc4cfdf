//! How sessions over long-polling end, and how they don't.

use super::*;
use crate::engine::{ReadyState, SendError};

#[tokio::test(start_paused = true)]
async fn two_gets_at_once_end_the_session() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    client.get().await.is(400, "");
    held.await.unwrap().is(200, "1");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
    assert!(client.is_gone().await);
}

#[tokio::test(start_paused = true)]
async fn two_posts_at_once_end_the_session() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    client.upper.paused.store(true, Ordering::Release);
    let first = tokio::spawn({
        let (server, query) = (Arc::clone(&client.server), client.query.clone());
        async move { server.post(&query, "4first").await }
    });
    settle().await;
    client.post("4second").await.is(400, "");
    assert_eq!(
        client.upper.told(),
        [],
        "the first is still in the receiver's hands"
    );
    held.await.unwrap().is(200, "1");
    first.await.unwrap();
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_get_ends_the_session() {
    let client = Client::open(Config::default()).await;
    client.hold().await.abort();
    settle().await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
    assert!(client.is_gone().await);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_post_ends_the_session() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    let failing = http_body_util::StreamBody::new(futures::stream::iter([
        Ok(http_body::Frame::data(Bytes::from_static(b"4a"))),
        Err("the connection is gone"),
    ]));
    let uri = format!("/socket.io/?{}", client.query);
    let request = Request::post(uri).body(failing).unwrap();
    let answer = Answer::of(client.server.engine.handle(request, None, false).await).await;
    answer.is(400, "");
    held.await.unwrap().is(200, "1");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_dropped_while_the_receiver_rests_ends_the_session() {
    let client = Client::open(Config::default()).await;
    client.upper.paused.store(true, Ordering::Release);
    let (server, query) = (Arc::clone(&client.server), client.query.clone());
    let post = tokio::spawn(async move { server.post(&query, "4a").await });
    settle().await;
    post.abort();
    settle().await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
}

#[tokio::test(start_paused = true)]
async fn a_post_whose_body_never_ends_does_not_outlive_its_session() {
    let client = Client::open(Config::default()).await;
    let post = client.post_for_ever("4a");
    pass(26).await;
    assert!(!post.is_finished());
    pass(21).await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::PingTimeout)]);
    post.await.unwrap().is(400, "");

    let client = Client::open(Config::default()).await;
    let post = client.post_for_ever("4a");
    settle().await;
    client.upper.connection().close();
    settle().await;
    assert!(!post.is_finished());
    // One at a time is kept, here as before.
    client.post("4b").await.is(400, "");
    pass(31).await;
    post.await.unwrap().is(400, "");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_goes_wrong_takes_nothing_from_a_session_that_is_closing() {
    let client = Client::open(Config::default()).await;
    let post = client.post_for_ever("4a");
    settle().await;
    client.upper.send("bye");
    client.upper.connection().close();
    post.abort();
    settle().await;
    let request = Request::post(format!("/socket.io/?{}", client.query))
        .body(Full::new(Bytes::from_static(b"4\xff")))
        .unwrap();
    client.server.engine.handle(request, None, false).await;
    assert_eq!(client.upper.told(), []);
    client.get().await.is(200, "4bye");
    client.get().await.is(200, "6\u{1e}1");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
}

#[tokio::test(start_paused = true)]
async fn packets_of_a_session_that_has_ended_are_let_go() {
    let client = Client::open(Config::default()).await;
    let shared = packet("x", &[]);
    client.upper.connection().send(shared.clone()).unwrap();
    client.post("1").await.is(200, "ok");
    assert_eq!(shared.references(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_bad_packet_is_delivered() {
    for body in ["4a\u{1e}x\u{1e}4b", "4a\u{1e}"] {
        let client = Client::open(Config::default()).await;
        let held = client.hold().await;
        client.post(body).await.is(200, "ok");
        held.await.unwrap().is(200, "1");
        let told = [Told::Text("a".into()), Told::Close(CloseReason::ParseError)];
        assert_eq!(client.upper.told(), told);
    }
    let client = Client::open(Config::default()).await;
    client.post("").await.is(200, "ok");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ParseError)]);
}

#[tokio::test(start_paused = true)]
async fn a_close_packet_releases_the_get_with_a_noop() {
    for (query, body, noop) in [
        ("EIO=4", "4a\u{1e}1\u{1e}4b", "6"),
        ("EIO=3", "2:4a1:12:4b", "1:6"),
    ] {
        let client = Client::open_with(Config::default(), query).await;
        let held = client.hold().await;
        client.post(body).await.is(200, "ok");
        held.await.unwrap().is(200, noop);
        let told = [Told::Text("a".into()), Told::Close(CloseReason::TransportClose)];
        assert_eq!(client.upper.told(), told);
        assert!(client.is_gone().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_goes_in_the_direction_of_the_protocol() {
    let client = Client::open_with(Config::default(), "EIO=3").await;
    client.post("1:2").await.is(200, "ok");
    client.get().await.is(200, "1:3");
    assert_eq!(client.upper.told(), []);

    let client = Client::open(Config::default()).await;
    client.post("3").await.is(200, "ok");
    assert_eq!(client.upper.told(), [], "a pong nobody asked for is tolerated");
    client.post("2").await.is(200, "ok");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
}

#[tokio::test(start_paused = true)]
async fn the_server_pings_and_a_silent_client_is_closed() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    pass(25).await;
    held.await.unwrap().is(200, "2");
    let held = client.hold().await;
    client.post("3").await.is(200, "ok");
    pass(24).await;
    assert!(!held.is_finished());
    pass(2).await;
    held.await.unwrap().is(200, "2");
    let held = client.hold().await;
    pass(19).await;
    assert_eq!(client.upper.told(), []);
    pass(2).await;
    held.await.unwrap().is(200, "1");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::PingTimeout)]);
    assert!(client.is_gone().await);
}

#[tokio::test(start_paused = true)]
async fn any_packet_keeps_an_old_client_alive() {
    let client = Client::open_with(Config::default(), "EIO=3").await;
    pass(40).await;
    client.post("2:4a").await.is(200, "ok");
    pass(44).await;
    assert_eq!(client.upper.close_reasons(), []);
    pass(2).await;
    assert_eq!(client.upper.close_reasons(), [CloseReason::PingTimeout]);
}

#[tokio::test(start_paused = true)]
async fn a_server_close_brings_what_is_queued_and_then_the_end() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    client.upper.send("bye");
    client.upper.connection().close();
    assert_eq!(client.upper.connection().ready_state(), ReadyState::Closing);
    assert_eq!(
        client.upper.connection().send(packet("late", &[])),
        Err(SendError::Closed)
    );
    held.await.unwrap().is(200, "4bye");
    assert_eq!(client.upper.told(), []);
    client.get().await.is(200, "6\u{1e}1");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
    assert!(client.is_gone().await);
}

/// The server asks this, to let nobody in, perhaps between the last parting and the close.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_to_be_closed_behind_something_is_until_it_has_been() {
    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection();
    let parting = connection.begin_parting();
    assert!(!connection.is_to_close());
    connection.close();
    assert!(connection.is_to_close());
    let _other = connection.begin_parting();
    drop(parting);
    let mut core = connection.lock();
    assert_eq!(core.end_parting(), Some(CloseReason::ForcedClose));
    assert!(core.is_to_close() && core.session.accepts_packets());
    core.begin_parting();
}

#[tokio::test(start_paused = true)]
async fn a_server_close_between_two_polls_waits_for_the_next() {
    for (query, farewell) in [("EIO=4", "6\u{1e}1"), ("EIO=3", "1:61:1")] {
        let client = Client::open_with(Config::default(), query).await;
        client.upper.connection().close();
        client.post("4ignored").await.is(200, "ok");
        assert_eq!(client.upper.told(), []);
        client.get().await.is(200, farewell);
        assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
        assert!(client.is_gone().await);
    }
    let client = Client::open(Config::default()).await;
    client.upper.connection().close();
    pass(29).await;
    assert_eq!(client.upper.told(), []);
    pass(2).await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
}

/// By a POST of its own, behind the message that had the session closed, and behind one that waits for the receiver.
#[tokio::test(start_paused = true)]
async fn a_client_that_says_good_bye_to_a_session_that_is_closing_is_heard() {
    for (query, body) in [("EIO=4", "4a\u{1e}1\u{1e}4b"), ("EIO=3", "2:4a1:12:4b")] {
        let client = Client::open_with(Config::default(), query).await;
        client.upper.send("bye");
        client.upper.connection().close();
        client.post(body).await.is(200, "ok");
        assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
        assert!(client.is_gone().await);
    }
    let client = Client::open(Config::default()).await;
    client.post("4close\u{1e}4a\u{1e}1").await.is(200, "ok");
    let told = [Told::Text("close".into()), Told::Close(CloseReason::ForcedClose)];
    assert_eq!(client.upper.told(), told);

    let client = Client::open(Config::default()).await;
    client.upper.paused.store(true, Ordering::Release);
    let (server, query) = (Arc::clone(&client.server), client.query.clone());
    let post = tokio::spawn(async move { server.post(&query, "4a\u{1e}1").await });
    settle().await;
    client.upper.connection().close();
    settle().await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
    post.await.unwrap().is(200, "ok");

    let client = Client::open(Config::default()).await;
    client.upper.connection().close();
    client.post("4a\u{1e}x\u{1e}1").await.is(200, "ok");
    assert_eq!(client.upper.told(), [], "behind a bad packet there is nothing");
}

#[tokio::test(start_paused = true)]
async fn many_queued_packets_all_arrive_before_the_end() {
    let client = Client::open(Config::default()).await;
    client.takes_few_packets();
    for _ in 0..20 {
        client.upper.send("x");
    }
    client.upper.connection().close();
    assert_eq!(client.get().await.text().split('\u{1e}').count(), 16);
    client.get().await.is(200, "4x\u{1e}4x\u{1e}4x\u{1e}4x");
    client.get().await.is(200, "6\u{1e}1");
}

#[tokio::test(start_paused = true)]
async fn closing_from_within_a_message_ignores_the_rest() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    client.post("4close\u{1e}4more").await.is(200, "ok");
    held.await.unwrap().is(200, "1");
    let told = [Told::Text("close".into()), Told::Close(CloseReason::ForcedClose)];
    assert_eq!(client.upper.told(), told);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_purpose_expires() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    client.upper.connection().close_after(Duration::from_secs(5));
    pass(6).await;
    held.await.unwrap().is(200, "1");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedServerClose)]);

    let client = Client::open(Config::default()).await;
    client.upper.connection().close_after(Duration::from_secs(5));
    client.upper.connection().stay_open();
    pass(6).await;
    assert_eq!(client.upper.told(), []);
}

#[tokio::test(start_paused = true)]
async fn a_closed_engine_ends_all_sessions_and_takes_no_more() {
    let client = Client::open(Config::default()).await;
    let held = client.hold().await;
    let server = Arc::clone(&client.server);
    server.get("EIO=4&transport=polling").await;
    server.engine.close(CloseReason::ServerShuttingDown);
    server.engine.closed().await;
    held.await.unwrap().is(200, "1");
    for index in [0, 1] {
        assert_eq!(
            server.upper(index).told(),
            [Told::Close(CloseReason::ServerShuttingDown)]
        );
    }
    assert_eq!(server.get("EIO=4&transport=polling").await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_session_stays_behind() {
    let client = Client::open(Config::default()).await;
    let (server, inner) = (Arc::clone(&client.server), client.upper.connection().downgrade());
    let upper = Arc::downgrade(&client.upper);
    client.post("1").await.is(200, "ok");
    server.uppers.lock().unwrap().clear();
    drop(client);
    assert!(upper.upgrade().is_none());
    // Once the upper half has gone, so has the connection it held.
    assert_eq!(inner.strong_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn many_sessions_that_end_at_once_leave_the_others_their_turn() {
    const SESSIONS: usize = 200;
    let server = Server::new(Config::default());
    for _ in 0..SESSIONS {
        server.get("EIO=3&transport=polling").await;
    }
    let other = tokio::spawn({
        let server = Arc::clone(&server);
        async move {
            let mut seen = Vec::new();
            while server.engine.clients_count() > 0 {
                seen.push(server.engine.clients_count());
                tokio::task::yield_now().await;
            }
            seen.dedup();
            seen
        }
    });
    pass(46).await;
    let seen = other.await.unwrap();
    assert!(seen.len() > 2, "all or nothing: {seen:?}");
}

#[test]
fn a_deadline_that_is_set_while_the_runtime_shuts_down_is_no_deadlock() {
    /// Sets a deadline when its task is dropped, as the end of a session does for others.
    struct SetsDeadline(Client);

    impl Drop for SetsDeadline {
        fn drop(&mut self) {
            // Timers of its own: their task has never been started.
            crate::engine::timer::Timers::new().insert(1, self.0.upper.connection());
        }
    }

    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let sets = SetsDeadline(Client::open(Config::default()).await);
            tokio::spawn(async move {
                let _sets = sets;
                std::future::pending::<()>().await;
            });
            settle().await;
        });
        drop(runtime);
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(10)).unwrap();
}
