//! Buffers that all connections of a thread share.

use std::{
    cell::Cell,
    ops::{Deref, DerefMut},
};

/// The size of a scratch: what one read takes in and one write of small frames puts out.
pub(super) const SCRATCH: usize = 64 * 1024;

thread_local! {
    static READ: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static WRITE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer to read into, at its full length and initialised.
///
/// It is taken out of the thread while it is in use: what is dispatched from it may poll other connections.
pub(super) struct ReadScratch(Vec<u8>);

/// A buffer to gather small frames in, empty.
pub(super) struct WriteScratch(Vec<u8>);

impl ReadScratch {
    pub(super) fn take() -> Self {
        let mut buffer = READ.take();
        if buffer.is_empty() {
            buffer = vec![0; SCRATCH];
        }
        Self(buffer)
    }
}

impl WriteScratch {
    pub(super) fn take() -> Self {
        let mut buffer = WRITE.take();
        buffer.clear();
        buffer.reserve(SCRATCH);
        Self(buffer)
    }
}

impl Drop for ReadScratch {
    fn drop(&mut self) {
        READ.set(std::mem::take(&mut self.0));
    }
}

impl Drop for WriteScratch {
    fn drop(&mut self) {
        WRITE.set(std::mem::take(&mut self.0));
    }
}

impl Deref for ReadScratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for ReadScratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Deref for WriteScratch {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for WriteScratch {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}
