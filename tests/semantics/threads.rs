//! Threads that meet: those without a runtime, those that call back, and handlers that block one while others go on.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use axum::extract::State;
use axum_socketio::{Room, Rooms, Socket, SocketIo, extract::Data};
use futures::FutureExt as _;
use tokio::{
    sync::{Semaphore, oneshot},
    task::{JoinSet, block_in_place, yield_now},
};

use crate::{
    io,
    log::{Heard, Log, log},
    wire::{Eio, Packet, Request, TestClient, TestServer, Via, within},
};

/// How many events wait before a connection is not read any more.
const FULL: u32 = 64;

/// Blocks a handler, and with it its thread, until the test lets it go on or has ended.
#[derive(Clone)]
pub(crate) struct Block(Arc<Mutex<Receiver<()>>>);

impl Block {
    pub(crate) fn new() -> (Sender<()>, Self) {
        let (release, released) = channel();
        (release, Self(Arc::new(Mutex::new(released))))
    }

    pub(crate) fn wait(&self) {
        // An error is the end of the test: it has failed already.
        let _ = self.0.lock().unwrap().recv();
    }

    /// The same, and whether it was let go on. Not for ever: where every thread waits for this one, no test's clock runs.
    pub(crate) fn is_released(&self) -> bool {
        let limit = Duration::from_secs(30);
        self.0.lock().unwrap().recv_timeout(limit).is_ok()
    }
}

/// Runs it where there is no runtime. A panic there fails the test.
#[track_caller]
pub(crate) fn in_a_plain_thread(run: impl FnOnce() + Send + 'static) -> impl Future<Output = ()> {
    let (done, is_done) = oneshot::channel();
    std::thread::spawn(move || {
        run();
        // The test may have given up.
        let _ = done.send(());
    });
    within(is_done).map(|done| done.expect("the thread did not panic"))
}

