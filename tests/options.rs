//! Origins, CORS, cookies and hooks: what a server's options make of requests.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

use std::{
    convert::Infallible,
    future::IntoFuture,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use axum_socketio::{
    Builder, Socket, SocketIo,
    layer::{AsyncOrigins, ClientBundle, Cookie, Origins, SameSite},
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, request::Parts};
use http_body_util::BodyExt;
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::client::IntoClientRequest};
use tower::{Layer, ServiceExt, filter::AsyncFilterLayer, filter::FilterLayer};
use tower_http::cors::CorsLayer;

const OPEN: &str = "/socket.io/?EIO=4&transport=polling";
const GOOD: &str = "https://good.example";
const BAD: &str = "https://good.example.evil";

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} came twice");
        value
    }

    fn sid(&self) -> String {
        let open: serde_json::Value = serde_json::from_str(&self.body[1..]).unwrap();
        open["sid"].as_str().unwrap().to_owned()
    }
}

fn built(set: impl FnOnce(Builder) -> Builder) -> SocketIo {
    set(SocketIo::builder()).build().unwrap()
}

fn origins() -> Origins {
    Origins::list([GOOD]).unwrap()
}

async fn ask(io: &SocketIo, method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = io.service().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn get(io: &SocketIo, uri: &str, origin: &str) -> Answer {
    ask(io, "GET", uri, &[("origin", origin)]).await
}

const UPGRADE: &[(&str, &str)] = &[
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

async fn upgrade(io: &SocketIo, origin: &'static str) -> Answer {
    let headers = [UPGRADE, &[("origin", origin)]].concat();
    ask(io, "GET", "/socket.io/?EIO=4&transport=websocket", &headers).await
}

#[tokio::test]
async fn handshakes_of_other_origins_are_refused_over_polling_and_websocket() {
    let io = built(|io| io.origins(origins()));
    let refused = get(&io, OPEN, BAD).await;
    assert_eq!(
        (refused.status, &*refused.body),
        (403, r#"{"code":4,"message":"Forbidden"}"#)
    );
    assert_eq!(refused.header("access-control-allow-origin"), None);
    let refused = upgrade(&io, BAD).await;
    assert_eq!((refused.status, &*refused.body), (400, "Forbidden"));
    assert_eq!(get(&io, OPEN, GOOD).await.status, 200);
}

#[tokio::test]
async fn the_referer_stands_in_for_a_missing_origin_and_null_is_none() {
    let io = built(|io| io.origins(origins()));
    let referer = ask(&io, "GET", OPEN, &[("referer", "https://good.example/chat?x")]).await;
    assert_eq!(referer.status, 200);
    assert_eq!(referer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(get(&io, OPEN, "null").await.status, 403);
    assert_eq!(ask(&io, "GET", OPEN, &[]).await.status, 403);
    let any = built(|io| io.origins(Origins::any()));
    assert_eq!(ask(&any, "GET", OPEN, &[]).await.status, 200);
}

#[tokio::test]
async fn origins_are_checked_at_the_handshake_only() {
    let io = built(|io| io.origins(origins()));
    let sid = get(&io, OPEN, GOOD).await.sid();
    let post = Request::post(format!("{OPEN}&sid={sid}"))
        .header("origin", BAD)
        .body(Body::from("40"))
        .unwrap();
    let response = io.service().oneshot(post).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn an_admitted_origin_reads_every_answer_errors_client_files_and_preflights_included() {
    let bundle = ClientBundle::embedded(&[("socket.io.js", b"io")]).unwrap();
    let io = built(|io| io.origins(origins()).serve_client(bundle));
    let cases = [
        ("GET", OPEN, 200),
        ("GET", "/socket.io/?EIO=4&transport=no", 400),
        ("GET", "/socket.io/?EIO=4&transport=polling&sid=no", 400),
        ("GET", "/socket.io/socket.io.js", 200),
        ("OPTIONS", "/socket.io/?EIO=4&transport=polling", 204),
    ];
    for (method, uri, status) in cases {
        let answer = ask(&io, method, uri, &[("origin", GOOD)]).await;
        assert_eq!(answer.status, status, "{method} {uri}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(GOOD), "{uri}");
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let elsewhere = get(&io, "/elsewhere", GOOD).await;
    assert_eq!(elsewhere.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn functions_decide_origins_and_word_the_refusal() {
    let admits = |origin: &str| (origin == GOOD).then_some(()).ok_or("origin not allowed");
    let sync = built(|io| io.origins(Origins::function(admits)));
    let later = built(|io| {
        io.origins(AsyncOrigins::new(move |origin: String| async move {
            tokio::task::yield_now().await;
            admits(&origin)
        }))
    });
    for io in [sync, later] {
        assert_eq!(get(&io, OPEN, GOOD).await.status, 200);
        let refused = get(&io, OPEN, BAD).await;
        assert_eq!(refused.body, r#"{"code":4,"message":"origin not allowed"}"#);
        assert_eq!(upgrade(&io, BAD).await.body, "origin not allowed");
    }
}

#[tokio::test]
async fn origins_filter_any_tower_service() {
    let inner = tower::service_fn(async |_: Request<()>| Ok::<_, Infallible>("in"));
    let request = |origin| Request::builder().header("origin", origin).body(()).unwrap();
    let filtered = FilterLayer::new(origins()).layer(inner);
    assert_eq!(filtered.clone().oneshot(request(GOOD)).await.unwrap(), "in");
    let error = filtered.oneshot(request(BAD)).await.unwrap_err().to_string();
    assert!(error.contains(BAD) && error.contains("origins"), "{error}");
    let policy = AsyncOrigins::new(async |origin: String| (origin == GOOD).then_some(()).ok_or("no"));
    let filtered = AsyncFilterLayer::new(policy).layer(inner);
    assert_eq!(filtered.clone().oneshot(request(GOOD)).await.unwrap(), "in");
    assert!(filtered.oneshot(request(BAD)).await.is_err());
}

#[test]
fn a_wrong_option_is_named_with_its_value_and_the_reason() {
    let slash = Origins::list(["https://good.example/"]).unwrap_err().to_string();
    assert!(
        slash.contains("`origins`") && slash.contains("good.example/") && slash.contains("slash"),
        "{slash}"
    );
    assert!(Origins::list(Vec::<String>::new()).is_err());
    let cookie = SocketIo::builder()
        .cookie(Cookie::new().name("a b"))
        .build()
        .unwrap_err();
    assert_eq!(cookie.option(), "cookie");
    assert!(
        cookie.to_string().contains("a b") && cookie.to_string().contains("token"),
        "{cookie}"
    );
    let cors = SocketIo::builder()
        .cors(CorsLayer::permissive().allow_credentials(true))
        .build()
        .unwrap_err();
    assert_eq!(cors.option(), "cors");
}

#[tokio::test]
async fn a_cors_layer_applies_to_every_answer_and_refuses_nobody() {
    let bundle = ClientBundle::embedded(&[("socket.io.js", b"io")]).unwrap();
    let cors = CorsLayer::new()
        .allow_origin([HeaderValue::from_static(GOOD)])
        .allow_credentials(true);
    let io = built(|io| io.cors(cors).serve_client(bundle));
    for uri in [OPEN, "/socket.io/?transport=no", "/socket.io/socket.io.js"] {
        let answer = get(&io, uri, GOOD).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(GOOD), "{uri}");
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    }
    let preflight = ask(&io, "OPTIONS", OPEN, &[("origin", GOOD)]).await;
    assert_eq!((preflight.status, &*preflight.body), (204, ""));
    assert_eq!(preflight.header("access-control-allow-origin"), Some(GOOD));
    let other = get(&io, OPEN, BAD).await;
    assert_eq!(
        (other.status, other.header("access-control-allow-origin")),
        (200, None)
    );
}

#[tokio::test]
async fn no_cors_header_comes_twice_with_two_policies_and_a_layer_outside() {
    let cors = || CorsLayer::new().allow_origin([HeaderValue::from_static(GOOD)]);
    let io = built(|io| io.origins(origins()).cors(cors()));
    let request = Request::get(OPEN)
        .header("origin", GOOD)
        .body(Body::empty())
        .unwrap();
    let response = cors().layer(io.service()).oneshot(request).await.unwrap();
    let allowed: Vec<_> = response
        .headers()
        .get_all("access-control-allow-origin")
        .iter()
        .collect();
    assert_eq!(allowed, [GOOD]);
}

#[tokio::test]
async fn no_option_means_no_cors_header_and_no_cookie() {
    let answer = get(&SocketIo::new(), OPEN, GOOD).await;
    for name in ["access-control-allow-origin", "vary", "set-cookie"] {
        assert_eq!(answer.header(name), None);
    }
}

#[tokio::test]
async fn the_cookie_carries_the_session_id_at_the_handshake_or_always() {
    let io = built(|io| io.cookie(Cookie::new()));
    let open = get(&io, OPEN, GOOD).await;
    let sid = open.sid();
    let cookie = format!("io={sid}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(open.header("set-cookie"), Some(&*cookie));
    let poll = ask(&io, "POST", &format!("{OPEN}&sid={sid}"), &[]).await;
    assert_eq!(poll.header("set-cookie"), None);
    let old = built(|io| io.cookie(Cookie::new().same_site(SameSite::Strict).every_response(true)));
    let sid = get(&old, OPEN, GOOD).await.sid();
    let post = Request::post(format!("{OPEN}&sid={sid}"))
        .body(Body::from("40"))
        .unwrap();
    let response = old.service().oneshot(post).await.unwrap();
    let cookie = format!("io={sid}; Path=/; HttpOnly; SameSite=Strict");
    assert_eq!(response.headers()["set-cookie"], cookie);
    // Of a repeated parameter the last one names the session, and nothing else gets into the cookie.
    let twice = format!("{OPEN}&sid=mine;%20Domain=example.com&sid={sid}");
    let answer = ask(&old, "POST", &twice, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("set-cookie"), Some(&*cookie));
    assert_eq!(upgrade(&io, GOOD).await.header("set-cookie"), None);
    let bare = built(|io| io.cookie(Cookie::new().path("/custom").http_only(false)));
    let open = get(&bare, OPEN, GOOD).await;
    let cookie = format!("io={}; Path=/custom; SameSite=Lax", open.sid());
    assert_eq!(open.header("set-cookie"), Some(&*cookie));
}

#[tokio::test]
async fn allow_request_refuses_handshakes_in_its_own_words_and_sees_no_later_request() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let allow = move |head: &Parts| {
        count.fetch_add(1, Ordering::Relaxed);
        head.headers.get("x-token").map(drop).ok_or("no token")
    };
    let later = allow.clone();
    let sync = built(|io| io.allow_request(allow));
    let r#async = built(|io| {
        io.allow_request_async(move |head| {
            let allowed = later(&head);
            async move {
                tokio::task::yield_now().await;
                allowed
            }
        })
    });
    for io in [sync, r#async] {
        let refused = get(&io, OPEN, GOOD).await;
        assert_eq!(
            (refused.status, &*refused.body),
            (403, r#"{"code":4,"message":"no token"}"#)
        );
        let refused = upgrade(&io, GOOD).await;
        assert_eq!((refused.status, &*refused.body), (400, "no token"));
        let before = asked.load(Ordering::Relaxed);
        let sid = ask(&io, "GET", OPEN, &[("x-token", "1")]).await.sid();
        assert_eq!(
            ask(&io, "PUT", &format!("{OPEN}&sid={sid}"), &[]).await.status,
            500
        );
        assert_eq!(asked.load(Ordering::Relaxed), before + 1);
    }
}

#[tokio::test]
async fn generated_ids_are_used_and_bad_or_taken_ones_refuse_the_handshake() {
    let io = built(|io| {
        io.generate_id(|head| {
            let name = head.headers.get("x-id").ok_or("nameless")?;
            Ok::<_, &str>(name.to_str().unwrap().to_owned())
        })
    });
    assert_eq!(
        ask(&io, "GET", OPEN, &[("x-id", "custom:id:1")]).await.sid(),
        "custom:id:1"
    );
    for headers in [
        &[("x-id", "custom:id:1")][..],
        &[("x-id", "")],
        &[("x-id", "a b")],
        &[("x-id", "a&b")],
        &[],
    ] {
        let refused = ask(&io, "GET", OPEN, headers).await;
        assert_eq!(
            (refused.status, &*refused.body),
            (400, r#"{"code":3,"message":"Bad request"}"#),
            "{headers:?}"
        );
    }
    assert_eq!(io.engine().clients_count(), 1);
    let io = built(|io| io.generate_id_async(async |_| "later".to_owned()));
    assert_eq!(get(&io, OPEN, GOOD).await.sid(), "later");
}

#[tokio::test]
async fn header_hooks_run_once_a_session_and_once_an_answer_and_not_on_refusals() {
    let io = built(|io| {
        io.initial_headers(|headers, _| drop(headers.insert("x-first", HeaderValue::from_static("1"))))
            .headers(|headers, head| {
                headers.insert("x-each", HeaderValue::from_str(head.method.as_str()).unwrap());
            })
    });
    let open = get(&io, OPEN, GOOD).await;
    assert_eq!(
        (open.header("x-first"), open.header("x-each")),
        (Some("1"), Some("GET"))
    );
    let post = Request::post(format!("{OPEN}&sid={}", open.sid()))
        .body(Body::from("40"))
        .unwrap();
    let post = io.service().oneshot(post).await.unwrap();
    assert_eq!(post.headers().get("x-first"), None);
    assert_eq!(post.headers()["x-each"], "POST");
    let refused = get(&io, "/socket.io/?transport=no", GOOD).await;
    assert_eq!(
        (refused.header("x-first"), refused.header("x-each")),
        (None, None)
    );
}

/// Other requests of the same connection would go without an answer otherwise.
#[tokio::test]
async fn a_question_that_panics_refuses_the_handshake() {
    for io in [
        built(|io| io.allow_request(|_| -> Result<(), &str> { panic!("a test panics on purpose") })),
        built(|io| {
            io.allow_request_async(async |_| -> Result<(), &str> { panic!("a test panics on purpose") })
        }),
        built(|io| io.generate_id(|_| -> String { panic!("a test panics on purpose") })),
        built(|io| {
            io.origins(Origins::function(|_| -> Result<(), &str> {
                panic!("a test panics on purpose")
            }))
        }),
    ] {
        let refused = get(&io, OPEN, GOOD).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert_eq!(io.engine().clients_count(), 0);
    }
}

/// What a poll brings has left the queue by then.
#[tokio::test]
async fn a_header_hook_that_panics_costs_no_packet() {
    let io = built(|io| {
        io.initial_headers(|_, _| panic!("a test panics on purpose"))
            .headers(|headers, _| {
                headers.insert("x-each", HeaderValue::from_static("1"));
                panic!("a test panics on purpose")
            })
    });
    let open = get(&io, OPEN, GOOD).await;
    assert_eq!((open.status, open.header("x-each")), (200, Some("1")));
    let target = format!("{OPEN}&sid={}", open.sid());
    let post = Request::post(&target).body(Body::from("40")).unwrap();
    assert_eq!(io.service().oneshot(post).await.unwrap().status(), 200);
    get(&io, &target, GOOD).await;
    for number in 0..3 {
        io.of("/").emit("number", number);
        let poll = get(&io, &target, GOOD).await;
        assert!(
            poll.body.ends_with(&format!(r#"42["number",{number}]"#)),
            "{}",
            poll.body
        );
    }
    assert_eq!(io.engine().clients_count(), 1);
}

#[tokio::test]
async fn listen_serves_alone_until_the_signal_with_the_peers_address_and_headers_on_the_101() {
    let io = built(|io| {
        io.origins(origins())
            .generate_id(|_| "mine".to_owned())
            .initial_headers(|headers, _| drop(headers.insert("x-first", HeaderValue::from_static("1"))))
    });
    let (seen, mut addresses) = tokio::sync::mpsc::unbounded_channel();
    io.of("/").on_connect(move |socket: Socket| {
        let _ = seen.send(format!("{:?}", socket.handshake().address()));
        async {}
    });
    let server = io.listen("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = server.with_graceful_shutdown(async { drop(stopped.await) });
    let mut running = tokio::task::JoinSet::new();
    running.spawn(server.into_future());
    let open = async || {
        let mut request = format!("ws://{address}/socket.io/?EIO=3&transport=websocket")
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("origin", HeaderValue::from_static(GOOD));
        client_async(request, TcpStream::connect(address).await.unwrap()).await
    };
    let (_socket, response) = open().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], GOOD);
    assert_eq!(response.headers()["x-first"], "1");
    assert!(addresses.recv().await.unwrap().contains("127.0.0.1"));
    let Err(tungstenite::Error::Http(refused)) = open().await else {
        panic!("the id is taken, also for WebSockets")
    };
    assert_eq!(refused.status(), 400);
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(30), running.join_next())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(io.engine().clients_count(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn what_js_can_read_back_can_be_read() {
    let io = built(|io| io.path("/ws").origins(origins()));
    assert_eq!(io.path(), "/ws");
    assert!(!io.serve_client());
    assert_eq!(
        format!("{:?}", io.origins().unwrap()),
        "[https://good.example:443]"
    );
    assert!(SocketIo::new().origins().is_none());
}

#[tokio::test]
async fn a_function_of_origins_is_asked_only_where_its_answer_matters() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let admits = move |_: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, &str>(())
    };
    let io = built(|io| {
        io.origins(Origins::function(admits))
            .cors(CorsLayer::permissive())
    });
    let sid = get(&io, OPEN, GOOD).await.sid();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // The headers for pages are the layer's, and the session is admitted.
    let poll = ask(&io, "POST", &format!("{OPEN}&sid={sid}"), &[]).await;
    assert_eq!(poll.status, 200);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

/// Counts how often it is copied.
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn a_request_that_no_hook_hears_of_is_not_copied_for_one() {
    let io = built(|io| {
        io.allow_request(|_| Ok::<_, &str>(()))
            .generate_id(|_| "chosen".to_owned())
            .initial_headers(|_, _| ())
            .cookie(Cookie::new())
    });
    assert_eq!(get(&io, OPEN, GOOD).await.sid(), "chosen");
    let copies = Arc::new(AtomicUsize::new(0));
    let post = Request::post(format!("{OPEN}&sid=chosen"))
        .extension(Counted(Arc::clone(&copies)))
        .body(Body::from("40"))
        .unwrap();
    let response = io.service().oneshot(post).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(copies.load(Ordering::Relaxed), 0);
}

#[test]
fn a_refused_origin_fills_no_log() {
    let mut headers = HeaderMap::new();
    let long = format!("https://{}", "e".repeat(60_000));
    headers.insert("origin", long.parse().unwrap());
    let refused = origins().check_headers(&headers).unwrap_err();
    assert_eq!(refused.origin(), &long[..300]);
    assert!(refused.to_string().len() < 400, "{refused}");
}

#[test]
fn a_refused_origin_is_named_without_the_page_it_came_from() {
    let mut headers = HeaderMap::new();
    let page = HeaderValue::from_static("https://bad.example:8443/chat?token=secret");
    headers.insert("referer", page);
    let refuses = Origins::function(|origin: &str| {
        assert!(origin.ends_with("secret"), "a function is asked as in Node");
        Err("no")
    });
    for origins in [origins(), refuses] {
        let refused = origins.check_headers(&headers).unwrap_err();
        assert_eq!(refused.origin(), "https://bad.example:8443");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
}
