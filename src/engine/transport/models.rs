//! A client that polls, moves to a WebSocket, or has to wait until it is listened to, while others send, in every order.
//!
//! As in the models of the WebSocket a wake-up that is lost is a model that never ends, and a "deadlock" for loom.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};

use super::{
    poll::HeldPoll,
    push::Push,
    websocket::{Opening, begin, models::wire::Wire},
};
use crate::{
    Protocol,
    engine::{
        Acceptor, CloseReason, Config, Connection, Engine, HEADROOM, Handshake, Outgoing, Receiver,
        Transport, clock, connection::PollingFormat,
    },
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize},
        block_on, explore, thread,
    },
};

/// What the client says over the WebSocket: frames under a mask of zeros.
const PROBE: &[u8] = b"\x81\x86\0\0\0\x002probe";
const UPGRADE: &[u8] = b"\x81\x81\0\0\0\x005";
const MESSAGE: &[u8] = b"\x81\x82\0\0\0\x004w";

/// The upper half, of the engine and of its connection.
#[derive(Clone, Default)]
struct Upper(Arc<State>);

#[derive(Default)]
struct State {
    /// Until it is asked for.
    connection: Mutex<Option<Connection>>,
    heard: Mutex<Vec<String>>,
    ends: AtomicUsize,
    /// It wants no message.
    full: AtomicBool,
}

impl Acceptor for Upper {
    fn accept(&self, connection: &Connection) -> Arc<dyn Receiver> {
        *self.0.connection.lock().unwrap() = Some(connection.clone());
        Arc::new(self.clone())
    }
}

impl Receiver for Upper {
    fn on_text(&self, text: &str) {
        self.0.heard.lock().unwrap().push(text.to_owned());
    }

    fn on_binary(&self, _: Bytes) {}

    fn on_close(&self, _: CloseReason) {
        self.0.ends.fetch_add(1, Ordering::Relaxed);
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
        if self.0.full.load(Ordering::Acquire) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

/// An engine, and the handshake of a client.
fn engine() -> (Arc<Upper>, Engine, Handshake) {
    let upper = Arc::new(Upper::default());
    let acceptor: Arc<dyn Acceptor> = upper.clone();
    let engine = Engine::new(Config::default(), Arc::downgrade(&acceptor));
    let (parts, ()) = http::Request::new(()).into_parts();
    (upper, engine, Handshake::new(parts, None, false, UNIX_EPOCH))
}

/// A client that polls and has read the open packet.
fn connect() -> (Connection, Arc<Upper>) {
    let (upper, engine, handshake) = engine();
    let format = PollingFormat::default();
    let connection = engine.connect(Transport::Polling, Protocol::V4, handshake, format, None);
    let connection = connection.unwrap();
    upper.0.connection.lock().unwrap().take();
    assert!(get(&connection).unwrap()[0].starts_with('0'));
    (connection, upper)
}

/// The packets of the answer to a GET, which waits for them; `None` if it is refused.
fn get(connection: &Connection) -> Option<Vec<String>> {
    let mut held = HeldPoll::new(connection.clone(), None, http::Version::HTTP_11).ok()?;
    let answer = block_on(poll_fn(|cx| held.poll(cx)));
    let body = block_on(answer.into_body().collect()).unwrap().to_bytes();
    let packets = std::str::from_utf8(&body).unwrap().split('\x1e');
    Some(packets.map(str::to_owned).collect())
}

/// What a client gets while it polls: until its WebSocket has been answered, and no GET is under way.
fn poll_until_probed(connection: &Connection, wire: &Wire) -> Vec<String> {
    let mut got = Vec::new();
    while wire.written() == 0 {
        got.extend(get(connection).unwrap());
        if got.last().is_some_and(|packet| packet == "6") {
            block_on(poll_fn(|cx| wire.poll_written(1, cx)));
        }
    }
    got
}

/// A POST that has arrived, with this body.
fn post(connection: &Connection, body: &'static str) -> impl Future<Output = ()> + use<> {
    let push = Push::new(connection.clone(), &HeaderMap::new());
    let mut push = push.unwrap_or_else(|_| panic!("the POST is refused"));
    let mut body = Full::new(Bytes::from_static(body.as_bytes()));
    poll_fn(move |cx| push.poll(Pin::new(&mut body), cx).map(drop))
}

fn send(connection: &Connection, text: &str) -> bool {
    let mut packet = [&[0; HEADROOM], text.as_bytes()].concat();
    connection
        .send(Outgoing::new(&mut packet, Vec::new(), false))
        .is_ok()
}

/// A thread that sends these.
fn sender(connection: &Connection, texts: &'static [&'static str]) -> thread::JoinHandle<()> {
    let connection = connection.clone();
    thread::spawn(move || {
        for text in texts {
            assert!(send(&connection, text));
        }
    })
}

/// The driver of a WebSocket whose client has said this.
fn websocket(opening: Opening, wire: &Wire, said: &[u8]) -> impl Future<Output = ()> + Send + use<> {
    let (reader, writer) = wire.halves();
    begin(tokio::io::join(reader, writer), said, opening, false, None).unwrap()
}

/// Runs the driver until the upper half has heard this and no more.
fn run_until_heard(driver: impl Future<Output = ()>, upper: &Upper, expected: &[&str]) {
    let mut driver = pin!(driver);
    block_on(poll_fn(|cx| {
        assert!(driver.as_mut().poll(cx).is_pending(), "the driver has ended");
        let heard = upper.0.heard.lock().unwrap();
        match heard.len() == expected.len() {
            true => Poll::Ready(assert_eq!(*heard, expected)),
            false => Poll::Pending,
        }
    }));
}

/// Each of these once, `first` before `then`.
fn assert_once_and_in_order(got: &[&str], all: &[&str], [first, then]: [&str; 2]) {
    let mut sorted = got.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, all);
    let at = |text| got.iter().position(|packet| *packet == text);
    assert!(at(first) < at(then), "{got:?}");
}

