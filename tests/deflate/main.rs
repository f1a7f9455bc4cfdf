//! Compressed WebSocket messages on the wire, seen by a client made by hand, and by Node's.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

#[path = "../support/checks.rs"]
mod checks;
mod client;
mod node;
#[path = "../support/setup.rs"]
mod setup;
mod takeover;

use axum_socketio::{SocketIo, engine::PerMessageDeflate};

use crate::client::{Client, Frames, deflate, event, server, text};

const ALONE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[tokio::test]
async fn every_combination_of_parameters_is_agreed_on_and_carries_messages_byte_for_byte() {
    for (server_bits, client_bits) in [(15, 15), (15, 10), (9, 15), (12, 11)] {
        let options = PerMessageDeflate::new()
            .server_max_window_bits(server_bits)
            .client_max_window_bits(client_bits);
        let server = server(options, |builder| builder).await;
        for takeover in [
            "",
            "; server_no_context_takeover",
            "; client_no_context_takeover; server_no_context_takeover",
        ] {
            for offered_server in [None, Some(15), Some(10), Some(9)] {
                for offered_client in [None, Some(""), Some("=15"), Some("=9")] {
                    let mut offer = format!("permessage-deflate{takeover}");
                    if let Some(bits) = offered_server {
                        offer.push_str(&format!("; server_max_window_bits={bits}"));
                    }
                    if let Some(bits) = offered_client {
                        offer.push_str(&format!("; client_max_window_bits{bits}"));
                    }
                    let mut client = Client::join(&server, Some(&offer), 4).await;
                    let server_window = offered_server.unwrap_or(15).min(server_bits);
                    let client_window = match offered_client {
                        Some("=9") => 9,
                        _ => client_bits,
                    };
                    let declined = offered_client.is_none() && client_bits < 15;
                    let expected = (!declined).then(|| {
                        let mut expected = ALONE.to_owned();
                        if offered_server.is_some() || server_window < 15 {
                            expected.push_str(&format!("; server_max_window_bits={server_window}"));
                        }
                        if client_window < 15 {
                            expected.push_str(&format!("; client_max_window_bits={client_window}"));
                        }
                        expected
                    });
                    assert_eq!(client.extensions, expected, "{offer}");
                    let sent = event("echo", &text(10_000));
                    if declined {
                        client.send(0x81, sent.as_bytes()).await;
                    } else {
                        client.send_compressed(1, sent.as_bytes(), client_window, 1).await;
                    }
                    let echoed = client.receive().await;
                    assert_eq!(echoed.first, if declined { 0x81 } else { 0xc1 }, "{offer}");
                    assert!(echoed.payload == sent.as_bytes(), "{offer}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_window_of_the_server_is_kept_to() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let far = text(2000);
    let sent = event("echo", &format!("{far}{}{far}", "-".repeat(3000)));
    let mut sizes = Vec::new();
    for bits in [9, 12, 15] {
        let offer = format!("permessage-deflate; server_max_window_bits={bits}");
        let mut client = Client::join(&server, Some(&offer), 4).await;
        client.send(0x81, sent.as_bytes()).await;
        let echoed = client.receive().await;
        assert_eq!(echoed.payload, sent.as_bytes());
        sizes.push(echoed.wire);
    }
    // The repetition is 5,000 bytes back, which only the largest window spans.
    assert!(sizes[2] + 500 < sizes[0].min(sizes[1]), "{sizes:?}");
}

#[tokio::test]
async fn messages_of_all_sizes_and_fragmentations_come_back_byte_for_byte() {
    let server = server(PerMessageDeflate::new().threshold(0), |builder| {
        builder.max_send_buffer(64 << 20)
    })
    .await;
    let mut client = Client::join(&server, Some("permessage-deflate"), 4).await;
    for size in [
        0, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 900_000,
    ] {
        for frames in [1, 2, 3, 16, 128] {
            let sent = event("echo", &text(size));
            client.send_compressed(1, sent.as_bytes(), 15, frames).await;
            let echoed = client.receive().await;
            assert!(
                echoed.payload == sent.as_bytes(),
                "{size} bytes in {frames} frames"
            );
            assert!(echoed.wire <= sent.len());
        }
    }
}

#[tokio::test]
async fn attachments_are_compressed_in_both_protocols() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    for (revision, prefix) in [(3, &[4_u8][..]), (4, &[])] {
        let mut client = Client::join(&server, Some("permessage-deflate"), revision).await;
        let data = [prefix, text(5000).as_bytes()].concat();
        client
            .send(0x81, br#"451-["echo",{"_placeholder":true,"num":0}]"#)
            .await;
        client.send_compressed(2, &data, 15, 3).await;
        let (head, echoed) = (client.receive().await, client.receive().await);
        assert_eq!(head.first, 0x81, "it is short");
        assert_eq!(
            (echoed.first, echoed.payload),
            (0xc2, data),
            "Engine.IO {revision}"
        );
    }
}

#[tokio::test]
async fn short_messages_and_those_with_compress_false_are_sent_as_they_are() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let mut client = Client::join(&server, Some("permessage-deflate"), 4).await;
    let around = event("echo", "").len();
    for (name, size, first) in [
        ("echo", 1023 - around, 0x81),
        ("echo", 1024 - around, 0xc1),
        ("plain", 1024 - around, 0x81),
        ("plain", 100_000, 0x81),
        ("echo", 100_000, 0xc1),
    ] {
        let text = "x".repeat(size);
        client.send(0x81, event(name, &text).as_bytes()).await;
        let echoed = client.receive().await;
        assert_eq!(echoed.first, first, "{name} {size}");
        assert_eq!(echoed.payload, event("echo", &text).as_bytes());
    }
}

#[tokio::test]
async fn a_broadcast_reaches_those_who_compress_and_those_who_do_not() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let mut clients = Vec::new();
    for offer in [
        None,
        Some("permessage-deflate"),
        Some("permessage-deflate; server_max_window_bits=9"),
        Some("permessage-deflate"),
    ] {
        clients.push(Client::join(&server, offer, 4).await);
    }
    let long = text(9000);
    server.io.of("/").emit("news", &long);
    server.io.of("/").compress(false).emit("news", &long);
    for client in &mut clients {
        let (first, second) = (client.receive().await, client.receive().await);
        let compressed = client.extensions.is_some();
        assert_eq!(first.first, if compressed { 0xc1 } else { 0x81 });
        assert_eq!(second.first, 0x81);
        for message in [first, second] {
            assert_eq!(message.payload, event("news", &long).as_bytes());
        }
    }
}

#[tokio::test]
async fn what_inflates_beyond_the_limit_closes_with_1009() {
    let server = server(PerMessageDeflate::new(), |builder| {
        builder.max_http_buffer_size(10_000)
    })
    .await;
    for (size, fits) in [(10_000, true), (10_001, false), (3_000_000, false)] {
        let mut client = Client::join(&server, Some("permessage-deflate"), 4).await;
        let sent = event("echo", &"x".repeat(size - event("echo", "").len()));
        client.send_compressed(1, sent.as_bytes(), 15, 2).await;
        if fits {
            assert_eq!(client.receive().await.payload, sent.as_bytes());
        } else {
            assert_eq!(client.close_code().await, 1009, "{size}");
        }
    }
}

#[tokio::test]
async fn illegal_compression_closes_with_the_code_of_ws() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let offer = Some("permessage-deflate");
    let invalid_text = deflate(b"42[\"\xff\"]", 15);
    let table: [(Option<&str>, Frames<'_>, u16); 8] = [
        // not negotiated
        (None, &[(0xc1, &[0xf2, 0x48, 0x05, 0x00])], 1002),
        // not the first frame
        (offer, &[(0x41, &[0xf2]), (0xc0, &[0x48])], 1002),
        (offer, &[(0x01, b"42"), (0xc0, b"[]")], 1002),
        // control frames, and the other bits
        (offer, &[(0xc9, b"")], 1002),
        (offer, &[(0xa1, b"")], 1002),
        (offer, &[(0xd1, b"")], 1002),
        // no deflate, no UTF-8
        (offer, &[(0xc1, &[0xff, 0xff])], 1007),
        (offer, &[(0xc1, &invalid_text)], 1007),
    ];
    for (i, (offer, frames, code)) in table.iter().enumerate() {
        let mut client = Client::join(&server, *offer, 4).await;
        for (first, payload) in *frames {
            client.send(*first, payload).await;
        }
        assert_eq!(client.close_code().await, *code, "row {i}");
    }
}

#[tokio::test]
async fn compression_is_off_unless_it_is_asked_for_by_both() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    for offer in [
        None,
        Some("x-webkit-deflate-frame"),
        Some("permessage-deflate; server_max_window_bits=8"),
    ] {
        let client = Client::open(&server, offer, 4).await;
        assert_eq!(client.extensions, None, "{offer:?}");
    }
}

#[test]
fn options_out_of_range_are_errors_of_build() {
    for (options, said) in [
        (
            PerMessageDeflate::new().level(10),
            "level 10: it has to be 0 to 9",
        ),
        (
            PerMessageDeflate::new().server_max_window_bits(8),
            "server_max_window_bits 8: it has to be 9 to 15",
        ),
        (
            PerMessageDeflate::new().client_max_window_bits(16),
            "client_max_window_bits 16: it has to be 9 to 15",
        ),
    ] {
        let error = SocketIo::builder()
            .per_message_deflate(options)
            .build()
            .unwrap_err();
        assert_eq!(error.option(), "per_message_deflate");
        assert!(error.to_string().ends_with(said), "{error}");
    }
}
