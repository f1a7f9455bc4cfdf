//! A server with clients that behave while others don't.

use axum_socketio::{Builder, DisconnectReason, Socket, SocketIo, Value, extract::Rest};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::wire::{Eio, TestClient, TestServer, Via, within};

/// The server, its witnesses, and what its disconnect handlers say.
pub(crate) struct Ground {
    pub(crate) io: SocketIo,
    pub(crate) server: TestServer,
    witnesses: Vec<TestClient>,
    reasons: UnboundedReceiver<DisconnectReason>,
    tasks: usize,
}

/// The task that a server has in each runtime in which there were connections, to hear of the end of that.
const OF_THE_RUNTIME: usize = 1;

impl Ground {
    /// With a witness of each generation on each transport.
    pub(crate) async fn new(builder: Builder) -> Self {
        let mut ground = Self::alone(builder).await;
        for (eio, via) in TestClient::EVERY_WAY {
            let witness = ground.client(eio, via).await;
            ground.witnesses.push(witness);
        }
        ground.tasks = usize::MAX;
        ground.check("at the start").await;
        ground.tasks = tasks();
        ground
    }

    /// Without witnesses: they answer no heartbeats.
    pub(crate) async fn alone(builder: Builder) -> Self {
        let io = builder.build().unwrap();
        let (told, reasons) = unbounded_channel();
        for name in ["/", "/custom"] {
            let told = told.clone();
            let _ = io
                .of(name)
                .on_connect(async |socket: Socket| socket.join("hall"))
                .on("message", async |socket: Socket, args: Rest<Value>| {
                    socket.emit("message-back", args)
                })
                .on("here", async |socket: Socket| socket.join("here"))
                .on("flood", async |socket: Socket| socket.join("flooded"))
                .on_disconnect(async move |reason: DisconnectReason| {
                    let _ = told.send(reason);
                });
        }
        let server = TestServer::start(&io).await;
        Self {
            io,
            server,
            witnesses: Vec::new(),
            reasons,
            tasks: tasks() + OF_THE_RUNTIME,
        }
    }

    /// The next socket that left had this reason.
    pub(crate) async fn expect_left(&mut self, reason: &str, case: &str) {
        let left = tokio::time::timeout(std::time::Duration::from_secs(8), self.reasons.recv()).await;
        let left = left
            .unwrap_or_else(|_| panic!("nobody left after {case}"))
            .unwrap();
        assert_eq!(left.as_str(), reason, "{case}");
    }

    /// Why the next socket left, if one does in this time.
    pub(crate) async fn left_within(&mut self, time: std::time::Duration) -> Option<DisconnectReason> {
        let left = tokio::time::timeout(time, self.reasons.recv()).await;
        left.ok().flatten()
    }

    /// The witnesses are connected and have missed nothing, and of everyone else nothing is left: no session, no socket, no room,
    /// no task.
    pub(crate) async fn check(&mut self, case: &str) {
        let all = self.witnesses.len();
        let io = self.io.clone();
        let left = || {
            let (main, custom) = (io.of("/"), io.of("/custom"));
            let sockets = (main.len(), main.to("hall").sockets().len(), custom.len());
            (io.engine().clients_count(), sockets, custom.rooms().len())
        };
        // Each round gives the server time to notice what is on its way.
        for _ in 0..500 {
            self.check_others().await;
            if left() == (all, (all, all, 0), 0) && tasks() <= self.tasks {
                break;
            }
        }
        assert_eq!(left(), (all, (all, all, 0), 0), "after {case}");
        assert!(
            tasks() <= self.tasks,
            "{} tasks, {} before, after {case}",
            tasks(),
            self.tasks
        );
        assert!(
            self.reasons.try_recv().is_err(),
            "{case} made somebody else leave"
        );
    }

    /// The witnesses are served.
    pub(crate) async fn check_others(&mut self) {
        for witness in &mut self.witnesses {
            witness.expect_nothing().await;
        }
    }

    /// Nobody is left, nor anything of them.
    pub(crate) async fn emptied(&mut self, case: &str) {
        let io = self.io.clone();
        let before = self.tasks;
        within(async {
            while io.engine().clients_count() > 0 || !io.of("/").is_empty() || tasks() > before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(io.of("/").rooms().is_empty(), "{case}");
    }

    pub(crate) async fn client(&self, eio: Eio, via: Via) -> TestClient {
        TestClient::connect(&self.server, eio, via).await
    }
}

pub(crate) fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}
