use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Waker,
};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Empty, Full};
use tower::ServiceExt;

use super::*;

const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);

/// An application that is busy until told otherwise, and counts.
#[derive(Clone, Default)]
struct Application {
    free: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Service<Request<Empty<Bytes>>> for Application {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.free.load(Ordering::Relaxed) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        assert!(self.free.load(Ordering::Relaxed), "called before it was ready");
        let io = request.extensions().get::<SocketIo>();
        ready(Ok(Response::new(Full::from(format!(
            "{} {}",
            request.uri().path(),
            io.is_some()
        )))))
    }
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).body(Empty::new()).unwrap()
}

fn is_ready(service: &mut SocketIoService<Application>) -> bool {
    service
        .poll_ready(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

async fn text<B: Body<Error: std::fmt::Debug>>(response: Response<B>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn the_owner_of_a_request_depends_on_its_path() {
    let bundle = crate::engine::ClientBundle::embedded(&[("socket.io.js", b"")]).unwrap();
    let bare = SocketIo::new().mount();
    let mount = SocketIo::builder().serve_client(bundle).build().unwrap().mount();
    let is_engine = |path| matches!(owner(&mount, path), Owner::Engine);
    let is_file = |path| matches!(owner(&mount, path), Owner::File(_));
    let is_inner = |path| matches!(owner(&mount, path), Owner::Inner);
    assert!(is_engine("/socket.io/") && is_engine("/socket.io/anything"));
    assert!(is_file("/socket.io/socket.io.js"));
    assert!(is_inner("/") && is_inner("/socket.io") && is_inner("/socket.iox"));
    assert!(
        is_inner("/socket.io/socket.io.min.js"),
        "a script that the bundle lacks"
    );
    assert!(
        matches!(owner(&bare, "/socket.io/socket.io.js"), Owner::Inner),
        "no bundle"
    );
}

#[test]
fn the_peer_is_what_the_http_server_told() {
    let mut extensions = Extensions::new();
    assert_eq!(peer(&extensions), None);
    extensions.insert(SocketAddr::from(([10, 0, 0, 1], 1)));
    assert_eq!(peer(&extensions), Some(SocketAddr::from(([10, 0, 0, 1], 1))));
    extensions.insert(ConnectInfo(ADDRESS));
    assert_eq!(peer(&extensions), Some(ADDRESS), "axum's comes first");
}

#[tokio::test]
async fn a_busy_application_does_not_hold_back_our_requests() {
    let application = Application::default();
    let mut service = SocketIoService::new(application.clone(), SocketIo::new().mount());
    assert!(is_ready(&mut service));
    let response = service
        .call(request("/socket.io/?EIO=4&transport=polling"))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(text(response).await.starts_with("0{"));
    assert_eq!(
        application.asked.load(Ordering::Relaxed),
        0,
        "nothing was reserved in the application"
    );
}

#[tokio::test]
async fn the_application_is_called_when_it_is_ready() {
    let application = Application::default();
    let mut service = SocketIoService::new(application.clone(), SocketIo::new().mount());
    assert!(is_ready(&mut service));
    let mut response = Box::pin(service.call(request("/hello")));
    assert!(
        response
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    application.free.store(true, Ordering::Relaxed);
    assert_eq!(
        text(response.await.unwrap()).await,
        "/hello true",
        "with the server in its extensions"
    );
}

#[tokio::test]
async fn the_service_alone_answers_404_elsewhere() {
    let service = SocketIo::new().service();
    let response = service.clone().oneshot(request("/socket.io")).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(text(response).await, "");
    let response = service
        .oneshot(request("/socket.io/?EIO=4&transport=polling"))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn an_empty_body_is_at_its_end() {
    let body = ResponseBody::<Full<Bytes>>::default();
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
}

#[test]
fn a_handshake_does_not_pin_the_read_buffer_with_its_uri() {
    let cases = [("/socket.io/?EIO=4", false), ("/api/socket.io/?EIO=4", true)];
    for (original, kept) in cases {
        let (mut stripped, _) = request("/socket.io/?EIO=4").into_parts();
        let original: Uri = original.parse().unwrap();
        stripped.extensions.insert(OriginalUri(original.clone()));
        unpin_original_uri(&mut stripped);
        let left = stripped.extensions.get::<OriginalUri>();
        assert_eq!(left.map(|uri| &uri.0), kept.then_some(&original));
    }
}

/// Whether a request's extensions are kept once for all, behind a route of this path.
async fn is_common(path: &str, value: Option<u8>) -> bool {
    let told = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&told);
    let handler = async move |request: Request<axum::body::Body>| {
        let (mut parts, _) = request.into_parts();
        parts.extensions.remove::<OriginalUri>();
        parts.extensions.remove::<axum::extract::MatchedPath>();
        value.map(|value| parts.extensions.insert(value));
        tell.store(has_common_extensions(&mut parts), Ordering::Relaxed);
    };
    let router = axum::Router::new().route(path, axum::routing::get(handler));
    let request = Request::get("/a").body(axum::body::Body::empty()).unwrap();
    router.oneshot(request).await.unwrap();
    told.load(Ordering::Relaxed)
}

#[tokio::test]
async fn extensions_are_shared_only_where_they_are_no_more_than_an_empty_list_of_parameters() {
    assert!(is_common("/a", None).await);
    assert!(!is_common("/a", Some(7)).await, "a value of the application");
    assert!(!is_common("/{name}", None).await, "a parameter");
    let (mut bare, ()) = Request::new(()).into_parts();
    bare.extensions.insert(7_u8);
    assert!(!has_common_extensions(&mut bare), "no router");
}
