//! `Sec-WebSocket-Extensions`: the offers of permessage-deflate.

#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// One way to compress that the client would accept, its favourite first (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExtensionOffer {
    /// The server must compress every message by itself.
    pub(crate) server_no_context_takeover: bool,
    /// The client will compress every message by itself.
    pub(crate) client_no_context_takeover: bool,
    /// The server's window must not be larger: 8 to 15 bits.
    pub(crate) server_max_window_bits: Option<u8>,
    /// The server may limit the client's window, which anyway isn't larger than this.
    pub(crate) client_max_window_bits: Option<u8>,
}

/// A list of extensions, read from the left.
struct Scanner<'a> {
    rest: &'a str,
}

/// The bytes are not what the grammar of RFC 6455 §9.1 allows.
#[derive(Debug)]
struct Malformed;

/// The offers of all header lines, in order.
///
/// What we don't know, and every offer with a parameter that is unknown, repeated or out of range, is left out: that
/// is how an offer is declined (RFC 7692 §5.1, §7.1). A line that breaks the grammar counts up to where it breaks;
/// Node doesn't look at it at all unless compression is on.
pub(super) fn offers(headers: &HeaderMap) -> Vec<ExtensionOffer> {
    let mut offers = Vec::new();
    for line in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        // A malformed rest of a line offers nothing.
        let _ = read_line(line, &mut offers);
    }
    offers
}

fn read_line(line: &HeaderValue, offers: &mut Vec<ExtensionOffer>) -> Result<(), Malformed> {
    let mut scanner = Scanner {
        rest: line.to_str().map_err(|_| Malformed)?,
    };
    loop {
        offers.extend(read_offer(&mut scanner)?);
        if !scanner.eat(b',') {
            return scanner.end();
        }
    }
}

/// Reads one extension with its parameters; `None` if it is to be declined.
fn read_offer(scanner: &mut Scanner<'_>) -> Result<Option<ExtensionOffer>, Malformed> {
    let known = scanner.token()?.eq_ignore_ascii_case(PERMESSAGE_DEFLATE);
    let mut offer = known.then(ExtensionOffer::default);
    while scanner.eat(b';') {
        let name = scanner.token()?;
        let value = if scanner.eat(b'=') {
            Some(scanner.value()?)
        } else {
            None
        };
        offer = offer.and_then(|offer| offer.with(name, value));
    }
    Ok(offer)
}

impl ExtensionOffer {
    /// The offer with one more parameter, or `None` if that makes it unacceptable.
    fn with(mut self, name: &str, value: Option<&str>) -> Option<Self> {
        let fresh = match (name, value) {
            ("server_no_context_takeover", None) => {
                !std::mem::replace(&mut self.server_no_context_takeover, true)
            }
            ("client_no_context_takeover", None) => {
                !std::mem::replace(&mut self.client_no_context_takeover, true)
            }
            ("server_max_window_bits", Some(bits)) => {
                self.server_max_window_bits.replace(window_bits(bits)?).is_none()
            }
            ("client_max_window_bits", bits) => {
                let bits = bits.map_or(Some(MAX_WINDOW_BITS), window_bits)?;
                self.client_max_window_bits.replace(bits).is_none()
            }
            _ => false,
        };
        fresh.then_some(self)
    }
}

/// The window of a client that only says that it can be limited (RFC 7692 §7.1.2.2).
const MAX_WINDOW_BITS: u8 = 15;

/// "A decimal integer value without leading zeroes between 8 to 15" (RFC 7692 §7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    let canonical = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    value
        .parse()
        .ok()
        .filter(|bits| canonical && (8..=MAX_WINDOW_BITS).contains(bits))
}

impl<'a> Scanner<'a> {
    /// Skips this separator, if it is next.
    fn eat(&mut self, separator: u8) -> bool {
        self.skip_blanks();
        let found = self.rest.as_bytes().first() == Some(&separator);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        self.skip_blanks();
        let len = self.rest.bytes().take_while(|byte| is_token(*byte)).count();
        self.take(len)
    }

    /// A token, bare or quoted. With quotes it must still be a token inside (RFC 6455 §9.1).
    fn value(&mut self) -> Result<&'a str, Malformed> {
        if !self.eat(b'"') {
            return self.token();
        }
        let len = self.rest.bytes().take_while(|byte| is_token(*byte)).count();
        let value = self.take(len)?;
        if self.rest.starts_with('"') {
            self.rest = &self.rest[1..];
            return Ok(value);
        }
        Err(Malformed)
    }

    fn end(mut self) -> Result<(), Malformed> {
        self.skip_blanks();
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a str, Malformed> {
        if len == 0 {
            return Err(Malformed);
        }
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(taken)
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

/// The characters of a token (RFC 9110 §5.6.2).
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
