//! Requests that no client makes.

use axum_socketio::SocketIo;

use crate::{
    ground::Ground,
    raw,
    wire::{Eio, Request, Via},
};

/// The answer: a row of Node's table of errors, or a bare status.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Refusal(u8),
    Empty(u16),
}

use Answer::{Empty, Refusal};

const MESSAGES: [&str; 4] = [
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
];

/// Method, query, answer. `{polling}` and `{websocket}` stand for sessions that are there.
pub(crate) const CASES: &[(&str, &str, Answer)] = &[
    ("GET", "", Refusal(0)),
    ("GET", "?", Refusal(0)),
    ("GET", "?EIO=4", Refusal(0)),
    ("GET", "?EIO=4&transport", Refusal(0)),
    ("GET", "?EIO=4&transport=", Refusal(0)),
    ("GET", "?EIO=4&transport=Polling", Refusal(0)),
    ("GET", "?EIO=4&transport=polling%00", Refusal(0)),
    ("GET", "?EIO=4&transport=%20polling", Refusal(0)),
    ("GET", "?EIO=4&transport=polling,websocket", Refusal(0)),
    ("GET", "?EIO=4&transport=webtransport", Refusal(0)),
    ("GET", "?EIO=4&transport=flashsocket", Refusal(0)),
    ("GET", "?EIO=4&Transport=polling", Refusal(0)),
    ("GET", "?EIO=4&transport=polling&transport=x", Refusal(0)),
    ("GET", "?EIO=4&transport[]=polling", Refusal(0)),
    ("GET", "?EIO=4&transport=__proto__", Refusal(0)),
    ("GET", "?EIO=4&transport=constructor", Refusal(0)),
    ("POST", "?EIO=4&transport=x&sid={polling}", Refusal(0)),
    ("POST", "?EIO=4&transport=polling", Refusal(2)),
    ("POST", "?EIO=3&transport=polling", Refusal(2)),
    ("PUT", "?EIO=4&transport=polling", Refusal(2)),
    ("PATCH", "?EIO=4&transport=polling", Refusal(2)),
    ("DELETE", "?EIO=4&transport=polling", Refusal(2)),
    ("OPTIONS", "?EIO=4&transport=polling", Refusal(2)),
    ("TRACE", "?EIO=4&transport=polling", Refusal(2)),
    ("BREW", "?EIO=4&transport=polling", Refusal(2)),
    ("POST", "?EIO=4&transport=polling&sid=", Refusal(2)),
    ("GET", "?EIO=4&transport=websocket", Refusal(3)),
    ("POST", "?EIO=4&transport=websocket", Refusal(2)),
    ("GET", "?EIO=4&transport=polling&sid=x", Refusal(1)),
    ("POST", "?EIO=4&transport=polling&sid=x", Refusal(1)),
    ("PUT", "?EIO=4&transport=polling&sid=x", Refusal(1)),
    ("GET", "?EIO=4&transport=websocket&sid=x", Refusal(1)),
    ("GET", "?EIO=3&transport=polling&sid=x", Refusal(1)),
    ("GET", "?EIO=4&transport=polling&sid=%00", Refusal(1)),
    ("GET", "?EIO=4&transport=polling&sid=%FF%FE", Refusal(1)),
    (
        "GET",
        "?EIO=4&transport=polling&sid=..%2F..%2Fetc%2Fpasswd",
        Refusal(1),
    ),
    (
        "GET",
        "?EIO=4&transport=polling&sid=%27%20OR%201%3D1--",
        Refusal(1),
    ),
    ("GET", "?EIO=4&transport=polling&sid=__proto__", Refusal(1)),
    ("GET", "?EIO=4&transport=polling&sid=%F0%9F%98%80", Refusal(1)),
    ("GET", "?EIO=4&transport=polling&sid=undefined", Refusal(1)),
    ("GET", "?EIO=4&transport=polling&sid={polling}&sid=x", Refusal(1)),
    ("GET", "?EIO=4&transport=polling&sid={polling}%20", Refusal(1)),
    (
        "GET",
        "?EIO=4&transport=polling&sid={polling}{polling}",
        Refusal(1),
    ),
    ("GET", "?EIO=3&transport=polling&sid={polling}", Refusal(3)),
    ("GET", "?transport=polling&sid={polling}", Refusal(3)),
    ("GET", "?EIO=5&transport=polling&sid={polling}", Refusal(3)),
    ("GET", "?EIO=04&transport=polling&sid={polling}", Refusal(3)),
    ("POST", "?EIO=3&transport=polling&sid={polling}", Refusal(3)),
    ("GET", "?EIO=4&transport=websocket&sid={polling}", Refusal(3)),
    ("POST", "?EIO=4&transport=websocket&sid={polling}", Refusal(3)),
    ("GET", "?EIO=4&transport=polling&sid={websocket}", Refusal(3)),
    ("POST", "?EIO=4&transport=polling&sid={websocket}", Refusal(3)),
    ("GET", "?EIO=4&transport=websocket&sid={websocket}", Refusal(3)),
    ("DELETE", "?EIO=4&transport=polling&sid={polling}", Empty(500)),
    ("PUT", "?EIO=4&transport=polling&sid={polling}", Empty(500)),
    ("OPTIONS", "?EIO=4&transport=polling&sid={polling}", Empty(500)),
];

