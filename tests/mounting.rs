//! Every way to mount a server, spoken to in HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

use std::{convert::Infallible, future::Future, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, WebSocketUpgrade, ws},
    http::{Method, Request, Response, StatusCode, header},
    routing::{any, get},
};
use axum_socketio::{SocketIo, SocketIoLayer, layer::ClientBundle};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::ext::Protocol;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{WebSocketStream, connect_async};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::{compression::CompressionLayer, cors::CorsLayer, timeout::TimeoutLayer, trace::TraceLayer};
use tungstenite::{Message, protocol::Role};

/// Query of a polling handshake.
const POLLING: &str = "?EIO=4&transport=polling";
/// Query of a WebSocket handshake.
const WEBSOCKET: &str = "?EIO=4&transport=websocket";

/// Routes of an application that has nothing to do with sockets.
fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn send<S, B>(service: S, request: Request<Body>) -> Response<Bytes>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// Status and text of the answer to GET.
async fn fetch(router: &Router, uri: &str) -> (StatusCode, String) {
    let response = send(router.clone(), Request::get(uri).body(Body::empty()).unwrap()).await;
    (
        response.status(),
        String::from_utf8(response.into_body().to_vec()).unwrap(),
    )
}

/// The session id in an open packet.
#[track_caller]
fn session(open: &str) -> String {
    let packet = open
        .strip_prefix('0')
        .unwrap_or_else(|| panic!("no open packet: {open:?}"));
    let packet: serde_json::Value = serde_json::from_str(packet).unwrap();
    packet["sid"].as_str().unwrap().to_owned()
}

/// Opens a polling session under this path.
async fn open(router: &Router, path: &str) -> String {
    let (status, text) = fetch(router, &format!("{path}{POLLING}")).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    session(&text)
}

async fn is_not_found(router: &Router, path: &str) -> bool {
    fetch(router, &format!("{path}{POLLING}")).await.0 == StatusCode::NOT_FOUND
}

#[expect(
    clippy::disallowed_methods,
    reason = "servers and connections of tests run beside them"
)]
fn beside(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves the router by axum.
async fn serve(router: Router) -> SocketAddr {
    let (listener, address) = listen().await;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    beside(async { axum::serve(listener, service).await.unwrap() });
    address
}

async fn connect(
    address: SocketAddr,
    path: &str,
) -> WebSocketStream<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    connect_async(format!("ws://{address}{path}")).await.unwrap().0
}

async fn receive<T: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<T>) -> String {
    socket
        .next()
        .await
        .expect("the connection is open")
        .unwrap()
        .into_text()
        .unwrap()
        .to_string()
}

/// Takes a fresh connection into the namespace `/`.
async fn join<T: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<T>) {
    session(&receive(socket).await);
    socket.send(Message::text("40")).await.unwrap();
    let reply = receive(socket).await;
    assert!(reply.starts_with("40{\"sid\":"), "{reply}");
}

#[tokio::test]
async fn a_layered_router_keeps_its_own_routes() {
    let app = hello().layer(SocketIoLayer::new());
    open(&app, "/socket.io/").await;
    assert_eq!(fetch(&app, "/").await, (StatusCode::OK, "hello".into()));
    for foreign in ["/nowhere", "/socket.io", "/socket.iox", "/api/socket.io/"] {
        assert!(is_not_found(&app, foreign).await, "{foreign}");
    }
}

#[tokio::test]
async fn a_router_without_routes_can_be_layered() {
    open(&Router::new().layer(SocketIoLayer::new()), "/socket.io/").await;
}

#[tokio::test]
async fn every_layer_mounts_the_same_server() {
    let io = SocketIo::new();
    let layer = io.layer();
    let routers = [
        hello().layer(io.layer()),
        hello().layer(layer.clone()).layer(layer),
        Router::new().fallback_service(io.service()),
    ];
    let sid = open(&routers[0], "/socket.io/").await;
    let uri = format!("/socket.io/{POLLING}&sid={sid}");
    let push = Request::post(&uri).body(Body::from("40")).unwrap();
    assert_eq!(send(routers[1].clone(), push).await.body(), "ok");
    let (status, text) = fetch(&routers[2], &uri).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.starts_with("40{\"sid\":"), "{text}");
    let (status, _) = fetch(&hello().layer(SocketIoLayer::new()), &uri).await;
    assert_eq!(
        status,
        StatusCode::BAD_REQUEST,
        "another server knows nothing of the session"
    );
}

