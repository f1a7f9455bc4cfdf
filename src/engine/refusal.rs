//! Why a request was turned away, and the answer it gets.

use http::StatusCode;
use serde::Serialize;

use super::instruments::RefusalReason;

/// A request that is answered with an error instead of being served.
///
/// Codes and messages are those Node's server puts on the wire; clients show them to their users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The `transport` is missing, unknown or not offered.
    TransportUnknown,
    /// No session has this `sid`: expired, or it lives on another server.
    SessionUnknown,
    /// A handshake with a method other than `GET`.
    BadHandshakeMethod,
    /// The request doesn't fit its session or its transport; the name says how, for the log.
    BadRequest(&'static str),
    /// The application refused the handshake, perhaps with words of its own.
    Forbidden(Option<String>),
    /// An Engine.IO 3 client where only Engine.IO 4 is allowed.
    UnsupportedProtocol,
    /// No room for one more session. Node has no such limit, and so no code for it: 6 is ours.
    TooManyConnections,
    /// The server drains, or is closed. Node goes on accepting until its port is closed, so it has no code for it: 7 is ours.
    ShuttingDown,
    /// A method other than `GET` and `POST` for a live session. Node answers it outside of its error codes.
    MethodNotAllowed,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: u8,
    message: &'a str,
}

impl Refusal {
    /// The session is on another transport than the request.
    pub(crate) const TRANSPORT_MISMATCH: Self = Self::BadRequest("TRANSPORT_MISMATCH");
    /// The session speaks another revision than the request.
    pub(crate) const PROTOCOL_MISMATCH: Self = Self::BadRequest("PROTOCOL_MISMATCH");
    /// `websocket` over plain HTTP, `polling` over an upgrade request, or a WebSocket handshake that failed.
    pub(crate) const TRANSPORT_HANDSHAKE_ERROR: Self = Self::BadRequest("TRANSPORT_HANDSHAKE_ERROR");
    /// An upgrade although the server allows none.
    pub(crate) const UPGRADE_NOT_ALLOWED: Self = Self::BadRequest("UPGRADE_NOT_ALLOWED");

    /// The application could give the session no id, or none that is free.
    pub(crate) const ID_GENERATION_ERROR: Self = Self::BadRequest("ID_GENERATION_ERROR");

    /// The number in the error body. A refused method has none on the wire and counts as a bad request.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::SessionUnknown => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest(_) | Self::MethodNotAllowed => 3,
            Self::Forbidden(_) => 4,
            Self::UnsupportedProtocol => 5,
            Self::TooManyConnections => 6,
            Self::ShuttingDown => 7,
        }
    }

    pub(crate) fn message(&self) -> &str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest(_) | Self::MethodNotAllowed => "Bad request",
            Self::Forbidden(text) => text
                .as_deref()
                .filter(|text| !text.is_empty())
                .unwrap_or("Forbidden"),
            Self::UnsupportedProtocol => "Unsupported protocol version",
            Self::TooManyConnections => "Too many connections",
            Self::ShuttingDown => "Server shutting down",
        }
    }

    /// What counts it.
    pub(crate) const fn reason(&self) -> RefusalReason {
        match self {
            Self::TransportUnknown => RefusalReason::TransportUnknown,
            Self::SessionUnknown => RefusalReason::SessionUnknown,
            Self::BadHandshakeMethod => RefusalReason::BadHandshakeMethod,
            Self::BadRequest(_) => RefusalReason::BadRequest,
            Self::Forbidden(_) => RefusalReason::Forbidden,
            Self::UnsupportedProtocol => RefusalReason::UnsupportedProtocol,
            Self::TooManyConnections => RefusalReason::TooManyConnections,
            Self::MethodNotAllowed => RefusalReason::MethodNotAllowed,
            Self::ShuttingDown => RefusalReason::ShuttingDown,
        }
    }

    /// What exactly was wrong, for logs and `connection_error`; the client isn't told.
    pub(crate) const fn context(&self) -> Option<&'static str> {
        match self {
            Self::BadRequest(name) => Some(name),
            Self::MethodNotAllowed => Some("METHOD_NOT_ALLOWED"),
            _ => None,
        }
    }

    /// The status of a plain HTTP answer. Over an upgrade request it is 400, unless it is 503.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooManyConnections | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The body of a plain HTTP answer: JSON (`application/json`), or empty for a refused method.
    pub(crate) fn body_json(&self) -> String {
        if *self == Self::MethodNotAllowed {
            return String::new();
        }
        let body = ErrorBody {
            code: self.code(),
            message: self.message(),
        };
        serde_json::to_string(&body).expect("invariant: a number and a string are JSON")
    }

    /// The body of the answer to an upgrade request (`text/html`, status 400): the bare message.
    pub(crate) fn body_upgrade(&self) -> &str {
        self.message()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Engine.IO's table of error codes as Node's server answers them: refusal, status, JSON, bare message.
    #[test]
    fn refusals_answer_as_node_does() {
        let cases: &[(Refusal, u16, &str, &str)] = &[
            (
                Refusal::TransportUnknown,
                400,
                r#"{"code":0,"message":"Transport unknown"}"#,
                "Transport unknown",
            ),
            (
                Refusal::SessionUnknown,
                400,
                r#"{"code":1,"message":"Session ID unknown"}"#,
                "Session ID unknown",
            ),
            (
                Refusal::BadHandshakeMethod,
                400,
                r#"{"code":2,"message":"Bad handshake method"}"#,
                "Bad handshake method",
            ),
            (
                Refusal::TRANSPORT_MISMATCH,
                400,
                r#"{"code":3,"message":"Bad request"}"#,
                "Bad request",
            ),
            (
                Refusal::Forbidden(None),
                403,
                r#"{"code":4,"message":"Forbidden"}"#,
                "Forbidden",
            ),
            (
                Refusal::Forbidden(Some("no \"guests\"".into())),
                403,
                r#"{"code":4,"message":"no \"guests\""}"#,
                "no \"guests\"",
            ),
            (
                Refusal::Forbidden(Some(String::new())),
                403,
                r#"{"code":4,"message":"Forbidden"}"#,
                "Forbidden",
            ),
            (
                Refusal::UnsupportedProtocol,
                400,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
                "Unsupported protocol version",
            ),
            (Refusal::MethodNotAllowed, 500, "", "Bad request"),
        ];
        for (refusal, status, json, bare) in cases {
            assert_eq!(refusal.status().as_u16(), *status, "{refusal:?}");
            assert_eq!(refusal.body_json(), *json, "{refusal:?}");
            assert_eq!(refusal.body_upgrade(), *bare, "{refusal:?}");
        }
    }

    #[test]
    fn a_full_server_says_so_with_a_code_of_its_own() {
        let full = Refusal::TooManyConnections;
        assert_eq!(full.status().as_u16(), 503);
        assert_eq!(full.body_json(), r#"{"code":6,"message":"Too many connections"}"#);
    }

    #[test]
    fn a_server_that_shuts_down_says_so_with_a_code_of_its_own() {
        let closed = Refusal::ShuttingDown;
        assert_eq!(closed.status().as_u16(), 503);
        assert_eq!(
            closed.body_json(),
            r#"{"code":7,"message":"Server shutting down"}"#
        );
    }

    #[test]
    fn only_the_log_learns_what_was_wrong_with_a_bad_request() {
        assert_eq!(Refusal::PROTOCOL_MISMATCH.context(), Some("PROTOCOL_MISMATCH"));
        assert!(!Refusal::PROTOCOL_MISMATCH.body_json().contains("MISMATCH"));
        assert_eq!(Refusal::SessionUnknown.context(), None);
    }
}