/// What asks for a WebSocket in a wrong way: query, header lines, status and body.
pub(crate) const UPGRADES: &[(&str, &str, u16, &str)] = &[
    ("", UPGRADE, 400, "Transport unknown"),
    ("?EIO=4&transport=x", UPGRADE, 400, "Transport unknown"),
    ("?EIO=4&transport=polling", UPGRADE, 400, "Bad request"),
    (
        "?EIO=4&transport=websocket&sid=x",
        UPGRADE,
        400,
        "Session ID unknown",
    ),
    (
        "?EIO=4&transport=polling&sid={polling}",
        UPGRADE,
        400,
        "Bad request",
    ),
    (
        "?EIO=3&transport=websocket&sid={polling}",
        UPGRADE,
        400,
        "Bad request",
    ),
];

/// Opening handshakes of WebSockets with a defect: method, version, header lines, status and body.
#[rustfmt::skip]
pub(crate) const HANDSHAKES: &[(&str, &str, &[&str], u16, &str)] = &[
    ("GET", "1.1", &["Connection: Upgrade, close", VERSION, KEY], 400, PLAIN),
    ("GET", "1.1", &["Connection: Upgrade, close", "Upgrade: ", VERSION, KEY], 400, PLAIN),
    ("GET", "1.1", &["Connection: Upgrade, close", "Upgrade: websockets", VERSION, KEY], 400, PLAIN),
    ("GET", "1.1", &["Connection: Upgrade, close", "Upgrade: h2c", VERSION, KEY], 400, PLAIN),
    ("GET", "1.1", &[WEBSOCKET, VERSION, KEY], 400, "Missing or invalid Connection header"),
    ("GET", "1.1", &["Connection: close", WEBSOCKET, VERSION, KEY], 400, "Missing or invalid Connection header"),
    ("GET", "1.1", &["Connection: upgrades", WEBSOCKET, VERSION, KEY], 400, "Missing or invalid Connection header"),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, KEY], 426, NO_VERSION),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, "Sec-WebSocket-Version: ", KEY], 426, NO_VERSION),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, "Sec-WebSocket-Version: 8", KEY], 426, NO_VERSION),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, "Sec-WebSocket-Version: 013", KEY], 426, NO_VERSION),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, "Sec-WebSocket-Version: 13.0", KEY], 426, NO_VERSION),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, "Sec-WebSocket-Version: 999999999999999999999", KEY], 426, NO_VERSION),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, VERSION], 400, NO_KEY),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, VERSION, "Sec-WebSocket-Key: "], 400, NO_KEY),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, VERSION, "Sec-WebSocket-Key: c2hvcnQ="], 400, NO_KEY),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, VERSION, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"], 400, NO_KEY),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, VERSION, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*Q=="], 400, NO_KEY),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, VERSION, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSBpcyBsb25n"], 400, NO_KEY),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, VERSION, "Sec-WebSocket-Key: \u{e9}\u{e9}\u{e9}"], 400, NO_KEY),
    ("GET", "1.1", &[CONNECTION, WEBSOCKET, VERSION, KEY, "Sec-WebSocket-Protocol: a b"], 400, NO_SUBPROTOCOL),
    ("GET", "1.0", &[CONNECTION, WEBSOCKET, VERSION, KEY], 400, "Invalid HTTP version"),
    ("POST", "1.1", &[CONNECTION, WEBSOCKET, VERSION, KEY, "Content-Length: 0"], 400, POSTED),
    ("PUT", "1.1", &[CONNECTION, WEBSOCKET, VERSION, KEY, "Content-Length: 0"], 400, POSTED),
];

