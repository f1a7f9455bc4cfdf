//! The server under load, and what it remembers of each socket.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State};
use axum_socketio::{Ack, DisconnectReason, Drain, DrainReport, Socket, SocketIo, Value, extract::Data};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::oneshot,
    task::{JoinHandle, yield_now},
};

use crate::{vitals::Sample, wire::within};

/// Where the clients are.
pub(crate) const NAMESPACES: [&str; 2] = ["/", "/more"];

/// Of the events of a socket, every so many is passed on to the others.
const PASSED_ON: u64 = 8;

/// Threads of the server.
const WORKERS: usize = 2;

/// The task that a server has in each runtime in which there were connections, to hear of the end of that.
const OF_THE_RUNTIME: usize = 1;

/// One that accepts connections, one of axum's that waits for the signal to stop, and that of the runtime.
const IDLE_TASKS: usize = 2 + OF_THE_RUNTIME;

/// What becomes of each socket, as the server saw it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    wrong: Mutex<Vec<String>>,
    ended: Mutex<HashMap<String, Slot>>,
    pub(crate) asked: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) unanswered: AtomicU64,
}

/// How a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// How many events came.
    pub(crate) events: u64,
    pub(crate) reason: DisconnectReason,
}

#[derive(Debug)]
enum Slot {
    Awaited(oneshot::Sender<Ending>),
    Known(Ending),
}

#[derive(Clone, Debug, Default)]
struct Counts(Arc<CountsInner>);

#[derive(Debug, Default)]
struct CountsInner {
    events: AtomicU64,
    passed_on: AtomicU64,
}

impl Ledger {
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    /// The ends that nobody has asked for.
    pub(crate) fn unexpected(&self) -> Vec<String> {
        let ended = self.ended.lock().unwrap();
        let known = ended.iter().filter(|(_, slot)| matches!(slot, Slot::Known(_)));
        known
            .map(|(socket, slot)| format!("{socket}: {slot:?}"))
            .collect()
    }

    /// Resolves when the socket has left.
    pub(crate) fn end_of(&self, socket: &str) -> oneshot::Receiver<Ending> {
        let (told, ending) = oneshot::channel();
        let mut ended = self.ended.lock().unwrap();
        if let Some(Slot::Known(known)) = ended.remove(socket) {
            told.send(known).unwrap();
        } else {
            ended.insert(socket.to_owned(), Slot::Awaited(told));
        }
        ending
    }

    fn end(&self, socket: &str, ending: Ending) {
        let mut ended = self.ended.lock().unwrap();
        match ended.remove(socket) {
            // Whoever asked has failed and said so.
            Some(Slot::Awaited(told)) => drop(told.send(ending)),
            Some(Slot::Known(before)) => {
                self.complain(format!("{socket} left twice: {before:?}, {ending:?}"))
            }
            None => drop(ended.insert(socket.to_owned(), Slot::Known(ending))),
        }
    }

    fn complain(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }
}

async fn connected(socket: Socket) {
    socket.extensions().insert(Counts::default());
    socket.join("hall");
}

async fn up(
    socket: Socket,
    State(ledger): State<Arc<Ledger>>,
    Data(number): Data<u64>,
    Data(payload): Data<Value>,
) -> Ack<u64> {
    let Counts(counts) = socket.extensions().get().expect("put there on connect");
    let expected = counts.events.fetch_add(1, Ordering::Relaxed);
    if number != expected {
        ledger.complain(format!("{} sent {number}, {expected} was next", socket.id()));
    }
    socket.emit("down", (number, payload));
    if number.is_multiple_of(PASSED_ON) {
        let passed_on = counts.passed_on.fetch_add(1, Ordering::Relaxed);
        socket.to("hall").emit("said", (socket.id(), passed_on));
    }
    Ack(number)
}

async fn ask(socket: Socket, State(ledger): State<Arc<Ledger>>, Data(number): Data<u64>) {
    ledger.asked.fetch_add(1, Ordering::Relaxed);
    match socket.emit_with_ack::<u64>("question", number).await {
        Ok(answer) if answer == number => {
            ledger.answered.fetch_add(1, Ordering::Relaxed);
            socket.emit("answered", number);
        }
        Err(error) if error.is_disconnected() => {
            ledger.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        other => ledger.complain(format!("the answer to {number} was {other:?}")),
    }
}

async fn left(socket: Socket, State(ledger): State<Arc<Ledger>>, reason: DisconnectReason) {
    let Counts(counts) = socket.extensions().get().expect("put there on connect");
    let events = counts.events.load(Ordering::Relaxed);
    ledger.end(
        &format!("{} {}", socket.namespace_name(), socket.id()),
        Ending { events, reason },
    );
}

/// A server with a runtime of its own.
pub(crate) struct Server {
    pub(crate) io: SocketIo,
    pub(crate) addr: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    runtime: Runtime,
    serving: JoinHandle<DrainReport>,
    stop: oneshot::Sender<()>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .unwrap();
        // Clients that vanish are to be noticed soon, live ones on a busy machine not to be suspected.
        let io = SocketIo::builder()
            .ping_interval(Duration::from_secs(1))
            .ping_timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let ledger = Arc::<Ledger>::default();
        for name in NAMESPACES {
            io.of(name)
                .with_state(ledger.clone())
                .on_connect(connected)
                .on("up", up)
                .on("ask", ask)
                .on("leave", async |socket: Socket| socket.disconnect(true))
                .on_disconnect(left);
        }
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = runtime.spawn(serve(listener, io.clone(), stopped));
        Self {
            io,
            addr,
            ledger,
            runtime,
            serving,
            stop,
        }
    }

    /// Tasks of the server that are alive.
    pub(crate) fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    /// Has each thread encode more than it ever will again, all at the same moment, for whoever is there.
    pub(crate) fn speak_at_length(&self) {
        let all_here = Arc::new(Barrier::new(WORKERS));
        for _ in 0..WORKERS {
            let (io, all_here) = (self.io.clone(), all_here.clone());
            self.runtime.spawn(async move {
                all_here.wait();
                io.of("/").to("hall").emit("going away", "x".repeat(200_000));
            });
        }
    }

    /// What the process uses once nobody is connected any more, and nothing of anyone runs.
    pub(crate) fn idle(&self) -> Sample {
        self.runtime.block_on(async {
            within(async {
                while self.io.engine().clients_count() > 0 || self.tasks() > IDLE_TASKS {
                    yield_now().await;
                }
            })
            .await;
        });
        Sample::of(self.tasks(), self.io.engine().clients_count())
    }

    /// Drains the server and waits until nothing of it runs any more.
    pub(crate) fn stop(self) -> DrainReport {
        self.stop.send(()).unwrap();
        let metrics = self.runtime.metrics();
        self.runtime.block_on(async {
            let report = within(self.serving).await.unwrap();
            within(async {
                while metrics.num_alive_tasks() > OF_THE_RUNTIME {
                    yield_now().await;
                }
            })
            .await;
            report
        })
    }
}

async fn serve(listener: TcpListener, io: SocketIo, stopped: oneshot::Receiver<()>) -> DrainReport {
    let (done, report) = oneshot::channel();
    let app: Router = Router::new().layer(io.layer());
    let drain = async move {
        stopped.await.unwrap();
        let drain = Drain::new(Duration::from_secs(1)).announce("going away", ());
        done.send(io.drain(drain).await).unwrap();
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(drain)
        .await
        .unwrap();
    report.await.unwrap()
}
