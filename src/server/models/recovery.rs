//! Sessions whose connection is lost and that are resumed while others emit, in every order.

use std::sync::{Arc, OnceLock};

use http::Method;

use super::{Client, answer, at_once, request};
use crate::{
    packet::JsonText,
    server::{self, DisconnectReason, Socket, SocketIo, client::Repeated, recovery::ConnectionStateRecovery},
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

/// Asks for a session over a new connection, whose id it gives back.
fn ask(io: &SocketIo, pid: &str, received: &Received) -> String {
    let sid = super::open(io);
    let connect = format!("40{{\"pid\":\"{pid}\",\"offset\":\"{}\"}}", received.offset);
    assert_eq!(request(io, &sid, Method::POST, connect), "ok");
    sid
}

/// A client that is about to ask for a session of `/`: it is in another namespace by now.
fn elsewhere(io: &SocketIo) -> (String, server::Client) {
    let other = io.of("/other");
    let sid = super::open(io);
    assert_eq!(request(io, &sid, Method::POST, "40/other,"), "ok");
    (sid, other.sockets().remove(0).client().clone())
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
            let sid = ask(&io, &pid, &received);
            emitting.join().unwrap();
            let answer = request(&io, &sid, Method::GET, "");
            received.add(&answer);
            assert_eq!(received.numbers, [0, 1, 2, 3]);
            assert!(answer.contains(&pid), "{answer}");
        });
    }
}

#[test]
fn a_session_that_is_asked_for_twice_is_neither_lost_nor_given_out_twice() {
    // Its connection ends while the middlewares decide, or isn't known to have ended when the next one is there.
    for is_noticed in [true, false] {
        explore(2, move || {
            let recovery = ConnectionStateRecovery::new().skip_middlewares(false);
            let io = SocketIo::builder().connection_state_recovery(recovery);
            let io = io.build().unwrap();
            let first = Arc::new(OnceLock::new());
            let asking = first.clone();
            let main = io.sockets().middleware(async move |socket: Socket| {
                if socket.recovered() && asking.set(socket).is_ok() {
                    // Its verdict comes from elsewhere.
                    std::future::pending::<()>().await;
                }
                Ok::<_, crate::ConnectError>(())
            });
            let (client, welcome) = Client::connect_and_read(&io);
            let pid = welcome.split('"').nth(7).unwrap().to_owned();
            let mut received = Received::default();
            main.emit("news", 0);
            received.add(&client.poll());
            assert_eq!(client.poll_and_leave(), None);
            main.emit("news", 1);
            let second = ask(&io, &pid, &received);
            let socket: Socket = first.get().cloned().unwrap();
            let deciding = thread::spawn(move || socket.admitted());
            let next = if is_noticed {
                second
            } else {
                ask(&io, &pid, &received)
            };
            // Until there is nothing more, and it has gone.
            while let Some(packets) = at_once(answer(&io, &next, Method::GET, "")) {
                received.add(&packets);
            }
            deciding.join().unwrap();
            if is_noticed {
                assert_eq!((main.waiting_sessions(), main.len()), (1, 0));
            }
            let last = ask(&io, &pid, &received);
            let answer = request(&io, &last, Method::GET, "");
            received.add(&answer);
            assert_eq!(received.numbers, [0, 1]);
            assert!(answer.contains(&pid), "{answer}");
            assert_eq!(main.len(), 1);
            // Not even who met it when its connect handlers were to start has begun anew.
            assert_eq!(main.waiting_sessions(), 0);
        });
    }
}

#[test]
fn a_client_that_is_back_as_its_socket_leaves_gets_its_session_or_is_told_when_it_can() {
    explore(2, || {
        let io = SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new());
        let io = io.build().unwrap();
        let main = io.sockets();
        let (client, welcome) = Client::connect_and_read(&io);
        let pid = welcome.split('"').nth(7).unwrap().to_owned();
        let (_, next) = elsewhere(&io);
        let socket = client.socket.clone();
        let leaving = thread::spawn(move || socket.depart(DisconnectReason::TransportClose));
        let auth = JsonText::checked(&format!("{{\"pid\":\"{pid}\"}}"));
        let ask = || next.claim(main.inner(), next.asks_for(main.inner(), auth.as_ref()));
        let claimed = ask();
        leaving.join().unwrap();
        let claimed = claimed.or_else(|left| {
            assert_eq!(at_once(left), Some(Ok(())));
            ask()
        });
        assert!(matches!(claimed, Ok(Some(_))));
        // It is there, and given out.
        assert_eq!((main.len(), main.waiting_sessions()), (0, 0));
    });
}

