//! The answer to the offers of permessage-deflate, as a pure function (RFC 7692 §5.1, §7.1).

#[cfg(test)]
mod tests;

use http::HeaderValue;

use super::extensions::ExtensionOffer;

/// The window when nothing limits it (RFC 7692 §7.1.2).
const MAX_WINDOW_BITS: u8 = 15;
/// zlib can't write raw deflate data for a smaller window.
const MIN_SERVER_WINDOW_BITS: u8 = 9;

/// What the server wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Window bits, 9 to 15.
    pub(crate) server_max_window_bits: u8,
    pub(crate) client_max_window_bits: u8,
    /// Messages may refer to those before.
    pub(crate) server_context_takeover: bool,
    pub(crate) client_context_takeover: bool,
}

/// What both sides keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    pub(crate) server_max_window_bits: u8,
    /// The offer named the server's window, so the answer must, even if it is 15 (§7.1.2.1).
    answer_server_window: bool,
    /// 15 unless the client is told otherwise. The answer can say 8, which any larger inflate window reads.
    client_max_window_bits: u8,
    pub(crate) server_context_takeover: bool,
    pub(crate) client_context_takeover: bool,
}

/// The first offer that the terms allow, or `None` to decline them all.
pub(crate) fn negotiate(offers: &[ExtensionOffer], terms: Terms) -> Option<Agreement> {
    offers.iter().find_map(|offer| accept(offer, terms))
}

fn accept(offer: &ExtensionOffer, terms: Terms) -> Option<Agreement> {
    let server_bits = offer.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS);
    // The answer must not be larger than the offer (§7.1.2.1), and we can't keep to 8.
    if server_bits < MIN_SERVER_WINDOW_BITS {
        return None;
    }
    let client_bits = match offer.client_max_window_bits {
        Some(bits) => bits.min(terms.client_max_window_bits),
        // A client that didn't mention it must not be limited (§7.1.2.2).
        None if terms.client_max_window_bits < MAX_WINDOW_BITS => return None,
        None => MAX_WINDOW_BITS,
    };
    Some(Agreement {
        server_max_window_bits: server_bits.min(terms.server_max_window_bits),
        answer_server_window: offer.server_max_window_bits.is_some(),
        client_max_window_bits: client_bits,
        // What the server gives up it may always say (§7.1.1.1), and a client keeps to what it is told (§7.1.1.2).
        server_context_takeover: terms.server_context_takeover && !offer.server_no_context_takeover,
        client_context_takeover: terms.client_context_takeover && !offer.client_no_context_takeover,
    })
}

impl Agreement {
    /// The value of `Sec-WebSocket-Extensions` in the response. A window of 15 bits is what its absence means.
    pub(crate) fn header(self) -> HeaderValue {
        let mut header = String::from("permessage-deflate");
        if !self.server_context_takeover {
            header.push_str("; server_no_context_takeover");
        }
        if !self.client_context_takeover {
            header.push_str("; client_no_context_takeover");
        }
        if self.answer_server_window || self.server_max_window_bits < MAX_WINDOW_BITS {
            let bits = self.server_max_window_bits;
            header.push_str(&format!("; server_max_window_bits={bits}"));
        }
        if self.client_max_window_bits < MAX_WINDOW_BITS {
            let bits = self.client_max_window_bits;
            header.push_str(&format!("; client_max_window_bits={bits}"));
        }
        HeaderValue::try_from(header).expect("invariant: tokens and digits are a header value")
    }
}
