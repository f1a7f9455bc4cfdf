//! Handlers of events that start while others send their socket away, in every order.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::Method;

use super::{Client, at_once, request};
use crate::{
    server::{DisconnectReason, SocketIo, starts::Mark},
    sync::{
        atomic::{AtomicBool, Ordering::SeqCst},
        block_on, explore, thread,
    },
};

/// Handlers of `enter` note the client, and disconnect handlers forget it.
struct Presence {
    client: Client,
    is_noted: Arc<AtomicBool>,
    departures: Arc<AtomicUsize>,
}

impl Presence {
    fn new() -> Self {
        let io = SocketIo::new();
        let (is_noted, departures) = (Arc::new(AtomicBool::new(false)), Arc::<AtomicUsize>::default());
        let (noted, forgotten, departed) = (is_noted.clone(), is_noted.clone(), departures.clone());
        let _ = io
            .sockets()
            .on("enter", async move || noted.store(true, SeqCst))
            .on_disconnect(async move || {
                departed.fetch_add(1, Ordering::Relaxed);
                forgotten.store(false, SeqCst);
            });
        Self {
            client: Client::connect(&io),
            is_noted,
            departures,
        }
    }

    fn enters(&self) -> thread::JoinHandle<()> {
        let (io, sid) = (self.client.io.clone(), self.client.sid.clone());
        thread::spawn(move || drop(at_once(super::answer(&io, &sid, Method::POST, r#"42["enter"]"#))))
    }

    /// Not in the task of the connection.
    fn starts(&self) -> thread::JoinHandle<()> {
        let (socket, noted) = (self.client.socket.clone(), self.is_noted.clone());
        thread::spawn(move || {
            if let Some(_start) = socket.begin_start() {
                noted.store(true, SeqCst);
            }
        })
    }

    fn has_left_once(&self) {
        assert_eq!(self.departures.load(Ordering::Relaxed), 1);
        assert!(self.client.io.sockets().is_empty());
        assert!(at_once(self.client.io.leaving().none()).is_some());
    }
}

#[test]
fn who_is_sent_away_as_an_event_comes_leaves_once_and_is_forgotten() {
    explore(3, || {
        let presence = Presence::new();
        let entering = presence.enters();
        presence.client.socket.disconnect(false);
        entering.join().unwrap();
        presence.has_left_once();
        assert!(!presence.is_noted.load(SeqCst));
        assert_eq!(presence.client.poll(), "41");
        presence.client.socket.connection().close_now();
    });
}

#[test]
fn who_is_sent_away_as_handlers_start_on_two_threads_leaves_behind_both() {
    explore(2, || {
        let presence = Presence::new();
        let starts = [(); 2].map(|()| presence.starts());
        presence.client.socket.disconnect(false);
        for start in starts {
            start.join().unwrap();
        }
        presence.has_left_once();
        assert!(!presence.is_noted.load(SeqCst));
        presence.client.socket.connection().close_now();
    });
}

#[test]
fn who_goes_on_as_its_socket_leaves_is_waited_for_or_finds_it_gone() {
    explore(3, || {
        let presence = Presence::new();
        let (socket, noted) = (presence.client.socket.clone(), presence.is_noted.clone());
        let other = Mark::of(&socket);
        let goes_on = thread::spawn(move || {
            let _start = socket.begin_start();
            if socket.is_connected() {
                noted.store(true, SeqCst);
            }
        });
        presence.client.socket.disconnect(false);
        drop(other);
        goes_on.join().unwrap();
        presence.has_left_once();
        assert!(!presence.is_noted.load(SeqCst));
        presence.client.socket.connection().close_now();
    });
}

#[test]
fn whose_connection_ends_as_it_is_to_be_sent_away_leaves_once() {
    explore(2, || {
        let presence = Presence::new();
        let entering = presence.enters();
        let socket = presence.client.socket.clone();
        let away = thread::spawn(move || socket.disconnect(false));
        let sid = &presence.client.sid;
        request(&presence.client.io, sid, Method::POST, "1");
        entering.join().unwrap();
        away.join().unwrap();
        presence.has_left_once();
    });
}

/// It waits with the server's, and the client isn't told of that: it would take it for the end of its next socket.
#[test]
fn who_leaves_by_itself_as_it_is_to_be_sent_away_leaves_once_and_is_back() {
    explore(2, || {
        let presence = Presence::new();
        let starting = presence.starts();
        let socket = presence.client.socket.clone();
        let away = thread::spawn(move || socket.disconnect(false));
        let (io, sid) = (&presence.client.io, &presence.client.sid);
        assert_eq!(block_on(super::answer(io, sid, Method::POST, "41\x1e40")), "ok");
        starting.join().unwrap();
        away.join().unwrap();
        assert_eq!(presence.departures.load(Ordering::Relaxed), 1);
        assert_eq!(io.sockets().len(), 1);
        presence.client.socket.connection().close_now();
    });
}

/// Its connect handlers start behind the disconnect handlers of the last, whichever thread has these run.
#[test]
fn who_leaves_and_joins_again_as_a_handler_goes_on_is_noted_behind_the_leave() {
    explore(2, || {
        let presence = Presence::new();
        let noted = presence.is_noted.clone();
        let (io, sid) = (&presence.client.io, &presence.client.sid);
        let _ = io.sockets().on_connect(async move || noted.store(true, SeqCst));
        let goes_on = Mark::of(&presence.client.socket);
        let ends = thread::spawn(move || drop(goes_on));
        assert_eq!(block_on(super::answer(io, sid, Method::POST, "41\x1e40")), "ok");
        ends.join().unwrap();
        assert_eq!(presence.departures.load(Ordering::Relaxed), 1);
        assert!(presence.is_noted.load(SeqCst));
        assert_eq!(io.sockets().len(), 1);
        presence.client.socket.connection().close_now();
    });
}

/// Nobody takes what would be put behind handlers that start then.
#[test]
fn who_has_left_while_handlers_start_is_not_sent_away_once_more() {
    explore(3, || {
        let presence = Presence::new();
        let (io, sid) = (&presence.client.io, &presence.client.sid);
        let _other = io.of("/other");
        assert_eq!(request(io, sid, Method::POST, "40/other,"), "ok");
        let other = io.of("/other").sockets().pop().unwrap();
        let starts = Mark::of(&presence.client.socket);
        let away = thread::spawn(move || other.disconnect(true));
        presence
            .client
            .socket
            .depart_in_time(DisconnectReason::TransportClose);
        // As it does when its time is over.
        presence.client.socket.departs_behind_starts();
        away.join().unwrap();
        presence.has_left_once();
        drop(starts);
        presence.client.socket.connection().close_now();
    });
}

#[test]
fn who_goes_as_handlers_start_leaves_behind_them_and_is_forgotten() {
    for goes in ["41", "1"] {
        explore(2, move || {
            let presence = Presence::new();
            let starts = [(); 2].map(|()| presence.starts());
            let (io, sid) = (&presence.client.io, &presence.client.sid);
            request(io, sid, Method::POST, goes);
            for start in starts {
                start.join().unwrap();
            }
            presence.has_left_once();
            assert!(!presence.is_noted.load(SeqCst));
            presence.client.socket.connection().close_now();
        });
    }
}
