//! The bodies of our answers.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Longer answers to polls belong to their session until the HTTP server has taken them: one that isn't read would stay as long as the
/// client likes, and the next one beside it.
const LONG: usize = 64 * 1024;

/// What the HTTP server takes at a time. It is a copy, so that nothing it holds keeps the rest; hyper holds 16 of them.
const PIECE: usize = 16 * 1024;

/// The body of an answer of the engine, which is complete from the start.
#[derive(Default)]
pub(crate) struct AnswerBody(Kind);

enum Kind {
    Whole(Bytes),
    OfSession(Arc<Unread>),
}

/// What the HTTP server has not taken yet of a long answer.
#[derive(Default)]
pub(in crate::engine) struct Unread(Mutex<Bytes>);

impl AnswerBody {
    /// Makes a long one part of a session, which may give it up.
    pub(in crate::engine) fn of_session(self, keep: impl FnOnce(Arc<Unread>)) -> Self {
        match &self.0 {
            Kind::Whole(bytes) if bytes.len() > LONG => {
                let unread = Arc::new(Unread(Mutex::new(bytes.clone())));
                keep(unread.clone());
                Self(Kind::OfSession(unread))
            }
            _ => self,
        }
    }

    fn left(&self) -> usize {
        match &self.0 {
            Kind::Whole(bytes) => bytes.len(),
            Kind::OfSession(unread) => unread.bytes().len(),
        }
    }
}

impl Unread {
    /// The HTTP server has all of it, or will never get it.
    pub(in crate::engine) fn is_taken(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Nobody is to get it any more; the answer ends before its end.
    pub(in crate::engine) fn give_up(&self) {
        let bytes = std::mem::take(&mut *self.bytes());
        drop(bytes);
    }

    fn next(&self) -> Bytes {
        let mut bytes = self.bytes();
        let length = PIECE.min(bytes.len());
        let piece = Bytes::copy_from_slice(&bytes.split_to(length));
        if bytes.is_empty() {
            *bytes = Bytes::new();
        }
        piece
    }

    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match &mut self.0 {
            Kind::Whole(bytes) => std::mem::take(bytes),
            Kind::OfSession(unread) => unread.next(),
        };
        Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left() as u64)
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Kind::OfSession(unread) = &self.0 {
            unread.give_up();
        }
    }
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }
}

impl Default for Kind {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerBody").field("left", &self.left()).finish()
    }
}
