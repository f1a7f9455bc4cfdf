//! The order of events whose handlers use tokio's channels and locks, which are pending now and then though there is nothing to wait for: when their
//! task has made as much progress as it may.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::extract::State;
use axum_socketio::{Namespace, Socket, SocketIo, extract::Data};
use tokio::sync::{RwLock, Semaphore};

use crate::{
    io,
    log::{Log, log},
    wire::{TestClient, TestServer},
};

/// So many that their tasks use their budgets up many times.
const EVENTS: u32 = 2000;

#[derive(Clone)]
struct Locked {
    log: Log,
    lock: Arc<RwLock<()>>,
    /// A handler that goes on and on may end.
    enough: Arc<AtomicBool>,
}

impl Locked {
    fn new(log: Log) -> Self {
        Self {
            log,
            lock: Arc::default(),
            enough: Arc::default(),
        }
    }

    /// Waits for nothing: nobody else has the lock to himself.
    async fn pass(&self) {
        for _ in 0..30 {
            drop(self.lock.read().await);
        }
    }
}

/// `n` is answered by a handler that takes locks, and then by one that takes none.
fn answering(namespace: Namespace, log: Log) -> Namespace<Locked> {
    namespace
        .with_state(Locked::new(log))
        .on(
            "n",
            async |socket: Socket, State(locked): State<Locked>, Data(n): Data<u32>| {
                locked.pass().await;
                socket.emit("first", n);
            },
        )
        .on("n", async |socket: Socket, Data(n): Data<u32>| {
            socket.emit("second", n);
        })
}

async fn expect_answers_in_order(io: &SocketIo) {
    let server = TestServer::start(io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client
            .send_at_once((0..EVENTS).map(|n| format!(r#"42["n",{n}]"#)))
            .await;
        for n in 0..EVENTS {
            client.expect(format!(r#"42["first",{n}]"#)).await;
            client.expect(format!(r#"42["second",{n}]"#)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_that_take_locks_and_do_not_wait_are_not_overtaken() {
    let (log, _heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = answering(main, log);
    expect_answers_in_order(&io).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_of_events_past_middlewares_that_take_locks_are_not_overtaken() {
    let (log, _heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = answering(main, log)
        .packet_middleware(async |State(locked): State<Locked>| locked.pass().await)
        .on_any(async |State(locked): State<Locked>| locked.pass().await);
    expect_answers_in_order(&io).await;
}

/// The events before it would have been heard if their handlers took no locks. Whoever leaves may come again at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_leave_is_heard_before_it() {
    const EVENTS: u32 = 60;

    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let _ = io
        .of("/work")
        .with_state(Locked::new(log))
        .on_connect(async |State(locked): State<Locked>| locked.log.say("comes"))
        .on("n", async |State(locked): State<Locked>, Data(n): Data<u32>| {
            locked.pass().await;
            locked.log.say(n);
        })
        .on_disconnect(async |State(locked): State<Locked>| locked.log.say("leaves"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        let round = |_| {
            let events = (0..EVENTS).map(|n| format!(r#"42/work,["n",{n}]"#));
            let [comes, leaves] = ["40/work,", "41/work,"].map(str::to_owned);
            [comes].into_iter().chain(events).chain([leaves])
        };
        client.send_at_once((0..20).flat_map(round)).await;
        for round in 0..20 {
            heard.expect("comes").await;
            for n in 0..EVENTS {
                assert_eq!(heard.next().await, n.to_string(), "{eio:?} {via:?} {round}");
            }
            heard.expect("leaves").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_leave_is_heard_before_it_though_as_many_handlers_wait_as_may() {
    const EVENTS: u32 = 60;

    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder().max_events_in_flight(8));
    let database = Arc::new(Semaphore::new(0));
    let asked = database.clone();
    let _ = io
        .of("/work")
        .with_state(Locked::new(log))
        .on(
            "n",
            async move |State(locked): State<Locked>, Data(n): Data<u32>| {
                locked.pass().await;
                locked.log.say(n);
                asked.acquire().await.unwrap().forget();
            },
        )
        .on_disconnect(async |State(locked): State<Locked>| locked.log.say("leaves"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/work").await;
        let events = (0..EVENTS).map(|n| format!(r#"42/work,["n",{n}]"#));
        let packets = events.chain(["41/work,".to_owned()]);
        // Some of it may wait to be read until handlers have ended.
        let hears = async {
            for n in 0..EVENTS {
                assert_eq!(heard.next().await, n.to_string(), "{eio:?} {via:?}");
                database.add_permits(1);
            }
            heard.expect("leaves").await;
        };
        tokio::join!(client.send_at_once(packets), hears);
        client.close().await;
    }
}

/// What a connection brings before it ends is heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_the_end_of_a_connection_is_heard_before_it() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(Locked::new(log))
        .on("n", async |State(locked): State<Locked>, Data(n): Data<u32>| {
            locked.pass().await;
            locked.log.say(n);
        })
        .on_disconnect(async |State(locked): State<Locked>| locked.log.say("leaves"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        for round in 0..20 {
            let mut client = TestClient::connect(&server, eio, via).await;
            let events = (0..60).map(|n| format!(r#"42["n",{n}]"#));
            client.send_at_once(events).await;
            client.close().await;
            for n in 0..60 {
                assert_eq!(heard.next().await, n.to_string(), "{eio:?} {via:?} {round}");
            }
            heard.expect("leaves").await;
        }
    }
}

/// It waits for nothing, but it has had its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_always_has_something_to_do_holds_up_nobody() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(Locked::new(log))
        .on("busy", async |State(locked): State<Locked>| {
            while !locked.enough.load(Ordering::Acquire) {
                drop(locked.lock.read().await);
            }
            locked.enough.store(false, Ordering::Release);
            locked.log.say("had enough");
        })
        .on("enough", async |State(locked): State<Locked>| {
            locked.log.say("enough");
            locked.enough.store(true, Ordering::Release);
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client
            .send_at_once([r#"42["busy"]"#, r#"42["enough"]"#].map(str::to_owned))
            .await;
        heard.expect("enough").await;
        heard.expect("had enough").await;
    }
}
