//! The answers of the engine to HTTP requests.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_PROTOCOL, UPGRADE,
    },
};
use http_body_util::Full;

use super::refusal::Refusal;
use crate::websocket::{Accepted, HandshakeError};

pub(super) type Answer = Response<Full<Bytes>>;

const HTML: &str = "text/html";
const JSON: &str = "application/json";

/// A POST was taken.
pub(super) fn ok() -> Answer {
    uncached(with_body(StatusCode::OK, HTML, Bytes::from_static(b"ok")))
}

/// The packets for a poll.
pub(super) fn payload(content_type: &'static str, body: Vec<u8>) -> Answer {
    uncached(with_body(StatusCode::OK, content_type, Bytes::from(body)))
}

/// Nothing but a status: how Node answers what it has no words for.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    answer
}

/// A refused request; over an upgrade request with status 400 and the bare message.
pub(super) fn refusal(refusal: &Refusal, upgrade: bool) -> Answer {
    if upgrade {
        let message = Bytes::copy_from_slice(refusal.body_upgrade().as_bytes());
        let mut answer = with_body(StatusCode::BAD_REQUEST, HTML, message);
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
        return answer;
    }
    let body = refusal.body_json();
    if body.is_empty() {
        return empty(refusal.status());
    }
    with_body(refusal.status(), JSON, Bytes::from(body))
}

/// A request that asks for a WebSocket in a wrong way.
pub(super) fn bad_handshake(error: HandshakeError) -> Answer {
    let mut answer = empty(error.status());
    answer.headers_mut().extend(error.headers());
    answer
}

/// The beginning of a WebSocket: 101, or 200 for an extended CONNECT (RFC 8441 §5).
pub(super) fn switching(accepted: Accepted) -> Answer {
    let mut answer = Response::new(Full::default());
    let headers = answer.headers_mut();
    if let Some(protocol) = accepted.subprotocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    if let Some(key) = accepted.accept_key {
        headers.insert(SEC_WEBSOCKET_ACCEPT, key);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    }
    answer
}

fn with_body(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let length = HeaderValue::from(body.len());
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CONTENT_LENGTH, length);
    answer
}

fn uncached(mut answer: Answer) -> Answer {
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
