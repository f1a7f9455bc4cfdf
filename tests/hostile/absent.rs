//! Clients that are there no more, or only seem to be, while numbered events go to everyone: they leave in the time of the heartbeat, nothing of
//! them stays, and the others get every number once and in order.

use std::time::{Duration, Instant};

use axum_socketio::{Builder, DisconnectReason, SocketIo};
use tokio::{
    io::AsyncWriteExt as _,
    task::{JoinSet, yield_now},
};

use crate::{
    ground::{Ground, tasks},
    network::Network,
    raw,
    wire::{Eio, Packet, Request, TestClient, TestServer, Via, Ws, within},
};

const PING_INTERVAL: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Deadlines are exact to a quarter of a second, and there are two of them; the rest is for a busy machine.
const SLACK: Duration = Duration::from_millis(500 + 8_000);

fn builder() -> Builder {
    SocketIo::builder()
        .ping_interval(PING_INTERVAL)
        .ping_timeout(PING_TIMEOUT)
        .connect_timeout(PING_INTERVAL + PING_TIMEOUT)
        .max_send_buffer(64 << 20)
}

/// A server with witnesses of each kind, who answer heartbeats, and a network that can be cut.
pub(crate) struct Stage {
    pub(crate) ground: Ground,
    witnesses: JoinSet<Vec<u64>>,
    network: Network,
    /// The server, by way of the network.
    far: TestServer,
    tasks: usize,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::on(builder()).await
    }

    async fn on(builder: Builder) -> Self {
        let ground = Ground::alone(builder).await;
        let mut witnesses = JoinSet::new();
        for (eio, via) in TestClient::EVERY_WAY {
            witnesses.spawn(watch(ground.client(eio, via).await, eio));
        }
        let network = Network::to(ground.server.addr);
        let far = TestServer::at(network.addr);
        let tasks = tasks();
        Self {
            ground,
            witnesses,
            network,
            far,
            tasks,
        }
    }

    /// Asks everyone a question that is never answered, and tells everyone numbers until so many have left for one of these reasons. Then nothing of
    /// them is left, and the witnesses have missed no number. Gives back the reasons.
    pub(crate) async fn expect_gone(mut self, sockets: usize, reasons: &[&str]) -> Vec<DisconnectReason> {
        let io = self.ground.io.clone();
        let mut questions = JoinSet::new();
        for socket in io.of("/").sockets() {
            questions.spawn(
                socket
                    .timeout(Duration::from_secs(60))
                    .emit_with_ack::<u32>("question", ()),
            );
        }
        let (begun, mut number, mut left) = (now(), 0, Vec::new());
        while left.len() < sockets || io.engine().clients_count() > TestClient::EVERY_WAY.len() {
            io.of("/").emit("tick", number);
            number += 1;
            if let Some(why) = self.ground.left_within(Duration::from_millis(20)).await {
                assert!(reasons.contains(&why.as_str()), "{why}");
                left.push(why);
            }
            assert!(
                begun.elapsed() < PING_INTERVAL + PING_TIMEOUT + SLACK,
                "{left:?} of {sockets} after {:?}",
                begun.elapsed()
            );
        }
        assert_eq!(left.len(), sockets);
        // Those to the witnesses stay open.
        while questions.len() > TestClient::EVERY_WAY.len() {
            let answer = within(questions.join_next()).await.unwrap().unwrap();
            assert!(answer.unwrap_err().is_disconnected());
        }
        assert_eq!(io.of("/").len(), TestClient::EVERY_WAY.len());
        assert_eq!(io.of("/").to("hall").sockets().len(), TestClient::EVERY_WAY.len());
        within(async {
            while tasks() > self.tasks + questions.len() {
                yield_now().await;
            }
        })
        .await;
        io.of("/").emit("enough", ());
        let all: Vec<u64> = (0..number).collect();
        for seen in within(self.witnesses.join_all()).await {
            assert!(
                seen == all,
                "{} of {number}: lost, twice or out of order",
                seen.len()
            );
        }
        drop(self.network);
        left
    }
}

/// Notes the numbers, and answers heartbeats.
async fn watch(mut client: TestClient, eio: Eio) -> Vec<u64> {
    let mut seen = Vec::new();
    loop {
        let Some(Packet::Text(text)) = client.recv().await else {
            panic!("a witness {eio:?} was disconnected");
        };
        if text == "2" {
            client.send("3").await;
        } else if let Some(number) = text.strip_prefix(r#"42["tick","#) {
            seen.push(number.trim_end_matches(']').parse().unwrap());
            if eio == Eio::V3 && seen.len() % 5 == 1 {
                client.send("2").await;
            }
        } else if text == r#"42["beat"]"# {
            if eio == Eio::V3 {
                client.send("2").await;
            }
        } else if text == r#"42["enough"]"# {
            client.close().await;
            return seen;
        }
    }
}

