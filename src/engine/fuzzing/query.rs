//! The query of a request.

use http::Method;

use crate::engine::{
    query::{self, Request},
    transport_kind::{Transport, Transports},
};

const METHODS: [Method; 6] = [
    Method::GET,
    Method::POST,
    Method::CONNECT,
    Method::OPTIONS,
    Method::HEAD,
    Method::PUT,
];

/// Reads the text as the query of every kind of request.
///
/// # Panics
/// When a request is taken for something that its query and its method don't say.
pub(crate) fn query(text: &str) {
    let sid = last(text, "sid").filter(|sid| !sid.is_empty());
    for method in METHODS {
        for upgrade in [false, true] {
            let Ok(request) = query::parse(&method, text, upgrade, Transports::ALL) else {
                continue;
            };
            let named = last(text, "transport").and_then(|name| Transport::from_name(&name));
            assert!(named.is_some(), "no transport, no request");
            let found = match &request {
                Request::Open {
                    transport,
                    b64,
                    jsonp,
                    ..
                } => {
                    assert!(method == Method::GET || upgrade && method == Method::CONNECT);
                    assert_eq!(*transport == Transport::WebSocket, upgrade);
                    assert!(jsonp.is_none() || *b64 && !upgrade);
                    None
                }
                Request::Poll { sid, .. } => {
                    assert!(method == Method::GET && !upgrade);
                    Some(sid)
                }
                Request::Push { sid, .. } => {
                    assert!(method == Method::POST && !upgrade);
                    Some(sid)
                }
                Request::Upgrade { sid, .. } => {
                    assert!(upgrade && named == Some(Transport::WebSocket));
                    Some(sid)
                }
                Request::Stray { sid, .. } => Some(sid),
            };
            assert_eq!(
                found.map(|sid| &**sid),
                sid.as_deref(),
                "the session that is named"
            );
        }
    }
}

fn last(query: &str, name: &str) -> Option<String> {
    let values = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
    values.last().map(|(_, value)| value.into_owned())
}
