//! Event names.

use std::borrow::Cow;

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
        Some(b'"') => serde_json::from_str(first.json).ok().map(Cow::Owned),
        Some(b'-' | b'0'..=b'9') => Some(number_name(first.json)),
        _ => None,
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
