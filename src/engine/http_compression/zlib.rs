//! The compressor, whose state of 270 KB is lent by the thread for one body.

use std::cell::Cell;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::Coding;

/// zlib's largest window, 32 KiB, as in Node.
const WINDOW_BITS: u8 = 15;

/// How much room each step has at least.
const STEP: usize = 1024;

thread_local! {
    static STATE: Cell<Option<(Coding, u8, Compress)>> = const { Cell::new(None) };
}

/// The body in this coding.
pub(super) fn compress(coding: Coding, body: &[u8], level: u8) -> Option<Vec<u8>> {
    let mut state = match STATE.take() {
        Some((of, at, state)) if (of, at) == (coding, level) => state,
        _ => new(coding, level),
    };
    let mut compressed = Vec::with_capacity(body.len() / 4 + STEP);
    loop {
        let taken = usize::try_from(state.total_in()).unwrap_or(body.len());
        let step = state.compress_vec(&body[taken..], &mut compressed, FlushCompress::Finish);
        if step.expect("invariant: the stream has not been finished") == Status::StreamEnd {
            break;
        }
        compressed.reserve(STEP.max(compressed.len()));
    }
    state.reset();
    STATE.set(Some((coding, level, state)));
    Some(compressed)
}

fn new(coding: Coding, level: u8) -> Compress {
    let level = Compression::new(level.into());
    match coding {
        Coding::Gzip => Compress::new_gzip(level, WINDOW_BITS),
        Coding::Deflate => Compress::new_with_window_bits(level, true, WINDOW_BITS),
    }
}
