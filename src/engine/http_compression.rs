//! Compression of what polling clients fetch: whether, and how.

mod coding;
#[cfg(feature = "deflate")]
mod zlib;
#[cfg(not(feature = "deflate"))]
#[path = "http_compression/no_zlib.rs"]
mod zlib;

pub(super) use self::coding::Coding;

/// How the answers to polls are compressed, for the clients that accept it: Node's `httpCompression`.
///
/// gzip and deflate, whichever the client's `Accept-Encoding` prefers. What clients post is never compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "deflate"),
    expect(unreachable_pub, reason = "there is nothing to set")
)]
pub struct HttpCompression {
    pub(crate) threshold: usize,
    pub(crate) level: u8,
}

impl Default for HttpCompression {
    fn default() -> Self {
        Self {
            threshold: 1024,
            level: 6,
        }
    }
}

#[cfg(feature = "deflate")]
impl HttpCompression {
    /// Compression with its defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bodies of fewer bytes are sent as they are: 1,024 by default.
    #[must_use]
    pub const fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// zlib's level, from 0, which stores, over 1, which is fast, to 9, which is small: 6 by default.
    #[must_use]
    pub const fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }
}

impl HttpCompression {
    /// The body compressed, if that makes it smaller.
    pub(super) fn compress(&self, coding: Coding, body: &[u8]) -> Option<Vec<u8>> {
        zlib::compress(coding, body, self.level).filter(|compressed| compressed.len() < body.len())
    }
}
