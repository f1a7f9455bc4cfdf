//! The outbox, the driver that goes to rest, and the threads that write past it, in every order.
//!
//! A model ends when all that was sent has been written. If a wake-up is lost it never ends, and loom says so: "deadlock".

pub(in crate::engine::transport) mod wire;

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::UNIX_EPOCH,
};

use bytes::Bytes;

use self::wire::Wire;
use super::{Opening, begin, io::Io};
use crate::{
    Protocol,
    engine::{
        Acceptor, CloseReason, Config, Connection, Cork, Engine, HEADROOM, Handshake, Outgoing, Receiver,
    },
    sync::{
        Mutex, block_on, explore,
        thread::{self, JoinHandle},
    },
};

/// So much room that nothing blocks.
const ROOM: usize = usize::MAX;

/// What the client sends: frames under a mask of zeros.
const PING: &[u8] = b"\x89\x81\0\0\0\0!";
const MESSAGE: &[u8] = b"\x81\x82\0\0\0\x004?";
const CLOSE: &[u8] = b"\x88\x80\0\0\0\0";

/// Frames in the order in which one thread sent them: opcode and payload.
type Frames = &'static [(u8, &'static str)];

const TEXT: u8 = 1;
const PONG: u8 = 10;

/// The upper half of a connection, which answers every message.
struct Upper(Connection);

/// The upper half of the engine, and the connection that it was told of.
#[derive(Default)]
struct Server(Mutex<Option<Connection>>);

impl Acceptor for Server {
    fn accept(&self, connection: &Connection) -> Arc<dyn Receiver> {
        *self.0.lock().unwrap() = Some(connection.clone());
        Arc::new(Upper(connection.clone()))
    }
}

impl Receiver for Upper {
    fn on_text(&self, _: &str) {
        send(&self.0, "answer");
    }

    fn on_binary(&self, _: Bytes) {}

    fn on_close(&self, _: CloseReason) {}
}

