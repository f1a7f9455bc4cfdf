//! Compressed messages as a load.

use super::*;
use crate::engine::deflate::samples::{agreement, bomb};

#[tokio::test(start_paused = true)]
async fn others_have_their_turn_after_a_megabyte_of_inflated_messages() {
    let server = Server::new(Config::default());
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    let (parts, ()) = Request::get("/socket.io/").body(()).unwrap().into_parts();
    let handshake = Handshake::new(parts, None, false, std::time::SystemTime::UNIX_EPOCH);
    let opening = Opening::Handshake(server.engine.clone(), Protocol::V4, handshake, None);
    let driver = begin(far, b"", opening, false, Some(agreement())).unwrap();
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
