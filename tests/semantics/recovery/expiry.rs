//! When a session ends whose client isn't back, and what its application hears of it before.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use axum_socketio::{Namespace, Socket, SocketIo, recovery::ConnectionStateRecovery};
use serde_json::json;
use tokio::task::block_in_place;

use super::{Client, WAYS, with};
use crate::{
    log::{Heard, Log, log},
    wire::{TestServer, Via, within},
};

/// As who notes which sockets are away: the disconnect handler says `left`, the hook `ended`.
struct Presence {
    io: SocketIo,
    /// The next disconnect handler keeps its thread until it is told to go on, before it says so.
    keeps: Arc<AtomicBool>,
    go_on: mpsc::Sender<()>,
    heard: Heard,
}

impl Presence {
    fn new(recovery: ConnectionStateRecovery) -> Self {
        let (log, heard) = log();
        let hook = log.clone();
        let recovery = recovery.on_expired(move |session| hook.say(format!("ended {}", session.id())));
        let io = with(recovery).build().unwrap();
        let (go_on, told) = mpsc::channel();
        let presence = Self {
            io,
            keeps: Arc::default(),
            go_on,
            heard,
        };
        let told = Arc::new(Mutex::new(told));
        for namespace in [
            presence.io.of("/"),
            presence.io.of_matching(|name| name.starts_with("/room-")),
        ] {
            presence.notes(namespace, &log, &told);
        }
        presence
    }

    fn notes(&self, namespace: Namespace, log: &Log, told: &Arc<Mutex<mpsc::Receiver<()>>>) {
        let (came, left) = (log.clone(), log.clone());
        let (keeps, told) = (self.keeps.clone(), told.clone());
        let _ = namespace
            .on_connect(async move |socket: Socket| {
                let how = if socket.recovered() { "recovered" } else { "new" };
                came.say(format!("{how} {}", socket.id()));
            })
            .on_disconnect(async move |socket: Socket| {
                if keeps.swap(false, Ordering::Relaxed) {
                    left.say("leaves");
                    block_in_place(|| told.lock().unwrap().recv().unwrap());
                }
                left.say(format!("left {}", socket.id()));
            });
    }

    /// A client that is in this namespace.
    async fn client(&mut self, server: &TestServer, via: Via, namespace: &str) -> Client {
        let (client, _) = Client::ask(server, via, namespace, json!({})).await;
        self.heard.expect(&format!("new {}", client.memory.sid)).await;
        client
    }

    /// One that has lost its connection, and whose disconnect handler keeps its thread.
    async fn leaving(&mut self, server: &TestServer, namespace: &str) -> String {
        let client = self.client(server, Via::WebSocket, namespace).await;
        self.keeps.store(true, Ordering::Relaxed);
        let sid = client.memory.sid.clone();
        drop(client);
        self.heard.expect("leaves").await;
        sid
    }
}

#[tokio::test]
async fn a_session_that_may_not_wait_ends_behind_the_disconnect_handlers_of_its_socket() {
    let mut presence = Presence::new(ConnectionStateRecovery::new().max_waiting_sessions(0));
    let server = TestServer::start(&presence.io).await;
    for via in WAYS {
        for namespace in ["/", "/room-1"] {
            let client = presence.client(&server, via, namespace).await;
            let sid = client.memory.sid.clone();
            client.wire.close().await;
            presence.heard.expect(&format!("left {sid}")).await;
            presence.heard.expect(&format!("ended {sid}")).await;
        }
    }
    within(async {
        while presence.io.of("/").waiting_sessions() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// It is not the one that ends for another, but the first to end when they have: it has waited longest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_sockets_disconnect_handlers_have_not_all_started_ends_for_no_other() {
    for namespaces in [["/", "/"], ["/room-1", "/room-2"]] {
        let mut presence = Presence::new(ConnectionStateRecovery::new().max_waiting_sessions(1));
        let server = TestServer::start(&presence.io).await;
        let first = presence.leaving(&server, namespaces[0]).await;
        let client = presence.client(&server, Via::WebSocket, namespaces[1]).await;
        let second = client.memory.clone();
        drop(client);
        presence.heard.expect(&format!("left {}", second.sid)).await;
        presence.go_on.send(()).unwrap();
        presence.heard.expect(&format!("left {first}")).await;
        presence.heard.expect(&format!("ended {first}")).await;
        let asking = super::asking(&second);
        let (_client, _) = Client::ask(&server, Via::WebSocket, namespaces[1], asking).await;
        presence.heard.expect(&format!("recovered {}", second.sid)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_time_is_over_ends_behind_the_disconnect_handlers_of_its_socket() {
    let short = Duration::from_millis(20);
    let mut presence = Presence::new(ConnectionStateRecovery::new().max_disconnection_duration(short));
    let server = TestServer::start(&presence.io).await;
    let first = presence.leaving(&server, "/").await;
    // Whose time is over later.
    let client = presence.client(&server, Via::WebSocket, "/").await;
    let second = client.memory.sid.clone();
    drop(client);
    presence.heard.expect(&format!("left {second}")).await;
    presence.heard.expect(&format!("ended {second}")).await;
    presence.go_on.send(()).unwrap();
    presence.heard.expect(&format!("left {first}")).await;
    presence.heard.expect(&format!("ended {first}")).await;
}
