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

use super::{Client, LONG, WAYS, asking, with};
use crate::{
    log::{Heard, Log, log},
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// As who notes which sockets are away: the disconnect handler says `left`, the hook `ended`.
struct Presence {
    io: SocketIo,
    /// The next disconnect handler keeps its thread until it is told to go on, before it says so.
    keeps: Arc<AtomicBool>,
    /// So does the next hook.
    keeps_hook: Arc<AtomicBool>,
    go_on: mpsc::Sender<()>,
    heard: Heard,
}

impl Presence {
    fn new(recovery: ConnectionStateRecovery) -> Self {
        let (log, heard) = log();
        let (go_on, told) = mpsc::channel();
        let told = Arc::new(Mutex::new(told));
        let keeps = [(); 2].map(|()| Arc::<AtomicBool>::default());
        let (hook, keeps_hook, tells_hook) = (log.clone(), keeps[1].clone(), told.clone());
        let recovery = recovery.on_expired(move |session| {
            if keeps_hook.swap(false, Ordering::Relaxed) {
                hook.say("ends");
                block_in_place(|| tells_hook.lock().unwrap().recv().unwrap());
            }
            hook.say(format!("ended {}", session.id()));
        });
        let io = with(recovery).connect_timeout(LONG).build().unwrap();
        let [keeps, keeps_hook] = keeps;
        let presence = Self {
            io,
            keeps,
            keeps_hook,
            go_on,
            heard,
        };
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
        let asking = asking(&second);
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

/// Nothing else of its thread has had its turn between the end of its time and its question.
#[tokio::test]
async fn who_is_back_just_too_late_begins_anew_when_its_session_has_ended() {
    let short = Duration::from_millis(100);
    for via in WAYS {
        let mut presence = Presence::new(ConnectionStateRecovery::new().max_disconnection_duration(short));
        let other = presence.io.of("/other");
        let _ = other.on("busy", async move || {
            let (_nobody, says) = mpsc::channel::<()>();
            assert!(says.recv_timeout(2 * short).is_err());
        });
        let server = TestServer::start(&presence.io).await;
        let client = presence.client(&server, via, "/").await;
        let memory = client.memory.clone();
        let mut wire = TestClient::open(&server, Eio::V4, via).await;
        wire.join("/other").await;
        client.wire.close().await;
        presence.heard.expect(&format!("left {}", memory.sid)).await;
        let asks = format!("40{}", asking(&memory));
        wire.send_at_once([r#"42/other,["busy"]"#.to_owned(), asks]).await;
        presence.heard.expect(&format!("ended {}", memory.sid)).await;
        let came = presence.heard.next().await;
        assert!(came.starts_with("new "), "{came}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_back_while_the_hook_is_told_of_its_session_begins_anew_afterwards() {
    let short = Duration::from_millis(20);
    for via in WAYS {
        let mut presence = Presence::new(ConnectionStateRecovery::new().max_disconnection_duration(short));
        let _other = presence.io.of("/other");
        let server = TestServer::start(&presence.io).await;
        let client = presence.client(&server, via, "/").await;
        let memory = client.memory.clone();
        presence.keeps_hook.store(true, Ordering::Relaxed);
        client.wire.close().await;
        presence.heard.expect(&format!("left {}", memory.sid)).await;
        presence.heard.expect("ends").await;
        let mut wire = TestClient::open(&server, Eio::V4, via).await;
        wire.send(format!("40{}", asking(&memory))).await;
        // This comes behind the question.
        wire.join("/other").await;
        presence.go_on.send(()).unwrap();
        presence.heard.expect(&format!("ended {}", memory.sid)).await;
        let came = presence.heard.next().await;
        assert!(came.starts_with("new "), "{came}");
    }
}
