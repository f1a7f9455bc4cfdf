//! The same behind `axum::serve`.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Query, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper_util::{rt::TokioIo, server::conn::auto::upgrade::downcast};
use serde::Deserialize;
use tokio::{net::TcpStream, sync::oneshot};

use crate::{
    connection::Connection,
    hub::{Hub, open_packet},
    polling::{NOOP, Poll},
    request,
};

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    sid: String,
}

pub fn router(hub: Arc<Hub>) -> Router {
    Router::new().fallback(handle).with_state(hub)
}

async fn handle(
    State(hub): State<Arc<Hub>>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Response {
    let session = parameters.sid.parse().unwrap_or(0);
    if let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) {
        let accept = request::accept(key.as_bytes());
        upgrade(hub, request, session);
        let headers = [
            (header::UPGRADE, "websocket"),
            (header::CONNECTION, "upgrade"),
            (header::SEC_WEBSOCKET_ACCEPT, &accept),
        ];
        return (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response();
    }
    if session == 0 {
        return open_packet(hub.open_session()).into_response();
    }
    let Some(session) = hub.session(session) else {
        return NOOP.into_response();
    };
    if request.method() == "POST" {
        let body = axum::body::to_bytes(request.into_body(), 1 << 20)
            .await
            .unwrap_or_else(|_| Bytes::new());
        session.post(&hub, &body);
        return "ok".into_response();
    }
    let mut answer = None;
    let payload = session.poll(|| {
        let (sender, receiver) = oneshot::channel();
        answer = Some(receiver);
        Poll::Mounted(sender)
    });
    match (payload, answer) {
        (None, Some(answer)) => answer.await.unwrap_or_else(|_| NOOP.to_vec()).into_response(),
        (payload, _) => payload.unwrap_or_else(|| NOOP.to_vec()).into_response(),
    }
}

/// Takes the socket itself back from hyper: no buffers in between, no calls through a vtable.
fn upgrade(hub: Arc<Hub>, mut request: Request, session: u64) {
    let upgraded = hyper::upgrade::on(&mut request);
    drop(request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = downcast::<TokioIo<TcpStream>>(upgraded) else {
            return;
        };
        let stream = parts.io.into_inner();
        // A task of its own: this one is as large as hyper's part of the hand-over.
        tokio::spawn(Connection::upgraded(hub, stream, session).run());
    });
}
