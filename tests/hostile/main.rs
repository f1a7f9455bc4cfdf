//! Whatever a client sends, the server reacts as the protocol says, the others notice nothing, and nothing of it remains.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

#[path = "../support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the protocol suites")]
mod wire;

#[path = "../support/setup.rs"]
mod setup;

mod absent;
mod depth;
mod floods;
mod frames;
mod ground;
mod http2;
mod idle;
mod limits;
mod limits_of_names;
mod limits_of_queues;
mod network;
mod packets;
mod payloads;
mod processes;
mod raw;
mod requests;
mod vanished;

#[test]
fn the_tables_have_two_hundred_rows() {
    let rows = [
        requests::CASES.len(),
        requests::UPGRADES.len(),
        requests::HANDSHAKES.len(),
        payloads::V4.len(),
        payloads::V3.len(),
        frames::CASES.len(),
        packets::CASES.len(),
    ];
    assert!(rows.iter().sum::<usize>() >= 200, "{rows:?}");
}
