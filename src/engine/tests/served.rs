//! The engine behind an HTTP server, over sockets. Real time, which no test waits for.

use std::{convert::Infallible, net::SocketAddr};

use http_body_util::Empty;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{client_async, tungstenite::client::IntoClientRequest};

use super::*;
use crate::engine::{IdleStream, Stopping, Transport};

/// How the server under the engine is built: each gives another type of upgraded stream.
#[derive(Clone, Copy, Debug)]
enum Builder {
    Http1,
    Auto,
    Idle,
}

async fn serve(server: &Arc<Server>, builder: Builder) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let engine = server.engine.clone();
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let engine = engine.clone();
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| {
                    let answer = engine.handle(request, Some(peer), false);
                    async { Ok::<_, Infallible>(answer.await) }
                });
                connection(stream, builder, service).await;
            });
        }
    });
    address
}

async fn connection<S, F>(stream: TcpStream, builder: Builder, service: S)
where
    S: hyper::service::Service<
            Request<Incoming>,
            Response = http::Response<AnswerBody>,
            Error = Infallible,
            Future = F,
        >,
    F: Future<Output = Result<http::Response<AnswerBody>, Infallible>> + Send + 'static,
{
    let io = TokioIo::new(stream);
    match builder {
        Builder::Http1 => {
            let http1 = hyper::server::conn::http1::Builder::new();
            let _ = http1.serve_connection(io, service).with_upgrades().await;
        }
        Builder::Auto => {
            let mut auto = auto::Builder::new(TokioExecutor::new());
            auto.http2().enable_connect_protocol();
            let _ = auto.serve_connection_with_upgrades(io, service).await;
        }
        Builder::Idle => {
            let (stream, minute) = (io.into_inner(), Duration::from_secs(60));
            let io = TokioIo::new(IdleStream::new(stream, minute, Stopping::default()));
            let auto = auto::Builder::new(TokioExecutor::new());
            let _ = auto.serve_connection_with_upgrades(io, service).await;
        }
    }
}

async fn open(
    address: SocketAddr,
    query: &str,
) -> (WebSocketStream<TcpStream>, http::Response<Option<Vec<u8>>>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("ws://{address}/socket.io/?{query}")
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "first, second".parse().unwrap());
    client_async(request, stream).await.unwrap()
}

