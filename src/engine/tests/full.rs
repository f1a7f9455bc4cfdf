//! What becomes of a session whose send buffer is full.

use super::*;
use crate::engine::{ReadyState, SendError};

#[tokio::test(start_paused = true)]
async fn a_full_send_buffer_does_what_the_policy_says() {
    let config = Config {
        max_send_buffer: 200,
        ..Config::default()
    };
    let client = Client::open(config.clone()).await;
    let connection = client.upper.connection();
    assert_eq!(connection.send(packet("1", &[])), Ok(()));
    assert_eq!(connection.send(packet("2", &[])), Ok(()));
    assert_eq!(connection.send(packet("3", &[])), Err(SendError::Full));
    assert_eq!(connection.ready_state(), ReadyState::Closed);
    pass(1).await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);

    let config = Config {
        overflow: crate::engine::Overflow::DropNewest,
        ..config
    };
    let client = Client::open(config).await;
    for text in ["1", "2", "3"] {
        let _ = client.upper.connection().send(packet(text, &[]));
    }
    client.get().await.is(200, "41\u{1e}42");
}

/// Whoever sent it has still to end the connection, and others send meanwhile.
#[tokio::test(start_paused = true)]
async fn nothing_follows_a_packet_for_which_there_was_no_room() {
    let config = Config {
        max_send_buffer: 200,
        ..Config::default()
    };
    let client = Client::open(config).await;
    let connection = client.upper.connection();
    assert_eq!(connection.send(packet("1", &[])), Ok(()));
    let too_much = connection.offer(packet(&"2".repeat(200), &[]));
    assert_eq!(connection.send(packet("3", &[])), Err(SendError::Full));
    assert_eq!(connection.conclude(too_much), Err(SendError::Full));
    pass(1).await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_never_the_one_who_tells_of_the_end() {
    let config = Config {
        max_send_buffer: 200,
        ..Config::default()
    };
    let client = Client::open(config).await;
    let (connection, sender) = (client.upper.connection(), Arc::clone(&client.upper));
    // A plain thread: there is no runtime, and what is told there would run in the middle of a send.
    let sending = std::thread::spawn(move || {
        let overflows = (0..9).any(|_| sender.connection().send(packet("x", &[])) == Err(SendError::Full));
        (overflows, sender.told())
    });
    assert_eq!(sending.join().unwrap(), (true, Vec::new()));
    assert_eq!(connection.ready_state(), ReadyState::Closed);
    assert_eq!(connection.send(packet("late", &[])), Err(SendError::Closed));
    pass(1).await;
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
    assert!(client.is_gone().await);
}

#[tokio::test(start_paused = true)]
async fn a_held_get_learns_of_a_full_buffer_at_once() {
    let config = Config {
        max_send_buffer: 200,
        ..Config::default()
    };
    let client = Client::open(config).await;
    let held = client.hold().await;
    while client.upper.connection().send(packet("x", &[])).is_ok() {}
    assert_eq!(client.upper.told(), []);
    held.await.unwrap().is(200, "1");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
}
