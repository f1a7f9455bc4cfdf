use std::time::Instant;

use super::VIAS;
use crate::{
    greeted,
    wire::{Eio, Profile, TestClient, TestServer, Via},
};

#[tokio::test]
async fn a_client_connects_to_the_main_namespace() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = TestClient::open(&server, Eio::V4, via).await;
        let id = client.join("/").await;
        assert_eq!(id.len(), 20);
        assert_ne!(
            id,
            client.sid(),
            "the session id is a secret, the socket's id isn't"
        );
        client.expect(r#"42["auth",{}]"#).await;
    }
}

#[tokio::test]
async fn a_client_connects_with_a_payload() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = TestClient::open(&server, Eio::V4, via).await;
        client.send(r#"40{"token":"123"}"#).await;
        assert!(client.text().await.starts_with(r#"40{"sid":""#));
        client.expect(r#"42["auth",{"token":"123"}]"#).await;
    }
}

#[tokio::test]
async fn a_client_connects_to_a_custom_namespace_alone() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = TestClient::open(&server, Eio::V4, via).await;
        client.join("/custom").await;
        client.expect(r#"42/custom,["auth",{}]"#).await;
    }
}

#[tokio::test]
async fn a_client_connects_to_a_custom_namespace_with_a_payload() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = TestClient::open(&server, Eio::V4, via).await;
        client.send(r#"40/custom,{"token":"abc"}"#).await;
        assert!(client.text().await.starts_with(r#"40/custom,{"sid":""#));
        client.expect(r#"42/custom,["auth",{"token":"abc"}]"#).await;
    }
}

/// The comma may be left out where nothing follows.
#[tokio::test]
async fn the_name_of_a_namespace_may_end_the_packet() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/custom").await;
    assert!(client.text().await.starts_with(r#"40/custom,{"sid":""#));
}

#[tokio::test]
async fn sockets_of_one_client_have_different_ids() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    let custom = client.join("/custom").await;
    let mut other = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    assert_ne!(custom, other.join("/custom").await);
}

#[tokio::test]
async fn an_unknown_namespace_is_refused_and_the_connection_stays() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client.send("40/random").await;
        client
            .expect(r#"44/random,{"message":"Invalid namespace"}"#)
            .await;
        client.expect_nothing().await;
    }
}

/// In protocol 5 a query is a part of the name.
#[tokio::test]
async fn a_query_is_not_split_from_the_name() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/custom?token=1,").await;
    client
        .expect(r#"44/custom?token=1,{"message":"Invalid namespace"}"#)
        .await;
}

#[tokio::test]
async fn a_middleware_refuses_and_the_connection_stays() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client.send("40/refused,").await;
        client.expect(r#"44/refused,{"message":"not authorized"}"#).await;
        client.send(r#"40/refused-with-data,{"token":"1"}"#).await;
        let refusal = r#"44/refused-with-data,{"message":"not authorized","data":{"code":"E001"}}"#;
        client.expect(refusal).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_refused_client_may_ask_again() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    for _ in 0..2 {
        client.send("40/refused,").await;
        client.expect(r#"44/refused,{"message":"not authorized"}"#).await;
    }
}

/// Node closes the connection then, unless both come together.
#[tokio::test]
async fn a_repeated_connect_is_answered_again() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        for (name, prefix) in [("/", ""), ("/custom", "/custom,")] {
            let mut client = TestClient::open(&server, Eio::V4, via).await;
            let id = client.join(name).await;
            client.expect(format!(r#"42{prefix}["auth",{{}}]"#)).await;
            client.send(format!(r#"40{prefix}{{"token":"x"}}"#)).await;
            client.expect(format!(r#"40{prefix}{{"sid":"{id}"}}"#)).await;
            client.send(format!(r#"42{prefix}["message",1]"#)).await;
            client.expect(format!(r#"42{prefix}["message-back",1]"#)).await;
        }
    }
}

#[tokio::test]
async fn a_payload_that_is_no_object_closes_the_connection() {
    let server = TestServer::suite(Profile::Defaults).await;
    for connect in ["40[]", "40null", r#"40"x""#, "40abc", "40{"] {
        let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        client.send(connect).await;
        assert_eq!(client.recv().await, None, "{connect}");
    }
}

/// A namespace has to be joined in time; until then the client is pinged like any other.
#[tokio::test]
async fn a_client_that_joins_nothing_is_closed() {
    let server = TestServer::suite(Profile::Hasty).await;
    for refused in [None, Some("40/random")] {
        let begun = now();
        let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
        if let Some(packet) = refused {
            client.send(packet).await;
            client
                .expect(r#"44/random,{"message":"Invalid namespace"}"#)
                .await;
        }
        while let Some(packet) = client.recv().await {
            assert_eq!(packet, "2".into());
            client.send("3").await;
        }
        assert!(
            begun.elapsed() >= Profile::CONNECT_TIMEOUT,
            "closed after {:?}",
            begun.elapsed()
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is about time that passes")]
fn now() -> Instant {
    Instant::now()
}

/// Having joined in time, a client may leave its last namespace and stay.
#[tokio::test]
async fn a_client_that_joined_in_time_is_not_closed() {
    let server = TestServer::suite(Profile::Hasty).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    for _ in 0..5 {
        client.expect("2").await;
        client.send("3").await;
    }
}
