//! Compression of what WebSockets send (RFC 7692).

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    Protocol,
    websocket::{Agreement, Effort, Terms, deflate},
};

/// How WebSocket messages are compressed, with the clients that offer it: Node's `perMessageDeflate`.
///
/// Each message is compressed by itself, in both directions (`serverNoContextTakeover` and `clientNoContextTakeover` of Node),
/// so that a connection costs no memory between messages, and a broadcast is compressed once for all its recipients. Node's
/// `memLevel` and `concurrencyLimit` have no counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "deflate"),
    expect(unreachable_pub, reason = "there is nothing to set")
)]
pub struct PerMessageDeflate {
    pub(crate) threshold: usize,
    pub(crate) level: u8,
    pub(crate) server_max_window_bits: u8,
    pub(crate) client_max_window_bits: u8,
}

/// How one connection wants its messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deflate {
    pub(super) threshold: usize,
    pub(super) effort: Effort,
}

/// The compressed frames of one packet, made when the first connection wants them so.
#[derive(Debug, Default)]
pub(super) struct SharedFrames(Mutex<Vec<(Key, Arc<[u8]>)>>);

/// What makes a difference to the frames.
type Key = (Effort, Protocol);

impl Default for PerMessageDeflate {
    fn default() -> Self {
        Self {
            threshold: 1024,
            level: 6,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

#[cfg(feature = "deflate")]
impl PerMessageDeflate {
    /// Compression with its defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Messages of fewer bytes are sent as they are: 1,024 by default.
    #[must_use]
    pub const fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// zlib's level, from 0, which stores, over 1, which is fast, to 9, which is small: 6 by default.
    #[must_use]
    #[doc(alias = "zlibDeflateOptions")]
    pub const fn level(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    /// The largest window of what the server sends, 9 to 15 bits: 15 by default. A client may ask for less; one that asks for
    /// 8 goes uncompressed, because zlib can't write that.
    #[must_use]
    #[doc(alias = "serverMaxWindowBits")]
    pub const fn server_max_window_bits(mut self, bits: u8) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// The largest window of what a client sends, 9 to 15 bits: 15 by default. With less, a client that doesn't offer to be
    /// limited goes uncompressed (RFC 7692 §7.1.2.2).
    #[must_use]
    #[doc(alias = "clientMaxWindowBits")]
    pub const fn client_max_window_bits(mut self, bits: u8) -> Self {
        self.client_max_window_bits = bits;
        self
    }
}

impl PerMessageDeflate {
    pub(super) fn terms(&self) -> Terms {
        Terms {
            server_max_window_bits: self.server_max_window_bits,
            client_max_window_bits: self.client_max_window_bits,
        }
    }

    pub(super) fn deflate(&self, agreement: Agreement) -> Deflate {
        Deflate {
            threshold: self.threshold,
            effort: Effort {
                level: self.level,
                window_bits: agreement.server_max_window_bits,
            },
        }
    }
}

impl Deflate {
    /// The payload that consists of these parts, compressed, if that is wanted and makes it smaller.
    pub(super) fn compress(self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len < self.threshold {
            return None;
        }
        Some(deflate(parts, self.effort)).filter(|compressed| compressed.len() < len)
    }
}

impl SharedFrames {
    /// The frames for this kind of connection. Who wants the same ones meanwhile waits for them.
    pub(super) fn get_or_make(&self, key: Key, make: impl FnOnce() -> Arc<[u8]>) -> Arc<[u8]> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, frames)) = made.iter().find(|(same, _)| *same == key) {
            return Arc::clone(frames);
        }
        let frames = make();
        made.push((key, Arc::clone(&frames)));
        frames
    }
}
