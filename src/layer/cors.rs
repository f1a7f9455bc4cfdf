//! What pages of other origins are told.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
    },
    request::Parts,
};
use tower_http::cors::CorsLayer;
use tower_layer::Layer;
use tower_service::Service;

use crate::server::{Ask, Sharing};

/// Stands where the server would, to learn what the layer would add to any answer.
#[derive(Clone, Copy)]
struct Nothing;

/// The answer is not a preflight's.
#[derive(Clone, Copy)]
struct Passed;

impl Service<Request<()>> for Nothing {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        let mut response = Response::new(());
        response.extensions_mut().insert(Passed);
        ready(Ok(response))
    }
}

/// The headers that tower-http's layer would give. Panics if its rules contradict each other, as the layer itself does.
pub(super) fn ask(layer: &CorsLayer) -> Ask<Sharing> {
    let cors = layer.layer(Nothing);
    std::sync::Arc::new(move |head: &Parts| {
        let mut request = Request::new(());
        request.method_mut().clone_from(&head.method);
        request.uri_mut().clone_from(&head.uri);
        request.headers_mut().clone_from(&head.headers);
        let response = cors.clone().call(request);
        Box::pin(async move {
            let response = match response.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let preflight = response.extensions().get::<Passed>().is_none();
            let (parts, ()) = response.into_parts();
            Sharing {
                headers: parts.headers,
                preflight,
            }
        })
    })
}

/// The headers of Socket.IO 2.x for an origin that may connect.
pub(super) fn of_admitted(head: &Parts) -> Sharing {
    let mut headers = HeaderMap::new();
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    match head.headers.get(ORIGIN) {
        Some(origin) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        None => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
    }
    let preflight = head.method == Method::OPTIONS;
    if preflight {
        let wanted = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let wanted = wanted.unwrap_or_else(|| HeaderValue::from_static("Content-Type"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST"));
    }
    Sharing { headers, preflight }
}

/// The answer to a preflight; its headers are added as to any other.
pub(super) fn preflight<B: Default>() -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Adds what the answer doesn't have yet; `Vary` is a list.
pub(super) fn merge(headers: &HeaderMap, into: &mut HeaderMap) {
    for (name, value) in headers {
        if name == VARY || !into.contains_key(name) {
            into.append(name, value.clone());
        }
    }
}
