//! Sockets that join, leave and depart while others send to their rooms, in every order.

mod acknowledgements;
mod again;
mod late;
mod pressure;
mod recovery;
mod starting;

use std::{
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};

use crate::{
    server::{ConnectError, Namespace, Socket, SocketIo, client::Again},
    sync::{explore, thread},
};

/// A client that polls, in the namespace `/`.
struct Client {
    io: SocketIo,
    sid: String,
    socket: Socket,
}

impl Client {
    fn connect(io: &SocketIo) -> Self {
        Self::connect_and_read(io).0
    }

    /// Together with what it is told when it is connected.
    fn connect_and_read(io: &SocketIo) -> (Self, String) {
        let before = io.sockets().sockets();
        let sid = open(io);
        assert_eq!(request(io, &sid, Method::POST, "40"), "ok");
        let mut sockets = io.sockets().sockets();
        sockets.retain(|socket| !before.contains(socket));
        let client = Self {
            io: io.clone(),
            sid,
            socket: sockets.pop().unwrap(),
        };
        let welcome = client.poll();
        assert!(welcome.starts_with("40"));
        (client, welcome)
    }

    /// What the server has for it, which must be something: a client that gives a GET up ends its session.
    fn poll(&self) -> String {
        request(&self.io, &self.sid, Method::GET, "")
    }

    /// What the server has for it; if that is nothing, it gives its GET up and has gone.
    fn poll_and_leave(&self) -> Option<String> {
        at_once(answer(&self.io, &self.sid, Method::GET, ""))
    }

    /// How often it has been sent the event `news`.
    fn news(&self) -> usize {
        self.socket.emit("end", ());
        self.poll().matches("news").count()
    }
}

/// A new session's id.
fn open(io: &SocketIo) -> String {
    let open = request(io, "", Method::GET, "");
    open.split('"').nth(3).unwrap().to_owned()
}

/// A client that has asked for `/`, whose middleware never decides about that; about whatever comes after it decides at once, and lets it in.
fn undecided(io: &SocketIo) -> (Namespace, String, Socket) {
    let held = Arc::new(OnceLock::new());
    let holding = held.clone();
    let main = io.sockets().middleware(async move |socket: Socket| {
        if holding.set(socket).is_ok() {
            std::future::pending::<()>().await;
        }
        Ok::<_, ConnectError>(())
    });
    let sid = open(io);
    assert_eq!(request(io, &sid, Method::POST, "40"), "ok");
    let socket = held.get().cloned().expect("the middleware was asked");
    assert_eq!(socket.client().stays_in("/"), None);
    assert_eq!(socket.status(), super::socket::Status::Connecting);
    (main, sid, socket)
}

/// What a future has come to after one poll.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// The body of the answer to a request, which comes at once.
fn request(io: &SocketIo, sid: &str, method: Method, body: impl Into<Bytes>) -> String {
    at_once(answer(io, sid, method, body)).expect("there is no answer yet")
}

/// The body of the answer to a request.
fn answer<B: Into<Bytes>>(
    io: &SocketIo,
    sid: &str,
    method: Method,
    body: B,
) -> impl Future<Output = String> + use<B> {
    let sid = match sid {
        "" => String::new(),
        sid => format!("&sid={sid}"),
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("/socket.io/?EIO=4&transport=polling{sid}"))
        .body(Full::new(body.into()))
        .unwrap();
    let answer = io.engine().handle(request, None, false);
    async move {
        let body = answer.await.into_body().collect().await.unwrap();
        String::from_utf8(body.to_bytes().to_vec()).unwrap()
    }
}

