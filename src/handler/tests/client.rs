//! A client of few words.

use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::server::SocketIo;

/// A polling session: each push and poll is one request.
pub(super) struct Client {
    io: SocketIo,
    sid: String,
}

impl Client {
    /// A session that has joined no namespace; `query` ends the handshake's.
    pub(super) async fn open(io: &SocketIo, query: &str) -> Self {
        let opened = request(io, Method::GET, &format!("{query}&t=1"), "").await;
        let open: Value = serde_json::from_str(opened.strip_prefix('0').expect("an open packet")).unwrap();
        Self {
            io: io.clone(),
            sid: open["sid"].as_str().unwrap().to_owned(),
        }
    }

    /// A session that has joined `/`.
    pub(super) async fn connected(io: &SocketIo) -> Self {
        let client = Self::open(io, "").await;
        client.push("40").await;
        let answer = client.poll().await;
        assert!(answer.starts_with("40{"), "{answer}");
        client
    }

    /// Sends a packet; handlers that don't wait have run when this returns.
    pub(super) async fn push(&self, packet: &str) {
        assert_eq!(request(&self.io, Method::POST, &self.query(), packet).await, "ok");
    }

    /// What the server has to send.
    pub(super) async fn poll(&self) -> String {
        request(&self.io, Method::GET, &self.query(), "").await
    }

    /// Sends a packet and gives back what comes next.
    pub(super) async fn ask(&self, packet: &str) -> String {
        self.push(packet).await;
        self.poll().await
    }

    fn query(&self) -> String {
        format!("&sid={}", self.sid)
    }
}

async fn request(io: &SocketIo, method: Method, query: &str, body: &str) -> String {
    let request = Request::builder()
        .method(method)
        .uri(format!("/socket.io/?EIO=4&transport=polling{query}"))
        .header("x-test", "a header")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = io.service().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(Body::new(body), 1 << 16).await.unwrap();
    assert_eq!(head.status, StatusCode::OK, "{body:?}");
    String::from_utf8(body.to_vec()).unwrap()
}
