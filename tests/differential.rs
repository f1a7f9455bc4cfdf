//! The same requests to this server and to the original ones, and the same answers.
//!
//! Engine.IO 3 is held against npm's socket.io 2.5, Engine.IO 4 against 4.8. All of them serve the contract of
//! `tests/clients/README.md`.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

#[cfg(feature = "deflate")]
#[path = "differential/compression.rs"]
mod compression;
#[path = "clients/contract.rs"]
mod contract;
#[cfg(feature = "deflate")]
#[path = "differential/deflate.rs"]
mod deflate;
#[path = "differential/deviations.rs"]
mod deviations;
#[path = "differential/members.rs"]
mod members;
#[path = "differential/recovery.rs"]
mod recovery;
#[path = "support/setup.rs"]
mod setup;
#[path = "differential/upgrades.rs"]
mod upgrades;

use std::{collections::BTreeMap, fmt::Write as _, path::Path, process::Stdio, time::Duration};

use axum_socketio::{
    Builder, SocketIo,
    layer::{ClientBundle, Cookie, Origins},
};
use deviations::{ANY, DEVIATIONS, NONE};
use http::{HeaderName, HeaderValue, Method};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

const DEADLINE: Duration = Duration::from_secs(20);
const GOOD: &str = "https://good.example";

/// Headers that say something about Socket.IO; the others are the HTTP server's.
const HEADERS: &[&str] = &[
    "content-type",
    "set-cookie",
    "cache-control",
    "etag",
    "vary",
    "allow",
    "content-encoding",
    "connection",
    "upgrade",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "sec-websocket-version",
];

/// An original server, which ends with this value.
struct Node {
    url: String,
    _process: Child,
}

impl Node {
    async fn start(major: &str, options: &str) -> Self {
        Self::run("clients/js/reference-server.mjs", &[major, "0", options]).await
    }

