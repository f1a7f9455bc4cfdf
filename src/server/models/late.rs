//! What is sent to a socket that meets its leave, and the CONNECT behind that, in every order.

use std::{
    future::Future as _,
    pin::pin,
    task::{Context, Waker},
};

use http::Method;

use super::{Client, answer, request};
use crate::{
    server::{AckSender, Socket, SocketIo},
    sync::{explore, thread},
};

type Send = fn(&SocketIo, &Socket);

/// Whatever is queued for the client of one socket, or of each in a room.
const SENDS: [Send; 7] = [
    |io, _| io.sockets().to("room").emit("late", ()),
    |io, _| io.sockets().to("room").volatile().emit("late", ()),
    |io, _| drop(io.sockets().to("room").emit_with_ack::<()>("late", ())),
    |_, socket| socket.emit("late", ()),
    |_, socket| socket.volatile().emit("late", ()),
    |_, socket| drop(socket.emit_with_ack::<()>("late", ())),
    |_, socket| AckSender::new(socket.clone(), 1).send("late"),
];

impl Client {
    /// Its GET is held meanwhile, so that what is volatile could go, too.
    fn hears_nothing_more_of(&self, sending: thread::JoinHandle<()>) -> bool {
        let mut held = pin!(answer(&self.io, &self.sid, Method::GET, ""));
        let mut cx = Context::from_waker(Waker::noop());
        let is_told = held.as_mut().poll(&mut cx).is_ready();
        sending.join().unwrap();
        !is_told && held.poll(&mut cx).is_pending()
    }
}

/// A client in the room, to which a thread sends.
fn sent_to(send: Send) -> (Client, thread::JoinHandle<()>) {
    let io = SocketIo::new();
    let client = Client::connect(&io);
    client.socket.join("room");
    let socket = client.socket.clone();
    (client, thread::spawn(move || send(&io, &socket)))
}

#[test]
fn nothing_comes_after_what_tells_a_client_that_it_was_sent_away() {
    for send in SENDS {
        explore(2, move || {
            let (client, sending) = sent_to(send);
            client.socket.disconnect(false);
            let told = client.poll();
            assert_eq!(told.split('\x1e').next_back(), Some("41"), "{told}");
            assert!(client.hears_nothing_more_of(sending));
        });
    }
}

#[test]
fn nothing_comes_to_the_next_socket_of_a_client_that_has_left() {
    for send in SENDS {
        explore(2, move || {
            let (client, sending) = sent_to(send);
            assert_eq!(request(&client.io, &client.sid, Method::POST, "41\x1e40"), "ok");
            let told = client.poll();
            let last = told.split('\x1e').next_back();
            assert!(last.is_some_and(|last| last.starts_with("40")), "{told}");
            assert!(client.hears_nothing_more_of(sending));
        });
    }
}
