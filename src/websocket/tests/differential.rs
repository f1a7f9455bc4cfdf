//! Broken streams, read by us at random cuts and by `tungstenite`: the same messages, or both refuse.

use proptest::prelude::*;

use super::{
    client::{CLOSE, FIN, close, frame},
    oracle::{Ours, assert_agreement},
    streams::{cuts, mutations, pieces, streams},
};
use crate::websocket::{ProtocolError, transcript::Transcript};

/// Small, so that limits are exceeded often.
const LIMIT: usize = 2048;

fn check(stream: &[u8], cuts: &[usize]) {
    let ours = Transcript::of(pieces(stream, cuts), LIMIT);
    let refused = ours.failed.is_some();
    let control_format = ours.failed == Some(ProtocolError::ControlTooLong);
    assert_agreement(
        stream,
        LIMIT,
        &Ours {
            said: ours.said,
            refused,
            control_format,
        },
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn another_implementation_hears_the_same(
        stream in streams(),
        mutations in mutations(),
        cuts in cuts(),
    ) {
        let mut bytes = stream.bytes;
        for mutation in &mutations {
            mutation.apply(&mut bytes);
        }
        check(&bytes, &cuts);
    }
}

#[test]
fn every_pair_of_first_bytes_is_judged_alike() {
    for first in 0..=255 {
        for second in 0..=255 {
            check(&[&[first, second][..], &[0; 200]].concat(), &[1000]);
        }
    }
}

#[test]
fn every_close_code_is_judged_alike() {
    for code in 0..=u16::MAX {
        check(&close(code, ""), &[1000]);
    }
    check(&frame(FIN | CLOSE, "x"), &[1000]);
}
