//! Event names.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, Visitor};

use super::json::Element;

/// Whether servers and clients keep this event name for themselves: it can be neither sent nor received.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener"
    )
}

/// The name an event's first element stands for, which is any string or number.
pub(super) fn event_name(first: Element<'_>) -> Option<Cow<'_, str>> {
    if let Some(name) = first.plain() {
        return Some(Cow::Borrowed(name));
    }
    match first.json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(first.json)
            .ok()
            .or_else(|| well_formed(first.json))
            .map(Cow::Owned),
        Some(b'-' | b'0'..=b'9') => Some(number_name(first.json)),
        _ => None,
    }
}

/// ECMAScript `String.prototype.toWellFormed`: halves of surrogate pairs, which only escapes can say, become U+FFFD each.
#[cold]
fn well_formed(json: &str) -> Option<String> {
    let Wtf8(bytes) = serde_json::from_str(json).ok()?;
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        // The first of the three bytes of a surrogate; what is left of it is invalid as well.
        if chunk.invalid().first() == Some(&0xed) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Some(text)
}

/// A string whose surrogates are bytes like all others.
struct Wtf8(Vec<u8>);

impl<'de> Deserialize<'de> for Wtf8 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Wtf8;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Wtf8, E> {
                Ok(Wtf8(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

/// Node's listeners are keyed by strings, so a number becomes what JavaScript makes of it: `1.0` and `1e0` are "1".
pub(super) fn number_name(raw: &str) -> Cow<'_, str> {
    // Up to 15 digits are exact in a double and print as they are written.
    let plain = raw.len() <= 15 && raw.bytes().all(|byte| byte.is_ascii_digit());
    match plain {
        true => Cow::Borrowed(raw),
        false => Cow::Owned(javascript_number(raw)),
    }
}

/// ECMAScript `Number::toString`: plain decimals between 1e-6 and 1e21, the exponent with its sign elsewhere.
fn javascript_number(raw: &str) -> String {
    let number: f64 = raw.parse().expect("invariant: JSON numbers are Rust floats");
    let size = number.abs();
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    if size < 1.0 { text } else { text.replace('e', "e+") }
}
