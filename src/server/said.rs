//! Errors as the log has them: no payload of a client is in there, and no line grows with what a client says.

use std::{error::Error, fmt, sync::Arc};

use serde_json::error::Category;

use crate::{
    foreign::{self, cut},
    packet::ArgError,
    server::{Failed, Refused},
};

/// So many characters of each error are enough to tell it.
const MAX_TEXT: usize = 300;

/// And so many of what caused it.
const MAX_SOURCES: usize = 8;

/// What is said of an error whose own text can't be made.
const UNSAID: &str = "it can't be said: the text of the error panicked";

/// An error and its sources, to be written into the log.
///
/// serde quotes what it could not read, at whatever length, and so do parsers and extractors that pass that on: of those it says the kind of
/// the mistake. Of others it has the beginning. `on_error` is told all.
#[derive(Debug)]
pub(super) struct Said {
    text: Box<str>,
    source: Option<Box<Self>>,
}

/// Why a parser of a user's own could not read a message, which it may quote.
#[derive(Clone, Debug)]
pub(super) struct Unread(Arc<str>);

impl Said {
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        Self::to_depth(error, MAX_SOURCES)
    }

    /// As `tracing` takes errors.
    pub(super) fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }

    fn to_depth(error: &(dyn Error + 'static), depth: usize) -> Self {
        if let Some(text) = without_a_quote(error) {
            return Self { text, source: None };
        }
        let below = depth.checked_sub(1);
        // Both are the application's code.
        let text = foreign::call(|| cut(error, MAX_TEXT)).unwrap_or_else(|_| UNSAID.into());
        let source = foreign::call(|| error.source()).ok().flatten().zip(below);
        Self {
            text: text.into(),
            source: source.map(|(source, depth)| Box::new(Self::to_depth(source, depth))),
        }
    }
}

/// What there is to say of an error that quotes a client, or whose sources do.
fn without_a_quote(error: &(dyn Error + 'static)) -> Option<Box<str>> {
    if let Some(error) = error.downcast_ref::<ArgError>() {
        return Some(error.to_string().into());
    }
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return Some(cut(&refused.for_the_log(), MAX_TEXT).into());
    }
    if error.is::<Unread>() {
        return Some("the parser can't read it; `on_error` is told why".into());
    }
    let returned = error.downcast_ref::<Failed<serde_json::Error>>();
    let error = returned
        .map(|Failed(error)| error)
        .or_else(|| error.downcast_ref())?;
    let kind = match error.classify() {
        Category::Io => "JSON that can't be read or written",
        Category::Syntax => "no JSON",
        Category::Data => "JSON of another type",
        Category::Eof => "JSON that ends too early",
    };
    Some(match error.line() {
        0 => kind.into(),
        line => format!("{kind}, at line {line} column {}", error.column()).into(),
    })
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Said {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

impl Unread {
    pub(super) fn new(why: impl Into<Arc<str>>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Unread {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics when it is asked what it is, or why.
    #[derive(Debug)]
    struct Unspeakable;

    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a test panics on purpose");
        }
    }

    impl Error for Unspeakable {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            panic!("a test panics on purpose");
        }
    }

    #[test]
    fn of_an_error_that_cannot_be_said_that_is_what_is_said() {
        let said = Said::of(&Unspeakable);
        assert_eq!(said.to_string(), UNSAID);
        assert!(said.source().is_none());
    }
}
