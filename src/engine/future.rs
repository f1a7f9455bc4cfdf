//! The answer to a request, as a future.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::Body;
use pin_project_lite::pin_project;

use super::{
    response::Answer,
    transport::{poll::HeldPoll, push::Push},
};

pin_project! {
    /// The answer of the engine to one request.
    ///
    /// Dropped before it is ready, it is the client aborting its request.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Handle<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B> {
        Answered { answer: Option<Answer> },
        Poll { held: HeldPoll },
        Push { push: Push, #[pin] body: B },
    }
}

impl<B> Handle<B> {
    pub(super) fn answered(answer: Answer) -> Self {
        Self {
            kind: Kind::Answered { answer: Some(answer) },
        }
    }

    pub(super) fn poll(held: HeldPoll) -> Self {
        Self {
            kind: Kind::Poll { held },
        }
    }

    pub(super) fn push(push: Push, body: B) -> Self {
        Self {
            kind: Kind::Push { push, body },
        }
    }
}

impl<B: Body> Future for Handle<B> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let answer = match self.project().kind.project() {
            KindProjection::Answered { answer } => answer
                .take()
                .expect("invariant: a future isn't polled after it is ready"),
            KindProjection::Poll { held } => ready!(held.poll(cx)),
            KindProjection::Push { push, body } => ready!(push.poll(body, cx)),
        };
        Poll::Ready(answer)
    }
}

impl<B> fmt::Debug for Handle<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
