//! What is said to a client and waits for what it speaks of.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_websocket_that_is_held_writes_nothing_until_the_last_has_let_go() {
    let server = Server::new(Config::default());
    let mut ws = Ws::open(&server, "EIO=4&transport=websocket").await;
    let upper = server.last();
    let holds = [upper.connection().hold(), upper.connection().hold()];
    upper.send("a");
    // It is read from, and has nothing to write all the same.
    ws.send("4hello").await;
    assert_eq!(upper.texts(), ["hello"]);
    for hold in holds {
        assert!(ws.is_quiet().await);
        drop(hold);
    }
    assert_eq!(ws.text().await, "4a");
}

#[tokio::test(start_paused = true)]
async fn a_poll_of_a_connection_that_is_held_waits_until_the_last_has_let_go() {
    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection();
    let holds = [connection.hold(), connection.hold()];
    client.upper.send("a");
    let held = client.hold().await;
    client.upper.send("b");
    for hold in holds {
        settle().await;
        assert!(!held.is_finished());
        drop(hold);
    }
    held.await.unwrap().is(200, "4a\u{1e}4b");
}

#[tokio::test(start_paused = true)]
async fn who_waits_until_all_is_written_is_told_though_the_connection_is_held_by_then() {
    let server = Server::new(Config::default());
    let mut ws = Ws::open_over(&server, "EIO=4&transport=websocket", 1000).await;
    let upper = server.last();
    upper.send(&"a".repeat(5000));
    let connection = upper.connection().clone();
    let told = tokio::spawn(async move { connection.writable().await });
    settle().await;
    assert!(!told.is_finished());
    let _hold = upper.connection().hold();
    assert_eq!(ws.text().await.len(), 5001);
    settle().await;
    assert!(told.is_finished());
}

/// A handler may hold it for ever.
#[tokio::test(start_paused = true)]
async fn closing_waits_for_no_hold() {
    let server = Server::new(Config::default());
    let mut ws = Ws::open(&server, "EIO=4&transport=websocket").await;
    let upper = server.last();
    let _hold = upper.connection().hold();
    upper.send("a");
    upper.connection().close_with(CloseReason::ForcedClose);
    assert_eq!(ws.text().await, "4a");
    assert_eq!(ws.close_code().await, None);

    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection();
    let _hold = connection.hold();
    client.upper.send("a");
    connection.close_with(CloseReason::ForcedClose);
    client.get().await.is(200, "4a");
}

/// More than are counted hold nothing back, and let nothing go.
#[tokio::test(start_paused = true)]
async fn of_many_holds_the_last_of_those_that_are_counted_counts() {
    let server = Server::new(Config::default());
    let mut ws = Ws::open(&server, "EIO=4&transport=websocket").await;
    let upper = server.last();
    let mut holds: Vec<_> = (0..300).map(|_| upper.connection().hold()).collect();
    upper.send("a");
    let first = holds.remove(0);
    drop(holds);
    assert!(ws.is_quiet().await);
    drop(first);
    assert_eq!(ws.text().await, "4a");
}
