//! The same offers of compression to this server and to the original ones, and the same answers.

use axum_socketio::{SocketIo, engine::PerMessageDeflate};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{DEADLINE, Node, contract};

/// Offers without the name of the extension, `,` between several.
const OFFERS: &[&str] = &[
    "",
    "; client_max_window_bits",
    "; client_max_window_bits=15",
    "; client_max_window_bits=10",
    "; server_max_window_bits=15",
    "; server_max_window_bits=10",
    "; server_max_window_bits=8",
    "; server_no_context_takeover",
    "; client_no_context_takeover",
    NINE,
    "; server_max_window_bits=\"11\"",
    "; server_max_window_bits=10, ; server_max_window_bits=15, ",
    "; client_max_window_bits=9, ; client_max_window_bits",
    // not acceptable
    "; server_max_window_bits=7",
    "; server_max_window_bits",
    "; client_no_context_takeover=1",
    "; server_no_context_takeover; server_no_context_takeover",
    "; unknown",
];

const TAKEOVER: fn() -> PerMessageDeflate = || {
    PerMessageDeflate::new()
        .server_context_takeover(true)
        .client_context_takeover(true)
};

/// A name, what Node is told, and what we are.
type Told = (&'static str, &'static str, fn() -> PerMessageDeflate);

const SERVERS: &[Told] = &[
    ("on", "true", TAKEOVER),
    (
        "alone",
        r#"{"serverNoContextTakeover": true, "clientNoContextTakeover": true}"#,
        PerMessageDeflate::new,
    ),
    ("server 12", r#"{"serverMaxWindowBits": 12}"#, || {
        TAKEOVER().server_max_window_bits(12)
    }),
    ("client 11", r#"{"clientMaxWindowBits": 11}"#, || {
        TAKEOVER().client_max_window_bits(11)
    }),
];

const DECLINED: &str = "what can't be accepted is declined, and nothing is compressed (RFC 7692 §5.1); Node refuses the connection";
const NO_8: &str = "zlib writes no window of 8 bits; Node promises one and writes one of 9";
const SAME: &str = "15 bits are what is meant where nothing is said (RFC 7692 §7.1.2.2)";
const SMALLER: &str = "who asks for a smaller window than is wanted gets it (RFC 7692 §7.1.2)";

const NINE: &str = "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9";
const ALL_NINE: &str = "101 permessage-deflate; client_max_window_bits=9; client_no_context_takeover; \
    server_max_window_bits=9; server_no_context_takeover";

/// Where ours answers otherwise, on purpose: server, offer, Node's answer, ours, why. `*` is any.
#[rustfmt::skip]
const DEVIATIONS: &[(&str, &str, &str, &str, &str)] = &[
    ("*", "*", "400 none", "101 none", DECLINED),
    ("on", "; server_max_window_bits=8", "101 permessage-deflate; server_max_window_bits=8", "101 none", NO_8),
    (
        "alone", "; server_max_window_bits=8",
        "101 permessage-deflate; client_no_context_takeover; server_max_window_bits=8; server_no_context_takeover", "101 none", NO_8,
    ),
    (
        "on", "; client_max_window_bits=15", "101 permessage-deflate; client_max_window_bits=15", "101 permessage-deflate", SAME,
    ),
    (
        "alone", "; client_max_window_bits=15",
        "101 permessage-deflate; client_max_window_bits=15; client_no_context_takeover; server_no_context_takeover",
        "101 permessage-deflate; client_no_context_takeover; server_no_context_takeover", SAME,
    ),
    (
        "server 12", "; client_max_window_bits=15",
        "101 permessage-deflate; client_max_window_bits=15; server_max_window_bits=12",
        "101 permessage-deflate; server_max_window_bits=12", SAME,
    ),
    ("server 12", "; server_max_window_bits=10", "400 none", "101 permessage-deflate; server_max_window_bits=10", SMALLER),
    ("server 12", "; server_max_window_bits=\"11\"", "400 none", "101 permessage-deflate; server_max_window_bits=11", SMALLER),
    (
        "server 12", "; server_max_window_bits=10, ; server_max_window_bits=15, ",
        "101 permessage-deflate; server_max_window_bits=12", "101 permessage-deflate; server_max_window_bits=10", SMALLER,
    ),
    ("client 11", "; client_max_window_bits=10", "400 none", "101 permessage-deflate; client_max_window_bits=10", SMALLER),
    (
        "client 11", "; client_max_window_bits=9, ; client_max_window_bits",
        "101 permessage-deflate; client_max_window_bits=11", "101 permessage-deflate; client_max_window_bits=9", SMALLER,
    ),
    (
        // socket.io 2.5 answers with more than the client can.
        "client 11", "; client_max_window_bits=10",
        "101 permessage-deflate; client_max_window_bits=11", "101 permessage-deflate; client_max_window_bits=10", SMALLER,
    ),
    (
        "client 11", NINE,
        "101 permessage-deflate; client_max_window_bits=11; client_no_context_takeover; server_max_window_bits=9; \
            server_no_context_takeover",
        ALL_NINE, SMALLER,
    ),
    ("server 12", NINE, "400 none", ALL_NINE, SMALLER),
    ("client 11", NINE, "400 none", ALL_NINE, SMALLER),
];

/// The status, and what was agreed on, its parameters in alphabetical order.
async fn offer(url: &str, eio: &str, offer: &str) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .unwrap();
    let offer: Vec<_> = offer
        .split(',')
        .map(|parameters| format!("permessage-deflate{}", parameters.trim_start()))
        .collect();
    let head = format!(
        "GET /socket.io/?EIO={eio}&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Extensions: {}\r\n\r\n",
        offer.join(", "),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    let status = answer.split(' ').nth(1).unwrap();
    let agreed = answer
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
    let mut parameters: Vec<_> = agreed.unwrap_or("none").split("; ").collect();
    parameters[1..].sort_unstable();
    format!("{status} {}", parameters.join("; "))
}

#[tokio::test]
async fn offers_of_compression_are_answered_as_by_node() {
    let mut told = String::new();
    for (major, eio) in [("2", "3"), ("4", "4")] {
        for (name, options, ours) in SERVERS {
            let node = Node::start(major, &format!(r#"{{"perMessageDeflate": {options}}}"#)).await;
            let server = contract::Server::start(SocketIo::builder().per_message_deflate(ours())).await;
            for offered in OFFERS {
                let node = offer(&node.url, eio, offered).await;
                let ours = offer(server.url(), eio, offered).await;
                let row = (*name, *offered, &*node, &*ours);
                let is = |expected: &str, found: &str| expected == "*" || expected == found;
                let decided = DEVIATIONS.iter().any(|known| {
                    is(known.0, row.0) && is(known.1, row.1) && (known.2, known.3) == (row.2, row.3)
                });
                if node != ours && !decided {
                    told += &format!("\n{major}: {row:?}");
                }
            }
        }
    }
    assert!(told.is_empty(), "{told}");
}