/// What it has waited for has come to pass, for both, or for the one before the other.
#[test]
fn a_client_that_asks_for_its_session_twice_at_once_gets_that_and_all_that_it_missed() {
    for is_asked_anew in [false, true] {
        explore(2, move || {
            let io = SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new());
            let io = io.build().unwrap();
            let main = io.sockets();
            let (client, welcome) = Client::connect_and_read(&io);
            let pid = welcome.split('"').nth(7).unwrap().to_owned();
            let mut received = Received::default();
            main.emit("news", 0);
            received.add(&client.poll());
            assert_eq!(client.poll_and_leave(), None);
            main.emit("news", 1);
            let (sid, next) = elsewhere(&io);
            let auth = JsonText::checked(&format!(
                "{{\"pid\":\"{pid}\",\"offset\":\"{}\"}}",
                received.offset
            ));
            let ask = |is_asked_before: bool| {
                let question = is_asked_before.then(|| next.begin_question("/", auth.as_ref(), 0).unwrap());
                let (next, main, auth) = (next.clone(), main.inner().clone(), auth.clone());
                move || next.connect_after(question, main, auth)
            };
            let (first, second) = (ask(true), ask(!is_asked_anew));
            let first = thread::spawn(first);
            second();
            first.join().unwrap();
            let answer = request(&io, &sid, Method::GET, "");
            received.add(&answer);
            assert_eq!(received.numbers, [0, 1]);
            assert!(answer.contains(&pid), "{answer}");
            assert_eq!((main.len(), main.waiting_sessions()), (1, 0));
        });
    }
}

#[test]
fn what_a_client_says_as_it_is_being_given_its_session_is_what_it_is_asked_about() {
    explore(2, || {
        let io = SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new());
        let io = io.build().unwrap();
        let main = io.sockets();
        let (client, welcome) = Client::connect_and_read(&io);
        let pid = welcome.split('"').nth(7).unwrap().to_owned();
        assert_eq!(client.poll_and_leave(), None);
        let (_, next) = elsewhere(&io);
        let [first, second] = [1, 2].map(|n| JsonText::checked(&format!("{{\"pid\":\"{pid}\",\"n\":{n}}}")));
        let [mut earlier, mut later] =
            [&first, &second].map(|auth| next.begin_question("/", auth.as_ref(), 0).ok());
        // It is asked about the first, and hasn't its place yet.
        let repeated = next.repeats(&mut earlier, main.inner(), first.as_ref(), true);
        assert_eq!(repeated, Repeated::No);
        let repeated = next.repeats(&mut later, main.inner(), second.as_ref(), true);
        assert_eq!(repeated, Repeated::Later);
        next.connect_after(earlier, main.inner().clone(), first);
        let socket = main.sockets().remove(0);
        assert!(socket.recovered());
        let auth: serde_json::Value = socket.handshake().auth().unwrap();
        assert_eq!(auth["n"], 2);
    });
}

#[test]
fn who_is_let_in_as_others_emit_gets_nothing_without_an_offset() {
    explore(2, || {
        let io = SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new());
        let io = io.build().unwrap();
        let (main, sid, socket) = super::undecided(&io);
        socket.join("hall");
        let deciding = thread::spawn(move || socket.admitted());
        main.to("hall").emit("news", 1);
        deciding.join().unwrap();
        main.to("hall").emit("news", 2);
        let answer = request(&io, &sid, Method::GET, "");
        let events: Vec<_> = answer
            .split('\x1e')
            .filter(|packet| packet.starts_with("42"))
            .collect();
        assert!(
            events.iter().all(|event| event.split(',').count() == 3),
            "{answer}"
        );
        assert!(!events.is_empty());
    });
}

#[test]
fn who_knows_that_it_is_connected_hears_what_is_emitted_then() {
    explore(2, || {
        let io = SocketIo::builder().connection_state_recovery(ConnectionStateRecovery::new());
        let io = io.build().unwrap();
        let (main, sid, socket) = super::undecided(&io);
        let deciding = thread::spawn(move || socket.admitted());
        // It doesn't wait for it, and has gone if there is none yet.
        let welcome = at_once(answer(&io, &sid, Method::GET, ""));
        if welcome.is_some() {
            main.emit("news", 1);
        }
        deciding.join().unwrap();
        if let Some(welcome) = welcome {
            assert!(welcome.starts_with("40"), "{welcome}");
            assert_eq!(news(&request(&io, &sid, Method::GET, "")).0, [1]);
        }
    });
}
