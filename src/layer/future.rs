//! The response of the service, as a future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    engine::Handle,
    layer::{BoxError, ResponseBody},
};

pin_project! {
    /// The response of a [`SocketIoService`](crate::layer::SocketIoService).
    ///
    /// Dropping it before it is ready aborts the request: a poll that is dropped ends its session, as when the client hangs
    /// up.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        Engine { #[pin] answer: Handle<B> },
        File { response: Option<Response<Bytes>> },
        // The inner service has the request as soon as it is ready for it.
        Waiting { inner: S, request: Option<Request<B>> },
        Inner { #[pin] response: S::Future },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) const fn engine(answer: Handle<B>) -> Self {
        Self {
            state: State::Engine { answer },
        }
    }

    pub(super) const fn file(response: Response<Bytes>) -> Self {
        Self {
            state: State::File {
                response: Some(response),
            },
        }
    }

    pub(super) const fn inner(inner: S, request: Request<B>) -> Self {
        Self {
            state: State::Waiting {
                inner,
                request: Some(request),
            },
        }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let response = match state.as_mut().project() {
                StateProj::Engine { answer } => {
                    return answer.poll(cx).map(|it| Ok(it.map(ResponseBody::ours)));
                }
                StateProj::File { response } => {
                    let response = response
                        .take()
                        .expect("invariant: never polled after it was ready");
                    return Poll::Ready(Ok(response.map(Full::new).map(ResponseBody::ours)));
                }
                StateProj::Waiting { inner, request } => {
                    ready!(inner.poll_ready(cx))?;
                    inner.call(
                        request
                            .take()
                            .expect("invariant: called once, then no longer waiting"),
                    )
                }
                StateProj::Inner { response } => {
                    return response.poll(cx).map(|it| Ok(it?.map(ResponseBody::inner)));
                }
            };
            state.set(State::Inner { response });
        }
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
