//! The opening handshake: a request in, an answer out (RFC 6455 §4.2, RFC 8441 §5).

#[cfg(test)]
mod tests;

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version,
    header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use sha1::{Digest, Sha1};

use super::extensions::{self, ExtensionOffer, is_token};

/// What the key is hashed with (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The one version of the protocol that there is.
const VERSION: &str = "13";

/// What to answer a request with that asks for a WebSocket.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// `Sec-WebSocket-Accept` of a 101; `None` for the 200 of an extended CONNECT.
    pub(crate) accept_key: Option<HeaderValue>,
    /// `Sec-WebSocket-Protocol`: the first one offered, as Node answers. Browsers fail the connection without one.
    pub(crate) subprotocol: Option<HeaderValue>,
    /// The offers of permessage-deflate that may be accepted, the client's favourite first.
    pub(crate) extensions: Vec<ExtensionOffer>,
}

/// Why a request can't become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeError {
    Method,
    HttpVersion,
    Connection,
    Upgrade,
    WebSocketVersion,
    Key,
    Subprotocol,
}

/// Checks a request for a WebSocket.
///
/// `extended_connect` says that it is the CONNECT of HTTP/2 or 3 whose `:protocol` is `websocket`: no key, no
/// `Connection`, no `Upgrade` there (RFC 8441 §5).
///
/// # Errors
///
/// What is missing or wrong, with the [status](HandshakeError::status) to refuse it with.
pub(crate) fn accept(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
    extended_connect: bool,
) -> Result<Accepted, HandshakeError> {
    let accept_key = if extended_connect {
        check_connect(method, version)?;
        check_websocket_version(headers)?;
        None
    } else {
        check_upgrade(method, version, headers)?;
        check_websocket_version(headers)?;
        Some(accept_key(headers)?)
    };
    Ok(Accepted {
        accept_key,
        subprotocol: first_subprotocol(headers)?,
        extensions: extensions::offers(headers),
    })
}

impl HandshakeError {
    /// The status to refuse the request with.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::WebSocketVersion => StatusCode::UPGRADE_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The headers that go with the status: what would be accepted (RFC 6455 §4.4, RFC 9110 §15.5.6, §15.5.22).
    pub(crate) fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let headers: &[(HeaderName, &'static str)] = match self {
            Self::Method => &[(http::header::ALLOW, "GET")],
            Self::WebSocketVersion => &[(SEC_WEBSOCKET_VERSION, VERSION), (UPGRADE, "websocket")],
            _ => &[],
        };
        headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
    }
}

/// For the client, in the words of npm's `ws` 8 where it has any.
impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "Invalid HTTP method",
            Self::HttpVersion => "Invalid HTTP version",
            Self::Connection => "Missing or invalid Connection header",
            Self::Upgrade => "Invalid Upgrade header",
            Self::WebSocketVersion => "Missing or invalid Sec-WebSocket-Version header",
            Self::Key => "Missing or invalid Sec-WebSocket-Key header",
            Self::Subprotocol => "Invalid Sec-WebSocket-Protocol header",
        })
    }
}

impl std::error::Error for HandshakeError {}

fn check_connect(method: &Method, version: Version) -> Result<(), HandshakeError> {
    require(method == Method::CONNECT, HandshakeError::Method)?;
    require(version >= Version::HTTP_2, HandshakeError::HttpVersion)
}

fn check_upgrade(method: &Method, version: Version, headers: &HeaderMap) -> Result<(), HandshakeError> {
    require(method == Method::GET, HandshakeError::Method)?;
    require(version == Version::HTTP_11, HandshakeError::HttpVersion)?;
    require(
        has_token(headers, CONNECTION, "upgrade"),
        HandshakeError::Connection,
    )?;
    require(has_token(headers, UPGRADE, "websocket"), HandshakeError::Upgrade)
}

fn check_websocket_version(headers: &HeaderMap) -> Result<(), HandshakeError> {
    let version = only(headers, SEC_WEBSOCKET_VERSION);
    require(version == Some(VERSION), HandshakeError::WebSocketVersion)
}

fn require(fulfilled: bool, error: HandshakeError) -> Result<(), HandshakeError> {
    if fulfilled { Ok(()) } else { Err(error) }
}

/// Whether one of the comma-separated values is this one, in any case of letters.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    list(headers, name).any(|value| value.eq_ignore_ascii_case(token))
}

/// The comma-separated values of all lines of a header. A line that isn't ASCII has none.
fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(str::trim)
}

/// The value of a header that may not be repeated.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut lines = headers.get_all(name).into_iter();
    let value = lines.next()?.to_str().ok()?.trim();
    lines.next().is_none().then_some(value)
}

fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, HandshakeError> {
    let key = only(headers, SEC_WEBSOCKET_KEY)
        .filter(|key| is_key(key))
        .ok_or(HandshakeError::Key)?;
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let accept = STANDARD.encode(hash);
    Ok(HeaderValue::try_from(accept).expect("invariant: base64 is a header value"))
}

/// Whether this looks like 16 bytes in base64.
///
/// Like Node, not whether the last character's spare bits are zero: the key is only echoed, and some clients make it
/// of random characters.
fn is_key(key: &str) -> bool {
    let digits = key.strip_suffix("==").unwrap_or_default().as_bytes();
    digits.len() == 22
        && digits
            .iter()
            .all(|digit| digit.is_ascii_alphanumeric() || matches!(digit, b'+' | b'/'))
}

/// The first of the subprotocols. What follows it isn't looked at: nothing would be done with it.
fn first_subprotocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, HandshakeError> {
    let Some(first) = list(headers, SEC_WEBSOCKET_PROTOCOL).find(|value| !value.is_empty()) else {
        return Ok(None);
    };
    require(first.bytes().all(is_token), HandshakeError::Subprotocol)?;
    Ok(Some(
        HeaderValue::from_str(first).expect("invariant: a token is a header value"),
    ))
}
