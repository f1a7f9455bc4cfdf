use super::*;

const SAMPLE: &[(&str, &str)] = &[
    ("host", "server.example.com"),
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
];

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

/// The sample with one header replaced, or removed if the value is empty.
fn sample_with(name: &'static str, value: &'static str) -> HeaderMap {
    let mut headers = headers(SAMPLE);
    if value.is_empty() {
        headers.remove(name);
    } else {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn get(headers: &HeaderMap) -> Result<Accepted, HandshakeError> {
    accept(&Method::GET, Version::HTTP_11, headers, false)
}

#[test]
fn the_sample_of_the_rfc_gets_its_answer() {
    let accepted = get(&headers(SAMPLE)).unwrap();
    assert_eq!(accepted.accept_key.unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(accepted.subprotocol, None);
    assert_eq!(accepted.extensions, []);
}

#[test]
fn upgrade_and_connection_are_lists_of_words_in_any_case() {
    for (name, value) in [
        ("upgrade", "WebSocket"),
        ("upgrade", "h2c, websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("connection", "UPGRADE"),
    ] {
        assert!(get(&sample_with(name, value)).is_ok(), "{name}: {value}");
    }
}

#[test]
fn every_defect_is_refused_with_its_status() {
    let cases = [
        ("upgrade", "", HandshakeError::Upgrade, 400),
        ("upgrade", "websockets", HandshakeError::Upgrade, 400),
        ("connection", "", HandshakeError::Connection, 400),
        ("connection", "close", HandshakeError::Connection, 400),
        ("sec-websocket-version", "", HandshakeError::WebSocketVersion, 426),
        (
            "sec-websocket-version",
            "12",
            HandshakeError::WebSocketVersion,
            426,
        ),
        (
            "sec-websocket-version",
            "013",
            HandshakeError::WebSocketVersion,
            426,
        ),
        ("sec-websocket-key", "", HandshakeError::Key, 400),
        (
            "sec-websocket-key",
            "dGhlIHNhbXBsZSBub25jZ===",
            HandshakeError::Key,
            400,
        ),
        (
            "sec-websocket-key",
            "dGhlIHNhbXBsZSBub25jZQ",
            HandshakeError::Key,
            400,
        ),
        (
            "sec-websocket-key",
            "dGhlIHNhbXBsZSBub25j*Q==",
            HandshakeError::Key,
            400,
        ),
        ("sec-websocket-protocol", "a b", HandshakeError::Subprotocol, 400),
    ];
    for (name, value, error, status) in cases {
        let refused = get(&sample_with(name, value)).unwrap_err();
        assert_eq!(
            (refused, refused.status().as_u16()),
            (error, status),
            "{name}: {value}"
        );
    }
}

#[test]
fn another_method_or_version_of_http_is_refused() {
    let headers = headers(SAMPLE);
    let post = accept(&Method::POST, Version::HTTP_11, &headers, false).unwrap_err();
    assert_eq!((post, post.status().as_u16()), (HandshakeError::Method, 405));
    let old = accept(&Method::GET, Version::HTTP_10, &headers, false).unwrap_err();
    assert_eq!((old, old.status().as_u16()), (HandshakeError::HttpVersion, 400));
}

#[test]
fn a_key_given_twice_is_refused() {
    let mut headers = headers(SAMPLE);
    headers.append(
        SEC_WEBSOCKET_KEY,
        HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="),
    );
    assert_eq!(get(&headers).unwrap_err(), HandshakeError::Key);
}

#[test]
fn a_refused_version_names_the_one_we_speak() {
    let names: Vec<_> = HandshakeError::WebSocketVersion.headers().collect();
    assert_eq!(names[0], (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")));
    assert_eq!(HandshakeError::Key.headers().count(), 0);
}

#[test]
fn the_first_subprotocol_is_chosen() {
    for (offered, chosen) in [
        ("soap", "soap"),
        ("chat, superchat", "chat"),
        (" , v1.b ,v2", "v1.b"),
    ] {
        let accepted = get(&sample_with("sec-websocket-protocol", offered)).unwrap();
        assert_eq!(accepted.subprotocol.unwrap(), chosen);
    }
}

#[test]
fn an_extended_connect_needs_no_key() {
    let headers = headers(&[
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat"),
    ]);
    let accepted = accept(&Method::CONNECT, Version::HTTP_2, &headers, true).unwrap();
    assert_eq!(accepted.accept_key, None);
    assert_eq!(accepted.subprotocol.unwrap(), "chat");
    let get = accept(&Method::GET, Version::HTTP_2, &headers, true).unwrap_err();
    assert_eq!(get, HandshakeError::Method);
    let old = accept(&Method::CONNECT, Version::HTTP_11, &headers, true).unwrap_err();
    assert_eq!(old, HandshakeError::HttpVersion);
    let bare = accept(&Method::CONNECT, Version::HTTP_2, &HeaderMap::new(), true).unwrap_err();
    assert_eq!(bare, HandshakeError::WebSocketVersion);
}
