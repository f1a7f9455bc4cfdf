//! The answers of the engine to HTTP requests.

mod body;

use std::fmt;

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE, VARY,
    },
};

pub(crate) use self::body::AnswerBody;
pub(super) use self::body::{Long, Unread};
use super::{http_compression::Coding, instruments::RefusalReason, refusal::Refusal};
use crate::websocket::{Accepted, Agreement, HandshakeError};

pub(super) type Answer = Response<AnswerBody>;

/// Why a request isn't served.
#[derive(Debug)]
pub(super) enum Denial {
    Refusal(Refusal),
    /// It asks for a WebSocket in a wrong way.
    Handshake(HandshakeError),
    /// Node answers it with a bare status; the words are for the log.
    Status(StatusCode, &'static str),
}

impl Denial {
    pub(super) const OVERLAP: Self = Self::Status(StatusCode::BAD_REQUEST, "overlap from client");
    pub(super) const CONTENT: Self = Self::Status(StatusCode::BAD_REQUEST, "invalid content");
    pub(super) const HEAD: Self = Self::Status(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "the head of the request is too long",
    );

    /// What counts it.
    pub(super) fn reason(&self) -> RefusalReason {
        match self {
            Self::Refusal(refusal) => refusal.reason(),
            Self::Handshake(_) => RefusalReason::BadWebSocketHandshake,
            Self::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, _) => RefusalReason::HeadTooLarge,
            Self::Status(..) => RefusalReason::BadRequest,
        }
    }

    /// The answer to the request, which may have been one for a WebSocket.
    pub(super) fn answer(&self, upgrade: bool) -> Answer {
        match self {
            Self::Refusal(refusal) => self::refusal(refusal, upgrade),
            Self::Handshake(error) => bad_handshake(*error),
            Self::Status(status, _) => empty(*status),
        }
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<HandshakeError> for Denial {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refusal(refusal) => match refusal.context() {
                Some(context) => write!(f, "{} ({context})", refusal.message()),
                None => f.write_str(refusal.message()),
            },
            Self::Handshake(error) => error.fmt(f),
            Self::Status(_, why) => f.write_str(why),
        }
    }
}

/// A connection that somebody else has accepted isn't served: the error of [`on_connection`](crate::SocketIo::on_connection).
///
/// It says why, in the words of Node's server.
#[derive(Debug)]
pub struct Refused(Denial);

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        Self(denial)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection was refused: {}", self.0)
    }
}

impl std::error::Error for Refused {}

const HTML: &str = "text/html";
const JSON: &str = "application/json";

/// A POST was taken.
pub(super) fn ok() -> Answer {
    uncached(with_body(StatusCode::OK, HTML, Bytes::from_static(b"ok")))
}

/// The packets for a poll.
pub(super) fn payload(content_type: &'static str, body: Bytes) -> Answer {
    uncached(with_body(StatusCode::OK, content_type, body))
}

/// The packets for a poll, in the coding that the request's `Accept-Encoding` led to.
pub(super) fn negotiated(content_type: &'static str, body: Bytes, coding: Option<Coding>) -> Answer {
    let mut answer = payload(content_type, body);
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    }
    answer
}

/// Nothing but a status: how Node answers what it has no words for.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(AnswerBody::default());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    answer
}

/// The answer to HEAD: what it would be to another method but for the body, the length of which it says (RFC 9110 §9.3.2).
///
/// Over HTTP/1.1 the HTTP server leaves the body out by itself; over HTTP/2 hyper doesn't.
pub(super) fn to_head(answer: Answer) -> Answer {
    answer.map(|_| AnswerBody::default())
}

/// A refused request; over an upgrade request with status 400, or 503 where there is no room or the server shuts down, and the bare
/// message.
fn refusal(refusal: &Refusal, upgrade: bool) -> Answer {
    if upgrade {
        let message = Bytes::copy_from_slice(refusal.body_upgrade().as_bytes());
        let status = match refusal.status() {
            status @ StatusCode::SERVICE_UNAVAILABLE => status,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut answer = with_body(status, HTML, message);
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

/// Node's `ws` has the same words, and closes the connection too.
fn bad_handshake(error: HandshakeError) -> Answer {
    let mut answer = with_body(error.status(), HTML, error.to_string().into());
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.extend(error.headers());
    answer
}

/// The beginning of a WebSocket: 101, or 200 for an extended CONNECT (RFC 8441 §5).
pub(super) fn switching(accepted: Accepted, deflate: Option<Agreement>) -> Answer {
    let mut answer = Response::new(AnswerBody::default());
    let headers = answer.headers_mut();
    if let Some(protocol) = accepted.subprotocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    if let Some(agreement) = deflate {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, agreement.header());
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
    let mut answer = Response::new(AnswerBody::from(body));
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
