//! The body of a response: the inner service's or ours.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{engine::AnswerBody, layer::BoxError};

pin_project! {
    /// The body of a [`SocketIoService`](crate::layer::SocketIoService)'s response: that of the inner service, untouched,
    /// or one of our own, which is complete from the start.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    #[derive(Debug)]
    enum Kind<B> {
        Ours { #[pin] body: AnswerBody },
        Inner { #[pin] body: B },
    }
}

impl<B> ResponseBody<B> {
    pub(super) const fn ours(body: AnswerBody) -> Self {
        Self {
            kind: Kind::Ours { body },
        }
    }

    pub(super) const fn inner(body: B) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }
}

/// The empty body, for middlewares that answer by themselves: tower-http's time-outs and CORS preflights do.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::ours(AnswerBody::default())
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    /// That of the inner body; or one that says that a session has ended before its client had read a long answer.
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.project().kind.project() {
            KindProj::Ours { body } => body.poll_frame(cx).map_err(Into::into),
            KindProj::Inner { body } => body.poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Ours { body } => body.is_end_stream(),
            Kind::Inner { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Ours { body } => body.size_hint(),
            Kind::Inner { body } => body.size_hint(),
        }
    }
}
