//! Compression of what WebSockets send (RFC 7692).

#[cfg(feature = "deflate")]
#[cfg(test)]
pub(super) mod samples;
mod shared_frames;

pub(super) use self::shared_frames::{Frames, Pressing, SharedFrames, Slot};
use crate::websocket::{Agreement, Effort, Terms};

/// zlib's smallest window.
const LEAST_WINDOW_BITS: u8 = 9;

/// How WebSocket messages are compressed, with the clients that offer it: Node's `perMessageDeflate`.
///
/// By default each message is compressed by itself, in both directions, so that a connection costs no memory between messages,
/// and a broadcast is compressed once for all its recipients: once more for those that ask for a smaller window than the
/// [largest](Self::server_max_window_bits), who get one of 9 bits. With [`server_context_takeover`](Self::server_context_takeover) neither is so.
///
/// Up to 16 KiB are compressed at a time by the task of the connection. A longer message, text or attachment alike, is compressed
/// on tokio's blocking threads, one message for each processor at a time and one of up to 64 KiB besides, and only its recipients wait for
/// it; Node's `concurrencyLimit` has no other counterpart, and `memLevel` none. What clients send is inflated by the task of their
/// connection, about a megabyte before others have their turn. A kilobyte that a client sends may be a message as large as
/// [`max_http_buffer_size`](crate::Builder::max_http_buffer_size), and cost the server what such a message costs.
///
/// A message of 1 KiB of JSON costs 8,500 instructions from emit to socket as it is and 373,000 compressed (225,000 at level 1),
/// one of 16 KiB 51,000 and 1.36 million (554,000); with context takeover, where it is like the last one, 93,000 and 376,000.
///
/// The send buffer ([`Builder::max_send_buffer`](crate::Builder::max_send_buffer)) counts messages as they are before they are
/// compressed, because so they wait.
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
    pub(crate) server_context_takeover: bool,
    pub(crate) client_context_takeover: bool,
}

/// How one connection wants its messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deflate {
    pub(super) threshold: usize,
    pub(super) effort: Effort,
    /// Messages may refer to those before.
    pub(super) context_takeover: bool,
}

impl Default for PerMessageDeflate {
    fn default() -> Self {
        Self {
            threshold: 1024,
            level: 6,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            server_context_takeover: false,
            client_context_takeover: false,
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

    /// The largest window of what the server sends, 9 to 15 bits: 15 by default. A client may ask for less, and gets 9 then whatever it
    /// asks for, unless contexts are taken over; one that asks for 8 goes uncompressed, because zlib can't write that.
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

    /// Whether what the server sends may refer to the messages before, unless the client asks that it doesn't: no by default,
    /// the opposite of Node's.
    ///
    /// Short messages that are alike become much smaller then. But each connection keeps a compressor from its first compressed
    /// message on, of 380 KB with a window of 15 bits and 250 KB with one of 9, and a broadcast is compressed for each recipient
    /// on its own, because no two have been sent the same before. Use it for few connections with much traffic of their own; and
    /// not where what an attacker sends is compressed beside a secret, whose parts then show in the size (RFC 7692 §8).
    #[must_use]
    #[doc(alias = "serverNoContextTakeover")]
    pub const fn server_context_takeover(mut self, takeover: bool) -> Self {
        self.server_context_takeover = takeover;
        self
    }

    /// Whether what a client sends may refer to its messages before, unless the client says that it doesn't: no by default, the
    /// opposite of Node's.
    ///
    /// Each connection keeps a decompressor from the client's first compressed message on, of 48 KB whatever the window.
    #[must_use]
    #[doc(alias = "clientNoContextTakeover")]
    pub const fn client_context_takeover(mut self, takeover: bool) -> Self {
        self.client_context_takeover = takeover;
        self
    }
}

impl PerMessageDeflate {
    pub(super) fn terms(&self) -> Terms {
        Terms {
            server_max_window_bits: self.server_max_window_bits,
            client_max_window_bits: self.client_max_window_bits,
            server_context_takeover: self.server_context_takeover,
            client_context_takeover: self.client_context_takeover,
        }
    }

    pub(super) fn deflate(&self, agreement: Agreement) -> Deflate {
        let (agreed, context_takeover) = (
            agreement.server_max_window_bits,
            agreement.server_context_takeover,
        );
        // A form of a broadcast for each of seven windows is seven times the work and the memory, which anybody could ask for.
        let window_bits = match agreed < self.server_max_window_bits && !context_takeover {
            true => LEAST_WINDOW_BITS,
            false => agreed,
        };
        Deflate {
            threshold: self.threshold,
            effort: Effort {
                level: self.level,
                window_bits,
            },
            context_takeover,
        }
    }
}

#[cfg(feature = "deflate")]
#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{PerMessageDeflate, samples::agreement};

    #[test]
    fn there_are_two_forms_of_a_broadcast_whatever_windows_its_recipients_ask_for() {
        for max in 9..=15 {
            let options = PerMessageDeflate::new().server_max_window_bits(max);
            let forms = (9..=max).map(|bits| {
                let mut agreement = agreement();
                agreement.server_max_window_bits = bits;
                let window_bits = options.deflate(agreement).effort.window_bits;
                assert!(window_bits <= bits);
                window_bits
            });
            let forms: HashSet<_> = forms.collect();
            assert!(forms.len() <= 2, "{forms:?}");
            assert!(forms.contains(&max));
        }
    }

    #[test]
    fn a_context_has_the_window_that_was_agreed_on() {
        let mut agreement = agreement();
        (
            agreement.server_max_window_bits,
            agreement.server_context_takeover,
        ) = (12, true);
        let deflate = PerMessageDeflate::new()
            .server_context_takeover(true)
            .deflate(agreement);
        assert_eq!(deflate.effort.window_bits, 12);
    }
}