#[test]
fn what_is_sent_while_a_get_comes_and_waits_leaves_with_it_or_with_the_next() {
    explore(2, || {
        let (connection, _upper) = connect();
        let tick = connection.lock().scheduled.unwrap();
        let time = connection.clone();
        let time = thread::spawn(move || {
            time.handle_timeout(clock::now() + Duration::from_secs(25), tick);
            assert!(send(&time, "c"));
        });
        let threads = [sender(&connection, &["a", "b"]), time];
        let mut got = Vec::new();
        while got.len() < 4 {
            got.extend(get(&connection).unwrap());
        }
        let got: Vec<_> = got.iter().map(String::as_str).collect();
        assert_once_and_in_order(&got, &["2", "4a", "4b", "4c"], ["4a", "4b"]);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn what_waits_for_the_end_of_a_hold_leaves_with_the_get_that_waits() {
    explore(2, || {
        let (connection, _upper) = connect();
        let holds = connection.clone();
        let holds = thread::spawn(move || {
            let _hold = holds.hold();
            assert!(send(&holds, "a") && send(&holds, "b"));
        });
        assert_eq!(get(&connection).unwrap(), ["4a", "4b"]);
        holds.join().unwrap();
    });
}

#[test]
fn who_waits_for_a_client_that_polls_to_have_everything_is_told() {
    explore(2, || {
        let (connection, _upper) = connect();
        let waits = connection.clone();
        let waits = thread::spawn(move || {
            assert!(send(&waits, "a"));
            block_on(waits.writable());
        });
        assert_eq!(get(&connection).unwrap(), ["4a"]);
        waits.join().unwrap();
    });
}

#[test]
fn a_get_that_meets_the_end_is_answered_with_all_that_was_taken_to_be_sent() {
    for at_once in [false, true] {
        explore(2, move || {
            let (connection, upper) = connect();
            let (sending, closing) = (connection.clone(), connection.clone());
            let sending = thread::spawn(move || send(&sending, "a"));
            let closing = thread::spawn(move || match at_once {
                false => closing.close_with(CloseReason::ForcedClose),
                true => closing.fail(CloseReason::PingTimeout),
            });
            let mut got = Vec::new();
            while let Some(packets) = get(&connection) {
                got.extend(packets);
            }
            let taken = sending.join().unwrap();
            closing.join().unwrap();
            assert_eq!(upper.0.ends.load(Ordering::Relaxed), 1);
            // Whoever ends a session at once throws away what is queued, and refuses the GET that comes then.
            let got = got.contains(&"4a".to_owned());
            assert!(got == taken || at_once && !got);
        });
    }
}

#[test]
fn what_is_sent_during_an_upgrade_leaves_once_and_in_order() {
    explore(2, || {
        let (connection, _upper) = connect();
        let wire = Wire::new();
        let mut driver = pin!(websocket(Opening::Probe(connection.clone()), &wire, PROBE));
        let polled = Arc::new(Mutex::new(None));
        let client = {
            let (connection, wire, polled) = (connection.clone(), wire.clone(), polled.clone());
            thread::spawn(move || {
                let packets = poll_until_probed(&connection, &wire);
                *polled.lock().unwrap() = Some(packets);
                wire.say(UPGRADE);
            })
        };
        let sending = sender(&connection, &["a", "b"]);
        let got = block_on(poll_fn(|cx| {
            assert!(driver.as_mut().poll(cx).is_pending(), "the driver has ended");
            let Some(mut got) = polled.lock().unwrap().clone() else {
                return Poll::Pending;
            };
            got.extend(wire.frames().into_iter().map(|(_, packet)| packet));
            got.retain(|packet| packet.starts_with('4'));
            if got.len() < 2 {
                Poll::Pending
            } else {
                Poll::Ready(got)
            }
        }));
        assert_eq!(got, ["4a", "4b"]);
        client.join().unwrap();
        sending.join().unwrap();
        // Whoever waits for it does so no more.
        connection.fail(CloseReason::TransportClose);
    });
}

#[test]
fn a_post_that_is_being_read_is_heard_before_the_websocket() {
    explore(2, || {
        let (connection, upper) = connect();
        let post = post(&connection, "4p");
        let post = thread::spawn(move || block_on(post));
        let wire = Wire::new();
        let driver = websocket(Opening::Probe(connection), &wire, &[UPGRADE, MESSAGE].concat());
        run_until_heard(driver, &upper, &["p", "w"]);
        post.join().unwrap();
    });
}

#[test]
fn a_receiver_that_becomes_ready_is_read_for() {
    explore(2, || {
        let (upper, engine, handshake) = engine();
        upper.0.full.store(true, Ordering::Relaxed);
        let opening = Opening::Handshake(engine, Protocol::V4, handshake, None);
        let driver = websocket(opening, &Wire::new(), MESSAGE);
        let (resuming, ready) = (upper.0.connection.lock().unwrap().take().unwrap(), upper.clone());
        let ready = thread::spawn(move || {
            ready.0.full.store(false, Ordering::Release);
            resuming.resume();
        });
        run_until_heard(driver, &upper, &["w"]);
        ready.join().unwrap();
    });
}

#[test]
fn a_post_that_waits_for_its_receiver_ends_with_the_session() {
    for at_once in [false, true] {
        explore(2, move || {
            let (connection, upper) = connect();
            upper.0.full.store(true, Ordering::Relaxed);
            let post = post(&connection, "4p");
            let post = thread::spawn(move || block_on(post));
            match at_once {
                false => connection.close_with(CloseReason::ForcedClose),
                true => connection.fail(CloseReason::PingTimeout),
            }
            post.join().unwrap();
            assert_eq!(upper.0.ends.load(Ordering::Relaxed), usize::from(at_once));
            assert!(upper.0.heard.lock().unwrap().is_empty());
        });
    }
}
