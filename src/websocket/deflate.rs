//! The payloads of compressed messages (RFC 7692 §7.2), each compressed by itself.
//!
//! What the compressor and the decompressor need to work is 270 KB and 40 KB large. As no message refers to the one before,
//! each thread has one of either and lends it to the message at hand.

#[cfg(test)]
mod tests;

use std::cell::Cell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::error::ProtocolError;

/// What ends a flush: the sender takes it off, the receiver appends it (§7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// How much room the first step of an inflation has at least.
const STEP: usize = 4 * 1024;

/// Room for what a flush and the heads of stored blocks add, with some to spare: zlib is done when it leaves some.
const SPARE: usize = 64;

/// How to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effort {
    /// zlib's level: 0 stores, 1 is fast, 9 is small.
    pub(crate) level: u8,
    /// The window: 9 to 15 bits.
    pub(crate) window_bits: u8,
}

thread_local! {
    static COMPRESS: Cell<Option<(Effort, Compress)>> = const { Cell::new(None) };
    static DECOMPRESS: Cell<Option<Decompress>> = const { Cell::new(None) };
}

/// Compresses the payload that consists of these parts.
pub(crate) fn deflate(parts: &[&[u8]], effort: Effort) -> Vec<u8> {
    let mut state = match COMPRESS.take() {
        Some((same, state)) if same == effort => state,
        _ => {
            let level = Compression::new(effort.level.into());
            Compress::new_with_window_bits(level, false, effort.window_bits)
        }
    };
    let mut output = Vec::with_capacity(SPARE);
    for part in parts {
        compress(&mut state, part, FlushCompress::None, &mut output);
    }
    compress(&mut state, &[], FlushCompress::Sync, &mut output);
    state.reset();
    COMPRESS.set(Some((effort, state)));
    debug_assert!(output.ends_with(&TAIL), "a flush ends with an empty block");
    output.truncate(output.len() - TAIL.len());
    output
}

fn compress(state: &mut Compress, part: &[u8], flush: FlushCompress, output: &mut Vec<u8>) {
    let start = state.total_in();
    loop {
        output.reserve(SPARE);
        let taken = (state.total_in() - start) as usize;
        state
            .compress_vec(&part[taken..], output, flush)
            .expect("invariant: the stream has not been finished");
        // Only spare room says that nothing is held back; how the output ends doesn't, because any payload may end so.
        if output.len() < output.capacity() && state.total_in() - start == part.len() as u64 {
            return;
        }
    }
}

/// The payload that has been compressed to these bytes.
///
/// # Errors
///
/// They are not what a compressor writes, or the payload has more than `max` bytes; then it isn't inflated any further, and
/// no more than that has been allocated.
pub(super) fn inflate(compressed: &[u8], max: usize) -> Result<Vec<u8>, ProtocolError> {
    let mut state = DECOMPRESS.take().unwrap_or_else(|| Decompress::new(false));
    let mut output = Vec::new();
    let result = decompress(&mut state, compressed, max, &mut output).and_then(|status| match status {
        // Whoever ends the stream (§7.2.3.5) has nothing else to say.
        Status::StreamEnd => Ok(()),
        Status::Ok | Status::BufError => decompress(&mut state, &TAIL, max, &mut output).map(drop),
    });
    state.reset(false);
    DECOMPRESS.set(Some(state));
    result.map(|()| output)
}

fn decompress(
    state: &mut Decompress,
    input: &[u8],
    max: usize,
    output: &mut Vec<u8>,
) -> Result<Status, ProtocolError> {
    let start = state.total_in();
    loop {
        if output.len() == output.capacity() {
            // One byte more than is allowed tells what is too big.
            let step = output.len().max(STEP).min(max.saturating_add(1) - output.len());
            output.reserve_exact(step);
        }
        let taken = (state.total_in() - start) as usize;
        let status = state
            .decompress_vec(&input[taken..], output, FlushDecompress::Sync)
            .map_err(|_| ProtocolError::InvalidDeflate)?;
        if output.len() > max {
            return Err(ProtocolError::MessageTooBig);
        }
        if status == Status::StreamEnd || output.len() < output.capacity() {
            return Ok(status);
        }
    }
}
