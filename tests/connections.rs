//! Connections apart from HTTP: listened to, handed in by somebody else, and of several engines.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    extract::{ConnectInfo, OriginalUri},
    http::{Request, StatusCode, header, request::Parts},
};
use axum_socketio::{
    Drain, Protocol, Socket, SocketIo,
    adapter::Bus,
    engine::{Connection, Event, PacketType, ReadyState, Transport},
    extract::Data,
    layer::Origins,
};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, client_async};
use tower::ServiceExt;
use tungstenite::{Message, handshake::derive_accept_key, protocol::Role};

const REVISIONS: [(u8, Protocol); 2] = [(3, Protocol::V3), (4, Protocol::V4)];

/// A server whose `/` answers `echo`.
fn server() -> SocketIo {
    echoing(SocketIo::new())
}

fn echoing(io: SocketIo) -> SocketIo {
    io.of("/")
        .on("echo", async |socket: Socket, Data(text): Data<String>| {
            socket.emit("echo", text);
        });
    io
}

fn head(query: &str) -> Parts {
    let request = Request::get(format!("/anything/?{query}"))
        .header("x-who", "a device")
        .body(())
        .unwrap();
    request.into_parts().0
}

#[expect(clippy::disallowed_methods, reason = "servers of tests run beside them")]
fn beside(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

async fn within<T>(event: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), event).await.unwrap()
}

/// The client's end of a WebSocket.
struct Ws<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Ws<S> {
    /// Over a stream on which the handshake is done.
    async fn over(stream: S) -> Self {
        Self(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
    }

    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn text(&mut self) -> String {
        let message = within(self.0.next()).await.unwrap().unwrap();
        message.into_text().unwrap().to_string()
    }

    /// Joins `/` and has something echoed.
    async fn joins_and_speaks(&mut self, revision: u8) {
        assert!(self.text().await.starts_with("0{"));
        if revision == 4 {
            self.send("40").await;
        }
        assert!(self.text().await.starts_with("40"));
        self.send(r#"42["echo","over it"]"#).await;
        assert_eq!(self.text().await, r#"42["echo","over it"]"#);
    }

    async fn is_closed(&mut self) -> bool {
        !matches!(
            within(self.0.next()).await,
            Some(Ok(Message::Text(_) | Message::Binary(_)))
        )
    }
}

#[tokio::test]
async fn a_stream_in_memory_is_served_for_either_generation() {
    for (revision, protocol) in REVISIONS {
        let io = server();
        let (near, far) = duplex(1024);
        let query = format!("EIO={revision}&transport=websocket");
        let connection = io.on_connection(head(&query), far).unwrap();
        let mut ws = Ws::over(near).await;
        ws.joins_and_speaks(revision).await;
        assert_eq!(
            (connection.protocol(), connection.transport()),
            (protocol, Transport::WebSocket)
        );
        assert_eq!(io.engine().clients_count(), 1);
        connection.close();
        assert!(ws.is_closed().await);
    }
}

#[tokio::test]
async fn the_request_that_was_answered_is_the_handshake() {
    let io = server();
    let (told, mut tell) = mpsc::unbounded_channel();
    io.of("/").on_connect(
        async move |socket: Socket,
                    ConnectInfo(peer): ConnectInfo<SocketAddr>,
                    Extension(tenant): Extension<u8>| {
            let who = socket.handshake().header("x-who").unwrap().to_owned();
            told.send((who, peer, tenant, socket.connection().remote_addr()))
                .unwrap();
        },
    );
    let peer: SocketAddr = "192.0.2.1:7".parse().unwrap();
    let mut head = head("EIO=4&transport=websocket");
    head.extensions.insert(ConnectInfo(peer));
    head.extensions.insert(7_u8);
    head.extensions.insert(OriginalUri("/elsewhere".parse().unwrap()));
    let (near, far) = duplex(1024);
    let connection = io.on_connection(head, far).unwrap();
    Ws::over(near).await.joins_and_speaks(4).await;
    let expected = ("a device".to_owned(), peer, 7, Some(peer));
    assert_eq!(within(tell.recv()).await.unwrap(), expected);
    assert_eq!(connection.remote_addr(), Some(peer));
}

/// The server of somebody else, on a Unix socket: it answers handshakes itself and hands the streams in.
async fn accept_by_hand(
    io: SocketIo,
    mut request: Request<Incoming>,
) -> Result<http::Response<Empty<Bytes>>, Infallible> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, _) = request.into_parts();
    let key = head.headers[header::SEC_WEBSOCKET_KEY].clone();
    beside(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        io.on_connection(head, stream).unwrap();
    });
    let response = http::Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()));
    Ok(response.body(Empty::new()).unwrap())
}

