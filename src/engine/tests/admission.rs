//! Who finds room, under which id.

use super::*;
use crate::engine::{
    Limit, Transport,
    admission::Reserved,
    connection::PollingFormat,
    limit::{LimitExceeded, LimitHook},
};

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
        connect(&server.engine, reserved)
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

/// A session that begins as any does, whoever had found room for it.
fn connect(engine: &Engine, reserved: Option<Reserved>) -> Connection {
    let (parts, ()) = http::Request::new(()).into_parts();
    let handshake = Handshake::new(parts, None, false, std::time::UNIX_EPOCH);
    let (polling, format) = (Transport::Polling, PollingFormat::default());
    engine
        .connect(polling, Protocol::V4, handshake, format, reserved)
        .unwrap()
}

/// Requests that arrive together have each found room before any of them has taken it.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_found_room_together_with_others_has_to_find_it_again() {
    for limit in [Limit::Connections, Limit::Handshakes] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tells = told.clone();
        let hook = LimitHook::new(move |exceeded: &LimitExceeded<'_>| {
            tells.lock().unwrap().push((exceeded.limit(), exceeded.max()));
        });
        let mut config = Config {
            on_limit: Some(hook),
            ..Config::default()
        };
        match limit {
            Limit::Connections => config.max_connections = 2,
            _ => config.max_handshakes = 2,
        }
        let server = Server::new(config);
        *server.has_time_to_join.lock().unwrap() = true;
        let open = [(); 3].map(|()| connect(&server.engine, None).is_open());
        assert_eq!(open, [true, true, false]);
        assert_eq!(*told.lock().unwrap(), [(limit, 2)]);
        // One that has joined by coming, as clients of Engine.IO 3 do.
        *server.has_time_to_join.lock().unwrap() = false;
        assert_eq!(
            connect(&server.engine, None).is_open(),
            limit == Limit::Handshakes
        );
        // Who is one too many gives its place back at once, and no second time as it ends.
        let waiting = || server.engine.shared().handshakes.load(Ordering::Relaxed);
        assert!(limit == Limit::Connections || waiting() == 2);
        for upper in server.uppers.lock().unwrap().iter() {
            upper.connection().close_now();
        }
        pass(1).await;
        assert_eq!(waiting(), 0);
    }
}
