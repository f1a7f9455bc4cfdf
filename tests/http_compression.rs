//! Compressed answers to polls.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

use std::io::Read;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, Response, header},
};
use axum_socketio::{Builder, SocketIo, engine::HttpCompression, layer::Origins};
use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};
use futures::FutureExt;
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;

/// A polling client that has joined `/`.
struct Client {
    io: SocketIo,
    router: Router,
    uri: String,
}

impl Client {
    async fn join(options: Builder, query: &str) -> Self {
        let io = options.build().unwrap();
        drop(io.of("/"));
        let router = Router::new().layer(io.layer());
        let uri = format!("/socket.io/?{query}&transport=polling");
        let mut client = Self { io, router, uri };
        let (_, open) = client.poll("").await;
        let open = String::from_utf8(open.to_vec()).unwrap().replace("\\\"", "\"");
        let (_, sid) = open.split_once(r#""sid":""#).unwrap();
        client.uri += &format!("&sid={}", sid.split_once('"').unwrap().0);
        if query.starts_with("EIO=4") {
            let join = if query.contains("j=") { "d=40" } else { "40" };
            let (headers, body) = client.request("POST", "gzip", join).await;
            assert_eq!((headers.get(header::VARY), &*body), (None, &b"ok"[..]));
            client.poll("").await;
        }
        client
    }

    /// Headers and body of the answer, as they are.
    async fn request(&self, method: &str, accepted: &str, body: &'static str) -> (HeaderMap, Bytes) {
        let mut request = Request::builder().method(method).uri(&self.uri);
        if !accepted.is_empty() {
            request = request.header(header::ACCEPT_ENCODING, accepted);
        }
        let response: Response<Body> = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if let Some(length) = parts.headers.get(header::CONTENT_LENGTH) {
            assert_eq!(length, &body.len().to_string());
        }
        (parts.headers, body)
    }

    async fn poll(&self, accepted: &str) -> (HeaderMap, Bytes) {
        self.request("GET", accepted, "").await
    }

    fn emit(&self, len: usize) {
        self.io.of("/").emit("news", "x".repeat(len));
    }
}

fn on() -> Builder {
    SocketIo::builder().http_compression(HttpCompression::new())
}

fn coding(headers: &HeaderMap) -> Option<&str> {
    let coding = headers.get(header::CONTENT_ENCODING)?;
    Some(coding.to_str().unwrap())
}

fn vary(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(header::VARY).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

/// The body as it was meant.
fn decoded(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match coding(headers) {
        Some("gzip") => GzDecoder::new(body).read_to_end(&mut decoded).unwrap(),
        Some("deflate") => ZlibDecoder::new(body).read_to_end(&mut decoded).unwrap(),
        other => panic!("{other:?} is no coding of ours"),
    };
    decoded
}

/// An event `news` with so many characters, as text of Engine.IO 4.
fn news(len: usize) -> String {
    format!(r#"42["news","{}"]"#, "x".repeat(len))
}

#[tokio::test]
async fn a_long_answer_is_compressed_as_the_client_prefers() {
    for query in ["EIO=4", "EIO=3&b64=1"] {
        let client = Client::join(on(), query).await;
        for (accepted, expected) in [
            ("gzip, deflate, br", "gzip"),
            ("deflate", "deflate"),
            ("gzip;q=0.5, deflate", "deflate"),
            ("gzip", "gzip"),
        ] {
            client.emit(5000);
            let (headers, body) = client.poll(accepted).await;
            assert_eq!(coding(&headers), Some(expected));
            assert_eq!(vary(&headers), ["Accept-Encoding"]);
            assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=UTF-8");
            assert!(body.len() < 200, "{} bytes", body.len());
            let text = String::from_utf8(decoded(&headers, &body)).unwrap();
            assert!(text.ends_with(&news(5000)), "{text}");
        }
    }
}

#[tokio::test]
async fn who_accepts_nothing_gets_it_as_it_is_and_caches_are_told() {
    let client = Client::join(on(), "EIO=4").await;
    for accepted in ["", "br", "gzip;q=0, deflate;q=0"] {
        client.emit(5000);
        let (headers, body) = client.poll(accepted).await;
        assert_eq!(
            (coding(&headers), vary(&headers)),
            (None, vec!["Accept-Encoding"])
        );
        assert_eq!(body, news(5000));
    }
}

#[tokio::test]
async fn the_threshold_counts_the_bytes_of_the_body() {
    let frame = news(0).len();
    let client = Client::join(on(), "EIO=4").await;
    client.emit(1023 - frame);
    let (headers, body) = client.poll("gzip").await;
    assert_eq!(
        (coding(&headers), vary(&headers).len(), body.len()),
        (None, 0, 1023)
    );
    client.emit(1024 - frame);
    let (headers, _) = client.poll("gzip").await;
    assert_eq!(coding(&headers), Some("gzip"));

    let options = SocketIo::builder().http_compression(HttpCompression::new().threshold(100).level(1));
    let client = Client::join(options, "EIO=4").await;
    client.emit(100);
    assert_eq!(coding(&client.poll("gzip").await.0), Some("gzip"));
}

#[tokio::test]
async fn what_is_sent_uncompressed_stays_so_unless_it_travels_with_others() {
    let client = Client::join(on(), "EIO=4").await;
    let plain = |len: usize| client.io.of("/").compress(false).emit("news", "x".repeat(len));
    plain(5000);
    plain(5000);
    let (headers, body) = client.poll("gzip").await;
    assert_eq!((coding(&headers), vary(&headers).len()), (None, 0));
    assert_eq!(body, format!("{}\u{1e}{}", news(5000), news(5000)));
    plain(5000);
    client.emit(1);
    assert_eq!(coding(&client.poll("gzip").await.0), Some("gzip"));
}

#[tokio::test]
async fn scripts_and_binary_payloads_are_compressed_and_noise_is_not() {
    let client = Client::join(on(), "EIO=4&j=0").await;
    client.emit(5000);
    let (headers, body) = client.poll("gzip").await;
    let script = String::from_utf8(decoded(&headers, &body)).unwrap();
    assert!(script.starts_with("___eio[0](\"42["), "{script}");

    let client = Client::join(on(), "EIO=3").await;
    let emit = |data: Vec<u8>| client.io.of("/").emit("news", Bytes::from(data));
    emit(vec![7; 5000]);
    let (headers, body) = client.poll("gzip").await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
    let body = decoded(&headers, &body);
    assert!(body.ends_with(&[7; 5000]) && body.starts_with(&[0]));

    let mut noise = 1_u64;
    let noise = (0..5000).map(|_| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (noise >> 56) as u8
    });
    emit(noise.collect());
    let (headers, _) = client.poll("gzip").await;
    assert_eq!(
        (coding(&headers), vary(&headers)),
        (None, vec!["Accept-Encoding"])
    );
}

#[tokio::test]
async fn a_very_long_answer_keeps_nobody_else_waiting() {
    let client = Client::join(on(), "EIO=4").await;
    client.emit(200_000);
    let mut poll = Box::pin(client.poll("gzip"));
    assert!(
        poll.as_mut().now_or_never().is_none(),
        "it is not compressed here"
    );
    let (headers, body) = poll.await;
    assert_eq!(decoded(&headers, &body), news(200_000).as_bytes());

    // Who gives up meanwhile has lost packets, so the session can't go on.
    client.emit(200_000);
    assert!(client.poll("gzip").now_or_never().is_none());
    assert_eq!(client.io.engine().clients_count(), 0);
}

#[tokio::test]
async fn it_is_off_unless_it_is_asked_for() {
    let client = Client::join(SocketIo::builder(), "EIO=4").await;
    client.emit(5000);
    let (headers, body) = client.poll("gzip").await;
    assert_eq!((coding(&headers), vary(&headers).len()), (None, 0));
    assert_eq!(body, news(5000));
}

#[tokio::test]
async fn a_layer_that_compresses_finds_nothing_left_to_do() {
    let mut client = Client::join(on(), "EIO=4").await;
    client.router = client.router.layer(CompressionLayer::new());
    client.emit(5000);
    let (headers, body) = client.poll("gzip").await;
    assert_eq!(headers.get_all(header::CONTENT_ENCODING).iter().count(), 1);
    assert_eq!(decoded(&headers, &body), news(5000).as_bytes());
}

#[tokio::test]
async fn what_varies_by_origin_varies_by_both() {
    let options = on().origins(Origins::list(["https://good.example"]).unwrap());
    let io = options.build().unwrap();
    let uri = "/socket.io/?EIO=3&transport=polling";
    io.of("/")
        .on_connect(async |socket: axum_socketio::Socket| socket.emit("news", "x".repeat(5000)));
    let request = Request::get(uri)
        .header(header::ORIGIN, "https://good.example")
        .header(header::ACCEPT_ENCODING, "gzip");
    let answer = io
        .service()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(vary(answer.headers()), ["Accept-Encoding", "Origin"]);
    assert_eq!(
        coding(answer.headers()),
        Some("gzip"),
        "a handshake is a poll too"
    );
}

#[test]
fn a_level_that_zlib_does_not_have_is_refused() {
    let options = SocketIo::builder().http_compression(HttpCompression::new().level(10));
    let error = options.build().unwrap_err();
    assert_eq!(error.option(), "http_compression");
    assert!(error.to_string().contains("level 10"), "{error}");
}
