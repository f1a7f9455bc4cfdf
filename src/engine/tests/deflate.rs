//! Compressed messages as a load.

use super::*;
use crate::engine::{
    deflate::samples::{agreement, bomb},
    transport::press::{JOBS, permits},
};

/// A client that compresses, and the driver of its WebSocket.
fn compressing(server: &Server) -> (tokio::io::DuplexStream, impl Future<Output = ()> + Send + use<>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (parts, ()) = Request::get("/socket.io/").body(()).unwrap().into_parts();
    let handshake = Handshake::new(parts, None, false, std::time::SystemTime::UNIX_EPOCH);
    let opening = Opening::Handshake(server.engine.clone(), Protocol::V4, handshake, None);
    let driver = begin(far, b"", opening, false, Some(agreement())).unwrap();
    (near, driver)
}

/// The client's close frame, masked with zeros.
const CLOSE: &[u8] = b"\x88\x80\0\0\0\0";

#[tokio::test(start_paused = true)]
async fn others_have_their_turn_after_a_megabyte_of_inflated_messages() {
    let server = Server::new(Config::default());
    let (mut near, driver) = compressing(&server);
    let mut driver = std::pin::pin!(driver);
    near.write_all(&bomb(500_000).repeat(30)).await.unwrap();
    let mut heard = 0;
    while heard < 30 {
        assert!(driver.as_mut().now_or_never().is_none());
        let now = server.last().told().len();
        assert!((1..=3).contains(&(now - heard)), "{heard}, then {now}");
        heard = now;
    }
}

/// They are inflated all the same.
#[tokio::test(start_paused = true)]
async fn others_have_their_turn_while_inflated_messages_come_as_the_session_closes() {
    let server = Server::new(Config::default());
    let (mut near, driver) = compressing(&server);
    let mut driver = std::pin::pin!(driver);
    assert!(driver.as_mut().now_or_never().is_none());
    // It isn't read, so the last packets wait.
    server.last().send(&"x".repeat(100_000));
    server.last().connection().close();
    near.write_all(&bomb(500_000).repeat(30)).await.unwrap();
    near.write_all(CLOSE).await.unwrap();
    let mut turns = 0;
    while server.last().told().is_empty() {
        assert!(driver.as_mut().now_or_never().is_none() || !server.last().told().is_empty());
        turns += 1;
    }
    assert!(turns >= 10, "{turns} turns");
}

#[tokio::test(start_paused = true)]
async fn others_have_their_turn_while_inflated_messages_come_after_the_end() {
    let server = Server::new(Config::default());
    let (mut near, driver) = compressing(&server);
    tokio::spawn(driver);
    settle().await;
    let mut said = [0; 1024];
    // A packet that is none ends the session, and the close frame says so.
    let open = near.read(&mut said).await.unwrap();
    near.write_all(b"\x81\x81\0\0\0\x009").await.unwrap();
    assert!(open > 2 && near.read(&mut said).await.unwrap() == 2);
    near.write_all(&bomb(500_000).repeat(30)).await.unwrap();
    near.write_all(CLOSE).await.unwrap();
    // A round of the runtime is a turn of each task.
    let mut rounds = 0;
    let mut ended = Box::pin(near.read(&mut said));
    while futures::poll!(ended.as_mut()).is_pending() {
        tokio::task::yield_now().await;
        rounds += 1;
    }
    assert!(rounds >= 10, "{rounds} rounds");
}

/// A text that stays long when it is compressed.
fn incompressible() -> String {
    let mut state = 1_u64;
    let digits = (0..32 * 1024).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{:08x}", state >> 32)
    });
    digits.collect()
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_not_compressed() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let client = Client::open(Config {
        http_compression: Some(crate::engine::HttpCompression::new()),
        ..Config::default()
    })
    .await;
    let held = JOBS.acquire_many(permits() as u32).await.unwrap();
    client.upper.send(&incompressible());
    let uri = format!("/socket.io/?{}", client.query);
    let get = Request::get(uri).header("accept-encoding", "gzip");
    let get = get.body(Full::<Bytes>::default()).unwrap();
    let before = tasks();
    let mut answer = Box::pin(client.server.engine.handle(get, None, false));
    assert!(futures::poll!(answer.as_mut()).is_pending());
    assert_eq!(tasks(), before + 1);
    drop(answer);
    settle().await;
    // With the session ends what looks after its time.
    assert!(tasks() <= before, "it goes on");
    drop(held);
}

#[tokio::test]
async fn an_engine_that_is_closed_while_a_long_answer_is_compressed_lets_it_be_read_to_its_end() {
    let client = Client::open(Config {
        http_compression: Some(crate::engine::HttpCompression::new()),
        ..Config::default()
    })
    .await;
    client.upper.send(&incompressible());
    let uri = format!("/socket.io/?{}", client.query);
    let get = Request::get(uri).header("accept-encoding", "gzip");
    let get = get.body(Full::<Bytes>::default()).unwrap();
    let mut answer = std::pin::pin!(client.server.engine.handle(get, None, false));
    // Another thread begins to compress it.
    assert!(futures::poll!(answer.as_mut()).is_pending());
    client.server.engine.close(CloseReason::ServerShuttingDown);
    let answer = Answer::of(answer.await).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-encoding")),
        (200, "gzip")
    );
    assert!(answer.body.len() > 64 * 1024);
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    client.get().await.is(200, "6\u{1e}1");
    assert_eq!(
        client.upper.told(),
        [Told::Close(CloseReason::ServerShuttingDown)]
    );
}
