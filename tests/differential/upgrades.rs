//! Requests for WebSockets, most of them wrong.

use crate::{Node, SocketIo, ask_to_upgrade, contract, differences};

type Headers = &'static [(&'static str, &'static str)];

/// Name, method, what follows `EIO=n`, or the whole target, and what is different about the headers; an empty value leaves
/// one out.
type Case = (&'static str, &'static str, &'static str, Headers);

const RIGHT: Headers = &[
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
];

const WEBSOCKET: &str = "&transport=websocket";
const CASES: &[Case] = &[
    ("right", "GET", WEBSOCKET, &[]),
    (
        "subprotocols",
        "GET",
        WEBSOCKET,
        &[("sec-websocket-protocol", "first, second")],
    ),
    ("version 12", "GET", WEBSOCKET, &[("sec-websocket-version", "12")]),
    ("version 8", "GET", WEBSOCKET, &[("sec-websocket-version", "8")]),
    ("no version", "GET", WEBSOCKET, &[("sec-websocket-version", "")]),
    ("no key", "GET", WEBSOCKET, &[("sec-websocket-key", "")]),
    ("short key", "GET", WEBSOCKET, &[("sec-websocket-key", "AAAA")]),
    (
        "bad subprotocols",
        "GET",
        WEBSOCKET,
        &[("sec-websocket-protocol", "a,,b")],
    ),
    ("other protocol", "GET", WEBSOCKET, &[("upgrade", "h2c")]),
    ("post", "POST", WEBSOCKET, &[]),
    ("unknown sid", "GET", "&transport=websocket&sid=nobody", &[]),
    ("unknown transport", "GET", "&transport=pigeon", &[]),
    ("no transport", "GET", "", &[]),
    ("polling", "GET", "&transport=polling", &[]),
    (
        "unknown sid, polling",
        "GET",
        "&transport=polling&sid=nobody",
        &[],
    ),
    ("wrong path", "GET", "/nowhere/?EIO=4&transport=websocket", &[]),
    ("no slash", "GET", "/socket.io?EIO=4&transport=websocket", &[]),
    ("below", "GET", "/socket.io/below?EIO=4&transport=websocket", &[]),
];

async fn compare(major: &str, eio: &str, cases: &[Case]) {
    let node = Node::start(major, r#"{"cookie": false, "destroyUpgradeTimeout": 1}"#).await;
    let ours = contract::Server::start(SocketIo::builder()).await;
    let mut told = String::new();
    for (name, method, rest, different) in cases {
        let uri = match rest.strip_prefix('/') {
            Some(_) => (*rest).to_owned(),
            None => format!("/socket.io/?EIO={eio}{rest}"),
        };
        let kept = RIGHT
            .iter()
            .filter(|(name, _)| !different.iter().any(|(other, _)| name == other));
        let added = different.iter().filter(|(_, value)| !value.is_empty());
        let headers: Vec<_> = kept.chain(added).copied().collect();
        let theirs = ask_to_upgrade(&node.url, method, &uri, &headers).await;
        let answer = ask_to_upgrade(ours.url(), method, &uri, &headers).await;
        told += &differences(&format!("upgrade: {name}, {major}"), &theirs, &answer);
    }
    assert!(told.is_empty(), "\n{told}");
}

#[tokio::test]
async fn requests_for_websockets_are_answered_as_by_2() {
    compare("2", "3", CASES).await;
}

#[tokio::test]
async fn requests_for_websockets_are_answered_as_by_4() {
    compare("4", "4", CASES).await;
    compare("4", "3", &CASES[..1]).await;
}
