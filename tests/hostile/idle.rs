//! Connections that ask for nothing, at a server of its own: they are closed, and those that wait for something are not.

use std::{
    convert::Infallible,
    future::IntoFuture,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request as Parts},
    http::StatusCode,
    routing::{get, post},
};
use axum_socketio::{Builder, Socket, SocketIo, Value, extract::Rest};
use futures::{SinkExt as _, StreamExt as _, future::join_all, stream};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::{Notify, mpsc, oneshot},
    task::JoinSet,
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    http2::Http2,
    wire::{Frame, Request, Ws, within},
};

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=websocket";

/// A server of its own whose connections may ask for nothing as long as a heartbeat of 1.6 s.
struct Own {
    addr: SocketAddr,
    /// Lets `/slow` answer.
    slow: Arc<Notify>,
    _running: JoinSet<std::io::Result<()>>,
}

/// Options with a heartbeat so often, which is to be answered within 1.5 s.
fn heartbeats(interval: Duration) -> Builder {
    SocketIo::builder()
        .ping_interval(interval)
        .ping_timeout(Duration::from_millis(1500))
}

impl Own {
    async fn new(routes: Router) -> Self {
        Self::of(heartbeats(Duration::from_millis(100)).build().unwrap(), routes).await
    }

    async fn of(io: SocketIo, routes: Router) -> Self {
        let _ = io
            .of("/")
            .on("message", async |socket: Socket, args: Rest<Value>| {
                socket.emit("message-back", args)
            });
        let slow = Arc::new(Notify::new());
        let waits = slow.clone();
        let answer = async move |ConnectInfo(peer): ConnectInfo<SocketAddr>| {
            waits.notified().await;
            peer.to_string()
        };
        let app = routes.route("/slow", get(answer)).layer(io.layer());
        let server = io.listen("127.0.0.1:0").await.unwrap();
        let addr = server.local_addr().unwrap();
        let mut running = JoinSet::new();
        running.spawn(server.app(app).idle_timeout(Duration::ZERO).into_future());
        Self {
            addr,
            slow,
            _running: running,
        }
    }

