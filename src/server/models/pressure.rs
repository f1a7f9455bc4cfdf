//! Handlers that end while their client waits to be listened to, in every order.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::Method;

use super::{Client, answer};
use crate::{
    server::{SocketIo, in_flight::Flight},
    sync::{block_on, explore, thread},
};

#[test]
fn a_client_that_is_not_listened_to_is_when_its_handlers_have_ended() {
    explore(2, || {
        let io = SocketIo::builder().max_events_in_flight(2).build().unwrap();
        let heard = Arc::new(AtomicUsize::new(0));
        let hearing = heard.clone();
        io.sockets().on("news", async move || {
            hearing.fetch_add(1, Ordering::Relaxed);
        });
        let client = Client::connect(&io);
        // One handler ends while another begins, and ends too: the first may say that there is room before the other says that
        // there is none.
        let first = Flight::of_event(&client.socket);
        let socket = client.socket.clone();
        let threads = [
            thread::spawn(move || drop(first)),
            thread::spawn(move || drop(Flight::of_event(&socket))),
        ];
        let posted = answer(&io, &client.sid, Method::POST, "42[\"news\"]");
        assert_eq!(block_on(posted), "ok");
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        // Whoever waits for it does so no more.
        client.socket.connection().close_now();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
