//! JSON that is kept as text.

use std::sync::Arc;

use serde::{Serialize, de::IgnoredAny};

/// A text that is known to be JSON, without space around it. A cheap handle.
///
/// `serde_json` has such a type too, behind its feature `raw_value`. With that on, its own values read a string anew, to any depth, where a
/// client names a member after that type: the crate is not to be what turns it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonText(Arc<str>);

impl JsonText {
    /// The text, if it is JSON.
    pub(crate) fn checked(text: &str) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        Some(Self(text.trim_ascii().into()))
    }

    /// The text of a value.
    ///
    /// # Errors
    /// It doesn't serialise.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self(serde_json::to_string(value)?.into()))
    }

    pub(crate) fn get(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_kept_and_without_the_space_around_it() {
        let cases = [
            ("{}", Some("{}")),
            ("\r\n { \"a\" : [1, 2.0] }\t", Some("{ \"a\" : [1, 2.0] }")),
            ("null", Some("null")),
            ("", None),
            ("{", None),
            ("{}{}", None),
            ("\u{c}{}", None),
        ];
        for (text, kept) in cases {
            assert_eq!(
                JsonText::checked(text).as_ref().map(JsonText::get),
                kept,
                "{text:?}"
            );
        }
        assert!(JsonText::checked(&"[".repeat(10_000)).is_none());
        assert!(JsonText::checked(&("[".repeat(10_000) + &"]".repeat(10_000))).is_some());
    }
}
