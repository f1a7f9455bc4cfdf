//! Binary packets arrive in pieces.

use bytes::Bytes;
use smallvec::SmallVec;

/// A binary packet whose header has come and whose attachments are on their way.
#[derive(Debug)]
pub(crate) struct Pending {
    text: Box<str>,
    attachments: SmallVec<[Bytes; 1]>,
    wanted: usize,
}

impl Pending {
    /// `text` is the packet as [`decode`](super::decode()) takes it, `wanted` the count it announced, at least 1.
    pub(crate) fn new(text: &str, wanted: usize) -> Self {
        Self {
            text: text.into(),
            attachments: SmallVec::new(),
            wanted,
        }
    }

    /// Takes the next attachment. Returns whether it was the last one.
    pub(crate) fn push(&mut self, data: Bytes) -> bool {
        self.attachments.push(data);
        self.attachments.len() >= self.wanted
    }

    /// The header, to be decoded again, and the attachments that came.
    pub(crate) fn into_parts(self) -> (Box<str>, SmallVec<[Bytes; 1]>) {
        (self.text, self.attachments)
    }
}
