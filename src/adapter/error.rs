//! What can go wrong between servers.

use std::{error::Error, fmt, sync::Arc};

use crate::{ServerId, foreign::Panicked};

/// A back end could not send or receive. Local delivery is not concerned.
#[derive(Clone, Debug)]
pub struct AdapterError {
    message: Box<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl AdapterError {
    /// What went wrong, in words.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into().into(),
            source: None,
        }
    }

    pub(crate) fn panicked(panicked: Panicked) -> Self {
        Self::new("the adapter panicked").with_source(panicked)
    }

    /// Keeps the error underneath.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for AdapterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Some servers did not answer in time, or could not be asked, or not be heard any more. Keeps what the others said.
///
/// Its [source](Error::source) is the [`AdapterError`] where it wasn't for the time: they could not be asked, or this server has left the
/// cluster meanwhile, by its close or the end of its back end.
#[derive(Debug)]
pub struct Incomplete<T> {
    /// What came, this server's part included where it has one.
    pub received: T,
    missing: Missing,
    error: Option<AdapterError>,
}

/// Who did not answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) servers: Vec<ServerId>,
    /// Servers that are known by their number only.
    pub(crate) unnamed: usize,
}

impl<T> Incomplete<T> {
    pub(crate) const fn new(received: T, missing: Missing) -> Self {
        Self {
            received,
            missing,
            error: None,
        }
    }

    /// The question was not sent, or its answers can't be heard, if there is an error.
    pub(crate) fn with_error(mut self, error: Option<AdapterError>) -> Self {
        self.error = error;
        self
    }

    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Incomplete<U> {
        Incomplete::new(map(self.received), self.missing).with_error(self.error)
    }

    pub(crate) fn into_parts(self) -> (T, Missing, Option<AdapterError>) {
        (self.received, self.missing, self.error)
    }

    /// The servers that did not answer, sorted. Empty with a back end that counts servers but doesn't name them.
    #[must_use]
    pub fn missing(&self) -> &[ServerId] {
        &self.missing.servers
    }

    /// How many servers did not answer.
    #[must_use]
    pub const fn missing_count(&self) -> usize {
        self.missing.count()
    }
}

impl Missing {
    /// Those that did not answer another question at the same time.
    pub(crate) fn add(&mut self, other: &Self) {
        self.servers.extend_from_slice(&other.servers);
        self.servers.sort_unstable();
        self.servers.dedup();
        self.unnamed = self.unnamed.max(other.unnamed);
    }

    pub(crate) const fn count(&self) -> usize {
        self.servers.len() + self.unnamed
    }
}

impl<T> fmt::Display for Incomplete<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.error {
            Some(_) => "the adapter failed",
            None => "timeout reached",
        };
        f.write_str(why)?;
        match self.missing_count() {
            // They had the time to answer, and whoever was to hear it had not.
            0 => return Ok(()),
            servers => write!(f, ": missing {servers} responses")?,
        }
        for (index, server) in self.missing.servers.iter().enumerate() {
            f.write_str(if index == 0 { " of " } else { ", " })?;
            fmt::Display::fmt(server, f)?;
        }
        Ok(())
    }
}

impl<T: fmt::Debug> Error for Incomplete<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.as_ref().map(|error| error as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_not_answer_is_told_where_there_is_somebody() {
        let missing = |servers: &[&str], unnamed| Missing {
            servers: servers.iter().map(|server| ServerId::from(*server)).collect(),
            unnamed,
        };
        let told = |missing| Incomplete::new((), missing).to_string();
        assert_eq!(
            told(missing(&["a", "b"], 0)),
            "timeout reached: missing 2 responses of a, b"
        );
        assert_eq!(told(missing(&[], 1)), "timeout reached: missing 1 responses");
        assert_eq!(told(missing(&[], 0)), "timeout reached");
        let failed = Incomplete::new((), Missing::default()).with_error(Some(AdapterError::new("closed")));
        assert_eq!(failed.to_string(), "the adapter failed");
    }
}
