//! Mixed traffic both ways, by clients of both generations over all transports that come, upgrade, go, break off and vanish at random.
//!
//! Every event arrives once and in order, with its echo, acknowledgement and broadcast, or the connection of its sender is known to be closed.
//! Memory, files and tasks stay what they are, and a drain ends it all.
//!
//! `AXUM_SOCKETIO_SOAK_SECONDS` (32) is how long, `AXUM_SOCKETIO_SOAK_CLIENTS` (24) how many at a time, `AXUM_SOCKETIO_SOAK_SEED` repeats the
//! choices of a run, which prints its seed.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

#[path = "../support/wire/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the protocol suites")]
mod wire;

mod actor;
mod life;
mod link;
mod message;
mod random;
mod server;
mod tally;
mod vitals;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    time::Duration,
};

use axum_socketio::DrainReport;
use tokio::{
    runtime::Runtime,
    task::{JoinHandle, JoinSet},
};

use crate::{
    actor::{Actor, WAYS, Way},
    life::Life,
    random::Random,
    server::{NAMESPACES, Server},
    tally::Tally,
    vitals::{Sample, Vitals},
};

/// Between two news.
const TICK: Duration = Duration::from_millis(50);

/// Ticks between two looks at what the process uses.
const LOOK: u64 = 10;

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(name);
    value.map_or(default, |value| {
        value.parse().unwrap_or_else(|_| panic!("{name} is a number"))
    })
}

const fn ticks(seconds: u64) -> u64 {
    seconds * 1000 / TICK.as_millis() as u64
}

fn any_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}

#[test]
fn every_event_arrives_once_and_in_order_while_clients_come_and_go() {
    let seconds = setting("AXUM_SOCKETIO_SOAK_SECONDS", 32);
    let clients = setting("AXUM_SOCKETIO_SOAK_CLIENTS", 24);
    let seed = setting("AXUM_SOCKETIO_SOAK_SEED", any_seed());
    eprintln!("{seconds} s with {clients} clients, AXUM_SOCKETIO_SOAK_SEED={seed}");
    // What tokio opens once for a process is there before.
    drop(Runtime::new().unwrap());
    let files = vitals::files();
    let server = Server::start();
    let ledger = server.ledger.clone();
    let (tally, enough) = (Arc::<Tally>::default(), Arc::<AtomicBool>::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    // And what the server makes once.
    runtime.block_on(rehearse(&server, &tally));
    // And what is noted down here.
    let mut vitals = Vitals::of(ticks(seconds) / LOOK + 1);
    let idle = server.idle();
    let mut random = Random::new(seed);
    let actors = (0..clients as usize).map(|number| Actor {
        way: WAYS[number % WAYS.len()],
        random: Random::new(random.next()),
        addr: server.addr,
        ledger: ledger.clone(),
        tally: tally.clone(),
        enough: enough.clone(),
    });
    let (playing, failed) = play(&runtime, actors.collect());
    let mut news = News {
        next: 0,
        server: &server,
    };
    news.tell_for(seconds, &failed, &mut vitals);
    enough.store(true, Relaxed);
    // News are what the clients wait for.
    while news.tell(&failed) {}
    let played = runtime.block_on(playing);
    assert!(
        played.is_ok(),
        "a client failed, see above; {:?}",
        ledger.unexpected()
    );
    assert_eq!(ledger.wrong(), [""; 0]);
    let answered = ledger.answered.load(Relaxed) + ledger.unanswered.load(Relaxed);
    assert_eq!(
        ledger.asked.load(Relaxed),
        answered,
        "every acknowledgement resolves"
    );
    idle.assert_again(&server.idle(), tally.connections());
    let report = drain(&runtime, server, &tally);
    assert_eq!((report.connections, report.closed), (WAYS.len(), WAYS.len()));
    assert!(report.is_clean(), "{report:?}");
    drop(runtime);
    assert!(
        vitals::files() <= files,
        "{} files, {files} at the start",
        vitals::files()
    );
    eprintln!("{tally}\n{vitals}");
    vitals.assert_flat();
}

/// Sets the clients going. The channel is closed when one has failed, or all have ended.
fn play(runtime: &Runtime, actors: Vec<Actor>) -> (JoinHandle<()>, mpsc::Receiver<()>) {
    let (playing, failed) = mpsc::channel::<()>();
    let handle = runtime.spawn(async move {
        let _playing = playing;
        let mut all: JoinSet<()> = actors.into_iter().map(Actor::play).collect();
        while let Some(ended) = all.join_next().await {
            ended.unwrap();
        }
    });
    (handle, failed)
}

/// What the server tells everyone, numbered.
struct News<'a> {
    next: u64,
    server: &'a Server,
}

impl News<'_> {
    fn tell_for(&mut self, seconds: u64, failed: &mpsc::Receiver<()>, vitals: &mut Vitals) {
        for tick in 0..ticks(seconds) {
            if !self.tell(failed) {
                break;
            }
            if tick % LOOK == 0 {
                let connections = self.server.io.engine().clients_count();
                vitals.push(Sample::of(self.server.tasks(), connections));
            }
        }
    }

    /// Waits a tick and tells the next. False if nobody is there to be told.
    fn tell(&mut self, failed: &mpsc::Receiver<()>) -> bool {
        let goes_on = failed.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout);
        for name in NAMESPACES {
            self.server.io.of(name).to("hall").emit("news", self.next);
        }
        self.next += 1;
        goes_on
    }
}

/// Drains the server while a client of each kind is connected.
fn drain(runtime: &Runtime, server: Server, tally: &Arc<Tally>) -> DrainReport {
    let guests = runtime.block_on(guests(&server, tally));
    let guests = runtime.spawn(async move {
        for mut guest in guests {
            guest.hear_the_end().await;
            assert!(guest.warned, "closed without an announcement");
        }
    });
    let report = server.stop();
    runtime.block_on(guests).unwrap();
    report
}

/// A client of each kind.
async fn guests(server: &Server, tally: &Arc<Tally>) -> Vec<Life> {
    let mut guests = Vec::new();
    for (eio, way) in WAYS {
        let mut guest = Life::begin(eio, way != Way::WebSocket, server.addr, tally, &server.ledger).await;
        if way == Way::Upgrade {
            guest.upgrade(true).await;
        }
        guests.push(guest);
    }
    guests
}

/// Clients of each kind come at the same time, say and hear what fills every buffer that a thread keeps, and go.
async fn rehearse(server: &Server, tally: &Arc<Tally>) {
    let mut speaking = JoinSet::new();
    for seed in 0..4 {
        for mut guest in guests(server, tally).await {
            let ledger = server.ledger.clone();
            speaking.spawn(async move {
                let mut random = Random::new(seed);
                for _ in 0..20 {
                    guest.speak(&mut random).await;
                }
                guest.settle().await;
                for (name, half) in NAMESPACES.into_iter().zip(&guest.halves) {
                    drop(ledger.end_of(&format!("{name} {}", half.id.as_deref().unwrap())));
                }
                guest.link.close().await;
            });
        }
        server.speak_at_length();
    }
    while let Some(ended) = speaking.join_next().await {
        ended.unwrap();
    }
}
