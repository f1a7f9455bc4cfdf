//! Who finds room, under which id.

use super::*;

/// An id of the application's own making comes again, while a session that found no room still has to be told of its end.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_that_found_no_room_is_not_that_of_another_with_its_id() {
    let server = Server::new(Config {
        max_connections: 1,
        ..Config::default()
    });
    let connect = |id: &str| {
        let id = crate::id::SessionId::from(id);
        let reserved = crate::engine::Admission::Named(id)
            .claim(&server.engine)
            .ok()
            .unwrap();
        let (parts, ()) = http::Request::new(()).into_parts();
        let handshake = Handshake::new(parts, None, false, std::time::UNIX_EPOCH);
        let format = crate::engine::connection::PollingFormat::default();
        let polling = crate::engine::Transport::Polling;
        let connection = server
            .engine
            .connect(polling, Protocol::V4, handshake, format, reserved);
        connection.unwrap()
    };
    let first = connect("first");
    let without_room = connect("again");
    assert!(!without_room.is_open());
    first.close_now();
    pass(1).await;
    let again = connect("again");
    assert!(again.is_open());
    without_room.close_now();
    pass(1).await;
    assert_eq!(server.engine.clients_count(), 1);
    let poll = server.get("EIO=4&transport=polling&sid=again").await;
    assert_eq!(poll.status, StatusCode::OK);
}