const CONNECTION: &str = "Connection: Upgrade";
const WEBSOCKET: &str = "Upgrade: websocket";
const VERSION: &str = "Sec-WebSocket-Version: 13";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
/// It asks for no WebSocket, so it is the transport that is wrong.
const PLAIN: &str = r#"{"code":3,"message":"Bad request"}"#;
const NO_VERSION: &str = "Missing or invalid Sec-WebSocket-Version header";
const NO_KEY: &str = "Missing or invalid Sec-WebSocket-Key header";
const NO_SUBPROTOCOL: &str = "Invalid Sec-WebSocket-Protocol header";
/// Handshakes of Engine.IO are GETs.
const POSTED: &str = "Bad handshake method";

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_as_node_refuses_them_and_cost_no_session() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    let polling = ground.client(Eio::V4, Via::Polling).await;
    let websocket = ground.client(Eio::V4, Via::WebSocket).await;
    let fill = |query: &str| {
        query
            .replace("{polling}", polling.sid())
            .replace("{websocket}", websocket.sid())
    };
    for (method, query, answer) in CASES {
        let target = format!("/socket.io/{}", fill(query));
        let response = Request::new(method, target).send(ground.server.addr).await;
        match answer {
            Refusal(code) => {
                let body = format!(
                    r#"{{"code":{code},"message":"{}"}}"#,
                    MESSAGES[usize::from(*code)]
                );
                assert_eq!(
                    (response.status, response.text()),
                    (400, &*body),
                    "{method} {query}"
                );
            }
            Empty(status) => {
                assert_eq!(
                    (response.status, response.text()),
                    (*status, ""),
                    "{method} {query}"
                );
            }
        }
    }
    for (query, headers, status, body) in UPGRADES {
        let query = fill(query);
        let head = format!("GET /socket.io/{query} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let answer = raw::exchange(ground.server.addr, head.as_bytes()).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{query}: {answer}"
        );
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{query}: {answer}");
    }
    for mut client in [polling, websocket] {
        client.expect_nothing().await;
        client.close().await;
        ground.expect_left("transport close", "a goodbye").await;
    }
    ground.check("all requests").await;
}

/// Each as the beginning of a session and as the upgrade of one that polls, which goes on polling.
#[tokio::test]
async fn opening_handshakes_with_a_defect_are_refused_with_what_is_wrong_and_cost_no_session() {
    let mut ground = Ground::new(SocketIo::builder()).await;
    let mut polling = ground.client(Eio::V4, Via::Polling).await;
    for (method, version, headers, status, body) in HANDSHAKES {
        for target in [Eio::V4.target("websocket"), polling.upgrade_target()] {
            // With a session it is no handshake of Engine.IO any more, but still none of a WebSocket.
            let (status, body) = match (*method, target.contains("sid=")) {
                ("GET", _) | (_, false) => (*status, *body),
                _ => (405, "Invalid HTTP method"),
            };
            let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            let head = format!("{method} {target} HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
            let answer = raw::exchange(ground.server.addr, head.as_bytes()).await;
            let answer = String::from_utf8(answer).unwrap();
            let (first, rest) = answer.split_once("\r\n").unwrap();
            assert!(first.contains(&format!(" {status} ")), "{head}{answer}");
            assert!(rest.ends_with(&format!("\r\n\r\n{body}")), "{head}{answer}");
        }
        polling.expect_nothing().await;
    }
    polling.close().await;
    ground.expect_left("transport close", "a goodbye").await;
    ground.check("all handshakes").await;
}