async fn text(ws: &mut WebSocketStream<TcpStream>) -> String {
    ws.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

#[tokio::test]
async fn a_websocket_is_taken_over_from_any_builder() {
    for builder in [Builder::Http1, Builder::Auto, Builder::Idle] {
        let server = Server::new(Config::default());
        let address = serve(&server, builder).await;
        let (mut ws, response) = open(address, "EIO=4&transport=websocket").await;
        assert_eq!(
            response.headers()["sec-websocket-protocol"],
            "first",
            "{builder:?}"
        );
        assert!(text(&mut ws).await.starts_with("0{"));
        for index in 0..100 {
            ws.feed(Message::text(format!("4echo {index}"))).await.unwrap();
        }
        ws.flush().await.unwrap();
        for index in 0..100 {
            assert_eq!(text(&mut ws).await, format!("4{index}"), "{builder:?}");
        }
        let connection = server.last().connection().clone();
        assert_eq!(connection.transport(), Transport::WebSocket);
        assert_eq!(connection.handshake().query(), "EIO=4&transport=websocket");
        assert!(connection.remote_addr().unwrap().ip().is_loopback());
        // It is the socket itself, to which anybody may write.
        while connection.lock().direct.is_none() {
            tokio::task::yield_now().await;
        }
        connection.close();
        assert!(matches!(ws.next().await, Some(Ok(Message::Close(None)))));
        server.engine.closed().await;
    }
}

#[tokio::test]
async fn a_refused_websocket_gets_no_101() {
    let server = Server::new(Config {
        allow_eio3: false,
        ..Config::default()
    });
    let address = serve(&server, Builder::Auto).await;
    for query in [
        "EIO=3&transport=websocket",
        "EIO=4&transport=websocket&sid=unknown",
    ] {
        let stream = TcpStream::connect(address).await.unwrap();
        let refused = client_async(format!("ws://{address}/socket.io/?{query}"), stream).await;
        let Err(tungstenite::Error::Http(response)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(response.status(), 400);
    }
    assert!(server.uppers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_session_polls_and_upgrades_over_sockets() {
    let server = Server::new(Config::default());
    let address = serve(&server, Builder::Auto).await;
    server.get("EIO=4&transport=polling").await;
    let upper = server.last();
    let sid = upper.connection().id().as_str().to_owned();
    let (mut ws, _) = open(address, &format!("EIO=4&transport=websocket&sid={sid}")).await;
    ws.send(Message::text("2probe")).await.unwrap();
    assert_eq!(text(&mut ws).await, "3probe");
    ws.send(Message::text("5")).await.unwrap();
    ws.send(Message::text("4echo hello")).await.unwrap();
    assert_eq!(text(&mut ws).await, "4hello");
    drop(ws);
    server.engine.closed().await;
    assert_eq!(upper.close_reasons(), [CloseReason::TransportClose]);
}

#[tokio::test]
async fn a_client_that_gives_up_its_poll_is_noticed() {
    let server = Server::new(Config::default());
    let address = serve(&server, Builder::Http1).await;
    server.get("EIO=4&transport=polling").await;
    let upper = server.last();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let uri = format!(
        "/socket.io/?EIO=4&transport=polling&sid={}",
        upper.connection().id().as_str()
    );
    let request = Request::get(uri)
        .header("host", "test")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let poll = tokio::spawn(sender.send_request(request));
    while !upper.connection().is_writable() {
        tokio::task::yield_now().await;
    }
    poll.abort();
    connection.abort();
    server.engine.closed().await;
    assert_eq!(upper.close_reasons(), [CloseReason::TransportError]);
}

#[tokio::test]
async fn a_websocket_may_run_inside_http2() {
    let server = Server::new(Config::default());
    let address = serve(&server, Builder::Auto).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap();
    let mut request = Request::connect(format!("http://{address}/socket.io/?EIO=4&transport=websocket"))
        .header("sec-websocket-version", "13")
        .body(Empty::<Bytes>::new())
        .unwrap();
    request
        .extensions_mut()
        .insert(hyper::ext::Protocol::from_static("websocket"));
    let response = loop {
        // The server's settings, which allow such requests, may not be here yet.
        match sender.send_request(request.clone()).await {
            Ok(response) => break response,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(response.status(), 200);
    let upgraded = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut ws = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    assert!(
        ws.next()
            .await
            .unwrap()
            .unwrap()
            .to_text()
            .unwrap()
            .starts_with("0{")
    );
    ws.send(Message::text("4echo hello")).await.unwrap();
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::text("4hello"));
    assert_eq!(
        server.last().connection().handshake().uri_str(),
        "/socket.io/?EIO=4&transport=websocket"
    );
}

/// Packets from many threads, one after the other and all at once: none is lost, none waits for the next to be sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_sent_from_any_thread_arrive_in_order() {
    const SENDERS: usize = 4;
    const PACKETS: usize = 500;
    let server = Server::new(Config::default());
    let address = serve(&server, Builder::Auto).await;
    let (mut ws, _) = open(address, "EIO=4&transport=websocket").await;
    text(&mut ws).await;
    let upper = server.last();
    for index in 0..PACKETS {
        let sender = Arc::clone(&upper);
        tokio::task::spawn_blocking(move || sender.send(&index.to_string()))
            .await
            .unwrap();
        assert_eq!(text(&mut ws).await, format!("4{index}"));
    }
    for sender in 0..SENDERS {
        let upper = Arc::clone(&upper);
        tokio::task::spawn_blocking(move || {
            for index in 0..PACKETS {
                upper.send(&format!("{sender} {index}"));
                if index % 7 == sender {
                    std::thread::yield_now();
                }
            }
        });
    }
    let mut next = [0; SENDERS];
    for _ in 0..SENDERS * PACKETS {
        let packet = text(&mut ws).await;
        let (sender, index) = packet[1..].split_once(' ').unwrap();
        let next = &mut next[sender.parse::<usize>().unwrap()];
        assert_eq!(index.parse::<usize>().unwrap(), *next);
        *next += 1;
    }
}

/// Sessions that are closed from three sides at once are told so exactly once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_closed_from_all_sides_ends_once() {
    let server = Server::new(Config::default());
    let address = serve(&server, Builder::Auto).await;
    for round in 0..100 {
        let (mut ws, _) = open(address, "EIO=4&transport=websocket").await;
        text(&mut ws).await;
        let upper = server.last();
        let closer = Arc::clone(&upper);
        let closing = tokio::task::spawn_blocking(move || closer.connection().close());
        if round % 2 == 0 {
            drop(ws);
        } else {
            let _ = ws.send(Message::text("4close")).await;
        }
        closing.await.unwrap();
        while server.engine.clients_count() > 0 || upper.close_reasons().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(upper.close_reasons().len(), 1);
        assert_eq!(upper.told().last(), Some(&Told::Close(upper.close_reasons()[0])));
    }
}
