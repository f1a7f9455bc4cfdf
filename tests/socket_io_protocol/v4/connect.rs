use super::VIAS;
use crate::{
    greeted,
    wire::{Eio, Profile, TestClient, TestServer, Via},
};

#[tokio::test]
async fn a_client_is_connected_to_the_main_namespace_without_asking() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = TestClient::open(&server, Eio::V3, via).await;
        client.expect("40").await;
        client.expect(r#"42["auth",{}]"#).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_client_connects_to_a_custom_namespace() {
    let server = TestServer::suite(Profile::Defaults).await;
    for (via, connect) in VIAS.into_iter().zip(["40/custom,", "40/custom"]) {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.send(connect).await;
        client.expect("40/custom,").await;
        client.expect(r#"42/custom,["auth",{}]"#).await;
    }
}

/// What these clients have for a payload is a query in the name of the namespace.
#[tokio::test]
async fn a_client_connects_with_a_query() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.send("40/custom?token=1&name=a%20b,").await;
        client.expect("40/custom,").await;
        let auth = client.text().await;
        let auth: serde_json::Value = serde_json::from_str(auth.strip_prefix("42/custom,").unwrap()).unwrap();
        assert_eq!(auth, serde_json::json!(["auth", { "token": "1", "name": "a b" }]));
        client.send(r#"42/custom,["message"]"#).await;
        client.expect(r#"42/custom,["message-back"]"#).await;
    }
}

/// As Node 2 has it. Node 4 sends these clients an object here, which they can't read.
#[tokio::test]
async fn an_unknown_namespace_is_refused_with_a_string() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.send("40/random,").await;
        client.expect(r#"44/random,"Invalid namespace""#).await;
        client.expect_nothing().await;
    }
}

/// The message, or the data instead of it.
#[tokio::test]
async fn a_middleware_refuses_with_a_string_or_with_data() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.send("40/refused,").await;
        client.expect(r#"44/refused,"not authorized""#).await;
        client.send("40/refused-with-data,").await;
        client.expect(r#"44/refused-with-data,{"code":"E001"}"#).await;
        client.expect_nothing().await;
    }
}

/// Node 2 makes a second socket of the same id then. In the main namespace, for which clients don't ask, it is ignored.
#[tokio::test]
async fn a_repeated_connect_is_answered_again() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.join("/custom").await;
        client.expect(r#"42/custom,["auth",{}]"#).await;
        client.send("40/custom,").await;
        client.expect("40/custom,").await;
        client.send("40").await;
        client.expect_nothing().await;
    }
}

/// The client computes the ids of its sockets itself, so nothing is sent.
#[tokio::test]
async fn a_payload_of_a_connect_is_ignored() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V3, Via::WebSocket).await;
    client.send(r#"40/custom,{"token":"x"}"#).await;
    client.expect("40/custom,").await;
    client.expect(r#"42/custom,["auth",{}]"#).await;
}

/// As in Node 2, whose clients know no packet for it.
#[tokio::test]
async fn a_client_that_left_the_main_namespace_may_join_another_when_it_is_back() {
    let server = TestServer::suite(Profile::Hasty).await;
    let mut client = greeted(&server, Eio::V3, Via::WebSocket).await;
    client.send("41").await;
    client.send("40/custom,").await;
    client.send("2").await;
    client.expect("3").await;
    client.send("40").await;
    client.expect("40").await;
    client.expect(r#"42["auth",{}]"#).await;
    client.expect("40/custom,").await;
}