#[tokio::test]
async fn a_nested_server_matches_what_is_left_of_the_path() {
    let io = SocketIo::new();
    let app = hello()
        .nest_service("/service", io.service())
        .nest_service("/router", hello().layer(io.layer()))
        .nest("/fallback", hello().fallback_service(io.service()))
        .nest(
            "/layer",
            hello().fallback(async || StatusCode::NOT_FOUND).layer(io.layer()),
        );
    for prefix in ["/service", "/router", "/fallback", "/layer"] {
        open(&app, &format!("{prefix}/socket.io/")).await;
        assert!(is_not_found(&app, &format!("{prefix}/elsewhere")).await);
    }
    assert!(is_not_found(&app, "/socket.io/").await);
    assert_eq!(fetch(&app, "/layer").await.1, "hello");
}

#[tokio::test]
async fn a_layer_around_nested_routers_sees_the_whole_path() {
    let api = Router::new().route("/hello", get(async || "nested"));
    let app = Router::new().nest("/api", api).layer(SocketIoLayer::new());
    open(&app, "/socket.io/").await;
    assert!(is_not_found(&app, "/api/socket.io/").await);
    assert_eq!(fetch(&app, "/api/hello").await.1, "nested");
}

#[tokio::test]
async fn merged_routers_are_layered_after_the_merge() {
    let other = || Router::new().route("/other", get(async || "other"));
    let app = hello().merge(other()).layer(SocketIoLayer::new());
    open(&app, "/socket.io/").await;
    assert_eq!(fetch(&app, "/").await.1, "hello");
    assert_eq!(fetch(&app, "/other").await.1, "other");
    let app = other().merge(hello().fallback_service(SocketIo::new().service()));
    open(&app, "/socket.io/").await;
    assert_eq!(fetch(&app, "/other").await.1, "other");
}

/// Not our choice, but what the module docs warn of.
#[tokio::test]
async fn axum_drops_layered_fallbacks() {
    let layered = || hello().layer(SocketIoLayer::new());
    let other = || Router::new().route("/other", get(async || "other"));
    assert!(is_not_found(&layered().merge(other()), "/socket.io/").await);
    open(&other().merge(layered()), "/socket.io/").await;
    assert!(is_not_found(&other().nest("/nested", layered()), "/nested/socket.io/").await);
}

#[tokio::test]
async fn a_route_layer_serves_where_a_route_matches() {
    let app = hello()
        .route("/socket.io/", any(async || "route"))
        .route_layer(SocketIoLayer::new());
    open(&app, "/socket.io/").await;
    assert_eq!(fetch(&app, "/").await.1, "hello");
    assert!(is_not_found(&hello().route_layer(SocketIoLayer::new()), "/socket.io/").await);
}

