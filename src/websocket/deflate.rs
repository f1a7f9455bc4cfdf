//! The payloads of compressed messages (RFC 7692 §7.2).
//!
//! What the compressor and the decompressor need to work is 380 KB and 48 KB large. Where no message refers to the one before,
//! each thread keeps a few of either and lends one to the message at hand; else a connection has its own.

#[cfg(test)]
mod tests;

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::error::ProtocolError;

/// What ends a flush: the sender takes it off, the receiver appends it (§7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// How much room the first step of an inflation has at least.
const STEP: usize = 4 * 1024;

/// Room for what a flush and the heads of stored blocks add, with some to spare: zlib is done when it leaves some.
const SPARE: usize = 64;

/// Compressors that a thread keeps. Clients choose the window, so there may be several in use.
const POOLED: usize = 2;

/// Streams with an end of their own in one message. An encoder that ends one for every 16 KiB gets by with them, and one that ends
/// them all the time, which costs the receiver much more than the sender, does not.
const STREAMS: u32 = 64;

/// How to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effort {
    /// zlib's level: 0 stores, 1 is fast, 9 is small.
    pub(crate) level: u8,
    /// The window: 9 to 15 bits.
    pub(crate) window_bits: u8,
}

/// Compresses messages that refer to those before.
#[derive(Debug)]
pub(crate) struct Deflater(Compress);

/// Decompresses messages that refer to those before.
#[derive(Debug)]
pub(super) struct Inflater(Decompress);

thread_local! {
    /// The one used last is the last.
    static DEFLATERS: RefCell<Vec<(Effort, Deflater)>> = const { RefCell::new(Vec::new()) };
    static INFLATER: RefCell<Option<Inflater>> = const { RefCell::new(None) };
}

/// Compresses the payload that consists of these parts, by itself.
pub(crate) fn deflate(parts: &[&[u8]], effort: Effort) -> Vec<u8> {
    let mut deflater = DEFLATERS
        .with_borrow_mut(|pool| {
            let at = pool.iter().position(|(same, _)| *same == effort)?;
            Some(pool.remove(at).1)
        })
        .unwrap_or_else(|| Deflater::new(effort));
    let output = deflater.deflate(parts);
    deflater.0.reset();
    DEFLATERS.with_borrow_mut(|pool| {
        pool.drain(..(pool.len() + 1).saturating_sub(POOLED));
        pool.push((effort, deflater));
    });
    output
}

/// The payload that has been compressed to these bytes, by itself.
///
/// # Errors
///
/// Those of [`Inflater::inflate`]; whatever was refused, the next payload is read as the first one.
pub(super) fn inflate(compressed: &[u8], max: usize) -> Result<Vec<u8>, ProtocolError> {
    let pooled = INFLATER.with_borrow_mut(Option::take);
    let mut inflater = pooled.unwrap_or_else(Inflater::new);
    let result = inflater.inflate(compressed, max);
    // Without this a client could read what another one has sent: by a distance to before the start.
    inflater.0.reset(false);
    INFLATER.set(Some(inflater));
    result
}

impl Deflater {
    pub(crate) fn new(effort: Effort) -> Self {
        let level = Compression::new(effort.level.into());
        Self(Compress::new_with_window_bits(level, false, effort.window_bits))
    }

    /// Compresses the payload that consists of these parts. It has to be sent: the next one may refer to it.
    pub(crate) fn deflate(&mut self, parts: &[&[u8]]) -> Vec<u8> {
        let mut output = Vec::with_capacity(SPARE);
        for part in parts {
            self.compress(part, FlushCompress::None, &mut output);
        }
        self.compress(&[], FlushCompress::Sync, &mut output);
        debug_assert!(output.ends_with(&TAIL), "a flush ends with an empty block");
        output.truncate(output.len() - TAIL.len());
        output
    }

    fn compress(&mut self, part: &[u8], flush: FlushCompress, output: &mut Vec<u8>) {
        let start = self.0.total_in();
        loop {
            output.reserve(SPARE);
            let taken = (self.0.total_in() - start) as usize;
            self.0
                .compress_vec(&part[taken..], output, flush)
                .expect("invariant: the stream has not been finished");
            // Only spare room says that nothing is held back; how the output ends doesn't, because any payload may end so.
            if output.len() < output.capacity() && self.0.total_in() - start == part.len() as u64 {
                return;
            }
        }
    }
}

impl Inflater {
    /// For senders with a window of any size, because zlib-rs has but one for reading: 32 KiB.
    pub(super) fn new() -> Self {
        Self(Decompress::new(false))
    }

    /// The payload that has been compressed to these bytes.
    ///
    /// No bytes at all are an empty payload, although a sender compresses that to one byte (§7.2.3.6): `ws` reads it so.
    ///
    /// # Errors
    ///
    /// They are not what a compressor writes, or the payload has more than `max` bytes; then it isn't inflated any further, and
    /// no more than that has been allocated. Nothing can be read afterwards.
    pub(super) fn inflate(&mut self, compressed: &[u8], max: usize) -> Result<Vec<u8>, ProtocolError> {
        let mut output = Vec::new();
        if compressed.is_empty() {
            return Ok(output);
        }
        let mut rest = compressed;
        for _ in 0..STREAMS {
            let (taken, ended) = self.decompress(rest, max, &mut output)?;
            rest = &rest[taken..];
            // Whoever ended the stream (§7.2.3.4) may have begun another (§7.2.1), or has nothing else to say.
            if !ended {
                self.decompress(&TAIL, max, &mut output)?;
            }
            if rest.is_empty() {
                return Ok(output);
            }
        }
        Err(ProtocolError::InvalidDeflate)
    }

    /// Takes the input, up to the end of the stream, and says how much that was, and whether the stream has ended. Then it is
    /// ready for another one.
    fn decompress(
        &mut self,
        input: &[u8],
        max: usize,
        output: &mut Vec<u8>,
    ) -> Result<(usize, bool), ProtocolError> {
        let start = self.0.total_in();
        loop {
            if output.len() == output.capacity() {
                // One byte more than is allowed tells what is too big.
                let step = output.len().max(STEP).min(max.saturating_add(1) - output.len());
                output.reserve_exact(step);
            }
            let taken = (self.0.total_in() - start) as usize;
            let status = self
                .0
                .decompress_vec(&input[taken..], output, FlushDecompress::Sync)
                .map_err(|_| ProtocolError::InvalidDeflate)?;
            if output.len() > max {
                return Err(ProtocolError::MessageTooBig);
            }
            let taken = (self.0.total_in() - start) as usize;
            let ended = status == Status::StreamEnd;
            if ended {
                self.0.reset(false);
            }
            // With room to spare all the input has been taken.
            if ended || output.len() < output.capacity() {
                return Ok((taken, ended));
            }
        }
    }
}
