//! Polling by script tags, for clients up to 4.2.

use crate::wire::{Eio, Profile, Request, TestServer};

const FORM: &str = "application/x-www-form-urlencoded";

/// Takes the payload out of the script.
fn unwrapped(script: &str, index: &str) -> String {
    let literal = script
        .strip_prefix(&*format!("___eio[{index}]("))
        .and_then(|rest| rest.strip_suffix(");"));
    serde_json::from_str(literal.unwrap_or_else(|| panic!("{script} calls no callback {index}")))
        .expect("a string")
}

async fn open(server: &TestServer, eio: Eio, index: &str) -> String {
    let target = format!("{}&b64=1&j={index}", eio.target("polling"));
    let response = Request::get(target.as_str()).send(server.addr).await;
    let digits: String = index.chars().filter(char::is_ascii_digit).collect();
    let payload = unwrapped(response.text(), &digits);
    let (_, rest) = payload.split_once(r#""sid":""#).unwrap();
    format!("{target}&sid={}", &rest[..20])
}

async fn push(server: &TestServer, target: &str, form: &str) {
    Request::post(target, form)
        .header("Content-Type", FORM)
        .send(server.addr)
        .await
        .assert_ok();
}

async fn poll_until(server: &TestServer, target: &str, index: &str, end: &str) {
    let mut payload = String::new();
    while !payload.ends_with(end) {
        let response = Request::get(target).send(server.addr).await;
        assert_eq!(response.header("content-type"), Some("text/plain; charset=UTF-8"));
        payload = unwrapped(response.text(), index);
    }
}

#[tokio::test]
async fn a_v4_session_goes_by_scripts() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = open(&server, Eio::V4, "5").await;
    push(&server, &target, "d=40").await;
    push(&server, &target, "d=42%5B%22message%22%2C%22a+b%E2%82%AC%22%5D").await;
    poll_until(&server, &target, "5", r#"42["message-back","a b€"]"#).await;
}

#[tokio::test]
async fn a_v3_session_goes_by_scripts() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = open(&server, Eio::V3, "0").await;
    push(&server, &target, "d=13%3A42%5B%22message%22%5D").await;
    poll_until(&server, &target, "0", r#"18:42["message-back"]"#).await;
}

/// Whatever the index says, only its digits become code.
#[tokio::test]
async fn the_callback_is_a_number() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = format!("{}&b64=1&j=a1%5D%3Balert(7)", Eio::V4.target("polling"));
    let response = Request::get(target).send(server.addr).await;
    assert!(
        response.text().starts_with("___eio[17](\"0{"),
        "{}",
        response.text()
    );
}

/// Forms turn newlines into CRLF, so clients escape them: `\n` is a newline, `\\n` is `\n`.
#[tokio::test]
async fn escaped_newlines_are_read_and_line_separators_written_as_escapes() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = open(&server, Eio::V4, "3").await;
    push(&server, &target, "d=40").await;
    push(
        &server,
        &target,
        "d=42%5B%22message%22%2C%22line1%5C%5Cnline2%20%E2%80%A8%20end%22%5D",
    )
    .await;
    let mut script = String::new();
    while !script.contains("line1") {
        script = Request::get(target.as_str())
            .send(server.addr)
            .await
            .text()
            .to_owned();
    }
    assert!(
        script.ends_with(r#"42[\"message-back\",\"line1\\nline2 \u2028 end\"]");"#),
        "{script}"
    );
}

#[tokio::test]
async fn binary_goes_by_base64() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = open(&server, Eio::V4, "1").await;
    push(&server, &target, "d=40").await;
    let body = "d=451-%5B%22message%22%2C%7B%22_placeholder%22%3Atrue%2C%22num%22%3A0%7D%5D%1EbAQIDBA%3D%3D";
    push(&server, &target, body).await;
    poll_until(&server, &target, "1", "\u{1e}bAQIDBA==").await;
}
