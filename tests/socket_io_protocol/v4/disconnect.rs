use super::VIAS;
use crate::{
    greeted,
    wire::{Eio, Profile, TestServer},
};

#[tokio::test]
async fn a_client_leaves_a_namespace_and_comes_back() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        for _ in 0..2 {
            client.join("/custom").await;
            client.expect(r#"42/custom,["auth",{}]"#).await;
            client.send("41/custom,").await;
        }
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_client_leaves_the_main_namespace_and_stays_in_another() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
        client.join("/custom").await;
        client.expect(r#"42/custom,["auth",{}]"#).await;
        client.send("41").await;
        client.send(r#"42/custom,["message"]"#).await;
        client.expect(r#"42/custom,["message-back"]"#).await;
    }
}

#[tokio::test]
async fn the_server_disconnects_a_socket_and_the_connection_stays() {
    let server = TestServer::suite(Profile::Defaults).await;
    for via in VIAS {
        let mut client = greeted(&server, Eio::V3, via).await;
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
        let mut client = greeted(&server, Eio::V3, via).await;
        client.join("/custom").await;
        client.expect(r#"42/custom,["auth",{}]"#).await;
        client.send(r#"42["leave",true]"#).await;
        client.expect("41").await;
        client.expect("41/custom,").await;
        client.expect_closed().await;
    }
}
