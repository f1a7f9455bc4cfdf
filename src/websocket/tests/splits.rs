//! Wherever a stream is cut, the same is said of it: the decoder can be stopped after any byte.

use proptest::prelude::*;

use super::streams::{cuts, mutations, pieces, streams};
use crate::websocket::transcript::Transcript;

const LIMIT: usize = 1 << 20;
/// Some of the generated messages are larger than this.
const TIGHT: usize = 1024;

proptest! {
    #[test]
    fn a_legal_stream_is_read_as_it_was_written(stream in streams(), cuts in cuts()) {
        let transcript = Transcript::of(pieces(&stream.bytes, &cuts), LIMIT);
        prop_assert_eq!(transcript.failed, None);
        prop_assert_eq!(transcript.said, stream.said);
    }

    #[test]
    fn cuts_change_nothing(
        stream in streams(),
        mutations in mutations(),
        cuts in cuts(),
        limit in prop_oneof![Just(LIMIT), Just(TIGHT)],
    ) {
        let mut bytes = stream.bytes;
        for mutation in &mutations {
            mutation.apply(&mut bytes);
        }
        let whole = Transcript::of([&bytes[..]], limit);
        prop_assert_eq!(&Transcript::of(pieces(&bytes, &cuts), limit), &whole);
        prop_assert_eq!(&Transcript::of(bytes.chunks(1), limit), &whole);
    }

    #[test]
    fn noise_is_no_stream_but_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in cuts()) {
        let whole = Transcript::of([&bytes[..]], LIMIT);
        prop_assert_eq!(&Transcript::of(pieces(&bytes, &cuts), LIMIT), &whole);
    }
}
