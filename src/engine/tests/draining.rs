//! How an engine ends.

use std::{pin::pin, time::Duration};

use super::*;
use crate::engine::ReadyState;

const OVER: CloseReason = CloseReason::ServerShuttingDown;

/// Polling sessions, none of which waits for anything.
async fn idle(count: usize) -> Arc<Server> {
    let server = Server::new(Config::default());
    for _ in 0..count {
        server.get("EIO=4&transport=polling").await;
    }
    server
}

fn open(server: &Server) -> usize {
    let uppers = server.uppers.lock().unwrap();
    let open = uppers
        .iter()
        .filter(|upper| upper.connection().ready_state() == ReadyState::Open);
    open.count()
}

/// One in each second, at no moment that could be foretold.
#[tokio::test(start_paused = true)]
async fn connections_are_closed_evenly_over_the_period_and_in_no_rhythm() {
    // Before the first ping, which would wait to be fetched.
    let (count, half) = (20, Duration::from_millis(500));
    let server = idle(count).await;
    let engine = server.engine.clone();
    let drain = tokio::spawn(async move { engine.close_over(Duration::from_secs(20), OVER).await });
    settle().await;
    let mut early = 0;
    for second in 0..count {
        tokio::time::advance(half).await;
        settle().await;
        early += count - second - open(&server);
        tokio::time::advance(half).await;
        settle().await;
        assert_eq!(open(&server), count - second - 1, "after {second} s");
    }
    assert!(
        (1..count).contains(&early),
        "{early} of {count} in the first half of their second"
    );
    assert_eq!(drain.await.unwrap(), count);
    for upper in server.uppers.lock().unwrap().iter() {
        assert_eq!(upper.close_reasons(), [OVER]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_period_all_are_closed_at_once() {
    let server = idle(5).await;
    let closed = server.engine.close_over(Duration::ZERO, OVER).now_or_never();
    assert_eq!((closed, open(&server)), (Some(5), 0));
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_when_the_last_client_has_left() {
    let server = idle(2).await;
    let mut drain = pin!(server.engine.close_over(Duration::from_secs(3600), OVER));
    assert!((&mut drain).now_or_never().is_none());
    for index in 0..2 {
        let id = server.upper(index).connection().id().as_str().to_owned();
        server
            .post(&format!("EIO=4&transport=polling&sid={id}"), "1")
            .await;
    }
    settle().await;
    assert_eq!(drain.now_or_never(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_drains_takes_nobody_and_serves_who_is_there() {
    let client = Client::open(Config::default()).await;
    let server = &client.server;
    assert!(!server.engine.is_refusing());
    assert_eq!(server.engine.refuse(OVER), 1);
    assert!(server.engine.is_refusing());
    let refused = server.get("EIO=4&transport=polling").await;
    refused.is(503, r#"{"code":7,"message":"Server shutting down"}"#);
    client.post("4echo hello").await.is(200, "ok");
    client.get().await.is(200, "4hello");
    assert_eq!(server.engine.clients_count(), 1);
}

/// Its handshake was answered before, and the HTTP server hands it over afterwards.
#[tokio::test(start_paused = true)]
async fn a_websocket_that_comes_too_late_opens_nothing() {
    let server = Server::new(Config::default());
    server.engine.refuse(OVER);
    let (parts, ()) = Request::get("/").body(()).unwrap().into_parts();
    let handshake = Handshake::new(parts, None, false, std::time::SystemTime::UNIX_EPOCH);
    let opening = Opening::Handshake(server.engine.clone(), Protocol::V4, handshake, None);
    let (_near, far) = tokio::io::duplex(64);
    assert!(begin(far, b"", opening, false, None).is_none());
    assert!(server.uppers.lock().unwrap().is_empty());
}

/// A server that is closed by the very session that begins.
struct ClosedByTheFirst {
    engine: Engine,
    upper: Arc<Upper>,
}

impl Acceptor for ClosedByTheFirst {
    fn accept(&self, connection: &Connection) -> Arc<dyn Receiver> {
        self.upper.connection.set(connection.clone()).unwrap();
        self.engine.close(OVER);
        assert!(
            self.engine.closed().now_or_never().is_none(),
            "a session that begins is not waited for"
        );
        Arc::clone(&self.upper) as Arc<dyn Receiver>
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_begins_while_the_engine_is_closed_is_told_and_waited_for() {
    let server = Arc::new_cyclic(|server: &Weak<ClosedByTheFirst>| ClosedByTheFirst {
        engine: Engine::new(Config::default(), server.clone()),
        upper: Arc::default(),
    });
    let request = Request::get("/?EIO=4&transport=polling").body(Full::<Bytes>::default());
    Answer::of(server.engine.handle(request.unwrap(), None, false).await).await;
    assert_eq!(server.upper.told(), []);
    assert!(server.engine.closed().now_or_never().is_none());
    // Nobody comes for the close packet.
    pass(6).await;
    assert_eq!(server.upper.told(), [Told::Close(OVER)]);
    assert!(server.engine.closed().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_is_cut_at_once() {
    let server = Server::new(Config::default());
    let _stalled = Ws::open_over(&server, "EIO=4&transport=websocket", 256).await;
    let upper = server.last();
    upper.send(&"x".repeat(100_000));
    settle().await;
    server.engine.close(OVER);
    settle().await;
    assert_eq!(upper.told(), []);
    assert_eq!(server.engine.cut(OVER), 1);
    settle().await;
    assert_eq!(upper.told(), [Told::Close(OVER)]);
    assert!(server.engine.closed().now_or_never().is_some());
}

/// A process that ends before has its network stack throw away what a client that still sends hasn't read yet.
#[tokio::test(start_paused = true)]
async fn an_engine_has_ended_when_its_clients_have_answered_the_close_frame() {
    let server = Server::new(Config::default());
    let mut client = Ws::open(&server, "EIO=4&transport=websocket").await;
    let upper = server.last();
    upper.send("the last");
    server.engine.close(OVER);
    settle().await;
    assert_eq!(upper.told(), [Told::Close(OVER)]);
    assert_eq!((server.engine.clients_count(), server.engine.under_way()), (0, 1));
    assert!(server.engine.closed().now_or_never().is_none());
    assert_eq!(client.text().await, "4the last");
    assert_eq!(client.close_code().await, None);
    // Its answer leaves as it reads on.
    assert!(client.0.next().await.is_none());
    assert!(server.engine.closed().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_engine_waits_five_seconds_for_a_client_that_does_not_answer_the_close_frame() {
    let server = Server::new(Config::default());
    let _silent = Ws::open(&server, "EIO=4&transport=websocket").await;
    server.engine.close(OVER);
    settle().await;
    pass(4).await;
    assert!(server.engine.closed().now_or_never().is_none());
    pass(1).await;
    assert!(server.engine.closed().now_or_never().is_some());
}

/// Whoever closes many would be held up by each of them; but it is waited for all of them, whether their tasks have begun or not.
#[tokio::test(start_paused = true)]
async fn connections_that_are_ended_together_are_told_by_tasks_that_closing_waits_for() {
    let ways: [fn(&Engine); 2] = [
        |engine| engine.close(OVER),
        |engine| assert_eq!(engine.cut(OVER), 3),
    ];
    for end in ways {
        let server = idle(3).await;
        end(&server.engine);
        assert_eq!((server.engine.clients_count(), server.engine.under_way()), (0, 3));
        assert!(server.engine.closed().now_or_never().is_none());
        assert!((0..3).all(|index| server.upper(index).told().is_empty()));
        settle().await;
        assert!((0..3).all(|index| server.upper(index).told() == [Told::Close(OVER)]));
        assert_eq!(server.engine.under_way(), 0);
        assert!(server.engine.closed().now_or_never().is_some());
    }
}

#[test]
fn who_has_not_been_told_when_the_runtime_ends_is_told_by_that() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap();
    let server = runtime.block_on(async {
        let server = idle(3).await;
        server.engine.close(OVER);
        server
    });
    assert!((0..3).all(|index| server.upper(index).told().is_empty()));
    drop(runtime);
    assert!((0..3).all(|index| server.upper(index).told() == [Told::Close(OVER)]));
    assert!(server.engine.closed().now_or_never().is_some());
}
