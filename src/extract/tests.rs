//! The extractors where there is no socket: in HTTP handlers.

use axum::{
    Router,
    body::{Body, to_bytes},
    routing::get,
};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::{
    extract::Auth,
    server::{Socket, SocketIo},
};

async fn answer(app: Router) -> (StatusCode, String) {
    let request = Request::new(Body::empty());
    let response = app.oneshot(request).await.expect("infallible");
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 4096).await.expect("a short body");
    (head.status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn an_http_handler_outside_of_the_layer_is_told_so() {
    let (status, text) = answer(Router::new().route("/", get(async |_: SocketIo| {}))).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.contains("SocketIoLayer"), "{text}");
}

#[tokio::test]
async fn an_optional_server_is_none_outside_of_the_layer() {
    let handler = async |io: Option<SocketIo>| io.is_none().to_string();
    assert_eq!(answer(Router::new().route("/", get(handler))).await.1, "true");
}

#[tokio::test]
async fn an_http_request_has_no_socket() {
    let (status, text) = answer(Router::new().route("/", get(async |_: Socket| {}))).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.contains("takes `SocketIo`"), "{text}");
}

#[tokio::test]
async fn an_http_request_has_no_auth_payload() {
    let (status, text) = answer(Router::new().route("/", get(async |_: Auth<String>| {}))).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.contains("not the handshake"), "{text}");
}
