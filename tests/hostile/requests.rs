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
