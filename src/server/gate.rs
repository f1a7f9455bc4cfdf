//! Where the application has its say before the engine sees a request, and before an answer leaves.

use std::{fmt, pin::Pin, sync::Arc};

use http::{HeaderMap, request::Parts};

use crate::server::{Cookie, origins::OriginRefused};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A question to the application about a request.
pub(crate) type Ask<T> = Arc<dyn Fn(&Parts) -> BoxFuture<T> + Send + Sync>;
type OnHeaders = Arc<dyn Fn(&mut HeaderMap, &Parts) + Send + Sync>;

/// The hooks of a server. A server without any has no gate, and its requests pay nothing.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    pub(crate) origins: Option<Ask<Result<(), OriginRefused>>>,
    pub(crate) cors: Option<Ask<Sharing>>,
    pub(crate) allow_request: Option<Ask<Result<(), String>>>,
    pub(crate) generate_id: Option<Ask<Result<String, String>>>,
    pub(crate) cookie: Option<Cookie>,
    pub(crate) initial_headers: Option<OnHeaders>,
    pub(crate) headers: Option<OnHeaders>,
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