/// The answer, or `None` if who asks holds a lock that the answer needs. Another thread waits for that lock, so that the
/// test fails: a deadlock would keep it from ending.
fn ask<T: Send + 'static>(question: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, answered) = channel();
    std::thread::spawn(move || answer.send(question()));
    answered.recv_timeout(Duration::from_secs(5)).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_without_a_runtime_can_disconnect_a_socket() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_connect(async |socket: Socket| socket.join("hall"))
        .on_disconnecting(async |State(log): State<Log>| {
            // Starts in that thread and asks for the runtime's clock all the same; ends in the runtime.
            within(yield_now()).await;
            log.say("disconnecting");
        })
        .on_disconnect(async |State(log): State<Log>| log.say("disconnect"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/").await;
    let socket = io.of("/").socket(id).unwrap();
    in_a_plain_thread(move || socket.disconnect(false)).await;
    assert!(io.of("/").is_empty());
    assert!(io.of("/").rooms().is_empty());
    client.expect("41").await;
    client.close().await;
    // Returns when the connection is gone and every handler has ended, so nobody speaks afterwards.
    within(io.close()).await;
    let mut said = heard.drain();
    said.sort_unstable();
    assert_eq!(said, ["disconnect", "disconnecting"], "each once");
}

#[tokio::test]
async fn a_thread_without_a_runtime_can_ask_for_an_acknowledgement() {
    let (io, _) = io(SocketIo::builder());
    in_a_plain_thread(move || drop(io.of("/").emit_with_ack::<u32>("question", ()))).await;
}

/// What a listener owns may ask the socket for its listeners while it is dropped.
#[tokio::test]
async fn a_listener_is_dropped_without_a_lock() {
    struct CallsBack(Socket, Log);

    impl Drop for CallsBack {
        fn drop(&mut self) {
            let socket = self.0.clone();
            let names = ask(move || socket.event_names());
            self.1.say(format!("{names:?}"));
        }
    }

    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/").await;
    let socket = io.of("/").socket(id).unwrap();
    let calls_back = Arc::new(CallsBack(socket.clone(), log));
    socket.on("event", async move || {
        let _ = &calls_back;
    });
    socket.remove_listeners("event");
    heard.expect("Some([])").await;
}

/// Rooms of the user's making may ask the namespace while they are listed.
#[tokio::test]
async fn rooms_are_listed_without_a_lock() {
    struct Team(SocketIo);

    impl Rooms for Team {
        fn each(self, take: &mut dyn FnMut(Room)) {
            let size = ask(move || self.0.of("/").len());
            take(Room::from(format!("team of {size:?}")));
        }
    }

    let (io, _) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/").await;
    let socket = io.of("/").socket(id).unwrap();
    socket.join(Team(io));
    assert!(socket.is_in("team of Some(1)"), "{:?}", socket.rooms());
}

#[derive(Clone)]
struct Work {
    log: Log,
    permits: Arc<Semaphore>,
    block: Block,
}

/// `/work` is sequential. Its connect handler blocks; each event waits for one of so many permits.
async fn working(permits: usize) -> (TestServer, Sender<()>, Arc<Semaphore>, Heard) {
    let (log, heard) = log();
    let (release, block) = Block::new();
    let permits = Arc::new(Semaphore::new(permits));
    let (io, _) = io(SocketIo::builder());
    let work = Work {
        log,
        permits: permits.clone(),
        block,
    };
    let _ = io
        .of("/work")
        .sequential()
        .with_state(work)
        // One that waits, so that the connection goes on in a task of its own.
        .middleware(async || yield_now().await)
        .on_connect(async |State(work): State<Work>| {
            work.log.say("comes");
            block_in_place(|| work.block.wait());
        })
        .on("n", async |State(work): State<Work>, Data(n): Data<u32>| {
            work.log.say(format!("begins {n}"));
            work.permits.acquire().await.unwrap().forget();
            work.log.say(format!("ends {n}"));
        });
    (TestServer::start(&io).await, release, permits, heard)
}

/// Its connect handler has started, and has still to end before it is told that it is in.
async fn comes(client: &mut TestClient, heard: &mut Heard) {
    client.send("40/work,").await;
    heard.expect("comes").await;
}

fn events(numbers: std::ops::Range<u32>) -> impl Iterator<Item = Packet> {
    numbers.map(|n| Packet::Text(format!(r#"42/work,["n",{n}]"#)))
}

async fn expect_one_after_the_other(heard: &mut Heard, numbers: std::ops::Range<u32>) {
    for n in numbers {
        heard.expect(&format!("begins {n}")).await;
        heard.expect(&format!("ends {n}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn early_events_of_a_sequential_namespace_run_one_after_the_other() {
    let (server, release, permits, mut heard) = working(0).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    comes(&mut client, &mut heard).await;
    client.send_all(events(0..3)).await;
    release.send(()).unwrap();
    assert!(client.text().await.starts_with("40/work,"));
    for n in 0..3 {
        heard.expect(&format!("begins {n}")).await;
        client.expect_nothing().await;
        assert_eq!(heard.drain(), [""; 0], "{n} holds up the others");
        permits.add_permits(1);
        heard.expect(&format!("ends {n}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_queue_that_was_filled_early_is_worked_off() {
    let (server, release, _permits, mut heard) = working(1000).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    comes(&mut client, &mut heard).await;
    let body: Vec<Packet> = events(0..FULL + 6).collect();
    let post = Request::post(client.target(), Eio::V4.encode(&body))
        .start(server.addr)
        .await
        .response();
    tokio::pin!(post);
    // The server has had its time to read what fills the queue.
    other.expect_nothing().await;
    assert!(
        (&mut post).now_or_never().is_none(),
        "the queue has taken it all in"
    );
    release.send(()).unwrap();
    expect_one_after_the_other(&mut heard, 0..FULL + 6).await;
    post.await.assert_ok();
    assert!(client.text().await.starts_with("40/work,"));
    client.expect_nothing().await;
}

/// The same where nobody is told that there is no room: the connection is not read until there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_socket_whose_queue_was_filled_early_is_read_again() {
    let (server, release, _permits, mut heard) = working(1000).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    comes(&mut client, &mut heard).await;
    client.send_all(events(0..FULL + 6)).await;
    // The server has had its time to read what fills the queue.
    other.expect_nothing().await;
    release.send(()).unwrap();
    expect_one_after_the_other(&mut heard, 0..FULL + 6).await;
    assert!(client.text().await.starts_with("40/work,"));
    client.expect_nothing().await;
}

/// It is told when it has left, not when it is about to: its CONNECT would be a second one.
#[tokio::test]
async fn a_client_that_is_told_to_leave_can_come_back_at_once() {
    let (log, mut heard) = log();
    let (release, block) = Block::new();
    let (io, _) = io(SocketIo::builder());
    let _ = io.of("/a").with_state((log, block)).on_disconnecting(
        async |State((log, block)): State<(Log, Block)>| {
            log.say("disconnecting");
            block.wait();
        },
    );
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let id = client.join("/a").await;
    let socket = io.of("/a").socket(id).unwrap();
    let leaving = in_a_plain_thread(move || socket.disconnect(false));
    heard.expect("disconnecting").await;
    client.expect_nothing().await;
    release.send(()).unwrap();
    client.expect("41/a,").await;
    client.join("/a").await;
    leaving.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn close_waits_for_handlers_in_their_first_poll() {
    for via in [Via::WebSocket, Via::Polling] {
        let (log, mut heard) = log();
        let (release, block) = Block::new();
        let (io, main) = io(SocketIo::builder());
        let _ =
            main.with_state((log, block))
                .on_disconnect(async |State((log, block)): State<(Log, Block)>| {
                    log.say("begins");
                    block_in_place(|| block.wait());
                    log.say("ends");
                });
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, Eio::V4, via).await;
        let (mut closing, first) = (JoinSet::new(), io.clone());
        // In a task of its own, because the handler may block the thread that closes.
        closing.spawn(async move { first.close().await });
        heard.expect("begins").await;
        client.expect_closed().await;
        within(async {
            while io.engine().clients_count() > 0 {
                yield_now().await
            }
        })
        .await;
        // Whoever closes now finds nothing to wait for but the handler.
        assert!(io.close().now_or_never().is_none(), "{via:?}: closed too early");
        release.send(()).unwrap();
        within(closing.join_next()).await.unwrap().unwrap();
        assert_eq!(heard.drain(), ["ends"], "{via:?}");
    }
}
