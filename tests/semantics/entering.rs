//! What a client knows, says and does while its connect handlers start in a task of their own, because a middleware has waited.

use std::sync::{Arc, Mutex, mpsc};

use axum::extract::State;
use axum_socketio::{AckSender, Namespace, Socket, SocketIo, engine::ReadyState, extract::Data};
use tokio::task::{block_in_place, yield_now};

use crate::{
    io,
    log::{Heard, Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

/// A server whose connect handler keeps its thread until it may go on.
struct Scene {
    server: TestServer,
    away: Namespace<Log>,
    log: Log,
    heard: Heard,
    go_on: mpsc::Sender<()>,
    /// Somebody whose answers say that time has passed for all.
    other: TestClient,
}

impl Scene {
    async fn new() -> Self {
        let (log, heard) = log();
        let (io, main) = io(SocketIo::builder());
        let _ = main
            .with_state(log.clone())
            .on("read", async |State(log): State<Log>| log.say("has read"));
        let (go_on, busy) = mpsc::channel::<()>();
        let busy = Arc::new(Mutex::new(busy));
        let wait = move || block_in_place(|| busy.lock().unwrap().recv().unwrap());
        let waits = wait.clone();
        let away = io
            .of("/away")
            .with_state(log.clone())
            .middleware(async || yield_now().await)
            .on_connect(async move |socket: Socket, State(log): State<Log>| {
                log.say("comes");
                wake_another();
                wait();
                socket.join("room");
                log.say("has come");
            })
            .on("n", async |State(log): State<Log>, Data(n): Data<u32>| log.say(n))
            .on("wait", async move |State(log): State<Log>| {
                log.say("waits");
                waits();
            })
            .on_disconnect(async |State(log): State<Log>| log.say("has left"));
        let server = TestServer::start(&io).await;
        let other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
        Self {
            server,
            away,
            log,
            heard,
            go_on,
            other,
        }
    }

    /// A client whose connect handler has started, and that is still to be told.
    async fn comes(&mut self, eio: Eio, via: Via) -> TestClient {
        let mut client = TestClient::connect(&self.server, eio, via).await;
        client.send("40/away,").await;
        self.hears(&["comes"]).await;
        client
    }

    /// One that says this, the last of which is read, and whose connection has ended when its connect handler goes on.
    async fn goes_when_it_has_said(&mut self, eio: Eio, via: Via, said: impl Iterator<Item = String>) {
        let mut client = self.comes(eio, via).await;
        let socket = self.away.sockets().remove(0);
        client.send_at_once(said).await;
        self.hears(&["has read"]).await;
        client.close().await;
        while socket.connection().ready_state() != ReadyState::Closed || socket.is_connected() {
            self.other.expect_nothing().await;
        }
        self.goes_on();
    }

    async fn hears(&mut self, lines: &[&str]) {
        for line in lines {
            self.heard.expect(line).await;
        }
    }

    fn goes_on(&self) {
        self.go_on.send(()).unwrap();
    }
}

/// Who is woken is the next of this worker, and another worker takes the connection's task.
#[expect(clippy::disallowed_methods, reason = "the handler's own task")]
fn wake_another() {
    tokio::spawn(yield_now());
}

/// What the client says, and how the test knows that it has been read.
fn events() -> impl Iterator<Item = String> {
    let events = (0..3).map(|n| format!(r#"42/away,["n",{n}]"#));
    events.chain([r#"42["read"]"#.to_owned()])
}

/// What it does then, over another connection perhaps, comes after they have started: it is in the rooms that they join before their first wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_knows_that_it_is_connected_when_its_connect_handlers_have_started() {
    let mut scene = Scene::new().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&scene.server, eio, via).await;
        let log = scene.log.clone();
        let joins = async {
            client.join("/away").await;
            log.say("is told");
        };
        tokio::join!(joins, async {
            scene.heard.expect("comes").await;
            // That does no harm.
            scene.away.emit("news", 1);
            scene.other.time_passes().await;
            assert_eq!(scene.heard.drain(), [""; 0], "{eio:?} {via:?}");
            scene.goes_on();
            scene.hears(&["has come", "is told"]).await;
        });
        client.expect(r#"42/away,["news",1]"#).await;
        client.close().await;
        scene.hears(&["has left"]).await;
    }
}

/// It doesn't wait to be told that it is in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_leave_is_heard_before_it_though_connect_handlers_were_to_start() {
    let mut scene = Scene::new().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = scene.comes(eio, via).await;
        client.send_at_once(events().chain(["41/away,".to_owned()])).await;
        scene.hears(&["has read"]).await;
        scene.other.time_passes().await;
        scene.goes_on();
        scene.hears(&["has come", "0", "1", "2", "has left"]).await;
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_the_end_of_a_connection_is_heard_before_it_though_connect_handlers_were_to_start() {
    let mut scene = Scene::new().await;
    for (eio, via) in TestClient::EVERY_WAY {
        scene.goes_when_it_has_said(eio, via, events()).await;
        scene.hears(&["has come", "0", "1", "2", "has left"]).await;
    }
}

/// They are what it has said before it left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_of_events_before_a_leave_answer_and_close_though_connect_handlers_were_to_start() {
    let mut scene = Scene::new().await;
    scene
        .away
        .clone()
        .on("ban", async |socket: Socket, ack: AckSender| {
            assert!(socket.is_connected());
            ack.send("banned");
            socket.disconnect(true);
        });
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = scene.comes(eio, via).await;
        let said = [r#"42/away,7["ban"]"#, r#"42["read"]"#, "41/away,"];
        client.send_at_once(said.map(str::to_owned)).await;
        scene.hears(&["has read"]).await;
        scene.other.time_passes().await;
        scene.goes_on();
        scene.hears(&["has come", "has left"]).await;
        assert!(client.text().await.starts_with("40/away,"));
        client.expect(r#"43/away,7["banned"]"#).await;
        while client.recv().await.is_some() {}
    }
}

/// The client has left by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connect_handler_closes_the_connection_of_a_client_that_is_about_to_leave() {
    let mut scene = Scene::new().await;
    scene
        .away
        .clone()
        .on_connect(async |socket: Socket, State(log): State<Log>| {
            log.say(socket.is_in(socket.id()));
            socket.disconnect(true);
        });
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = scene.comes(eio, via).await;
        let said = [r#"42["read"]"#, "41/away,"];
        client.send_at_once(said.map(str::to_owned)).await;
        scene.hears(&["has read"]).await;
        scene.other.time_passes().await;
        scene.goes_on();
        scene.hears(&["has come", "true", "has left"]).await;
        while client.recv().await.is_some() {}
    }
}

/// It has left by itself, and the server sends it away before that has its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_and_is_sent_away_while_connect_handlers_start_is_sent_nothing_more() {
    let mut scene = Scene::new().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = scene.comes(eio, via).await;
        let socket = scene.away.sockets().remove(0);
        let said = events().chain(["41/away,".to_owned()]);
        client.send_at_once(said).await;
        scene.hears(&["has read"]).await;
        while socket.is_connected() {
            scene.other.expect_nothing().await;
        }
        socket.disconnect(false);
        assert!(socket.try_emit("news", ()).is_err());
        scene.away.emit("news", ());
        scene.goes_on();
        scene.hears(&["has come", "has left"]).await;
        assert!(client.text().await.starts_with("40/away,"));
        client.expect_nothing().await;
        client.close().await;
    }
}

/// Its connection has ended by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_heard_of_whom_a_connect_handler_sends_away_when_its_connection_has_ended() {
    for close in [false, true] {
        let mut scene = Scene::new().await;
        scene
            .away
            .clone()
            .on_connect(async move |socket: Socket| socket.disconnect(close));
        for (eio, via) in TestClient::EVERY_WAY {
            scene.goes_when_it_has_said(eio, via, events()).await;
            scene.hears(&["has come", "has left"]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_heard_of_whom_a_handler_sends_away_when_its_connection_has_ended() {
    let mut scene = Scene::new().await;
    scene
        .away
        .clone()
        .on("ban", async |socket: Socket| socket.disconnect(true));
    for (eio, via) in TestClient::EVERY_WAY {
        let ban = r#"42/away,["ban"]"#.to_owned();
        let said = [ban].into_iter().chain(events());
        scene.goes_when_it_has_said(eio, via, said).await;
        scene.hears(&["has come", "has left"]).await;
    }
}

/// The task of the connect handlers works off what has queued up, and is in the first of it, when the client leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_leave_is_heard_before_it_though_it_is_being_worked_off() {
    let mut scene = Scene::new().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = scene.comes(eio, via).await;
        let wait = r#"42/away,["wait"]"#.to_owned();
        client.send_at_once([wait].into_iter().chain(events())).await;
        scene.hears(&["has read"]).await;
        scene.goes_on();
        scene.hears(&["has come", "waits"]).await;
        client.send("41/away,").await;
        scene.other.time_passes().await;
        scene.goes_on();
        scene.hears(&["0", "1", "2", "has left"]).await;
        client.close().await;
    }
}

/// The server sends it away: nothing that it has said is heard after that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_while_connect_handlers_start_leaves_before_what_has_queued_up() {
    let mut scene = Scene::new().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = scene.comes(eio, via).await;
        client.send_at_once(events()).await;
        scene.hears(&["has read"]).await;
        scene.away.sockets()[0].disconnect(false);
        scene.goes_on();
        scene.hears(&["has come", "has left"]).await;
        client.close().await;
        scene.other.time_passes().await;
        assert_eq!(scene.heard.drain(), [""; 0], "{eio:?} {via:?}");
    }
}
