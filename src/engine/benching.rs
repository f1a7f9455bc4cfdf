//! What the benchmarks read of this room.

use super::{payload_v3, payload_v4};

pub(crate) fn payload_v4(body: &str) -> usize {
    payload_v4::decode(body)
        .map(|packet| packet.expect("a benchmark's payload is valid"))
        .count()
}

pub(crate) fn payload_v3(body: &str) -> usize {
    payload_v3::decode_text(body)
        .map(|packet| packet.expect("a benchmark's payload is valid"))
        .count()
}
