use super::VIAS;
use crate::{
    greeted,
    wire::{Eio, Profile, TestServer, Via},
};

#[tokio::test]
async fn a_client_leaves_the_main_namespace_and_stays_in_another() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client.join("/custom").await;
        client.expect(r#"42/custom,["auth",{}]"#).await;
        client.send("41").await;
        client.send(r#"42/custom,["message","still here"]"#).await;
        client.expect(r#"42/custom,["message-back","still here"]"#).await;
    }
}

#[tokio::test]
async fn a_client_leaves_a_custom_namespace_and_comes_back() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        for _ in 0..2 {
            client.join("/custom").await;
            client.expect(r#"42/custom,["auth",{}]"#).await;
            client.send("41/custom,").await;
        }
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn an_event_for_a_namespace_that_was_left_closes_the_connection() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut client = greeted(&server, Eio::V4, Via::WebSocket).await;
    client.send("41").await;
    client.send(r#"42["message"]"#).await;
    client.expect_closed().await;
}

#[tokio::test]
async fn the_server_disconnects_a_socket_and_the_connection_stays() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client.join("/custom").await;
        client.expect(r#"42/custom,["auth",{}]"#).await;
        client.send(r#"42/custom,["leave",false]"#).await;
        client.expect("41/custom,").await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn the_server_disconnects_a_client_from_all_its_namespaces_and_closes() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V4, via).await;
        client.join("/custom").await;
        client.expect(r#"42/custom,["auth",{}]"#).await;
        client.send(r#"42/custom,["leave",true]"#).await;
        client.expect("41").await;
        client.expect("41/custom,").await;
        client.expect_closed().await;
    }
}
