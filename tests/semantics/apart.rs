//! Disconnect handlers that block in place, of connections that are ended by somebody who has others to look after.

use std::{sync::mpsc::Sender, time::Duration};

use axum::extract::State;
use axum_socketio::{Builder, Drain, SocketIo};
use tokio::task::{JoinSet, block_in_place};

use crate::{
    io,
    log::{Heard, Log, log},
    threads::Block,
    wire::{Eio, TestClient, TestServer, Via, within},
};

const POLLING: usize = 4;

/// A server whose disconnect handlers block until each is let go on, with clients that poll, though not at the moment.
async fn blocking(builder: Builder) -> (SocketIo, TestServer, Vec<TestClient>, Sender<()>, Heard) {
    let (log, heard) = log();
    let (release, block) = Block::new();
    let (io, main) = io(builder);
    let _ = main
        .with_state((log, block))
        .on_disconnect(async |State((log, block)): State<(Log, Block)>| {
            log.say("begins");
            block_in_place(|| block.wait());
            log.say("ends");
        });
    let server = TestServer::start(&io).await;
    let mut clients = Vec::new();
    for eio in [Eio::V4, Eio::V3].into_iter().cycle().take(POLLING) {
        clients.push(TestClient::connect(&server, eio, Via::Polling).await);
    }
    (io, server, clients, release, heard)
}

async fn let_all_go_on(release: &Sender<()>, heard: &mut Heard) {
    for _ in 0..POLLING {
        release.send(()).unwrap();
        heard.expect("ends").await;
    }
}

/// Until it says so, asked with how many there were.
async fn answer_pings(client: &mut TestClient, mut until: impl FnMut(usize) -> bool) {
    for pings in 1.. {
        client.expect("2").await;
        client.send("3").await;
        if until(pings) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_of_clients_that_have_vanished_hold_up_nobodys_heartbeat() {
    let heartbeat = SocketIo::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_secs(3));
    let (io, server, vanished, release, mut heard) = blocking(heartbeat).await;
    let mut witness = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let mut begun = 0;
    within(answer_pings(&mut witness, |_| {
        begun += heard.drain().len();
        begun == POLLING
    }))
    .await;
    assert_eq!(io.engine().clients_count(), 1);
    within(answer_pings(&mut witness, |pings| pings == 3)).await;
    let_all_go_on(&release, &mut heard).await;
    drop(vanished);
}

/// Of those for whom nothing is queued, whose sessions end when they are closed, and of those that are cut in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_and_draining_return_by_their_deadline() {
    const SHORTLY: Duration = Duration::from_millis(400);
    for drains in [false, true] {
        let (io, _server, clients, release, mut heard) = blocking(SocketIo::builder()).await;
        for socket in io.of("/").sockets().into_iter().take(POLLING / 2) {
            socket.emit("never fetched", ());
        }
        let (mut closing, closes) = (JoinSet::new(), io.clone());
        // In a task of its own, which a handler may block.
        closing.spawn(async move {
            if !drains {
                closes.close_within(SHORTLY).await;
                return None;
            }
            let drain = Drain::new(Duration::ZERO).grace(SHORTLY);
            Some(closes.drain(drain).await)
        });
        if let Some(report) = within(closing.join_next()).await.unwrap().unwrap() {
            assert_eq!((report.closed, report.cut), (POLLING, POLLING / 2));
            // The connections that are being told, and the sockets that leave.
            assert!(report.unfinished > POLLING, "{report:?}");
        }
        for _ in 0..POLLING {
            heard.expect("begins").await;
        }
        let_all_go_on(&release, &mut heard).await;
        drop(clients);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_for_every_one_of_them() {
    let (io, _server, clients, release, mut heard) = blocking(SocketIo::builder()).await;
    let (mut closing, closes) = (JoinSet::new(), io.clone());
    closing.spawn(async move { closes.close_within(Duration::from_secs(300)).await });
    for _ in 0..POLLING {
        heard.expect("begins").await;
    }
    for _ in 0..POLLING {
        assert!(closing.try_join_next().is_none(), "closed too early");
        release.send(()).unwrap();
        heard.expect("ends").await;
    }
    within(closing.join_next()).await.unwrap().unwrap();
    drop(clients);
}
