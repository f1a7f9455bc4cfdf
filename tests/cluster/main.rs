//! Several servers as one, joined by the bus within a process.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

mod brokers;
mod closings;
#[path = "../support/cluster/mod.rs"]
mod contract;
mod failures;
mod held_back;
mod panics;
mod partings;
mod questions;
mod resting;
mod scripted;
mod wakers;
#[path = "../support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the protocol suites")]
mod wire;

use axum_socketio::{Builder, adapter::Bus};

#[tokio::test]
async fn the_bus_keeps_the_contract() {
    contract::keeps_the_contract(|| on(Bus::new())).await;
}

/// Joins servers on this bus.
fn on(bus: Bus) -> impl Fn(Builder) -> Builder {
    move |builder| builder.adapter(bus.adapter())
}