#[test]
fn a_broadcast_reaches_who_stays_once_and_who_joins_or_leaves_at_most_once() {
    explore(2, || {
        let io = SocketIo::new();
        let [stays, joins, leaves] = [(); 3].map(|()| Client::connect(&io));
        // In this order, so that whoever leaves makes those behind it move up.
        leaves.socket.join("room");
        stays.socket.join("room");
        let (joining, leaving) = (joins.socket.clone(), leaves.socket.clone());
        let moving = thread::spawn(move || {
            leaving.leave("room");
            joining.join("room");
        });
        io.sockets().to("room").emit("news", ());
        moving.join().unwrap();
        assert_eq!(stays.news(), 1);
        assert!(joins.news() <= 1 && leaves.news() <= 1);
        io.sockets().to("room").emit("news", ());
        assert_eq!([stays.news(), joins.news(), leaves.news()], [1, 1, 0]);
    });
}

#[test]
fn a_join_that_meets_a_departure_leaves_no_trace() {
    explore(2, || {
        let io = SocketIo::new();
        let client = Client::connect(&io);
        let joining = client.socket.clone();
        let joining = thread::spawn(move || joining.join("room"));
        client.socket.disconnect(false);
        joining.join().unwrap();
        assert!(io.sockets().rooms().is_empty());
        assert_eq!(io.sockets().len(), 0);
        assert!(client.socket.rooms().is_empty());
    });
}

#[test]
fn a_socket_that_two_threads_send_away_departs_once() {
    explore(2, || {
        let io = SocketIo::new();
        let departures = Arc::new(AtomicUsize::new(0));
        let departed = departures.clone();
        io.sockets().on_disconnect(async move || {
            departed.fetch_add(1, Ordering::Relaxed);
        });
        let client = Client::connect(&io);
        let (away, sid) = (io.clone(), client.sid.clone());
        let away = thread::spawn(move || request(&away, &sid, Method::POST, "41"));
        client.socket.disconnect(false);
        assert_eq!(away.join().unwrap(), "ok");
        assert_eq!(departures.load(Ordering::Relaxed), 1);
        assert!(io.sockets().is_empty());
    });
}

#[test]
fn a_client_that_leaves_as_its_connection_ends_before_it_is_let_in_leaves_nothing_to_wait_for() {
    // The middleware never decides, or lets it in meanwhile.
    for is_let_in in [false, true] {
        explore(2, move || {
            let io = SocketIo::new();
            let (main, sid, socket) = undecided(&io);
            let (away, by) = (io.clone(), sid.clone());
            let leaving = thread::spawn(move || at_once(answer(&away, &by, Method::POST, "41")));
            let deciding = is_let_in.then(|| {
                let socket = socket.clone();
                thread::spawn(move || socket.admitted())
            });
            // Until there is nothing more, and it has gone.
            while at_once(answer(&io, &sid, Method::GET, "")).is_some() {}
            leaving.join().unwrap();
            if let Some(deciding) = deciding {
                deciding.join().unwrap();
            }
            assert!(at_once(io.leaving().none()).is_some());
            assert!(main.is_empty());
        });
    }
}

#[test]
fn a_client_that_leaves_as_the_middlewares_are_asked_again_is_not_let_in() {
    explore(2, || {
        let io = SocketIo::new();
        let (main, sid, socket) = undecided(&io);
        assert_eq!(request(&io, &sid, Method::POST, "40"), "ok");
        let (away, by) = (io.clone(), sid.clone());
        let leaving = thread::spawn(move || request(&away, &by, Method::POST, "41"));
        if let Some(next) = socket.admitted() {
            next.pass_middlewares();
        }
        assert_eq!(leaving.join().unwrap(), "ok");
        assert!(main.is_empty());
    });
}

/// What it asked for anew waits for the last socket of its session.
#[test]
fn a_client_that_leaves_as_it_begins_to_wait_for_its_session_is_not_let_in() {
    explore(2, || {
        let io = SocketIo::new();
        let (_main, sid, socket) = undecided(&io);
        assert_eq!(request(&io, &sid, Method::POST, "40"), "ok");
        let leaving = thread::spawn(move || request(&io, &sid, Method::POST, "41"));
        let client = socket.client();
        let asked = client.take_place(&socket, Box::new(Again { auth: None }));
        socket.discard();
        assert_eq!(leaving.join().unwrap(), "ok");
        assert!(asked.is_none_or(|(question, _)| !question.is_wanted()));
    });
}
