//! The response of the service, as a future.

use std::{
    fmt,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    engine::{AnswerBody, Engine, Handle},
    layer::{
        BoxError, ResponseBody, cors,
        gate::{Asked, Finish},
    },
    server::BoxFuture,
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
        // Hooks that want to touch the answer.
        finish: Option<Box<Finish>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        // Boxed, because a server without hooks never has it.
        Asking { question: Box<Question<B>> },
        Engine { #[pin] answer: Handle<B> },
        File { response: Option<Response<Bytes>> },
        // The inner service has the request as soon as it is ready for it.
        Waiting { inner: S, request: Option<Request<B>> },
        Inner { #[pin] response: S::Future },
    }
}

/// A request about which the application is asked.
struct Question<B> {
    asked: BoxFuture<Asked>,
    engine: Engine,
    request: Option<Request<B>>,
    peer: Option<SocketAddr>,
    /// Whether its extensions are those of any request.
    common: bool,
    /// The client file that answers the request.
    file: Option<Response<Bytes>>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn asking(
        asked: BoxFuture<Asked>,
        engine: Engine,
        request: Request<B>,
        (peer, common): (Option<SocketAddr>, bool),
        file: Option<Response<Bytes>>,
    ) -> Self {
        let question = Question {
            asked,
            engine,
            request: Some(request),
            peer,
            common,
            file,
        };
        Self {
            state: State::Asking {
                question: Box::new(question),
            },
            finish: None,
        }
    }

    pub(super) const fn engine(answer: Handle<B>) -> Self {
        Self {
            state: State::Engine { answer },
            finish: None,
        }
    }

    pub(super) const fn file(response: Response<Bytes>) -> Self {
        Self {
            state: State::File {
                response: Some(response),
            },
            finish: None,
        }
    }

    pub(super) const fn inner(inner: S, request: Request<B>) -> Self {
        Self {
            state: State::Waiting {
                inner,
                request: Some(request),
            },
            finish: None,
        }
    }
}

/// Goes on with the request once the hooks have spoken.
fn resume<S, B>(question: &mut Question<B>, asked: Asked) -> (State<S, B>, Box<Finish>)
where
    S: Service<Request<B>>,
    B: Body,
{
    let Asked {
        admission,
        preflight,
        finish,
    } = asked;
    let request = question.request.take().expect("invariant: asked once");
    let state = if preflight {
        let response = Some(cors::preflight());
        State::File { response }
    } else if let Some(response) = question.file.take() {
        let response = Some(response);
        State::File { response }
    } else {
        let answer = question
            .engine
            .handle_admitted(request, question.peer, question.common, admission);
        State::Engine { answer }
    };
    (state, finish)
}

fn finished<B>(finish: &mut Option<Box<Finish>>, mut response: Response<B>) -> Response<B> {
    if let Some(finish) = finish.take() {
        finish.apply(&mut response);
    }
    response
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut state, finish) = (this.state, this.finish);
        loop {
            let response = match state.as_mut().project() {
                StateProj::Asking { question } => {
                    let asked = ready!(question.asked.as_mut().poll(cx));
                    let (next, then) = resume(question, asked);
                    *finish = Some(then);
                    state.set(next);
                    continue;
                }
                StateProj::Engine { answer } => {
                    return answer
                        .poll(cx)
                        .map(|it| Ok(finished(finish, it).map(ResponseBody::ours)));
                }
                StateProj::File { response } => {
                    let response = response
                        .take()
                        .expect("invariant: never polled after it was ready");
                    let response = finished(finish, response);
                    return Poll::Ready(Ok(response.map(AnswerBody::from).map(ResponseBody::ours)));
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