#[tokio::test]
async fn the_service_stands_where_services_stand() {
    let io = SocketIo::new();
    open(&hello().route_service("/socket.io/", io.service()), "/socket.io/").await;
    open(&hello().fallback_service(io.service()), "/socket.io/").await;
    let request = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let alone = send(io.service(), request(&format!("/socket.io/{POLLING}"))).await;
    session(std::str::from_utf8(alone.body()).unwrap());
    assert_eq!(
        send(io.service(), request("/")).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_path_is_an_option() {
    let io = SocketIo::builder().path("/ws").build().unwrap();
    assert_eq!(io.path(), "/ws");
    let app = hello().layer(io.layer());
    open(&app, "/ws/").await;
    assert!(is_not_found(&app, "/socket.io/").await);
    assert!(is_not_found(&app, "/wsx/").await);
}

#[tokio::test]
async fn handlers_behind_the_layer_have_the_server() {
    async fn announce(io: SocketIo) -> StatusCode {
        io.of("/").emit("news", "it works");
        StatusCode::ACCEPTED
    }
    let io = SocketIo::new();
    let nested = Router::new().route("/announce", get(announce));
    let method = Router::new().route("/method", get(announce).layer(io.layer()));
    let app = Router::new()
        .nest("/nested", nested)
        .layer(io.layer())
        .merge(method);
    let address = serve(hello().layer(io.layer())).await;
    let mut socket = connect(address, &format!("/socket.io/{WEBSOCKET}")).await;
    join(&mut socket).await;
    for uri in ["/nested/announce", "/method"] {
        assert_eq!(fetch(&app, uri).await.0, StatusCode::ACCEPTED);
        assert_eq!(receive(&mut socket).await, r#"42["news","it works"]"#);
    }
}

#[tokio::test]
async fn middlewares_may_wrap_the_layer() {
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            Duration::from_secs(60),
        ))
        .layer(CompressionLayer::new())
        .layer(CorsLayer::permissive())
        .layer(SocketIoLayer::new());
    let app = hello().layer(stack);
    let request = Request::get(format!("/socket.io/{POLLING}"))
        .header(header::ORIGIN, "http://elsewhere")
        .header(header::ACCEPT_ENCODING, "gzip");
    let response = send(app.clone(), request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let origins = response.headers().get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    assert_eq!(origins.iter().collect::<Vec<_>>(), ["*"], "written once");
    let preflight = Request::options(format!("/socket.io/{POLLING}"))
        .header(header::ORIGIN, "http://elsewhere")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let response = send(app.clone(), preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(fetch(&app, "/").await.1, "hello");
    join(&mut connect(serve(app).await, &format!("/socket.io/{WEBSOCKET}")).await).await;
}

#[tokio::test]
async fn middlewares_may_stand_behind_the_layer() {
    let stack = ServiceBuilder::new()
        .layer(SocketIoLayer::new())
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            Duration::from_secs(1),
        ));
    let app = hello().layer(stack);
    open(&app, "/socket.io/").await;
    assert_eq!(fetch(&app, "/").await.1, "hello");
}

#[tokio::test]
async fn websockets_go_through_axum_over_http_1() {
    let address = serve(hello().layer(SocketIoLayer::new())).await;
    join(&mut connect(address, &format!("/socket.io/{WEBSOCKET}")).await).await;
}

#[tokio::test]
async fn websockets_go_through_axum_over_http_2() {
    let address = serve(hello().layer(SocketIoLayer::new())).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    beside(async { drop(connection.await) });
    // The answer to a first request is preceded by the server's settings, which allow extended CONNECT (RFC 8441 §3).
    let uri = |path: &str| format!("http://{address}{path}");
    let first = Request::get(uri("/")).body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(client.send_request(first).await.unwrap().status(), StatusCode::OK);
    let request = Request::connect(uri(&format!("/socket.io/{WEBSOCKET}")))
        .extension(Protocol::from_static("websocket"))
        .header(header::SEC_WEBSOCKET_VERSION, "13");
    let response = client
        .send_request(request.body(Empty::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let upgraded = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    join(&mut WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await).await;
}

#[tokio::test]
async fn a_session_moves_from_polling_to_a_websocket() {
    let app = hello().layer(SocketIoLayer::new());
    let sid = open(&app, "/socket.io/").await;
    let mut socket = connect(serve(app).await, &format!("/socket.io/{WEBSOCKET}&sid={sid}")).await;
    socket.send(Message::text("2probe")).await.unwrap();
    assert_eq!(receive(&mut socket).await, "3probe");
    socket.send(Message::text("5")).await.unwrap();
    socket.send(Message::text("40")).await.unwrap();
    assert!(receive(&mut socket).await.starts_with("40{\"sid\":"));
}

#[tokio::test]
async fn plain_hyper_serves_it_too() {
    let (listener, address) = listen().await;
    let service = TowerToHyperService::new(SocketIo::new().service());
    beside(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            beside(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                drop(
                    server
                        .serve_connection_with_upgrades(TokioIo::new(stream), service)
                        .await,
                );
            });
        }
    });
    join(&mut connect(address, &format!("/socket.io/{WEBSOCKET}")).await).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    beside(async { drop(connection.await) });
    let mut fetch = async |path: String| {
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        (
            response.status(),
            response.into_body().collect().await.unwrap().to_bytes(),
        )
    };
    let (status, text) = fetch(format!("/socket.io/{POLLING}")).await;
    assert_eq!(status, StatusCode::OK);
    session(std::str::from_utf8(&text).unwrap());
    assert_eq!(fetch("/".into()).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn websockets_of_the_application_are_left_alone() {
    async fn echo(upgrade: WebSocketUpgrade) -> Response<Body> {
        upgrade.on_upgrade(async |mut socket: ws::WebSocket| {
            while let Some(Ok(message @ ws::Message::Text(_))) = socket.recv().await {
                socket.send(message).await.unwrap();
            }
        })
    }
    let app = Router::new()
        .route("/echo", any(echo))
        .layer(SocketIoLayer::new());
    let mut socket = connect(serve(app).await, "/echo").await;
    socket.send(Message::text("40")).await.unwrap();
    assert_eq!(receive(&mut socket).await, "40");
}

#[tokio::test]
async fn handlers_of_connections_learn_the_peer() {
    let io = SocketIo::new();
    io.of("/").on_connect(
        async |socket: axum_socketio::Socket, ConnectInfo(peer): ConnectInfo<SocketAddr>| {
            socket.emit("peer", (peer, socket.handshake().address()));
        },
    );
    let address = serve(hello().layer(io.layer())).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let peer = stream.local_addr().unwrap();
    let url = format!("ws://{address}/socket.io/{WEBSOCKET}");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    join(&mut socket).await;
    assert_eq!(
        receive(&mut socket).await,
        format!(r#"42["peer","{peer}","{peer}"]"#)
    );
}

#[tokio::test]
async fn the_script_of_the_client_is_served() {
    let bundle = ClientBundle::embedded(&[("socket.io.js", b"/* a client */")]).unwrap();
    let io = SocketIo::builder().serve_client(bundle).build().unwrap();
    assert!(io.serve_client());
    let app = hello().layer(io.layer());
    let request = |method: Method, tag: Option<&header::HeaderValue>| {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = "/socket.io/socket.io.js?v=1".parse().unwrap();
        tag.map(|tag| request.headers_mut().insert(header::IF_NONE_MATCH, tag.clone()));
        request
    };
    let script = send(app.clone(), request(Method::GET, None)).await;
    assert_eq!(script.status(), StatusCode::OK);
    assert_eq!(script.body(), "/* a client */");
    let head = send(app.clone(), request(Method::HEAD, None)).await;
    assert_eq!(head.headers()[header::CONTENT_LENGTH], "14");
    assert!(head.body().is_empty());
    let known = send(
        app.clone(),
        request(Method::GET, Some(&script.headers()[header::ETAG])),
    )
    .await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let posted = send(app.clone(), request(Method::POST, None)).await;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(
        is_not_found(&app, "/socket.io/socket.io.min.js").await,
        "the application's, where the bundle lacks it"
    );
    assert!(ClientBundle::from_dir("nowhere").is_err());
    let without = SocketIo::new();
    assert!(!without.serve_client());
    assert!(is_not_found(&hello().layer(without.layer()), "/socket.io/socket.io.js").await);
}

/// Over HTTP/1.1 the HTTP server leaves a body out; over HTTP/2 it would go out, and the stream end in an error (RFC 9113 §8.1.1).
#[tokio::test]
async fn a_head_over_http_2_is_answered_without_a_body() {
    let address = serve(hello().layer(SocketIo::new().layer())).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    beside(async { connection.await.unwrap() });
    for (query, refusal) in [
        (POLLING, r#"{"code":2,"message":"Bad handshake method"}"#),
        ("?transport=none", r#"{"code":0,"message":"Transport unknown"}"#),
        (
            "?transport=polling&sid=none",
            r#"{"code":1,"message":"Session ID unknown"}"#,
        ),
    ] {
        let request = Request::head(format!("http://{address}/socket.io/{query}"));
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        let length = response.headers()[header::CONTENT_LENGTH].to_str().unwrap();
        assert_eq!(length, refusal.len().to_string(), "{query}");
        let body = response.into_body().collect().await.unwrap();
        assert!(body.to_bytes().is_empty(), "{query}");
    }
}
