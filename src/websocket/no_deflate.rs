//! What stands in for compression in a build without the feature `deflate`, where it is never negotiated.

use super::error::ProtocolError;

/// How to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effort {
    pub(crate) level: u8,
    pub(crate) window_bits: u8,
}

/// Leaves what it gets as large as it was, which has it sent as it is.
#[derive(Debug)]
pub(crate) struct Deflater;

#[derive(Debug)]
pub(super) struct Inflater;

pub(crate) fn deflate(parts: &[&[u8]], _: Effort) -> Vec<u8> {
    parts.concat()
}

pub(super) fn inflate(_: &[u8], _: usize) -> Result<Vec<u8>, ProtocolError> {
    Err(ProtocolError::ReservedBits)
}

impl Deflater {
    pub(crate) fn new(_: Effort) -> Self {
        Self
    }

    pub(crate) fn deflate(&mut self, parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn inflate(&mut self, _: &[u8], _: usize) -> Result<Vec<u8>, ProtocolError> {
        Err(ProtocolError::ReservedBits)
    }
}