#[tokio::test]
async fn a_unix_socket_that_somebody_else_has_upgraded_is_served_for_either_generation() {
    let path = std::env::temp_dir().join(format!("axum-socketio-connections-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let io = server();
    let serving = io.clone();
    beside(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let io = serving.clone();
            beside(async move {
                let http1 = hyper::server::conn::http1::Builder::new();
                let service = service_fn(|request| accept_by_hand(io.clone(), request));
                let served = http1
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                served.await.unwrap();
            });
        }
    });
    for (revision, _) in REVISIONS {
        let stream = UnixStream::connect(&path).await.unwrap();
        let url = format!("ws://localhost/?EIO={revision}&transport=websocket");
        let (ws, _) = within(client_async(url, stream)).await.unwrap();
        Ws(ws).joins_and_speaks(revision).await;
    }
    std::fs::remove_file(&path).unwrap();
    // Without anybody's HTTP server: the socket itself.
    let (near, far) = UnixStream::pair().unwrap();
    io.on_connection(head("EIO=4&transport=websocket"), far).unwrap();
    Ws::over(near).await.joins_and_speaks(4).await;
}

#[tokio::test]
async fn what_a_client_says_right_behind_its_handshake_is_not_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let request = "GET /?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    // A frame with the text "40", its mask all zeros.
    let early = [request.as_bytes(), &[0x81, 0x82, 0, 0, 0, 0, b'4', b'0']].concat();
    client.write_all(&early).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let io = server();
    beside(async move {
        let service = service_fn(|request| accept_by_hand(io.clone(), request));
        let http1 = hyper::server::conn::http1::Builder::new();
        let served = http1
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        served.await.unwrap();
    });
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(client.read_u8()).await.unwrap());
    }
    let mut ws = Ws::over(client).await;
    assert!(ws.text().await.starts_with("0{"));
    assert!(ws.text().await.starts_with("40{"));
}

