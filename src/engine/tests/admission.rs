//! Who finds room, under which id.

use super::*;
use crate::{engine::Limit, server::SocketIo};

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

/// Requests that arrive together have each found room before any of them has taken it.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_found_room_together_with_others_has_to_find_it_again() {
    for limit in [Limit::Connections, Limit::Handshakes] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tells = told.clone();
        let builder = match limit {
            Limit::Connections => SocketIo::builder().max_connections(2),
            _ => SocketIo::builder().max_handshakes(2),
        };
        let builder =
            builder.on_limit(move |exceeded| tells.lock().unwrap().push((exceeded.limit(), exceeded.max())));
        let io = builder.build().unwrap();
        let connect = |protocol| {
            let (parts, ()) = http::Request::new(()).into_parts();
            let handshake = Handshake::new(parts, None, false, std::time::UNIX_EPOCH);
            let format = crate::engine::connection::PollingFormat::default();
            let polling = crate::engine::Transport::Polling;
            io.engine()
                .connect(polling, protocol, handshake, format, None)
                .unwrap()
        };
        let open = [(); 3].map(|()| connect(Protocol::V4).is_open());
        assert_eq!(open, [true, true, false]);
        assert_eq!(*told.lock().unwrap(), [(limit, 2)]);
        // A client of Engine.IO 3 is in a namespace at once.
        assert_eq!(connect(Protocol::V3).is_open(), limit == Limit::Handshakes);
    }
}