/// A WebSocket whose client has read the open packet, with its driver at rest.
struct Model {
    wire: Wire,
    connection: Connection,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Model {
    /// With a socket, whose writing half the driver lends, or another stream, whose it doesn't.
    fn new(lends: bool) -> Self {
        let server = Arc::new(Server::default());
        let acceptor: Arc<dyn Acceptor> = server.clone();
        let engine = Engine::new(Config::default(), Arc::downgrade(&acceptor));
        let (parts, ()) = http::Request::new(()).into_parts();
        let handshake = Handshake::new(parts, None, false, UNIX_EPOCH);
        let opening = Opening::Handshake(engine, Protocol::V4, handshake, None);
        let wire = Wire::new();
        let (reader, writer) = wire.halves();
        let driver: Pin<Box<dyn Future<Output = ()> + Send>> = if lends {
            Box::pin(begin(Io::of_halves(reader, writer), &[], opening, false, None).unwrap())
        } else {
            Box::pin(begin(tokio::io::join(reader, writer), &[], opening, false, None).unwrap())
        };
        let connection = server.0.lock().unwrap().take().unwrap();
        Self {
            wire,
            connection,
            driver,
        }
    }

    /// Runs the driver, from its first rest on beside the threads that `start` starts, until `done` or until it ends.
    fn run(
        &mut self,
        room: usize,
        start: impl FnOnce(&Connection, &Wire) -> Vec<JoinHandle<()>>,
        mut done: impl FnMut(&Wire, &Context<'_>) -> Poll<()>,
    ) {
        let (mut start, mut threads) = (Some(start), Vec::new());
        let mut driver = pin!(&mut self.driver);
        block_on(std::future::poll_fn(|cx| {
            if driver.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if let Some(start) = start.take() {
                self.wire.restart(room);
                threads = start(&self.connection, &self.wire);
            }
            done(&self.wire, cx)
        }));
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

/// In every order, all frames of these lists are written: each once, whole, and in the order of its list.
fn all_are_written(
    lends: bool,
    room: usize,
    lists: &'static [Frames],
    start: impl Fn(&Connection, &Wire) -> Vec<JoinHandle<()>> + Send + Sync + 'static,
) {
    explore(2, move || {
        let mut model = Model::new(lends);
        let length = lists.concat().iter().map(|(_, text)| text.len() + 2).sum();
        model.run(room, &start, |wire, cx| wire.poll_written(length, cx));
        let frames = model.wire.frames();
        for list in lists {
            let positions = list.iter().map(|(opcode, text)| {
                let is_it = |frame: &(u8, String)| frame.0 == *opcode && frame.1 == *text;
                frames.iter().position(is_it)
            });
            let positions: Option<Vec<_>> = positions.collect();
            assert!(
                positions.is_some_and(|positions| positions.is_sorted()),
                "{frames:?}"
            );
        }
        assert_eq!(model.wire.written(), length, "{frames:?}");
    });
}

fn send(connection: &Connection, text: &str) {
    let mut packet = [&[0; HEADROOM], text.as_bytes()].concat();
    // A session that has ended takes none; whether it may have, the model knows.
    let _ = connection.send(Outgoing::new(&mut packet, Vec::new(), false));
}

/// A thread whose handler sends these.
fn corked(connection: &Connection, texts: &'static [&'static str]) -> JoinHandle<()> {
    let connection = connection.clone();
    thread::spawn(move || {
        let _cork = Cork::new();
        texts.iter().for_each(|text| send(&connection, text));
    })
}

/// A thread that sends these and has all of the connection wait meanwhile.
fn holding(connection: &Connection, texts: &'static [&'static str]) -> JoinHandle<()> {
    let connection = connection.clone();
    thread::spawn(move || {
        let _hold = connection.hold();
        texts.iter().for_each(|text| send(&connection, text));
    })
}

/// A thread outside of any handler that sends this.
fn uncorked(connection: &Connection, text: &'static str) -> JoinHandle<()> {
    let connection = connection.clone();
    thread::spawn(move || send(&connection, text))
}

/// The client, which says this and then reads.
fn client(wire: &Wire, said: &'static [u8]) -> JoinHandle<()> {
    let wire = wire.clone();
    thread::spawn(move || {
        wire.say(said);
        wire.drain();
    })
}

#[test]
fn what_is_sent_while_the_driver_goes_to_rest_is_written() {
    for lends in [false, true] {
        all_are_written(
            lends,
            ROOM,
            &[&[(TEXT, "4a")], &[(TEXT, "4b")]],
            |connection, _| vec![uncorked(connection, "a"), uncorked(connection, "b")],
        );
    }
}

#[test]
fn what_is_written_past_the_driver_and_by_it_keeps_the_order_of_each_thread() {
    let lists: &[Frames] = &[&[(TEXT, "4a"), (TEXT, "4b")], &[(TEXT, "4c")]];
    all_are_written(true, ROOM, lists, |connection, _| {
        vec![corked(connection, &["a", "b"]), uncorked(connection, "c")]
    });
}

#[test]
fn two_threads_with_corks_lose_nothing_to_each_other() {
    let lists: &[Frames] = &[&[(TEXT, "4a"), (TEXT, "4b")], &[(TEXT, "4c")]];
    all_are_written(true, ROOM, lists, |connection, _| {
        vec![corked(connection, &["a", "b"]), corked(connection, &["c"])]
    });
}

#[test]
fn what_waits_for_the_end_of_a_hold_is_written_then() {
    for lends in [false, true] {
        let lists: &[Frames] = &[&[(TEXT, "4a"), (TEXT, "4b")], &[(TEXT, "4c")]];
        all_are_written(lends, ROOM, lists, |connection, _| {
            vec![holding(connection, &["a", "b"]), corked(connection, &["c"])]
        });
        let lists: &[Frames] = &[&[(TEXT, "4answer")], &[(TEXT, "4a")]];
        all_are_written(lends, ROOM, lists, |connection, wire| {
            vec![client(wire, MESSAGE), holding(connection, &["a"])]
        });
    }
}

#[test]
fn a_handlers_answer_meets_what_others_send() {
    let lists: &[Frames] = &[&[(TEXT, "4answer")], &[(TEXT, "4a"), (TEXT, "4b")]];
    all_are_written(true, ROOM, lists, |connection, wire| {
        vec![client(wire, MESSAGE), corked(connection, &["a", "b"])]
    });
}

#[test]
fn what_a_full_socket_has_taken_in_part_is_finished_by_the_driver() {
    let lists: &[Frames] = &[&[(TEXT, "4a"), (TEXT, "4b")]];
    all_are_written(true, 5, lists, |connection, wire| {
        vec![corked(connection, &["a", "b"]), client(wire, b"")]
    });
}

#[test]
fn a_pong_does_not_cut_a_frame_that_another_thread_has_begun() {
    all_are_written(true, 3, &[&[(TEXT, "4a")], &[(PONG, "!")]], |connection, wire| {
        vec![corked(connection, &["a"]), client(wire, PING)]
    });
}

#[test]
fn a_pong_behind_a_frame_that_has_begun_lets_go_of_nothing_that_is_held() {
    let lists: &[Frames] = &[&[(TEXT, "4a"), (TEXT, "4b")], &[(PONG, "!")]];
    // Which the first frame and the pong have.
    let before = "..4a".len() + "..!".len();
    all_are_written(true, 3, lists, move |connection, wire| {
        let (sender, written) = (connection.clone(), wire.clone());
        let holding = thread::spawn(move || {
            let cork = Cork::new();
            send(&sender, "a");
            drop(cork);
            let _hold = sender.hold();
            send(&sender, "b");
            assert!(written.written() <= before, "what is held is on the wire");
        });
        vec![holding, client(wire, PING)]
    });
}

#[test]
fn who_waits_for_the_outbox_to_be_empty_is_told() {
    let lists: &[Frames] = &[&[(TEXT, "4a")], &[(TEXT, "4b")]];
    all_are_written(true, ROOM, lists, |connection, _| {
        let waits = connection.clone();
        let waits = thread::spawn(move || {
            send(&waits, "b");
            block_on(waits.writable());
        });
        vec![corked(connection, &["a"]), waits]
    });
}

#[test]
fn the_close_frame_comes_after_whole_frames_and_nothing_after_it() {
    // Until the client reads, which it does before it leaves, there is room for all, or for half of a frame.
    for room in [ROOM, 3] {
        explore(2, move || {
            let mut model = Model::new(true);
            let start = |connection: &Connection, wire: &Wire| {
                let wire = wire.clone();
                let leaving = thread::spawn(move || {
                    wire.drain();
                    wire.say(CLOSE);
                });
                vec![corked(connection, &["a", "b"]), leaving]
            };
            model.run(room, start, |_, _| Poll::Pending);
            let frames = model.wire.frames();
            let payloads: Vec<_> = frames.iter().map(|(_, payload)| &**payload).collect();
            assert!(
                [&[""][..], &["4a", ""], &["4a", "4b", ""]].contains(&&payloads[..]),
                "{frames:?}"
            );
        });
    }
}