async fn ask(router: &Router, uri: &str) -> (StatusCode, String) {
    let request = Request::get(uri).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Opens a polling session under this path.
async fn open(router: &Router, path: &str) -> String {
    let (status, text) = ask(router, &format!("{path}/?EIO=4&transport=polling")).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let (_, sid) = text.split_once(r#""sid":""#).unwrap();
    sid.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_session_that_polls_moves_to_a_stream_that_was_handed_in() {
    let io = server();
    let router = Router::new().layer(io.layer());
    let sid = open(&router, "/socket.io").await;
    let (near, far) = duplex(1024);
    let query = format!("EIO=4&transport=websocket&sid={sid}");
    let connection = io.on_connection(head(&query), far).unwrap();
    let mut events = connection.events();
    assert_eq!(connection.transport(), Transport::Polling);
    let mut ws = Ws::over(near).await;
    ws.send("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    ws.send("5").await;
    assert_eq!(
        within(events.next()).await,
        Some(Event::Upgrade(Transport::WebSocket))
    );
    ws.send("40").await;
    assert!(ws.text().await.starts_with("40{"));
    assert_eq!(io.engine().clients_count(), 1);
}

#[tokio::test]
async fn a_connection_that_a_handshake_would_not_have_made_is_refused() {
    let closed = server();
    closed.close().await;
    let strict = SocketIo::builder().allow_eio3(false).build().unwrap();
    let full = SocketIo::builder().max_connections(1).build().unwrap();
    let (_near, far) = duplex(1024);
    full.on_connection(head("EIO=4&transport=websocket"), far)
        .unwrap();
    let mut long = head("EIO=4&transport=websocket");
    long.headers
        .insert("x-long", "x".repeat(17 << 10).parse().unwrap());
    let mut post = head("EIO=4&transport=websocket");
    post.method = http::Method::POST;
    let cases = [
        (server(), head("EIO=4&transport=polling"), "Bad request"),
        (server(), head("EIO=4"), "Transport unknown"),
        (
            server(),
            head("EIO=4&transport=websocket&sid=x"),
            "Session ID unknown",
        ),
        (server(), post, "Bad handshake method"),
        (server(), long, "the head of the request is too long"),
        (
            strict,
            head("EIO=3&transport=websocket"),
            "Unsupported protocol version",
        ),
        (full, head("EIO=4&transport=websocket"), "Too many connections"),
        (closed, head("EIO=4&transport=websocket"), "Server shutting down"),
    ];
    for (io, head, why) in cases {
        let (mut near, far) = duplex(1024);
        let error = io.on_connection(head, far).unwrap_err().to_string();
        assert!(error.contains(why), "{error}, not {why}");
        assert_eq!(near.read(&mut [0]).await.unwrap(), 0, "the stream is dropped");
    }
}

#[tokio::test]
async fn a_listener_of_a_handler_hears_everything_but_the_session_id() {
    let io = server();
    let (told, mut tell) = mpsc::unbounded_channel();
    io.of("/").on_connect(async move |socket: Socket| {
        let mut events = socket.connection().events();
        while let Some(event) = events.next().await {
            told.send(event).unwrap();
        }
    });
    // The handlers of these clients run before the open packet has left.
    let (near, far) = duplex(1024);
    let connection = io.on_connection(head("EIO=3&transport=websocket"), far).unwrap();
    let mut ws = Ws::over(near).await;
    ws.joins_and_speaks(3).await;
    connection.close();
    assert!(ws.is_closed().await);
    let mut events = Vec::new();
    while let Some(event) = within(tell.recv()).await {
        let over = matches!(event, Event::Close(_));
        events.push(event);
        if over {
            break;
        }
    }
    let sent: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::PacketCreate(packet) => Some((packet.kind(), packet.text().unwrap())),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [(PacketType::Message, r#"2["echo","over it"]"#)]);
    let sid = connection.id().as_str();
    assert!(!format!("{events:?} {connection:?}").contains(sid));
}

#[tokio::test]
async fn a_server_of_two_engines_is_one_server() {
    let io = server();
    let devices = SocketIo::builder()
        .path("/devices")
        .ping_interval(Duration::from_secs(240));
    let devices = io.bind(devices).unwrap();
    let engine = devices.engine().clone();
    let router = Router::new().layer(io.layer()).layer(devices.clone());

    let (_, text) = ask(&router, "/devices/?EIO=4&transport=polling").await;
    assert!(text.contains(r#""pingInterval":240000"#), "{text}");
    let (_, text) = ask(&router, "/socket.io/?EIO=4&transport=polling").await;
    assert!(text.contains(r#""pingInterval":25000"#), "{text}");
    assert_eq!((io.engine().clients_count(), engine.clients_count()), (1, 1));

    // Clients of either are in the same namespace.
    for path in ["/socket.io", "/devices"] {
        let uri = format!(
            "{path}/?EIO=4&transport=polling&sid={}",
            open(&router, path).await
        );
        let join = Request::post(&uri).body(Body::from("40")).unwrap();
        assert_eq!(
            router.clone().oneshot(join).await.unwrap().status(),
            StatusCode::OK
        );
        // What is queued would be waited for at the end.
        assert!(ask(&router, &uri).await.1.starts_with("40{"));
    }
    assert_eq!(io.of("/").sockets().len(), 2);
    assert_eq!(devices.io().of("/").sockets().len(), 2);

    // A session of one engine is none of the other's.
    let sid = open(&router, "/devices").await;
    let (status, text) = ask(&router, &format!("/socket.io/?EIO=4&transport=polling&sid={sid}")).await;
    assert_eq!(
        (status, text.contains("Session ID unknown")),
        (StatusCode::BAD_REQUEST, true)
    );

    io.close().await;
    assert_eq!((io.engine().clients_count(), engine.clients_count()), (0, 0));
    let late = io.bind(SocketIo::builder().path("/late")).unwrap();
    for (service, path) in [(devices.service(), "/devices"), (late.service(), "/late")] {
        let request = Request::get(format!("{path}/?EIO=4&transport=polling"))
            .body(Body::empty())
            .unwrap();
        assert_eq!(
            service.oneshot(request).await.unwrap().status(),
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}

#[tokio::test]
async fn a_server_that_drains_drains_all_its_engines() {
    let io = server();
    let bound = io.bind(SocketIo::builder().path("/bound")).unwrap();
    let router = Router::new().layer(io.layer()).layer(bound.clone());
    open(&router, "/socket.io").await;
    open(&router, "/bound").await;
    let report = within(io.drain(Drain::new(Duration::ZERO))).await;
    assert_eq!((report.connections, report.closed), (2, 2));
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(bound.engine().clients_count(), 0);
}

#[tokio::test]
async fn each_engine_has_doors_of_its_own() {
    let io = SocketIo::builder()
        .origins(Origins::list(["https://good.example"]).unwrap())
        .build()
        .unwrap();
    let inner = SocketIo::builder()
        .path("/inner")
        .transports([Transport::Polling])
        .allow_request(|head| {
            if head.headers.contains_key("x-inner") {
                Ok(())
            } else {
                Err("not you")
            }
        });
    let inner = io.bind(inner).unwrap();
    let router = Router::new().layer(io.layer()).layer(inner);
    let cases = [
        (
            "/socket.io",
            "origin",
            "https://bad.example",
            StatusCode::FORBIDDEN,
        ),
        ("/socket.io", "origin", "https://good.example", StatusCode::OK),
        ("/inner", "origin", "https://bad.example", StatusCode::FORBIDDEN),
        ("/inner", "x-inner", "yes", StatusCode::OK),
    ];
    for (path, name, value, status) in cases {
        let uri = format!("{path}/?EIO=4&transport=polling");
        let request = Request::get(uri).header(name, value).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{path} {name}: {value}");
    }
    let (_, text) = ask(&router, "/inner/?EIO=4&transport=websocket").await;
    assert!(text.contains("Transport unknown"), "{text}");
}

#[tokio::test]
async fn the_limits_of_all_engines_are_counted_together() {
    let io = server();
    let bound = io
        .bind(SocketIo::builder().path("/bound").max_connections(1))
        .unwrap();
    let router = Router::new().layer(bound);
    open(&router, "/bound").await;
    let (status, _) = ask(&router, "/bound/?EIO=4&transport=polling").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(io.times_exceeded(axum_socketio::limit::Limit::Connections), 1);
}

/// How large a message may be is for the engine to say, and so is how much of it a client may say in `auth`.
#[tokio::test]
async fn auth_may_be_as_large_as_the_messages_of_an_engine() {
    let io = SocketIo::builder().max_http_buffer_size(500).build().unwrap();
    let _ = io.of("/other");
    for (path, size) in [("/larger", 2000), ("/smaller", 300)] {
        let engine = SocketIo::builder().path(path).max_http_buffer_size(size);
        let router = Router::new().layer(io.bind(engine).unwrap());
        let sid = open(&router, path).await;
        let uri = format!("{path}/?EIO=4&transport=polling&sid={sid}");
        let auth = "a".repeat(size * 2 / 3);
        for (namespace, answer) in [
            ("", "40{"),
            ("/other,", r#"44/other,{"message":"auth too large"}"#),
        ] {
            let join = Body::from(format!(r#"40{namespace}{{"a":"{auth}"}}"#));
            let join = Request::post(&uri).body(join).unwrap();
            let taken = router.clone().oneshot(join).await.unwrap();
            assert_eq!(taken.status(), StatusCode::OK);
            let (_, text) = ask(&router, &uri).await;
            assert!(text.starts_with(answer), "{path}: {text}");
        }
    }
}

#[tokio::test]
async fn what_is_the_servers_is_no_option_of_an_engine() {
    let io = SocketIo::new();
    let second = Duration::from_secs(1);
    let cases = [
        ("ack_timeout", SocketIo::builder().ack_timeout(second)),
        ("connect_timeout", SocketIo::builder().connect_timeout(second)),
        ("max_namespaces", SocketIo::builder().max_namespaces(7)),
        ("max_attachments", SocketIo::builder().max_attachments(7)),
        ("max_json_depth", SocketIo::builder().max_json_depth(7)),
        ("max_pending_acks", SocketIo::builder().max_pending_acks(7)),
        (
            "max_events_in_flight",
            SocketIo::builder().max_events_in_flight(7),
        ),
        ("adapter", SocketIo::builder().adapter(Bus::new().adapter())),
        // What is wrong with an engine is wrong here too.
        ("ping_interval", SocketIo::builder().ping_interval(Duration::ZERO)),
        ("path", SocketIo::builder().path("nowhere")),
    ];
    for (option, options) in cases {
        assert_eq!(io.bind(options).unwrap_err().option(), option);
    }
    #[cfg(feature = "msgpack")]
    {
        let options = SocketIo::builder().parser(axum_socketio::parser::Msgpack);
        assert_eq!(io.bind(options).unwrap_err().option(), "parser");
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_now_is_closed_for_all_its_namespaces() {
    let io = server();
    let (told, mut tell) = mpsc::unbounded_channel();
    for name in ["/", "/other"] {
        let told = told.clone();
        io.of(name).on_disconnect(
            async move |socket: Socket, reason: axum_socketio::DisconnectReason| {
                told.send((socket.namespace().name().to_owned(), reason.as_str()))
                    .unwrap();
            },
        );
    }
    let (near, far) = duplex(1024);
    let connection: Connection = io.on_connection(head("EIO=4&transport=websocket"), far).unwrap();
    let mut ws = Ws::over(near).await;
    ws.joins_and_speaks(4).await;
    ws.send("40/other,").await;
    assert!(ws.text().await.starts_with("40/other,"));
    connection.close_now();
    assert_eq!(connection.ready_state(), ReadyState::Closed);
    assert!(ws.is_closed().await);
    let mut left = [
        within(tell.recv()).await.unwrap(),
        within(tell.recv()).await.unwrap(),
    ];
    left.sort();
    assert_eq!(
        left,
        [
            ("/".to_owned(), "forced close"),
            ("/other".to_owned(), "forced close")
        ]
    );
}
