//! An axum extractor that refused, as an error.

use std::{error::Error, fmt};

use http::StatusCode;

/// An extractor of a connect handler or middleware refused.
///
/// axum's rejections are HTTP responses. There is nobody to send one to, the handshake having been answered before:
/// status and text become an error. The text may quote what the client has sent, so it isn't in the log, unless the status says that
/// the mistake is the server's: [`on_error`](crate::Namespace::on_error) is told it.
#[derive(Debug)]
pub struct Refused {
    extractor: &'static str,
    status: StatusCode,
    text: Box<str>,
}

impl Refused {
    pub(crate) const fn new(extractor: &'static str, status: StatusCode, text: Box<str>) -> Self {
        Self {
            extractor,
            status,
            text,
        }
    }

    /// The type of the extractor.
    #[must_use]
    pub const fn extractor(&self) -> &'static str {
        self.extractor
    }

    /// The status that an HTTP client would have got.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence a refused client is told. Details may say too much about the server.
    pub(crate) fn reason(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Refused")
    }

    /// Without a text that may quote the client.
    pub(super) const fn for_the_log(&self) -> impl fmt::Display {
        ForTheLog(self)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the extractor `{}` refused: {}", self.extractor, self.status)?;
        if self.text.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.text)
        }
    }
}

impl Error for Refused {}

struct ForTheLog<'a>(&'a Refused);

impl fmt::Display for ForTheLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = self.0;
        if refused.status.is_server_error() {
            return refused.fmt(f);
        }
        write!(
            f,
            "the extractor `{}` refused: {}",
            refused.extractor, refused.status
        )
    }
}
