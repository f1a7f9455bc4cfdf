//! Sessions on a WebSocket.

use super::*;
use crate::engine::{ReadyState, SendError};

fn server() -> Arc<Server> {
    Server::new(Config::default())
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_while_accepting_follows_the_open_packet() {
    let server = server();
    *server.greeting.lock().unwrap() = Some("0");
    let mut ws = Ws::open(&server, "EIO=3").await;
    assert_eq!(ws.text().await, "40");
}

#[tokio::test(start_paused = true)]
async fn messages_are_delivered_and_answered_in_order() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    for index in 0..200 {
        ws.0.feed(Message::text(format!("4echo {index}"))).await.unwrap();
    }
    ws.0.flush().await.unwrap();
    for index in 0..200 {
        assert_eq!(ws.text().await, format!("4{index}"));
    }
}

#[tokio::test(start_paused = true)]
async fn binary_has_the_form_of_the_protocol() {
    for (query, frame) in [("EIO=4", &[1_u8, 2, 3][..]), ("EIO=3", &[4, 1, 2, 3])] {
        let server = server();
        let mut ws = Ws::open(&server, query).await;
        ws.send_binary(frame).await;
        assert_eq!(server.last().told(), [Told::Binary(vec![1, 2, 3])]);
        server
            .last()
            .connection()
            .send(packet("51-[]", &[&[1, 2, 3], &[]]))
            .unwrap();
        assert_eq!(ws.text().await, "451-[]");
        assert_eq!(ws.next().await, Message::binary(frame.to_vec()));
        assert_eq!(
            ws.next().await,
            Message::binary(frame[..frame.len() - 3].to_vec())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_without_binary_gets_base64() {
    for (query, text) in [("EIO=4&b64=1", "bAQIDBA=="), ("EIO=3&b64=1", "b4AQIDBA==")] {
        let server = server();
        let mut ws = Ws::open(&server, query).await;
        server
            .last()
            .connection()
            .send(packet("51-[]", &[&[1, 2, 3, 4]]))
            .unwrap();
        assert_eq!(ws.text().await, "451-[]");
        assert_eq!(ws.text().await, text);
        ws.send(text).await;
        assert_eq!(server.last().told(), [Told::Binary(vec![1, 2, 3, 4])]);
    }
}

#[tokio::test(start_paused = true)]
async fn packets_of_every_size_arrive_whole() {
    let server = Server::new(Config {
        max_send_buffer: usize::MAX,
        ..Config::default()
    });
    let mut ws = Ws::open_over(&server, "EIO=4", 1000).await;
    static LARGE: [u8; 100_000] = [7; 100_000];
    let sizes = [0, 1, 125, 126, 2047, 2048, 3000, 70_000, 5, 0, 9];
    for size in sizes {
        server
            .last()
            .connection()
            .send(packet(&"x".repeat(size), &[&LARGE[..size]]))
            .unwrap();
    }
    for _ in 0..100 {
        server.last().send("small");
    }
    for size in sizes {
        assert_eq!(ws.text().await.len(), size + 1);
        assert_eq!(ws.next().await, Message::binary(LARGE[..size].to_vec()));
    }
    for _ in 0..100 {
        assert_eq!(ws.text().await, "4small");
    }
}

#[tokio::test(start_paused = true)]
async fn packets_without_a_meaning_on_a_websocket_are_ignored() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    for packet in ["0", "1", "5", "6", "3", "4a"] {
        ws.send(packet).await;
    }
    assert_eq!(server.last().told(), [Told::Text("a".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_packet_closes_without_a_code() {
    for bad in ["x", "", "b!"] {
        let server = server();
        let mut ws = Ws::open(&server, "EIO=4").await;
        ws.0.feed(Message::text("4a")).await.unwrap();
        ws.0.feed(Message::text(bad)).await.unwrap();
        ws.0.feed(Message::text("4b")).await.unwrap();
        ws.0.flush().await.unwrap();
        assert_eq!(ws.close_code().await, None);
        let told = [Told::Text("a".into()), Told::Close(CloseReason::ParseError)];
        assert_eq!(server.last().told(), told);
        assert_eq!(server.engine.clients_count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_closes_with_1009() {
    let server = Server::new(Config {
        max_http_buffer_size: 100,
        ..Config::default()
    });
    let mut ws = Ws::open(&server, "EIO=4").await;
    ws.send(&"4".repeat(100)).await;
    ws.send(&"4".repeat(101)).await;
    assert_eq!(ws.close_code().await, Some(1009));
    assert_eq!(server.last().close_reasons(), [CloseReason::TransportError]);
}

#[tokio::test(start_paused = true)]
async fn a_ping_against_the_direction_is_an_error() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    ws.send("2").await;
    assert_eq!(ws.close_code().await, None);
    assert_eq!(server.last().told(), [Told::Close(CloseReason::TransportError)]);

    let mut ws = Ws::open(&server, "EIO=3").await;
    ws.send("2").await;
    assert_eq!(ws.text().await, "3");
    ws.send("3").await;
    assert_eq!(server.last().told(), []);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_is_answered_and_gone() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    ws.0.close(None).await.unwrap();
    assert!(matches!(ws.0.next().await, None | Some(Ok(Message::Close(None)))));
    settle().await;
    assert_eq!(server.last().told(), [Told::Close(CloseReason::TransportClose)]);
    assert_eq!(server.engine.clients_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_is_a_transport_close() {
    let server = server();
    drop(Ws::open(&server, "EIO=4").await);
    settle().await;
    assert_eq!(server.last().told(), [Told::Close(CloseReason::TransportClose)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_close_comes_after_what_was_queued() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    let upper = server.last();
    upper.send("bye");
    upper.connection().close();
    assert_eq!(upper.connection().ready_state(), ReadyState::Closing);
    assert_eq!(ws.text().await, "4bye");
    assert_eq!(ws.close_code().await, None);
    settle().await;
    assert_eq!(upper.told(), [Told::Close(CloseReason::ForcedClose)]);
}

#[tokio::test(start_paused = true)]
async fn closing_from_within_a_message_ignores_the_rest() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    ws.0.feed(Message::text("4close")).await.unwrap();
    ws.0.feed(Message::text("4more")).await.unwrap();
    ws.0.flush().await.unwrap();
    assert_eq!(ws.close_code().await, None);
    let told = [Told::Text("close".into()), Told::Close(CloseReason::ForcedClose)];
    assert_eq!(server.last().told(), told);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed_even_if_it_does_not_read() {
    let server = Server::new(Config {
        max_send_buffer: usize::MAX,
        ..Config::default()
    });
    let ws = Ws::open_over(&server, "EIO=4", 200).await;
    let upper = server.last();
    upper.send(&"x".repeat(10_000));
    pass(25).await;
    assert_eq!(upper.told(), []);
    pass(21).await;
    assert_eq!(upper.told(), [Told::Close(CloseReason::PingTimeout)]);
    pass(4).await;
    // The task has let go of the connection, and of the packet.
    assert_eq!(
        upper.connection().send(packet("late", &[])),
        Err(SendError::Closed)
    );
    drop(ws);
}

#[tokio::test(start_paused = true)]
async fn a_server_close_does_not_wait_for_ever_for_a_client_that_does_not_read() {
    let server = server();
    let _ws = Ws::open_over(&server, "EIO=4", 200).await;
    let upper = server.last();
    upper.send(&"x".repeat(10_000));
    settle().await;
    server.engine.close(CloseReason::ServerShuttingDown);
    pass(6).await;
    assert_eq!(upper.told(), [Told::Close(CloseReason::ServerShuttingDown)]);
    server.engine.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_reading_is_closed_when_its_buffer_is_full() {
    let server = Server::new(Config {
        max_send_buffer: 5_000,
        ..Config::default()
    });
    let _ws = Ws::open_over(&server, "EIO=4", 200).await;
    let upper = server.last();
    let connection = upper.connection();
    assert_eq!(connection.send(packet(&"x".repeat(4_000), &[])), Ok(()));
    settle().await;
    assert!(!connection.is_writable());
    assert_eq!(
        connection.send_volatile(packet("volatile", &[]), || true),
        Err(SendError::NotWritable)
    );
    assert_eq!(
        connection.send(packet(&"x".repeat(4_000), &[])),
        Err(SendError::Full)
    );
    settle().await;
    assert_eq!(upper.told(), [Told::Close(CloseReason::TransportError)]);
}

#[tokio::test(start_paused = true)]
async fn writable_waits_for_a_client_that_reads_slowly() {
    let server = server();
    let mut ws = Ws::open_over(&server, "EIO=4", 200).await;
    let connection = server.last().connection().clone();
    server.last().send(&"x".repeat(10_000));
    let waiting = tokio::spawn(async move { connection.writable().await });
    settle().await;
    assert!(!waiting.is_finished());
    ws.text().await;
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_rests_stops_the_reading() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    let upper = server.last();
    for text in ["4pause", "4a", "4b"] {
        ws.0.feed(Message::text(text)).await.unwrap();
    }
    ws.0.flush().await.unwrap();
    settle().await;
    assert_eq!(upper.texts(), ["pause"]);
    upper.send("sending goes on");
    assert_eq!(ws.text().await, "4sending goes on");
    upper.resume();
    settle().await;
    assert_eq!(upper.texts(), ["pause", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_may_be_resumed_through_its_connection() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    let upper = server.last();
    ws.send("4pause").await;
    ws.send("4a").await;
    upper.paused.store(false, Ordering::Release);
    upper.connection().resume();
    settle().await;
    assert_eq!(upper.texts(), ["pause", "a"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_has_its_time_after_the_reading_goes_on() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    let upper = server.last();
    pass(26).await;
    ws.send("4pause").await;
    pass(18).await;
    upper.resume();
    settle().await;
    pass(3).await;
    assert_eq!(upper.close_reasons(), []);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_finishes_the_frame_it_was_writing_and_no_other() {
    let server = server();
    let mut ws = Ws::open_over(&server, "EIO=4", 200).await;
    let upper = server.last();
    upper.send(&"x".repeat(10_000));
    upper.send(&"y".repeat(10_000));
    pass(25).await;
    pass(21).await;
    assert_eq!(upper.told(), [Told::Close(CloseReason::PingTimeout)]);
    assert_eq!(ws.text().await, format!("4{}", "x".repeat(10_000)));
    assert_eq!(ws.close_code().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_became_ready_unnoticed_is_asked_again() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    server.last().blinks.store(true, Ordering::Release);
    ws.send("4a").await;
    assert_eq!(server.last().texts(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn the_stream_stays_until_the_client_has_read_the_close_frame() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await.0.into_inner();
    server.last().connection().close();
    let mut frame = [0; 2];
    ws.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame, [0x88, 0]);
    settle().await;
    assert!(ws.read(&mut frame).now_or_never().is_none());
    // A message on its way, and the answer, both masked with zeros.
    ws.write_all(b"\x81\x82\x00\x00\x00\x004a\x88\x80\x00\x00\x00\x00")
        .await
        .unwrap();
    settle().await;
    assert_eq!(ws.read(&mut frame).now_or_never().unwrap().unwrap(), 0);
    assert_eq!(server.last().told(), [Told::Close(CloseReason::ForcedClose)]);
}

#[tokio::test(start_paused = true)]
async fn the_stream_does_not_stay_for_ever() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await.0.into_inner();
    server.last().connection().close();
    settle().await;
    pass(5).await;
    let mut rest = Vec::new();
    ws.read_to_end(&mut rest).now_or_never().unwrap().unwrap();
    assert_eq!(rest, [0x88, 0]);
}

#[tokio::test(start_paused = true)]
async fn websocket_pings_are_answered() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    ws.0.send(Message::Ping(Bytes::from_static(b"are you there")))
        .await
        .unwrap();
    assert_eq!(
        ws.next().await,
        Message::Pong(Bytes::from_static(b"are you there"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_comes_while_a_write_is_blocked_is_answered() {
    let server = server();
    let mut ws = Ws::open_over(&server, "EIO=4", 200).await;
    server.last().send(&"x".repeat(300));
    settle().await;
    ws.0.send(Message::Ping(Bytes::from_static(b"!"))).await.unwrap();
    assert_eq!(ws.text().await.len(), 301);
    assert_eq!(ws.next().await, Message::Pong(Bytes::from_static(b"!")));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_receiver_ends_the_session_properly() {
    let server = server();
    let mut ws = Ws::open(&server, "EIO=4").await;
    ws.send("4panic").await;
    let told = [
        Told::Text("panic".into()),
        Told::Close(CloseReason::TransportClose),
    ];
    assert_eq!(server.last().told(), told);
    assert_eq!(server.engine.clients_count(), 0);
}

#[test]
fn the_end_of_the_runtime_ends_the_session_properly() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(async {
        let server = server();
        std::mem::forget(Ws::open(&server, "EIO=4").await);
        server
    });
    drop(runtime);
    assert_eq!(server.last().told(), [Told::Close(CloseReason::TransportClose)]);
    assert_eq!(server.engine.clients_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_session_stays_behind() {
    let server = server();
    let ws = Ws::open(&server, "EIO=4").await;
    let inner = server.last().connection().downgrade();
    drop(ws);
    settle().await;
    server.uppers.lock().unwrap().clear();
    assert_eq!(inner.strong_count(), 0);
}
