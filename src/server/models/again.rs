//! Clients that leave and ask again while others decide about their sockets or send them away, in every order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use http::Method;

use super::{Client, answer, at_once, request, undecided};
use crate::{
    ConnectError,
    server::{Socket, SocketIo, recovery::ConnectionStateRecovery},
    sync::{block_on, explore, thread},
};

/// Left and back, in one body.
const BACK: &str = "41\x1e40";

/// The middleware that never decides has decided.
fn decide(socket: &Socket) -> thread::JoinHandle<()> {
    let socket = socket.clone();
    thread::spawn(move || {
        if let Some(next) = socket.admitted() {
            next.pass_middlewares();
        }
    })
}

/// Whoever waits for it does so no more.
fn close(socket: &Socket) {
    socket.connection().close_now();
}

#[test]
fn a_client_that_is_sent_away_as_it_leaves_and_joins_again_is_back_and_listened_to() {
    explore(2, || {
        let io = SocketIo::new();
        let departures = Arc::new(AtomicUsize::new(0));
        let departed = departures.clone();
        let main = io.sockets().on_disconnect(async move || {
            departed.fetch_add(1, Ordering::Relaxed);
        });
        let client = Client::connect(&io);
        let (before, is_late) = (departures.clone(), Arc::new(AtomicBool::new(false)));
        let late = is_late.clone();
        let main = main.on_connect(async move || {
            late.store(before.load(Ordering::Relaxed) == 1, Ordering::Relaxed);
        });
        let socket = client.socket.clone();
        let away = thread::spawn(move || socket.disconnect(false));
        assert_eq!(block_on(answer(&io, &client.sid, Method::POST, BACK)), "ok");
        away.join().unwrap();
        // The one before has left, whoever began it, and then the next one has joined.
        assert!(is_late.load(Ordering::Relaxed));
        assert_eq!(departures.load(Ordering::Relaxed), 1);
        assert_eq!(main.len(), 1);
        // It is listened to.
        assert_eq!(request(&io, &client.sid, Method::POST, "41"), "ok");
        assert_eq!(departures.load(Ordering::Relaxed), 2);
        assert!(main.is_empty());
        close(&client.socket);
    });
}

#[test]
fn a_client_that_leaves_and_asks_again_as_it_is_let_in_is_let_in_again() {
    explore(2, || {
        let io = SocketIo::new();
        let (main, sid, socket) = undecided(&io);
        let deciding = decide(&socket);
        assert_eq!(block_on(answer(&io, &sid, Method::POST, BACK)), "ok");
        deciding.join().unwrap();
        assert_eq!(main.len(), 1);
        assert!(!socket.is_connected());
        // It is listened to.
        assert_eq!(request(&io, &sid, Method::POST, "41"), "ok");
        assert!(main.is_empty());
        assert!(at_once(io.leaving().none()).is_some());
        close(&socket);
    });
}

#[test]
fn a_client_that_leaves_and_asks_once_more_as_the_middlewares_are_asked_again_is_let_in() {
    explore(2, || {
        let io = SocketIo::new();
        let (main, sid, socket) = undecided(&io);
        assert_eq!(request(&io, &sid, Method::POST, "40"), "ok");
        let deciding = decide(&socket);
        assert_eq!(block_on(answer(&io, &sid, Method::POST, BACK)), "ok");
        deciding.join().unwrap();
        assert_eq!(main.len(), 1);
        close(&socket);
    });
}

#[test]
fn a_client_that_asks_again_as_it_is_turned_away_is_asked_about_and_told_in_this_order() {
    explore(2, || {
        let io = SocketIo::new();
        let (main, sid, socket) = undecided(&io);
        let refused = socket.clone();
        let deciding = thread::spawn(move || {
            if let Some(next) = refused.turned_away(&ConnectError::new("not here")) {
                next.pass_middlewares();
            }
        });
        assert_eq!(block_on(answer(&io, &sid, Method::POST, "40")), "ok");
        deciding.join().unwrap();
        assert_eq!(main.len(), 1);
        let told = request(&io, &sid, Method::GET, "");
        let told: Vec<_> = told.split('\x1e').map(|packet| &packet[..2]).collect();
        assert!(told == ["40"] || told == ["44", "40"], "{told:?}");
        close(&socket);
    });
}

#[test]
fn who_has_heard_that_it_is_in_is_sent_what_is_emitted_from_then_on() {
    explore(2, || {
        let io = SocketIo::new();
        let (main, sid, socket) = undecided(&io);
        let deciding = decide(&socket);
        let welcome = block_on(answer(&io, &sid, Method::GET, ""));
        assert!(welcome.starts_with("40"), "{welcome}");
        main.emit("news", ());
        deciding.join().unwrap();
        let news = at_once(answer(&io, &sid, Method::GET, ""));
        assert!(news.is_some_and(|news| news.contains("news")));
        close(&socket);
    });
}

#[test]
fn a_client_that_asks_again_as_it_is_let_in_is_told_with_the_same_words_if_twice() {
    explore(2, || {
        let recovery = ConnectionStateRecovery::new();
        let io = SocketIo::builder()
            .connection_state_recovery(recovery)
            .build()
            .unwrap();
        let (main, sid, socket) = undecided(&io);
        let deciding = decide(&socket);
        assert_eq!(block_on(answer(&io, &sid, Method::POST, "40")), "ok");
        deciding.join().unwrap();
        assert_eq!(main.len(), 1);
        let told = request(&io, &sid, Method::GET, "");
        let told: Vec<_> = told.split('\x1e').collect();
        assert!(
            told[0].contains("pid") && told.iter().all(|packet| *packet == told[0]),
            "{told:?}"
        );
        close(&socket);
    });
}

#[test]
fn a_client_that_leaves_as_a_question_is_answered_is_out_whichever_comes_first() {
    explore(2, || {
        let io = SocketIo::new();
        let _main = io.sockets();
        let room = io.of("/room");
        let client = Client::connect(&io);
        let asking = client.socket.client().clone();
        let question = asking.begin_question("/room", None, 5);
        let question = question.expect("there is a place");
        let namespace = io.namespace("/room").expect("it is there");
        let answering = thread::spawn(move || asking.connect_after(Some(question), namespace, None));
        assert_eq!(block_on(answer(&io, &client.sid, Method::POST, "41/room,")), "ok");
        answering.join().unwrap();
        assert!(room.is_empty());
        assert!(at_once(io.leaving().none()).is_some());
        close(&client.socket);
    });
}
