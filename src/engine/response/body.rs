//! The bodies of our answers.

use std::{
    error, fmt, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};

/// Longer answers to polls belong to their session until the HTTP server has taken them: one that isn't read would stay as long as the
/// client likes, and the next one beside it.
const LONG: usize = 64 * 1024;

/// The same for a connection of which an answer has only a part, with hundreds of others beside it.
const LONG_IN_A_STREAM: usize = 1024;

/// What the HTTP server takes at a time. It is a copy, so that nothing it holds keeps the rest; hyper holds 16 of them.
const PIECE: usize = 16 * 1024;

/// The last ones that are taken, which hyper does before the client has made room for them in its stream: one that waits for that in h2, and
/// the next.
const LAST_PIECES: usize = 2;

/// How long an answer has to be to be a long one.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Long(usize);

impl Long {
    /// In this version of HTTP.
    pub(in crate::engine) fn of(version: Version) -> Self {
        match version >= Version::HTTP_2 {
            true => Self(LONG_IN_A_STREAM),
            false => Self(LONG),
        }
    }

    /// How much of what is left is taken at a time. Nothing counts once the last piece has been: it, and the one before, are short.
    fn piece(self, left: usize) -> usize {
        let last = self.0.min(PIECE);
        match left.checked_sub(LAST_PIECES * last) {
            None | Some(0) => last.min(left),
            Some(before) => PIECE.min(before),
        }
    }

    /// Whether a payload that costs so much in the outbox may become one: what is escaped in it takes six bytes at most.
    pub(in crate::engine) const fn may_be(self, cost: usize) -> bool {
        cost >= self.0 / 8
    }
}

/// The body of an answer of the engine, which is complete from the start.
#[derive(Default)]
pub(crate) struct AnswerBody(Kind);

enum Kind {
    Whole(Bytes),
    OfSession {
        unread: Arc<Unread>,
        long: Long,
        /// How much is still to come, whatever becomes of it: the HTTP server has told the client.
        left: usize,
    },
}

/// What the HTTP server has not taken yet of a long answer.
#[derive(Default)]
pub(in crate::engine) struct Unread(Mutex<Left>);

#[derive(Default)]
enum Left {
    /// The answer is being made.
    #[default]
    All,
    Of(Bytes),
}

/// The session has ended before its client had read the answer. Without an error what came of it would pass for the whole, if another
/// layer has taken `Content-Length` away.
#[derive(Debug)]
pub(crate) struct Abandoned;

impl AnswerBody {
    /// Makes a long one part of a session, which may give it up.
    pub(in crate::engine) fn of_session(self, unread: Arc<Unread>, long: Long) -> Self {
        match &self.0 {
            Kind::Whole(bytes) if bytes.len() > long.0 => {
                let left = bytes.len();
                unread.fill(bytes.clone());
                Self(Kind::OfSession { unread, long, left })
            }
            _ => {
                unread.give_up();
                self
            }
        }
    }

    fn left(&self) -> usize {
        match &self.0 {
            Kind::Whole(bytes) => bytes.len(),
            Kind::OfSession { left, .. } => *left,
        }
    }
}

impl Unread {
    /// The HTTP server has all of it, or will never get it.
    pub(in crate::engine) fn is_taken(&self) -> bool {
        matches!(&*self.left(), Left::Of(bytes) if bytes.is_empty())
    }

    /// Nobody is to get it any more; the answer ends before its end.
    pub(in crate::engine) fn give_up(&self) {
        let left = mem::replace(&mut *self.left(), Left::Of(Bytes::new()));
        drop(left);
    }

    /// The answer has been made, if it hasn't been given up meanwhile.
    fn fill(&self, bytes: Bytes) {
        let mut left = self.left();
        if matches!(*left, Left::All) {
            *left = Left::Of(bytes);
        }
    }

    fn next(&self, long: Long) -> Bytes {
        let mut left = self.left();
        let Left::Of(bytes) = &mut *left else {
            return Bytes::new();
        };
        let length = long.piece(bytes.len());
        let piece = Bytes::copy_from_slice(&bytes.split_to(length));
        if bytes.is_empty() {
            *bytes = Bytes::new();
        }
        piece
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Abandoned;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abandoned>>> {
        let data = match &mut self.0 {
            Kind::Whole(bytes) => mem::take(bytes),
            Kind::OfSession { left: 0, .. } => return Poll::Ready(None),
            Kind::OfSession { unread, long, left } => {
                let piece = unread.next(*long);
                if piece.is_empty() {
                    *left = 0;
                    return Poll::Ready(Some(Err(Abandoned)));
                }
                *left -= piece.len();
                piece
            }
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
        if let Kind::OfSession { unread, .. } = &self.0 {
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

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session has ended before its client had read the answer to its poll")
    }
}

impl error::Error for Abandoned {}
