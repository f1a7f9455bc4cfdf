//! Clients whose receiver doesn't want the next message: they are not read, and can't be heard.

use super::*;

/// A packet of either generation that has the receiver want no more, in a body of several.
fn pauses(query: &str, times: usize) -> String {
    match query {
        "EIO=3" => "6:4pause".repeat(times),
        _ => vec!["4pause"; times].join("\u{1e}"),
    }
}

/// A POST that brings these packets.
async fn start_post(client: &Client, times: usize) -> tokio::task::JoinHandle<Answer> {
    let (server, query) = (Arc::clone(&client.server), client.query.clone());
    let body = pauses(&query[..5], times);
    let post = tokio::spawn(async move { server.post(&query, &body).await });
    settle().await;
    assert!(!post.is_finished());
    post
}

/// The second in which the connection ends, of the next hundred. All the while its task is woken for nothing.
async fn end_of(upper: &Upper) -> u32 {
    for second in 1..100 {
        pass(1).await;
        if let [reason] = upper.close_reasons()[..] {
            assert_eq!(reason, CloseReason::PingTimeout);
            return second;
        }
        upper.connection().resume();
        settle().await;
    }
    panic!("it never ends");
}

#[tokio::test(start_paused = true)]
async fn a_websocket_from_which_nothing_can_be_taken_is_gone_in_time() {
    for (query, says) in [("EIO=4", "43"), ("EIO=3", "42")] {
        for behind in [0, 1, 5] {
            let server = Server::new(Config::default());
            let mut ws = Ws::open(&server, query).await;
            let upper = server.last();
            pass(20).await;
            ws.send("4pause").await;
            for _ in 0..behind {
                ws.send(says).await;
            }
            assert!((45..=46).contains(&end_of(&upper).await), "{query} {behind}");
            assert_eq!(upper.texts(), ["pause"]);
            assert_eq!(server.engine.clients_count(), 0);
            while ws.next().await != Message::Close(None) {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_of_old_that_leaves_while_it_is_not_read_is_gone_in_time() {
    let server = Server::new(Config::default());
    let mut ws = Ws::open(&server, "EIO=3").await;
    let upper = server.last();
    ws.send("4pause").await;
    ws.send("4a").await;
    ws.0.close(None).await.unwrap();
    drop(ws);
    assert!((45..=46).contains(&end_of(&upper).await));
}

/// It is pinged all the while, as it expects.
#[tokio::test(start_paused = true)]
async fn a_websocket_from_which_a_message_can_be_taken_now_and_then_stays() {
    for query in ["EIO=4", "EIO=3"] {
        let server = Server::new(Config::default());
        let mut ws = Ws::open(&server, query).await;
        let upper = server.last();
        for _ in 0..10 {
            ws.send("4pause").await;
        }
        let mut pinged = 0;
        for second in 1..=400 {
            pass(1).await;
            if second % 40 == 0 {
                upper.resume();
                settle().await;
            }
            while let Some(message) = ws.0.next().now_or_never() {
                assert_eq!(message.unwrap().unwrap(), Message::text("2"));
                pinged = second;
            }
            assert_eq!(upper.close_reasons(), [], "{query} {second}");
            assert!(query == "EIO=3" || second - pinged <= 26, "{second}");
        }
        assert_eq!(upper.texts().len(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_read_again_has_to_answer_as_before() {
    let server = Server::new(Config::default());
    let mut ws = Ws::open(&server, "EIO=4").await;
    let upper = server.last();
    ws.send("4pause").await;
    ws.send("4a").await;
    for _ in 0..40 {
        pass(1).await;
    }
    upper.resume();
    settle().await;
    assert_eq!(upper.texts(), ["pause", "a"]);
    // It is pinged after 25 s and after 50 s.
    assert!((30..=31).contains(&end_of(&upper).await));
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_post_can_not_be_taken_is_gone_in_time() {
    for query in ["EIO=4", "EIO=3"] {
        let client = Client::open_with(Config::default(), query).await;
        pass(20).await;
        let post = start_post(&client, 2).await;
        assert!((45..=46).contains(&end_of(&client.upper).await), "{query}");
        post.await.unwrap().is(200, "ok");
        assert_eq!(client.upper.texts(), ["pause"]);
        assert!(client.is_gone().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_post_is_taken_slowly_is_not_called_silent() {
    for query in ["EIO=4", "EIO=3"] {
        let client = Client::open_with(Config::default(), query).await;
        let post = start_post(&client, 10).await;
        for _ in 1..10 {
            assert!(!post.is_finished());
            for _ in 0..8 {
                pass(5).await;
            }
            client.upper.resume();
            settle().await;
        }
        post.await.unwrap().is(200, "ok");
        assert_eq!(client.upper.texts().len(), 10);
        assert_eq!(client.upper.close_reasons(), [], "{query}");
    }
}

/// It has stopped polling, and its WebSocket waits for the end of the POST.
#[tokio::test(start_paused = true)]
async fn an_upgrade_that_waits_for_a_post_that_stands_still_is_gone_in_time() {
    let client = Client::open(Config::default()).await;
    let mut ws = Ws::probe(&client).await;
    ws.send("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    let post = start_post(&client, 2).await;
    ws.send("5").await;
    assert!((45..=46).contains(&end_of(&client.upper).await));
    assert_eq!(ws.close_code().await, None);
    post.await.unwrap().is(200, "ok");
    assert!(client.is_gone().await);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_begins_to_wait_as_its_session_ends_is_answered() {
    let client = Client::open(Config::default()).await;
    client.upper.ends.store(true, Ordering::Release);
    client.post("4a").await.is(200, "ok");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
    assert_eq!(client.server.engine.clients_count(), 0);
}
