//! Messages that refer to those before.

use axum_socketio::engine::PerMessageDeflate;

use crate::client::{Client, Server, event, server, text};

const OFFER: Option<&str> = Some("permessage-deflate; client_max_window_bits");

fn both() -> PerMessageDeflate {
    PerMessageDeflate::new()
        .server_context_takeover(true)
        .client_context_takeover(true)
}

async fn with_takeover() -> Server {
    server(both(), |builder| builder).await
}

#[tokio::test]
async fn takeover_is_agreed_on_where_both_have_it() {
    let off = |name: &str| format!("; {name}_no_context_takeover");
    for (ours, offered, answered) in [
        (both(), String::new(), String::new()),
        (both(), off("server"), off("server")),
        (both(), off("client"), off("client")),
        (
            both().server_context_takeover(false),
            String::new(),
            off("server"),
        ),
        (
            both().client_context_takeover(false),
            String::new(),
            off("client"),
        ),
        (
            PerMessageDeflate::new(),
            String::new(),
            off("server") + &off("client"),
        ),
    ] {
        let server = server(ours, |builder| builder).await;
        let client = Client::open(&server, Some(&format!("permessage-deflate{offered}")), 4).await;
        assert_eq!(
            client.extensions,
            Some(format!("permessage-deflate{answered}")),
            "{offered}"
        );
    }
}

#[tokio::test]
async fn messages_refer_to_those_before_in_both_directions() {
    let server = with_takeover().await;
    let mut client = Client::join(&server, OFFER, 4).await;
    let sent = event("echo", &text(3000));
    let mut sizes = Vec::new();
    for round in 0..5 {
        client
            .send_compressed(1, sent.as_bytes(), 15, 1 + round % 3)
            .await;
        let echoed = client.receive().await;
        assert!(
            echoed.first == 0xc1 && echoed.payload == sent.as_bytes(),
            "round {round}"
        );
        sizes.push(echoed.wire);
    }
    assert!(sizes[1..].iter().all(|size| *size < sizes[0] / 10), "{sizes:?}");
}

#[tokio::test]
async fn what_is_not_compressed_is_not_referred_to() {
    let server = with_takeover().await;
    let mut client = Client::join(&server, OFFER, 4).await;
    let (long, other) = (text(2500), text(1500));
    for round in 0..3 {
        for (name, said, first) in [
            ("echo", &long[..], 0xc1),
            ("plain", &other, 0x81),
            ("echo", "short", 0x81),
            ("echo", &other, 0xc1),
        ] {
            let sent = event(name, said);
            if first == 0x81 {
                client.send(0x81, sent.as_bytes()).await;
            } else {
                client.send_compressed(1, sent.as_bytes(), 15, 2).await;
            }
            let echoed = client.receive().await;
            assert_eq!(echoed.first, first, "{name}, round {round}");
            assert_eq!(echoed.payload, event("echo", said).as_bytes());
        }
    }
}

#[tokio::test]
async fn long_messages_and_attachments_stay_in_order_with_short_ones() {
    let server = with_takeover().await;
    let mut client = Client::join(&server, OFFER, 4).await;
    let namespace = server.io.of("/");
    for size in [2000, 300_000, 20_000, 10, 900_000, 2000] {
        namespace.emit("news", text(size));
    }
    for size in [2000, 300_000, 20_000, 10, 900_000, 2000] {
        let message = client.receive().await;
        assert_eq!(message.first, if size < 1000 { 0x81 } else { 0xc1 });
        assert!(
            message.payload == event("news", &text(size)).as_bytes(),
            "{size} bytes"
        );
    }
    let data = text(50_000).into_bytes();
    for _ in 0..2 {
        client
            .send(0x81, br#"451-["echo",{"_placeholder":true,"num":0}]"#)
            .await;
        client.send_compressed(2, &data, 15, 3).await;
        assert_eq!(client.receive().await.first, 0x81);
        let echoed = client.receive().await;
        assert!(echoed.first == 0xc2 && echoed.payload == data);
    }
}

#[tokio::test]
async fn a_broadcast_is_right_for_clients_that_have_seen_different_things() {
    let server = with_takeover().await;
    let mut clients = Vec::new();
    for (i, offer) in [
        OFFER,
        OFFER,
        Some("permessage-deflate; server_no_context_takeover"),
        Some("permessage-deflate; server_max_window_bits=9"),
        None,
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = Client::join(&server, offer, 4).await;
        for round in 0..i {
            let own = event("echo", &text(2000 + 500 * round));
            client.send(0x81, own.as_bytes()).await;
            assert_eq!(client.receive().await.payload, own.as_bytes());
        }
        clients.push(client);
    }
    for size in [4000, 4000, 100_000] {
        server.io.of("/").emit("news", text(size));
        for client in &mut clients {
            let message = client.receive().await;
            assert!(
                message.payload == event("news", &text(size)).as_bytes(),
                "{size} bytes"
            );
        }
    }
}

#[tokio::test]
async fn who_refers_to_messages_before_without_an_agreement_is_refused() {
    let refers = with_takeover().await;
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let sent = event("echo", &text(2000));
    // The same bytes, once where it is agreed on.
    for (server, fine) in [(&refers, true), (&server, false)] {
        let mut client = Client::join(server, OFFER, 4).await;
        let mut context = flate2::Compress::new(flate2::Compression::new(6), false);
        for round in 0..2 {
            let compressed = crate::client::deflate_in(&mut context, sent.as_bytes());
            client.send(0xc1, &compressed).await;
            if round == 0 || fine {
                assert_eq!(client.receive().await.payload, sent.as_bytes());
            } else {
                assert_eq!(client.close_code().await, 1007);
            }
        }
    }
}

#[tokio::test]
async fn a_bomb_in_a_context_stops_at_the_limit() {
    let server = server(both(), |builder| builder.max_http_buffer_size(10_000)).await;
    let mut client = Client::join(&server, OFFER, 4).await;
    let fits = event("echo", &"x".repeat(9000));
    client.send_compressed(1, fits.as_bytes(), 15, 1).await;
    assert_eq!(client.receive().await.payload, fits.as_bytes());
    client
        .send_compressed(1, event("echo", &"x".repeat(1_000_000)).as_bytes(), 15, 1)
        .await;
    assert_eq!(client.close_code().await, 1009);
}
