//! Options whose effect a client sees before it is connected.

use std::time::Duration;

use axum_socketio::{
    Socket, SocketIo,
    engine::{Overflow, Transport},
};

use crate::{
    io,
    wire::{Eio, Packet, Request, TestClient, TestServer, Via, Ws},
};

/// Long before the default of the option that it is about.
async fn soon<T>(event: impl Future<Output = T>) -> T {
    let event = tokio::time::timeout(Duration::from_secs(8), event);
    event.await.expect("the option is heeded")
}

#[tokio::test]
async fn clients_are_told_of_times_limits_and_upgrades() {
    let io = SocketIo::builder()
        .ping_interval(Duration::from_secs(7))
        .ping_timeout(Duration::from_millis(3500))
        .max_http_buffer_size(4321)
        .build()
        .unwrap();
    let server = TestServer::start(&io).await;
    let open = TestClient::open(&server, Eio::V4, Via::Polling).await.open;
    assert_eq!(
        (&open["pingInterval"], &open["pingTimeout"]),
        (&7000.into(), &3500.into())
    );
    assert_eq!(
        (&open["maxPayload"], &open["upgrades"]),
        (&4321.into(), &serde_json::json!(["websocket"]))
    );
}

#[tokio::test]
async fn transports_that_are_not_wanted_are_unknown() {
    for (wanted, unwanted) in [
        (Transport::Polling, Via::WebSocket),
        (Transport::WebSocket, Via::Polling),
    ] {
        let io = SocketIo::builder().transports([wanted]).build().unwrap();
        let server = TestServer::start(&io).await;
        for eio in [Eio::V3, Eio::V4] {
            let refusal = r#"{"code":0,"message":"Transport unknown"}"#;
            if unwanted == Via::Polling {
                let answer = Request::get(eio.target("polling")).send(server.addr).await;
                assert_eq!((answer.status, answer.text()), (400, refusal));
                TestClient::open(&server, eio, Via::WebSocket).await;
            } else {
                let refused = Ws::try_open(server.addr, &eio.target("websocket")).await;
                assert_eq!(refused.unwrap_err().0, 400);
                let client = TestClient::open(&server, eio, Via::Polling).await;
                assert_eq!(client.open["upgrades"], serde_json::json!([]), "none to offer");
            }
        }
    }
}

#[tokio::test]
async fn upgrades_that_are_not_allowed_are_neither_offered_nor_taken() {
    let io = SocketIo::builder().allow_upgrades(false).build().unwrap();
    let server = TestServer::start(&io).await;
    for eio in [Eio::V3, Eio::V4] {
        let client = TestClient::connect(&server, eio, Via::Polling).await;
        assert_eq!(client.open["upgrades"], serde_json::json!([]));
        assert!(Ws::try_open(server.addr, &client.upgrade_target()).await.is_err());
        TestClient::open(&server, eio, Via::WebSocket).await;
    }
}

#[tokio::test]
async fn an_upgrade_that_takes_too_long_is_given_up() {
    let io = SocketIo::builder()
        .upgrade_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let server = TestServer::start(&io).await;
    let client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    let mut probe = Ws::open(server.addr, &client.upgrade_target()).await;
    probe.send("2probe").await;
    probe.expect("3probe").await;
    soon(probe.expect_close()).await;
    assert_eq!(io.of("/").len(), 1, "it goes on over polling");
}

#[tokio::test]
async fn the_slash_behind_the_path_is_an_option() {
    let query = "?EIO=4&transport=polling";
    for (add, without_it) in [(true, 404), (false, 200)] {
        let io = SocketIo::builder().add_trailing_slash(add).build().unwrap();
        let server = TestServer::start(&io).await;
        for (path, status) in [("/socket.io", without_it), ("/socket.io/", 200)] {
            let answer = Request::get(format!("{path}{query}")).send(server.addr).await;
            assert_eq!(answer.status, status, "{path} {add}");
        }
    }
}

/// What Node has as its initial packet: it comes with the answer to the handshake, and what is emitted at once does too.
#[tokio::test]
async fn the_first_packets_of_an_old_client_come_with_the_open_packet() {
    let io = SocketIo::new();
    let _ = io
        .of("/")
        .on_connect(async |socket: Socket| socket.emit("welcome", 1));
    let server = TestServer::start(&io).await;
    let opened = Request::get(Eio::V3.target("polling")).send(server.addr).await;
    let packets = Eio::V3.decode(&opened);
    assert_eq!(packets[1..], ["40", r#"42["welcome",1]"#].map(Packet::from));
}

#[tokio::test]
async fn an_acknowledgement_is_waited_for_as_long_as_the_server_says() {
    let io = SocketIo::builder()
        .ack_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        let id = client.join("/").await;
        let socket = io.of("/").socket(id).unwrap();
        let answer = socket.emit_with_ack::<()>("question", ());
        assert!(client.text().await.ends_with(r#"["question"]"#));
        assert!(soon(answer).await.unwrap_err().is_timeout());
    }
}

#[tokio::test]
async fn ten_attachments_are_the_most_by_default() {
    for eio in [Eio::V3, Eio::V4] {
        let (io, _) = io(SocketIo::builder());
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, eio, Via::WebSocket).await;
        client.send(r#"4510-["nobody"]"#).await;
        client.send_all([[1]; 10]).await;
        client.expect_nothing().await;
        client.send(r#"4511-["nobody"]"#).await;
        client.expect_closed().await;
    }
}

#[tokio::test]
async fn what_a_slow_client_has_no_room_for_may_be_dropped() {
    let (io, main) = io(SocketIo::builder()
        .max_send_buffer(4096)
        .overflow(Overflow::DropNewest));
    let server = TestServer::start(&io).await;
    for eio in [Eio::V3, Eio::V4] {
        let mut client = TestClient::connect(&server, eio, Via::Polling).await;
        let long = "x".repeat(3000);
        main.emit("first", &long);
        main.emit("second", &long);
        client.expect(format!(r#"42["first","{long}"]"#)).await;
        main.emit("third", &long);
        client.expect(format!(r#"42["third","{long}"]"#)).await;
        client.close().await;
    }
}
