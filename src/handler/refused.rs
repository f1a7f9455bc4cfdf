//! An axum extractor that refused, as an error.

use std::{any::type_name, error::Error, fmt};

use axum::{body::to_bytes, response::Response};
use http::StatusCode;

/// How much of a rejection's body is kept for the log.
const BODY_LIMIT: usize = 4096;

/// An extractor of a connect handler or middleware refused.
///
/// axum's rejections are HTTP responses. There is nobody to send one to, the handshake having been answered before:
/// status and text become an error.
#[derive(Debug)]
pub struct Refused {
    extractor: &'static str,
    status: StatusCode,
    text: Box<str>,
}

impl Refused {
    /// The rejection of the extractor `T`, read to its end.
    pub(crate) async fn read<T>(rejection: Response) -> Self {
        let (head, body) = rejection.into_parts();
        let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
        Self {
            extractor: type_name::<T>(),
            status: head.status,
            text: String::from_utf8_lossy(&body).into(),
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

    /// The sentence a refused client is told. Details may say too much about the server: those are traced only.
    pub(crate) fn reason(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Refused")
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
