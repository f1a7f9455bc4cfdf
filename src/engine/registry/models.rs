//! Sessions that come and go while the engine closes, in every order.

use std::{
    sync::{Arc, Mutex},
    time::UNIX_EPOCH,
};

use bytes::Bytes;

use crate::{
    Protocol,
    engine::{
        Acceptor, CloseReason, Config, Connection, Engine, Handshake, ReadyState, Receiver, Transport,
        connection::PollingFormat,
    },
    sync::{block_on, explore, thread},
};

/// The upper half: hears of the ends.
#[derive(Default)]
struct Server(Arc<Mutex<Vec<CloseReason>>>);

struct Upper(Arc<Mutex<Vec<CloseReason>>>);

impl Acceptor for Server {
    fn accept(&self, _: &Connection) -> Arc<dyn Receiver> {
        Arc::new(Upper(self.0.clone()))
    }
}

impl Receiver for Upper {
    fn on_text(&self, _: &str) {}

    fn on_binary(&self, _: Bytes) {}

    fn on_close(&self, reason: CloseReason) {
        self.0.lock().unwrap().push(reason);
    }
}

fn engine() -> (Engine, Arc<Server>) {
    let server = Arc::new(Server::default());
    let acceptor: Arc<dyn Acceptor> = server.clone();
    (Engine::new(Config::default(), Arc::downgrade(&acceptor)), server)
}

/// A session, unless the engine takes none any more.
fn connect(engine: &Engine) -> Option<Connection> {
    let (parts, ()) = http::Request::new(()).into_parts();
    let handshake = Handshake::new(parts, None, false, UNIX_EPOCH);
    let format = PollingFormat::default();
    engine.connect(Transport::Polling, Protocol::V4, handshake, format, None)
}

#[test]
fn a_session_that_meets_the_end_of_the_engine_does_not_stay_open() {
    explore(2, || {
        let (engine, _server) = engine();
        let connecting = engine.clone();
        let connecting = thread::spawn(move || connect(&connecting));
        engine.close(CloseReason::ServerShuttingDown);
        let Some(connection) = connecting.join().unwrap() else {
            return;
        };
        assert_ne!(connection.ready_state(), ReadyState::Opening);
        assert_ne!(connection.ready_state(), ReadyState::Open);
    });
}

#[test]
fn who_waits_for_the_last_session_is_told_after_its_receiver() {
    explore(2, || {
        let (engine, server) = engine();
        let connections = [(); 2].map(|()| connect(&engine).unwrap());
        let ending =
            connections.map(|connection| thread::spawn(move || connection.fail(CloseReason::TransportClose)));
        block_on(engine.closed());
        assert_eq!(server.0.lock().unwrap().len(), 2);
        for thread in ending {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_session_that_two_threads_end_is_told_once() {
    explore(2, || {
        let (engine, server) = engine();
        let connection = connect(&engine).unwrap();
        let other = connection.clone();
        let other = thread::spawn(move || other.fail(CloseReason::PingTimeout));
        connection.fail(CloseReason::TransportClose);
        other.join().unwrap();
        assert_eq!(server.0.lock().unwrap().len(), 1);
        assert_eq!(engine.clients_count(), 0);
    });
}
