//! Compressed messages as a load.

use super::*;
use crate::websocket::{Agreement, Effort, Terms, accept, deflate, negotiate};

fn agreement() -> Agreement {
    let request = Request::get("/")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")
        .header("sec-websocket-extensions", "permessage-deflate");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let terms = Terms {
        server_max_window_bits: 15,
        client_max_window_bits: 15,
        server_context_takeover: false,
        client_context_takeover: false,
    };
    let accepted = accept(&parts.method, parts.version, &parts.headers, false);
    negotiate(&accepted.unwrap().extensions, terms).unwrap()
}

/// A text of so many bytes as a compressed frame, masked with zeros.
fn bomb(len: usize) -> Vec<u8> {
    let effort = Effort {
        level: 6,
        window_bits: 15,
    };
    let payload = deflate(&[b"4", &vec![b'x'; len - 1]], effort);
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0xc1, 0xfe, length[0], length[1], 0, 0, 0, 0], &payload[..]].concat()
}

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
