//! What a request asks for, read once from its method and query string.
//!
//! Everything that depends on a live session (does it exist, is it on this transport, does it speak this
//! protocol) is for whoever holds the sessions to decide, after this.

use std::borrow::Cow;

use http::Method;

use super::jsonp::Jsonp;
use super::refusal::Refusal;
use super::transport_kind::{Transport, Transports};
use crate::protocol::Protocol;

/// A well-formed request to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request<'a> {
    /// A handshake: no session yet.
    Open {
        protocol: Protocol,
        transport: Transport,
        /// The transport to be made can't carry binary. Always so for JSONP, whose payloads are string literals.
        b64: bool,
        /// Answers are scripts. Decided here for the life of the session.
        jsonp: Option<Jsonp>,
    },
    /// `GET`: what the server has for the session.
    Poll { sid: Cow<'a, str>, protocol: Protocol },
    /// `POST`: what the client has for the session.
    Push { sid: Cow<'a, str>, protocol: Protocol },
    /// A WebSocket for a session that was opened by polling.
    Upgrade {
        sid: Cow<'a, str>,
        protocol: Protocol,
        /// The WebSocket to be made can't carry binary; says nothing about the session's polling.
        b64: bool,
    },
    /// A request that fits no session: `SessionUnknown` if there is none of this id, else `refusal`.
    Stray { sid: Cow<'a, str>, refusal: Refusal },
}

/// The parameters the engine knows. Of a repeated key the last counts, as with Node's `URLSearchParams`.
#[derive(Default)]
struct Params<'a> {
    transport: Cow<'a, str>,
    sid: Cow<'a, str>,
    revision: Cow<'a, str>,
    b64: bool,
    j: Option<Cow<'a, str>>,
}

/// Reads a request's raw query (`""` if it has none).
///
/// `upgrade` says that the request asks for a WebSocket: `Upgrade: websocket`, or HTTP/2's extended CONNECT
/// (RFC 8441), which counts as a `GET`. The checks come in the order of Node's server.
///
/// # Errors
///
/// The [`Refusal`] to answer with, if no session could make the request right.
pub(crate) fn parse<'a>(
    method: &Method,
    query: &'a str,
    upgrade: bool,
    transports: Transports,
) -> Result<Request<'a>, Refusal> {
    let params = Params::read(query);
    let transport = Transport::from_name(&params.transport)
        .filter(|transport| transports.contains(*transport))
        .ok_or(Refusal::TransportUnknown)?;
    if params.sid.is_empty() {
        return handshake(method, params, transport, upgrade);
    }
    Ok(match (transport, upgrade) {
        (Transport::WebSocket, true) => Request::Upgrade {
            protocol: params.protocol(),
            b64: params.b64,
            sid: params.sid,
        },
        (Transport::Polling, false) => polling(method, params),
        (Transport::WebSocket, false) => params.stray(Refusal::TRANSPORT_MISMATCH),
        (Transport::Polling, true) => params.stray(Refusal::TRANSPORT_HANDSHAKE_ERROR),
    })
}

fn handshake<'a>(
    method: &Method,
    params: Params<'a>,
    transport: Transport,
    upgrade: bool,
) -> Result<Request<'a>, Refusal> {
    if method != Method::GET && !(upgrade && method == Method::CONNECT) {
        return Err(Refusal::BadHandshakeMethod);
    }
    if upgrade != (transport == Transport::WebSocket) {
        return Err(Refusal::TRANSPORT_HANDSHAKE_ERROR);
    }
    let protocol = params.protocol();
    let jsonp = params.j.filter(|_| !upgrade).map(|j| Jsonp::from_query(&j));
    Ok(Request::Open {
        protocol,
        transport,
        b64: params.b64 || jsonp.is_some(),
        jsonp,
    })
}

fn polling<'a>(method: &Method, params: Params<'a>) -> Request<'a> {
    let protocol = params.protocol();
    match *method {
        Method::GET => Request::Poll {
            sid: params.sid,
            protocol,
        },
        Method::POST => Request::Push {
            sid: params.sid,
            protocol,
        },
        _ => params.stray(Refusal::MethodNotAllowed),
    }
}

/// Whether the name of a parameter that the engine knows may begin so.
const fn is_first_of_a_name(first: char) -> bool {
    matches!(first, 't' | 's' | 'E' | 'b' | 'j' | '%')
}

impl<'a> Params<'a> {
    fn read(query: &'a str) -> Self {
        let mut params = Self::default();
        // Those of others are passed over: to decode them all would be most of what a request costs.
        let known = query
            .split('&')
            .filter(|pair| pair.starts_with(is_first_of_a_name));
        for (name, value) in known.flat_map(|pair| form_urlencoded::parse(pair.as_bytes())) {
            match &*name {
                "transport" => params.transport = value,
                "sid" => params.sid = value,
                "EIO" => params.revision = value,
                // Node tests the truth of the string, so `b64=0` is set.
                "b64" => params.b64 = !value.is_empty(),
                "j" => params.j = Some(value),
                _ => {}
            }
        }
        params
    }

    /// Exactly `4` is revision 4. Anything else is an Engine.IO 3 client, some of which leave the number out.
    fn protocol(&self) -> Protocol {
        if self.revision == "4" {
            Protocol::V4
        } else {
            Protocol::V3
        }
    }

    fn stray(self, refusal: Refusal) -> Request<'a> {
        Request::Stray {
            sid: self.sid,
            refusal,
        }
    }
}

#[cfg(test)]
mod tests;
