//! What connections own on the heap, in bytes that were asked for: counts, so no machine and no load changes them.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

mod clients;
#[cfg(feature = "deflate")]
mod deflate;
mod owners;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use axum_socketio::{Ack, SocketIo};
use dhat::{HeapStats, Profiler};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{clients::Client, owners::live_bytes};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// There is one heap, so the tests come one after the other.
static TURN: Mutex<()> = Mutex::new(());

/// Connections of a measurement: enough that what the server owns only once doesn't count.
const CONNECTIONS: usize = 400;

/// Connections of each wave of those that leave.
const WAVE: usize = 200;

/// Who owns what, by the functions that allocate it.
const OWNERS: &[(&str, &[&str])] = &[
    ("handshake", &["engine::handshake::"]),
    ("registry", &["engine::registry::"]),
    ("wheel", &["engine::wheel::"]),
    ("index", &["room::index::"]),
    ("socket", &["socket::Socket::new", "socket::Socket>::new"]),
    ("client", &["client::Client::open", "client::Client>::open"]),
    ("connection", &["engine::connection::", "engine::service::"]),
    ("registration", &["tokio::runtime::io::"]),
    ("stream", &["tcp::split_owned::"]),
    ("task", &["task::core::Cell", "task::core::_"]),
];

/// The most bytes of each owner per idle WebSocket connection with one socket.
const BUDGET: &[(&str, u64)] = &[
    ("client", 112),
    ("connection", 352),
    ("handshake", 288),
    ("index", 64),
    ("registration", 264),
    ("registry", 16),
    // What hyper and axum leave behind, and the timers of the runtime.
    ("rest", 16),
    ("socket", 144),
    // The two halves of a socket are one of these.
    ("stream", 56),
    ("task", 264),
    // Its slots grow twofold, and connections may fall into several.
    ("wheel", 48),
];

/// A server on a port of its own, with one thread.
fn serve(io: &SocketIo) -> (Runtime, SocketAddr) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    io.of("/").on("echo", async || Ack(()));
    let router = Router::new().layer(io.layer());
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async { axum::serve(listener, router).await });
    (runtime, address)
}

fn connect(count: usize, to: SocketAddr) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| Client::connect(to)).collect();
    clients.iter_mut().for_each(Client::round_trip);
    clients
}

#[test]
fn an_idle_connection_stays_within_its_budget() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_runtime, address) = serve(&SocketIo::new());
    // What the server makes once is there before the count begins.
    let first = connect(1, address);
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join("idle.json");
    let profiler = Profiler::builder()
        .file_name(&profile)
        .trim_backtraces(Some(48))
        .build();
    let clients = connect(CONNECTIONS, address);
    drop(profiler);
    let mut over = Vec::new();
    for (owner, bytes) in live_bytes(&profile, OWNERS) {
        let bytes = bytes.div_ceil(CONNECTIONS as u64);
        let budget = BUDGET.iter().find(|(name, _)| *name == owner);
        if budget.is_none_or(|(_, budget)| bytes > *budget) {
            over.push((owner, bytes));
        }
    }
    assert!(over.is_empty(), "over the budget: {over:?}");
    drop((first, clients));
}

#[test]
fn connections_that_have_left_leave_nothing_behind() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = Profiler::builder().testing().trim_backtraces(Some(4)).build();
    let io = SocketIo::builder().ping_interval(Duration::from_millis(500));
    let (_runtime, address) = serve(&io.build().unwrap());
    let mut witness = Client::connect(address);
    // Answers that are gathered, for which the thread makes a buffer once.
    witness.burst();
    let mut after = [0; 4];
    for live in &mut after {
        connect(WAVE, address).into_iter().for_each(Client::leave);
        // The deadlines of those who left are over with the second ping that is sent after it.
        (0..3).for_each(|_| witness.wait_for_ping());
        *live = HeapStats::get().curr_bytes;
    }
    let [first, .., last] = after;
    assert!(last < first + WAVE * 16, "live after each wave: {after:?}");
}

#[test]
fn deadlines_do_not_keep_the_memory_of_those_who_have_left() {
    // Of a connection that its deadline keeps, 352 bytes would be left; a few of those are always let be.
    const LET_BE: usize = 128 * 352;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = Profiler::builder().testing().trim_backtraces(Some(4)).build();
    let (_runtime, address) = serve(
        &SocketIo::builder()
            .ping_interval(Duration::from_secs(300))
            .build()
            .unwrap(),
    );
    let mut witness = Client::connect(address);
    witness.burst();
    let mut after = [0; 4];
    for live in &mut after {
        connect(WAVE, address).into_iter().for_each(Client::leave);
        witness.round_trip();
        *live = HeapStats::get().curr_bytes;
    }
    let [first, .., last] = after;
    assert!(last < first + LET_BE, "live after each wave: {after:?}");
}