#[tokio::test]
async fn clients_behind_a_network_that_swallows_everything_are_gone_in_time() {
    let stage = Stage::new().await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        let client = TestClient::connect(&stage.far, eio, via).await;
        if via == Via::Polling {
            // One that polls has a poll under way.
            let poll = Request::get(client.target()).start(stage.far.addr).await;
            clients.push((client, Some(poll)));
        } else {
            clients.push((client, None));
        }
    }
    stage.network.cut();
    stage.expect_gone(4, &["ping timeout"]).await;
}

/// The upgrade is given up before the silence is noticed, or would be long after.
#[tokio::test]
async fn an_upgrade_that_the_network_swallows_is_gone_in_time() {
    for upgrade_timeout in [PING_INTERVAL, 10 * (PING_INTERVAL + PING_TIMEOUT)] {
        let stage = Stage::on(builder().upgrade_timeout(upgrade_timeout)).await;
        let mut clients = Vec::new();
        for probes in [false, true] {
            for eio in [Eio::V3, Eio::V4] {
                let client = TestClient::connect(&stage.far, eio, Via::Polling).await;
                let mut ws = Ws::open(stage.far.addr, &client.upgrade_target()).await;
                if probes {
                    ws.send("2probe").await;
                    ws.expect("3probe").await;
                }
                clients.push((client, ws));
            }
        }
        stage.network.cut();
        stage.expect_gone(4, &["ping timeout"]).await;
    }
}

/// The network had taken the last packet of the upgrade, and nothing came after it.
#[tokio::test]
async fn a_client_that_vanishes_as_it_has_upgraded_is_gone_in_time() {
    let stage = Stage::new().await;
    let mut clients = Vec::new();
    for eio in [Eio::V3, Eio::V4] {
        let client = TestClient::connect(&stage.far, eio, Via::Polling).await;
        let mut ws = Ws::open(stage.far.addr, &client.upgrade_target()).await;
        ws.send("2probe").await;
        ws.expect("3probe").await;
        ws.send("5").await;
        ws.send(r#"42["message","upgraded"]"#).await;
        ws.expect(r#"42["message-back","upgraded"]"#).await;
        clients.push((client, ws));
    }
    stage.network.cut();
    stage.expect_gone(2, &["ping timeout"]).await;
}

#[tokio::test]
async fn clients_that_never_join_behind_a_network_that_swallows_everything_are_gone_in_time() {
    let stage = Stage::new().await;
    let mut clients = Vec::new();
    for via in [Via::Polling, Via::WebSocket] {
        clients.push(TestClient::open(&stage.far, Eio::V4, via).await);
    }
    stage.network.cut();
    stage.expect_gone(0, &[]).await;
}

/// Its window is zero: more is queued for it than the network takes, less than its send buffer, and its heartbeats stand behind.
#[tokio::test]
async fn a_reader_that_has_stopped_is_gone_in_time_and_delays_nobody() {
    let stage = Stage::new().await;
    let mut readers = Vec::new();
    for eio in [Eio::V3, Eio::V4] {
        let mut stream = raw::websocket(stage.ground.server.addr, &eio.target("websocket")).await;
        if eio == Eio::V4 {
            stream.write_all(&raw::frame(0x81, b"40")).await.unwrap();
        }
        stream
            .write_all(&raw::frame(0x81, br#"42["flood"]"#))
            .await
            .unwrap();
        readers.push(stream);
    }
    let io = stage.ground.io.clone();
    within(async {
        while io.of("/").to("flooded").sockets().len() < readers.len() {
            yield_now().await;
        }
    })
    .await;
    for _ in 0..32 {
        io.of("/").to("flooded").emit("chunk", "a".repeat(1 << 20));
    }
    stage.expect_gone(2, &["ping timeout"]).await;
}

#[tokio::test]
async fn polling_clients_that_never_come_back_are_gone_in_time() {
    let stage = Stage::new().await;
    let mut clients = Vec::new();
    for eio in [Eio::V3, Eio::V4] {
        clients.push(stage.ground.client(eio, Via::Polling).await);
    }
    stage.expect_gone(2, &["ping timeout"]).await;
}

#[expect(clippy::disallowed_methods, reason = "the tests are about time that passes")]
fn now() -> Instant {
    Instant::now()
}
