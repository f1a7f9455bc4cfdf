//! Where the application has its say before the engine sees a request, and before an answer leaves.

use std::{fmt, pin::Pin, sync::Arc};

use http::{HeaderMap, request::Parts};

use crate::{
    server::{Cookie, origins::OriginRefused},
    throttle::Throttle,
};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A question to the application about a request.
pub(crate) type Ask<T> = Arc<dyn Fn(&Parts) -> BoxFuture<T> + Send + Sync>;
pub(crate) type OnHeaders = Arc<dyn Fn(&mut HeaderMap, &Parts) + Send + Sync>;

/// The hooks of a server. A server without any has no gate, and its requests pay nothing.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    pub(crate) origins: Option<Ask<Result<(), OriginRefused>>>,
    /// The log's lines on origins that were refused.
    pub(crate) refusals: Arc<Throttle>,
    pub(crate) cors: Option<Ask<Sharing>>,
    pub(crate) allow_request: Option<Ask<Result<(), String>>>,
    pub(crate) generate_id: Option<Ask<Result<String, String>>>,
    pub(crate) cookie: Option<Cookie>,
    pub(crate) initial_headers: Option<OnHeaders>,
    pub(crate) headers: Option<OnHeaders>,
}

impl Gate {
    /// Whether it has a say in requests that open no session.
    pub(crate) fn hears_of_all(&self) -> bool {
        let Self {
            origins,
            refusals: _,
            cors,
            allow_request: _,
            generate_id: _,
            cookie,
            initial_headers: _,
            headers,
        } = self;
        let cookie = cookie.as_ref().is_some_and(Cookie::is_on_every_response);
        origins.is_some() || cors.is_some() || headers.is_some() || cookie
    }
}

/// What a browser is told about a request of another origin.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    pub(crate) headers: HeaderMap,
    /// The whole answer: the request was a preflight.
    pub(crate) preflight: bool,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}
