//! The answer to a request, as a future.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;

pin_project! {
    /// The answer of the engine to one request.
    ///
    /// Dropping it before it is ready counts as the client aborting its request.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Handle<B> {
        #[pin]
        body: B,
    }
}

impl<B> Future for Handle<B>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = Response<Full<Bytes>>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        todo!()
    }
}
