//! Clients over HTTP/2.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    extract::Request as Parts,
    http::{Response, StatusCode},
};
use futures::SinkExt as _;
use hyper::{body::Incoming, client::conn::http2, ext::Protocol, upgrade::Upgraded};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use crate::wire::within;

/// A client over HTTP/2.
pub(crate) struct Http2 {
    requests: http2::SendRequest<Body>,
    addr: SocketAddr,
    /// Ends when the connection does.
    pub(crate) driver: JoinSet<hyper::Result<()>>,
}

impl Http2 {
    pub(crate) async fn connect(
        addr: SocketAddr,
        settings: impl FnOnce(&mut http2::Builder<TokioExecutor>),
    ) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        settings(&mut builder);
        let (requests, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Self {
            requests,
            addr,
            driver,
        }
    }

    /// It takes nothing of any answer, and sends PINGs so often.
    pub(crate) async fn without_windows(addr: SocketAddr, pings: Option<Duration>) -> Self {
        let settings = |http2: &mut http2::Builder<TokioExecutor>| {
            let http2 = http2.initial_stream_window_size(0);
            http2.keep_alive_while_idle(true).keep_alive_interval(pings);
        };
        Self::connect(addr, settings).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response<Incoming> {
        let uri = format!("http://{}{path}", self.addr);
        let request = Parts::get(uri).body(Body::empty()).unwrap();
        within(self.requests.send_request(request)).await.unwrap()
    }

    /// A client of Socket.IO in a stream of the connection.
    pub(crate) async fn websocket(&mut self, handshake: &str) -> WebSocketStream<TokioIo<Upgraded>> {
        // Its answer comes after the server's settings, which allow extended CONNECT (RFC 8441 §3).
        assert_eq!(self.get("/").await.status(), StatusCode::OK);
        let request = Parts::connect(format!("http://{}{handshake}", self.addr))
            .extension(Protocol::from_static("websocket"))
            .header("Sec-WebSocket-Version", "13");
        let request = request.body(Body::empty()).unwrap();
        let answer = self.requests.send_request(request).await.unwrap();
        let upgraded = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
        let mut ws = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
        ws.send(Message::text("40")).await.unwrap();
        ws
    }
}