    async fn run(script: &str, args: &[&str]) -> Self {
        let mut node = Command::from(setup::node(script));
        node.args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut process = node.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = timeout(DEADLINE, lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        Self {
            url,
            _process: process,
        }
    }
}

/// What is compared: `status`, `body` and headers by name.
type Answer = BTreeMap<String, String>;

/// One request of HTTP/1.0, whose answer is neither chunked nor kept alive.
async fn ask(url: &str, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (mut answer, bytes) = ask_for_bytes(url, method, uri, headers, body).await;
    answer.insert("body".into(), String::from_utf8_lossy(&bytes).into_owned());
    answer
}

/// [`ask`] where the body is no text, or not yet.
async fn ask_for_bytes(
    url: &str,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (Answer, Vec<u8>) {
    let headers = [&[("connection", "close")], headers].concat();
    let request = request("1.0", method, uri, &headers, body);
    let mut stream = send(url, &request).await;
    let mut answer = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    read.unwrap().unwrap();
    let (mut answer, body) = parsed(&answer);
    // It is what was asked for.
    answer.remove("connection");
    (answer, body)
}

/// One request for a WebSocket. Of an answer that is one only the head is read; a connection that is closed without an
/// answer has the status [`NONE`].
async fn ask_to_upgrade(url: &str, method: &str, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = send(url, &request("1.1", method, uri, headers, "")).await;
    let mut bytes = Vec::new();
    while timeout(DEADLINE, stream.read_buf(&mut bytes))
        .await
        .unwrap()
        .unwrap()
        > 0
    {
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        if head.starts_with("HTTP/1.1 101") || length == Some(body.len()) {
            break;
        }
    }
    if bytes.is_empty() {
        return Answer::from([("status".into(), NONE.into())]);
    }
    let (mut answer, body) = parsed(&bytes);
    if answer["status"] != "101" {
        answer.insert("body".into(), String::from_utf8(body).unwrap());
    }
    answer
}

async fn send(url: &str, request: &str) -> TcpStream {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn request(version: &str, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut head = format!("{method} {uri} HTTP/{version}\r\nhost: localhost\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if !body.is_empty() {
        write!(
            head,
            "content-type: text/plain;charset=UTF-8\r\ncontent-length: {}\r\n",
            body.len()
        )
        .unwrap();
    }
    format!("{head}\r\n{body}")
}

/// Status and headers; the body by itself.
fn parsed(answer: &[u8]) -> (Answer, Vec<u8>) {
    let at = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let (head, body) = (std::str::from_utf8(&answer[..at]).unwrap(), &answer[at + 4..]);
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let mut parsed = Answer::from([("status".into(), status)]);
    for (name, value) in lines.map(|line| line.split_once(':').unwrap()) {
        let name = name.to_ascii_lowercase();
        if HEADERS.contains(&&*name) || name.starts_with("access-control-") {
            let value = if name == "vary" {
                value.to_ascii_lowercase()
            } else {
                value.into()
            };
            parsed.insert(name, value.trim().into());
        }
    }
    (parsed, body.to_vec())
}

/// The session id in an open packet.
fn sid(body: &str) -> Option<String> {
    let (_, rest) = body.split_once(r#""sid":""#)?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn without_ids(mut answer: Answer) -> Answer {
    if let Some(sid) = sid(&answer["body"]) {
        for value in answer.values_mut() {
            *value = value.replace(&sid, "SID");
        }
    }
    answer
}

/// An answer without ids and entity tags: `ETAG` in the headers of a request is the last that this server gave.
async fn tagged(url: &str, method: &str, uri: &str, headers: &[(&str, &str)], tag: &mut String) -> Answer {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.replace("ETAG", tag)))
        .collect();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
    let body = if method == "POST" { "40" } else { "" };
    let mut answer = without_ids(ask(url, method, uri, &headers, body).await);
    if let Some(given) = answer.get_mut("etag") {
        *tag = std::mem::replace(given, "ETAG".into());
    }
    answer
}

/// Whether a row of the table means this value.
fn is(row: &str, value: &str) -> bool {
    row == value || row == ANY && value != NONE
}

/// What differs and is not decided, a line each.
fn differences(case: &str, node: &Answer, ours: &Answer) -> String {
    let mut told = String::new();
    let names: std::collections::BTreeSet<_> = node.keys().chain(ours.keys()).collect();
    for name in names {
        let [node, ours] = [node, ours].map(|answer| answer.get(name).map_or(NONE, |value| value));
        let decided = DEVIATIONS
            .iter()
            .any(|row| case.starts_with(row.0) && row.1 == name && is(row.2, node) && is(row.3, ours));
        if node != ours && !decided {
            writeln!(told, "{case}: {name}\n  node {node:.300?}\n  ours {ours:.300?}").unwrap();
        }
    }
    told
}

/// A case: name, method, what follows `EIO=n`, or the whole path; headers.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

async fn compare(set: &str, major: &str, options: &str, ours: Builder, cases: &[Case]) {
    let node = Node::start(major, options).await;
    let ours = contract::Server::start(ours).await;
    let eio = if major == "2" { "3" } else { "4" };
    let mut told = String::new();
    let (mut node_tag, mut our_tag) = (String::new(), String::new());
    for (name, method, rest, headers) in cases {
        let uri = match rest.strip_prefix('/') {
            Some(_) => (*rest).to_owned(),
            None => format!("/socket.io/?EIO={eio}{rest}"),
        };
        let theirs = tagged(&node.url, method, &uri, headers, &mut node_tag).await;
        let answer = tagged(ours.url(), method, &uri, headers, &mut our_tag).await;
        told += &differences(&format!("{set} {major}: {name}"), &theirs, &answer);
    }
    assert!(told.is_empty(), "\n{told}");
}

const POLLING: &str = "&transport=polling";
const REFUSALS: &[Case] = &[
    ("open", "GET", POLLING, &[]),
    ("open with base64", "GET", "&transport=polling&b64=1", &[]),
    ("unknown transport", "GET", "&transport=pigeon", &[]),
    ("inherited transport", "GET", "&transport=constructor", &[]),
    ("no transport", "GET", "", &[]),
    ("unknown sid", "GET", "&transport=polling&sid=nobody", &[]),
    ("unknown sid, post", "POST", "&transport=polling&sid=nobody", &[]),
    ("bad handshake method", "POST", POLLING, &[]),
    ("put", "PUT", POLLING, &[]),
    ("websocket without upgrade", "GET", "&transport=websocket", &[]),
    (
        "preflight without CORS",
        "OPTIONS",
        POLLING,
        &[("origin", GOOD), ("access-control-request-method", "POST")],
    ),
];

#[tokio::test]
async fn handshakes_and_refusals_of_2_are_those_of_node() {
    let options = r#"{"cookie": false, "pingTimeout": 20000}"#;
    compare("plain", "2", options, SocketIo::builder(), REFUSALS).await;
}

#[tokio::test]
async fn handshakes_and_refusals_of_4_are_those_of_node() {
    compare("plain", "4", "{}", SocketIo::builder(), REFUSALS).await;
    let unsupported: &[Case] = &[
        ("EIO 3", "GET", "/socket.io/?EIO=3&transport=polling", &[]),
        ("no EIO", "GET", "/socket.io/?transport=polling", &[]),
    ];
    let ours = SocketIo::builder().allow_eio3(false);
    compare("strict", "4", r#"{"allowEIO3": false}"#, ours, unsupported).await;
}

const HOOKED: &[Case] = &[
    ("open", "GET", POLLING, &[]),
    ("unknown transport", "GET", "&transport=pigeon", &[]),
];

#[tokio::test]
async fn what_allow_request_refuses_is_answered_as_by_node() {
    for major in ["2", "4"] {
        let ours = SocketIo::builder().allow_request(|_| Err("no"));
        compare(
            "refused",
            major,
            r#"{"refuse": true, "cookie": false}"#,
            ours,
            HOOKED,
        )
        .await;
    }
}

const ORIGINS: &[Case] = &[
    ("good", "GET", POLLING, &[("origin", GOOD)]),
    ("bad", "GET", POLLING, &[("origin", "https://bad.example")]),
    (
        "good preflight",
        "OPTIONS",
        POLLING,
        &[("origin", GOOD), ("access-control-request-method", "POST")],
    ),
];

#[tokio::test]
async fn origins_of_2_and_cors_of_4_let_through_whom_node_does() {
    let ours = SocketIo::builder().origins(Origins::list([GOOD]).unwrap());
    let options = r#"{"cookie": false, "pingTimeout": 20000, "origins": "https://good.example:443"}"#;
    compare("origins", "2", options, ours, ORIGINS).await;
    for (set, origin, allowed) in [
        (
            "cors",
            r#""https://good.example""#,
            AllowOrigin::exact(HeaderValue::from_static(GOOD)),
        ),
        (
            "cors list",
            r#"["https://good.example"]"#,
            AllowOrigin::list([HeaderValue::from_static(GOOD)]),
        ),
    ] {
        let cors = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([HeaderName::from_static("x-token")])
            .allow_credentials(true);
        let options = format!(
            r#"{{"cors": {{"origin": {origin}, "methods": ["GET", "POST"], "allowedHeaders": ["x-token"], "credentials": true}}}}"#
        );
        compare(set, "4", &options, SocketIo::builder().cors(cors), ORIGINS).await;
    }
}

#[tokio::test]
async fn cookies_are_those_of_node() {
    let opens = &REFUSALS[..1];
    let old = SocketIo::builder().cookie(Cookie::new().same_site(axum_socketio::layer::SameSite::Strict));
    compare("cookie", "2", r#"{"pingTimeout": 20000}"#, old, opens).await;
    compare(
        "cookie",
        "4",
        r#"{"cookie": true}"#,
        SocketIo::builder().cookie(Cookie::new()),
        opens,
    )
    .await;
}

#[tokio::test]
async fn client_files_are_those_of_node() {
    let packages = setup::setting("AXUM_SOCKETIO_JS_CLIENTS");
    let bundle = |folder: &str| {
        let folder = Path::new(&packages).join("node_modules").join(folder);
        SocketIo::builder().serve_client(ClientBundle::from_dir(folder).unwrap())
    };
    let cases: &[Case] = &[
        ("file", "GET", "/socket.io/socket.io.js", &[]),
        (
            "known",
            "GET",
            "/socket.io/socket.io.js",
            &[("if-none-match", "ETAG")],
        ),
        (
            "weakly known",
            "GET",
            "/socket.io/socket.io.js",
            &[("if-none-match", "W/ETAG")],
        ),
        ("head", "HEAD", "/socket.io/socket.io.js", &[]),
        (
            "other",
            "GET",
            "/socket.io/socket.io.js",
            &[("if-none-match", "\"other\"")],
        ),
        ("map", "GET", "/socket.io/socket.io.js.map", &[]),
        (
            "known map",
            "GET",
            "/socket.io/socket.io.js.map",
            &[("if-none-match", "ETAG")],
        ),
        ("min", "GET", "/socket.io/socket.io.min.js", &[]),
        ("slim", "GET", "/socket.io/socket.io.slim.js", &[]),
        ("slim map", "GET", "/socket.io/socket.io.slim.js.map", &[]),
        ("query", "GET", "/socket.io/socket.io.js?v=2", &[]),
    ];
    let options = r#"{"serveClient": true, "cookie": false}"#;
    compare("files", "2", options, bundle("socket.io-client/dist"), cases).await;
    compare("files", "4", options, bundle("sioserver4/client-dist"), cases).await;
}

/// What is posted, and what ends the waiting for its answer.
type Step<'a> = (&'a str, &'a str);

async fn transcript(url: &str, eio: &str, steps: &[Step<'_>]) -> String {
    let open = format!("/socket.io/?EIO={eio}&transport=polling&b64=1");
    let mut text = ask(url, "GET", &open, &[], "").await.remove("body").unwrap();
    let uri = format!("{open}&sid={}", sid(&text).unwrap());
    text.clear();
    for (packets, until) in steps {
        let payload: String = match eio {
            "3" => packets.split('\x1e').fold(String::new(), |all, packet| {
                all + &format!("{}:{packet}", packet.len())
            }),
            _ => (*packets).to_owned(),
        };
        text += &format!("\n> {packets:?}\n");
        assert_eq!(
            ask(url, "POST", &uri, &[], &payload).await["body"],
            "ok",
            "{text}"
        );
        let from = text.len();
        while !text[from..].contains(until) {
            let polled = ask(url, "GET", &uri, &[], "").await;
            assert_eq!(polled["status"], "200", "{text}");
            // Payloads of Engine.IO 3 may follow each other as they are.
            let between = if eio == "4" && text.len() > from {
                "\x1e"
            } else {
                ""
            };
            text += &format!("{between}{}", polled["body"]);
        }
    }
    match sid(&text) {
        Some(_) => regardless_of_ids(&text),
        None => text,
    }
}

fn regardless_of_ids(text: &str) -> String {
    let mut text = text.to_owned();
    let ids: Vec<_> = text
        .split(r#""sid":""#)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    for id in ids {
        text = text.replace(&id, "SID");
    }
    text
}

async fn same_transcript(major: &str, options: &str, eio: &str, steps: &[Step<'_>]) {
    let node = Node::start(major, options).await;
    let ours = contract::Server::start(SocketIo::builder()).await;
    let theirs = transcript(&node.url, eio, steps).await;
    assert_eq!(transcript(ours.url(), eio, steps).await, theirs);
}

#[tokio::test]
async fn the_exchanges_of_engine_io_4_are_those_of_node() {
    let steps: &[Step<'_>] = &[
        ("40", "40{"),
        ("40/nowhere,", "44/nowhere"),
        ("40/guarded,", "44/guarded"),
        (r#"40/guarded,{"token":"wrong"}"#, "44/guarded"),
        (r#"40/guarded,{"token":"sesame"}"#, "40/guarded"),
        ("40/custom,", "40/custom"),
        (r#"42["echo",1,"a",{"b":[null,1.5]}]"#, "42["),
        (r#"427["echo ack",1,"x"]"#, "437["),
        (r#"42/custom,12["echo ack"]"#, "43/custom,12"),
        (
            "451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID",
            "bAQID",
        ),
        (r#"42/custom,["leave me",false]"#, "41/custom"),
        ("41/guarded,\x1e42[\"echo\",\"end\"]", "end"),
    ];
    same_transcript("4", "{}", "4", steps).await;
}

#[tokio::test]
async fn the_exchanges_of_engine_io_3_are_those_of_node() {
    let steps: &[Step<'_>] = &[
        ("40/nowhere", "44/nowhere"),
        ("40/guarded", "44/guarded"),
        ("40/guarded?token=wrong", "44/guarded"),
        ("40/guarded?token=sesame", "40/guarded"),
        ("40/custom", "40/custom"),
        (r#"42["echo",1,"a",{"b":[null,1.5]}]"#, "42["),
        (r#"427["echo ack",1,"x"]"#, "437["),
        (
            "451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1eb4AQID",
            "b4AQID",
        ),
        (r#"42/custom,["leave me",false]"#, "41/custom"),
        ("41/guarded\x1e42[\"echo\",\"end\"]", "end"),
    ];
    same_transcript("2", r#"{"cookie": false}"#, "3", steps).await;
}
