//! Sessions whose connection is lost and that are resumed while others emit, in every order.

use http::Method;

use super::{Client, request};
use crate::{
    server::{SocketIo, recovery::ConnectionStateRecovery},
    sync::{explore, thread},
};

/// The numbers of the events `news` in an answer, in its order, and the offset of the last one.
fn news(answer: &str) -> (Vec<u32>, Option<&str>) {
    // Not `contains`: ids are random letters, and once in a few hundred thousand they spell it.
    let events = answer
        .split('\x1e')
        .filter(|packet| packet.starts_with("42[\"news\""));
    let fields: Vec<Vec<_>> = events
        .map(|event| event.split(['"', ',', ']']).collect())
        .collect();
    let numbers = fields.iter().map(|fields| fields[3].parse().unwrap()).collect();
    (numbers, fields.last().map(|fields| fields[5]))
}

/// What a client has received, and where it would go on.
#[derive(Default)]
struct Received {
    numbers: Vec<u32>,
    offset: String,
}

impl Received {
    fn add(&mut self, answer: &str) {
        let (numbers, offset) = news(answer);
        self.numbers.extend(numbers);
        self.offset = offset.map_or_else(|| self.offset.clone(), str::to_owned);
    }
}

#[test]
fn what_is_emitted_while_a_session_is_lost_and_resumed_arrives_once_and_in_order() {
    // The server has heard of the loss before its client is back, or hears of it from the client.
    for is_noticed in [true, false] {
        explore(2, move || {
            let io = SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new());
            let io = io.build().unwrap();
            let (client, welcome) = Client::connect_and_read(&io);
            let pid = welcome.split('"').nth(7).unwrap().to_owned();
            let mut received = Received::default();
            io.sockets().emit("news", 0);
            received.add(&client.poll());
            let (emitting, socket) = (io.clone(), client.socket.clone());
            let emitting = thread::spawn(move || {
                emitting.sockets().emit("news", 1);
                socket.emit("news", 2);
                emitting.sockets().emit("news", 3);
            });
            if is_noticed && let Some(packets) = client.poll_and_leave() {
                received.add(&packets);
            }
            let sid = super::open(&io);
            let connect = format!("40{{\"pid\":\"{pid}\",\"offset\":\"{}\"}}", received.offset);
            assert_eq!(request(&io, &sid, Method::POST, connect), "ok");
            emitting.join().unwrap();
            let answer = request(&io, &sid, Method::GET, "");
            received.add(&answer);
            assert_eq!(received.numbers, [0, 1, 2, 3]);
            assert!(answer.contains(&pid), "{answer}");
        });
    }
}
