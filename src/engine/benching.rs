//! What the benchmarks read of this room.

use super::{packet::ParseError, payload_v3, payload_v4};

pub(crate) fn payload_v4(body: &str) -> usize {
    count(payload_v4::decode(body))
}

pub(crate) fn payload_v3(body: &str) -> usize {
    count(payload_v3::decode_text(body))
}

fn count<P>(packets: impl Iterator<Item = Result<P, ParseError>>) -> usize {
    packets.fold(0, |count, packet| {
        packet.expect("a benchmark's payload is valid");
        count + 1
    })
}
