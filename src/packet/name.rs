//! Event names.

use std::borrow::Cow;

/// Whether servers and clients keep this event name for themselves: it can be neither sent nor received.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener"
    )
}

/// The name an event's first element stands for, which is any string or number; `raw` is that element, valid JSON.
pub(super) fn event_name(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'"') => unescape(raw),
        Some(b'-' | b'0'..=b'9') => Some(number_name(raw)),
        _ => None,
    }
}

/// Whether this payload, valid JSON or not, begins with a reserved name.
pub(super) fn names_reserved_event(payload: &str) -> bool {
    let first = payload
        .trim_ascii_start()
        .strip_prefix('[')
        .map_or("", str::trim_ascii_start);
    let Some(inner) = first.strip_prefix('"') else {
        return false;
    };
    match memchr::memchr2(b'"', b'\\', inner.as_bytes()) {
        Some(end) if inner.as_bytes()[end] == b'"' => is_reserved(&inner[..end]),
        Some(_) => escaped_prefix(first).is_some_and(|name| is_reserved(&name)),
        None => false,
    }
}

/// The string that this text begins with.
fn escaped_prefix(text: &str) -> Option<String> {
    serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
}

fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    match memchr::memchr(b'\\', raw.as_bytes()) {
        None => Some(Cow::Borrowed(&raw[1..raw.len() - 1])),
        Some(_) => serde_json::from_str(raw).ok().map(Cow::Owned),
    }
}

/// Node's listeners are keyed by strings, so a number becomes what JavaScript makes of it: `1.0` and `1e0` are "1".
fn number_name(raw: &str) -> Cow<'_, str> {
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