    /// Says this and waits until the server closes the connection.
    async fn is_closed_after(&self, bytes: &str) {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        // An error means that it was closed too.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

/// Answers heartbeats until something else comes.
async fn next(ws: &mut Ws) -> Frame {
    loop {
        match ws.recv().await {
            Frame::Text(ping) if ping == "2" => ws.send("3").await,
            other => return other,
        }
    }
}

/// Or a little more: until the next heartbeat.
async fn a_tenth_of_a_second(ws: &mut Ws) {
    while ws.recv().await != Frame::Text("2".into()) {}
    ws.send("3").await;
}

#[tokio::test]
async fn connections_that_ask_for_nothing_are_closed_and_those_that_wait_are_not() {
    let own = Own::new(Router::new()).await;
    let waits = Request::get("/slow").start(own.addr).await;
    let mut ws = Ws::open(own.addr, HANDSHAKE).await;
    ws.send("40").await;
    assert!(matches!(next(&mut ws).await, Frame::Text(open) if open.starts_with('0')));
    assert!(matches!(next(&mut ws).await, Frame::Text(connected) if connected.starts_with("40")));
    let closed = [
        "",
        "G",
        // As HTTP/2 begins.
        "PRI * HTTP/2.0\r\n",
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n",
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n",
        // A whole request, and then none.
        "GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
    .map(|bytes| own.is_closed_after(bytes));
    // They began later than those that wait, which have been there for longer than the time therefore.
    tokio::select! {
        said = next(&mut ws) => panic!("{said:?}"),
        _ = within(join_all(closed)) => {}
    }
    own.slow.notify_one();
    let answer = within(waits.response()).await;
    assert!(answer.text().starts_with("127.0.0.1:"), "{answer:?}");
    ws.send(r#"42["message","alive"]"#).await;
    let answer = r#"42["message-back","alive"]"#.to_owned();
    assert_eq!(next(&mut ws).await, Frame::Text(answer));
}

#[tokio::test]
async fn half_a_body_is_half_a_request() {
    let take = async |body: Bytes| body.len().to_string();
    let own = Own::new(Router::new().route("/take", post(take))).await;
    let closed = [
        "POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1",
        "POST /take HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n",
        "POST /take HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    ]
    .map(|bytes| own.is_closed_after(bytes));
    within(join_all(closed)).await;
}

#[tokio::test]
async fn a_websocket_of_the_applications_own_is_not_closed_though_it_is_silent() {
    let (asked, mut upgrades) = mpsc::unbounded_channel();
    let upgrade = async move |mut request: Parts| {
        asked.send(hyper::upgrade::on(&mut request)).unwrap();
        let head = [("connection", "upgrade"), ("upgrade", "echo")];
        (StatusCode::SWITCHING_PROTOCOLS, head)
    };
    let own = Own::new(Router::new().route("/own", get(upgrade))).await;
    let mut far = TcpStream::connect(own.addr).await.unwrap();
    let request = b"GET /own HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    far.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(far.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    let mut near = TokioIo::new(upgrades.recv().await.unwrap().await.unwrap());
    // It only listens.
    tokio::select! {
        heard = near.read_u8() => panic!("{heard:?}"),
        () = within(own.is_closed_after("")) => {}
    }
    far.write_u8(1).await.unwrap();
    assert_eq!(within(near.read_u8()).await.unwrap(), 1);
}

/// An answer without end, and what fails when it is dropped.
fn endless() -> (Router, oneshot::Receiver<()>) {
    let (kept, given_up) = oneshot::channel::<()>();
    let kept = Arc::new(Mutex::new(Some(kept)));
    let endless = async move || {
        let kept = kept.lock().unwrap().take();
        let pieces = stream::unfold(kept, async |kept| {
            Some((Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 65_536])), kept))
        });
        Body::from_stream(pieces)
    };
    (Router::new().route("/endless", get(endless)), given_up)
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let (routes, given_up) = endless();
    let own = Own::new(routes).await;
    let mut stream = TcpStream::connect(own.addr).await.unwrap();
    let request = b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    assert!(within(given_up).await.is_err(), "the body is dropped");
}

/// The system says that there is room when a megabyte has been taken.
#[tokio::test]
async fn an_answer_that_is_taken_slowly_is_waited_for() {
    let (routes, mut given_up) = endless();
    let own = Own::new(routes).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(65_536).unwrap();
    let mut stream = socket.connect(own.addr).await.unwrap();
    let request = b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut clock = Ws::open(own.addr, HANDSHAKE).await;
    // Three times as long as a connection may ask for nothing.
    for _ in 0..20 {
        stream.read_exact(&mut [0; 20_000]).await.unwrap();
        a_tenth_of_a_second(&mut clock).await;
        assert_eq!(given_up.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    }
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_the_other_half_of_a_request() {
    let io = SocketIo::new();
    let take = async |body: Bytes| body.len().to_string();
    let routes = Router::new().route("/", get("hello")).route("/take", post(take));
    let server = io
        .listen("127.0.0.1:0")
        .await
        .unwrap()
        .app(routes.layer(io.layer()));
    let addr = server.local_addr().unwrap();
    let (stop, stops) = oneshot::channel::<()>();
    let mut running = JoinSet::new();
    let server = server.with_graceful_shutdown(async { drop(stops.await) });
    running.spawn(server.shutdown_timeout(Duration::MAX).into_future());
    let mut halves = Vec::new();
    for half in [
        "G",
        "GET /take HTTP/1.1\r\n",
        "POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    // Nor for who takes nothing, whatever it had before.
    let mut takes_nothing = Http2::without_windows(addr, Some(Duration::from_millis(200))).await;
    drop(takes_nothing.websocket(HANDSHAKE).await);
    let _hello = takes_nothing.get("/").await;
    // Who came before it is being heard by now.
    let answer = Request::get("/elsewhere").start(addr).await.response();
    assert_eq!(within(answer).await.status, 404);
    drop(stop);
    let stopped = within(running.join_next()).await.unwrap();
    stopped.unwrap().unwrap();
}

/// Over HTTP/2 nothing is written then that could stall, and the answers to PINGs are no part of an answer, nor of a WebSocket that is gone.
#[tokio::test]
async fn an_answer_whose_window_stays_closed_is_given_up() {
    let own = Own::new(Router::new().route("/", get("hello"))).await;
    let often = Some(Duration::from_millis(200));
    for (pings, websockets) in [(None, 0), (often, 0), (often, 2)] {
        let mut client = Http2::without_windows(own.addr, pings).await;
        for _ in 0..websockets {
            drop(client.websocket(HANDSHAKE).await);
        }
        let answer = client.get("/").await;
        assert_eq!(answer.status(), StatusCode::OK);
        let ended = within(client.driver.join_next()).await.unwrap();
        assert!(ended.unwrap().is_err());
    }
}

#[tokio::test]
async fn an_answer_that_is_taken_slowly_over_http_2_is_waited_for() {
    const PIECE: usize = 1_000;
    let own = Own::new(Router::new().route("/", get(async || vec![0; PIECE * 12]))).await;
    let window = u32::try_from(PIECE).unwrap();
    let mut client = Http2::connect(own.addr, |http2| {
        http2.initial_stream_window_size(window);
    })
    .await;
    let mut answer = client.get("/").await.into_body();
    let mut taken = 0;
    let mut clock = Ws::open(own.addr, HANDSHAKE).await;
    while let Some(frame) = within(answer.frame()).await {
        taken += frame.unwrap().into_data().unwrap().len();
        // All of it takes longer than a connection may ask for nothing.
        for _ in 0..3 {
            a_tenth_of_a_second(&mut clock).await;
        }
    }
    assert_eq!(taken, PIECE * 12);
}

#[tokio::test]
async fn a_websocket_over_http_2_has_its_heartbeat() {
    let own = Own::new(Router::new().route("/", get("hello"))).await;
    let mut client = Http2::connect(own.addr, |_| {}).await;
    let mut ws = client.websocket(HANDSHAKE).await;
    let mut pings = 0;
    // Twice as long as a connection may ask for nothing.
    while pings < 32 {
        if within(ws.next()).await.unwrap().unwrap() == Message::text("2") {
            pings += 1;
            ws.send(Message::text("3")).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_websocket_over_http_2_has_the_heartbeat_of_its_engine() {
    let io = heartbeats(Duration::from_millis(100)).build().unwrap();
    let devices = heartbeats(Duration::from_secs(3)).path("/devices");
    let routes = Router::new().route("/", get("hello"));
    let routes = routes.layer(io.bind(devices).unwrap());
    let own = Own::of(io, routes).await;
    let mut client = Http2::connect(own.addr, |_| {}).await;
    let mut ws = client.websocket("/devices/?EIO=4&transport=websocket").await;
    // Until then nothing is written, for longer than the server's own heartbeat takes.
    while within(ws.next()).await.unwrap().unwrap() != Message::text("2") {}
}

#[tokio::test]
async fn an_answer_whose_next_piece_takes_long_is_waited_for() {
    let (pieces, body) = mpsc::unbounded_channel::<Result<&str, Infallible>>();
    let body = Arc::new(Mutex::new(Some(body)));
    let slow = async move || {
        let body = body.lock().unwrap().take().unwrap();
        Body::from_stream(stream::unfold(body, async |mut body| {
            body.recv().await.map(|piece| (piece, body))
        }))
    };
    let own = Own::new(Router::new().route("/pieces", get(slow))).await;
    pieces.send(Ok("first")).unwrap();
    let answer = Request::get("/pieces").start(own.addr).await;
    within(own.is_closed_after("")).await;
    pieces.send(Ok("last")).unwrap();
    drop(pieces);
    assert!(within(answer.response()).await.text().contains("last"));
}

/// Whatever its clients do, and its application: it is served for ever otherwise.
#[tokio::test]
async fn a_server_that_stops_is_ready_in_time() {
    let io = SocketIo::new();
    let (kept, given_up) = oneshot::channel::<()>();
    let kept = Arc::new(Mutex::new(Some(kept)));
    let never = async move || {
        let _kept = kept.lock().unwrap().take();
        std::future::pending::<()>().await;
    };
    let take = async |body: Body| body.into_data_stream().count().await.to_string();
    let routes = Router::new()
        .route("/never", get(never))
        .route("/take", post(take));
    let app = routes.layer(io.layer());
    let server = io.listen("127.0.0.1:0").await.unwrap().app(app);
    let addr = server.local_addr().unwrap();
    let (stop, stops) = oneshot::channel::<()>();
    let mut running = JoinSet::new();
    let server = server
        .with_graceful_shutdown(async { drop(stops.await) })
        .shutdown_timeout(Duration::from_secs(1));
    running.spawn(server.into_future());
    let mut client = Http2::connect(addr, |http2| {
        http2
            .keep_alive_while_idle(true)
            .keep_alive_interval(Duration::from_millis(50));
    })
    .await;
    let _never = Request::get("/never").start(addr).await;
    // While it has the beginning of another one, nothing is read from the connection.
    let mut pipelined = TcpStream::connect(addr).await.unwrap();
    pipelined
        .write_all(b"GET /stays HTTP/1.1\r\nHost: a\r\n\r\nGET")
        .await
        .unwrap();
    let mut halves = TcpStream::connect(addr).await.unwrap();
    halves
        .write_all(b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
        .await
        .unwrap();
    running.spawn(async move {
        while halves.write_u8(b'1').await.is_ok() {}
        Ok(())
    });
    assert_eq!(client.get("/elsewhere").await.status(), 404);
    drop(stop);
    for _ in 0..2 {
        within(running.join_next()).await.unwrap().unwrap().unwrap();
    }
    assert!(within(given_up).await.is_err(), "the handler is dropped");
    within(client.driver.join_next()).await.unwrap().unwrap().ok();
    assert!(TcpStream::connect(addr).await.is_err(), "the port is free");
}
