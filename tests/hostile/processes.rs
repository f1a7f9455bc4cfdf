//! Real clients whose process is killed, or stopped with its connections open.

use std::{process::Stdio, time::Duration};

use axum_socketio::DisconnectReason;
use tokio::process::{Child, Command};

use crate::{absent::Stage, setup::node, wire::within};

/// One generation of clients each, over every transport.
const CLIENTS: [(&str, &str); 6] = [
    ("2", "polling"),
    ("2", "websocket"),
    ("2", "upgrade"),
    ("4", "polling"),
    ("4", "websocket"),
    ("4", "upgrade"),
];

/// Returns when all are connected, on the transport they are meant to be on.
async fn start(stage: &mut Stage) -> Vec<Child> {
    let url = format!("http://{}", stage.ground.server.addr);
    let mut processes = Vec::new();
    for (version, transports) in CLIENTS {
        let mut program = Command::from(node("clients/js/stay.mjs"));
        program.args([version, transports, &url]).stdin(Stdio::null());
        processes.push(program.kill_on_drop(true).spawn().unwrap());
    }
    let main = stage.ground.io.of("/");
    within(async {
        while main.to("here").sockets().len() < CLIENTS.len() {
            // Witnesses of Engine.IO 3 have to be asked for their heartbeats.
            main.emit("beat", ());
            let left = stage.ground.left_within(Duration::from_millis(200)).await;
            assert_eq!(left, None);
        }
    })
    .await;
    processes
}

#[tokio::test]
async fn clients_whose_process_is_killed_are_gone_in_time() {
    // What has to be installed is, before anyone waits for a heartbeat.
    drop(node("clients/js/stay.mjs"));
    let mut stage = Stage::new().await;
    for mut process in start(&mut stage).await {
        process.kill().await.unwrap();
    }
    // A poll that waited is given up; where none did, the heartbeat has to find out. WebSockets are closed by the system.
    let reasons = ["transport close", "transport error", "ping timeout"];
    let left = stage.expect_gone(CLIENTS.len(), &reasons).await;
    let closed = left
        .iter()
        .filter(|why| **why == DisconnectReason::TransportClose);
    assert_eq!(closed.count(), 4, "{left:?}");
}

#[tokio::test]
async fn clients_whose_process_is_stopped_are_gone_in_time() {
    // What has to be installed is, before anyone waits for a heartbeat.
    drop(node("clients/js/stay.mjs"));
    let mut stage = Stage::new().await;
    let processes = start(&mut stage).await;
    for process in &processes {
        let id = process.id().unwrap().to_string();
        let stopped = Command::new("kill").args(["-STOP", &id]).status().await.unwrap();
        assert!(stopped.success());
    }
    stage.expect_gone(CLIENTS.len(), &["ping timeout"]).await;
}
