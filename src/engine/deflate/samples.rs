//! Compression for the tests of the engine, which know nothing of WebSockets.

use http::Request;

use crate::websocket::{Agreement, Effort, Terms, accept, deflate, negotiate};

/// What is agreed on where nothing is said.
pub(in crate::engine) fn agreement() -> Agreement {
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
pub(in crate::engine) fn bomb(len: usize) -> Vec<u8> {
    let effort = Effort {
        level: 6,
        window_bits: 15,
    };
    let payload = deflate(&[b"4", &vec![b'x'; len - 1]], effort);
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0xc1, 0xfe, length[0], length[1], 0, 0, 0, 0], &payload[..]].concat()
}
