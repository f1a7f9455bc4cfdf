//! Which web pages may connect: the `origins` of Socket.IO 2.x.

mod pattern;

use std::{error::Error, fmt, sync::Arc};

use http::{
    HeaderMap,
    header::{ORIGIN, REFERER},
    request::Parts,
};

use self::pattern::Pattern;
use crate::{
    foreign,
    server::gate::{Ask, BoxFuture},
};

/// Scheme, port, and the longest name of a host (RFC 1035 §2.3.4).
const MAX_ORIGIN: usize = 300;

/// The origins whose pages may connect.
///
/// Handshakes of other origins are refused, over long-polling and WebSockets alike, with Node's code 4, and pages of the
/// admitted ones get the CORS headers that let them read the answers, with credentials. The origin of a request is its `Origin`
/// header, else its `Referer`; without either (and for `null`) it is `*`, which only [`any`](Self::any), `*:*` in a list, or a
/// function admits: programs that are no browsers send none.
///
/// ```
/// use axum_socketio::{SocketIo, layer::Origins};
///
/// let io = SocketIo::builder()
///     .origins(Origins::list(["https://example.com", "localhost:*"])?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is a tower [`Predicate`](tower::filter::Predicate) too, for any other service:
///
/// ```
/// use axum_socketio::layer::Origins;
/// use tower::filter::FilterLayer;
///
/// let layer = FilterLayer::new(Origins::list(["https://example.com"])?);
/// # let _ = layer;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Origins(Rule);

#[derive(Clone)]
enum Rule {
    List(Arc<[Pattern]>),
    Function(Arc<Admits>),
}

type Admits = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// [`Origins`] that are asked of an async function.
///
/// ```
/// use axum_socketio::{SocketIo, layer::AsyncOrigins};
///
/// async fn tenant(origin: String) -> Result<(), &'static str> {
///     // Ask a database …
///     if origin.ends_with(".example.com") { Ok(()) } else { Err("origin not allowed") }
/// }
///
/// let io = SocketIo::builder().origins(AsyncOrigins::new(tenant)).build()?;
/// # Ok::<(), axum_socketio::BuildError>(())
/// ```
#[derive(Clone)]
pub struct AsyncOrigins(Arc<dyn Fn(String) -> BoxFuture<Result<(), String>> + Send + Sync>);

/// What [`Builder::origins`](crate::Builder::origins) takes: made of [`Origins`] or [`AsyncOrigins`].
#[derive(Clone)]
pub struct OriginPolicy {
    pub(super) ask: Ask<Result<(), OriginRefused>>,
    pub(super) known: Option<Origins>,
}

/// A request comes from an origin that may not connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRefused {
    origin: String,
    text: Option<String>,
}

/// An entry of [`Origins::list`] that could match no origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin {
    entry: String,
    reason: &'static str,
}

impl Origins {
    /// All origins, and requests without any: `*:*`.
    #[must_use]
    pub fn any() -> Self {
        Self(Rule::List([Pattern::ANY].into()))
    }

    /// The origins of a list.
    ///
    /// Entries have the forms of Socket.IO 2.x, compared whole and without regard to case: `https://example.com:8443`,
    /// `https://example.com` (port 443, of `http` 80), `example.com:443`, `example.com:*`, `*:443`, and `*:*` or `*` for all.
    ///
    /// # Errors
    ///
    /// An entry can match nothing: it has a path or a trailing slash, no port, or the list is empty.
    pub fn list<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, InvalidOrigin> {
        let patterns: Result<Arc<[_]>, _> = entries
            .into_iter()
            .map(|entry| {
                let entry = entry.as_ref();
                Pattern::parse(entry).map_err(|reason| InvalidOrigin {
                    entry: entry.to_owned(),
                    reason,
                })
            })
            .collect();
        let patterns = patterns?;
        if patterns.is_empty() {
            return Err(InvalidOrigin {
                entry: String::new(),
                reason: "an empty list admits nobody",
            });
        }
        Ok(Self(Rule::List(patterns)))
    }

    /// The origins that a function admits; its error is the message clients get. It is called with `*` where a request names
    /// no origin.
    pub fn function<F, E>(admits: F) -> Self
    where
        F: Fn(&str) -> Result<(), E> + Send + Sync + 'static,
        E: fmt::Display,
    {
        Self(Rule::Function(Arc::new(move |origin| {
            admits(origin).map_err(foreign::text)
        })))
    }

    /// Whether a request with these headers may connect.
    ///
    /// # Errors
    ///
    /// Its origin is none of these.
    pub fn check_headers(&self, headers: &HeaderMap) -> Result<(), OriginRefused> {
        let origin = origin_of(headers);
        let text = match &self.0 {
            Rule::List(patterns) if patterns.iter().any(|pattern| pattern.admits(&origin)) => return Ok(()),
            Rule::List(_) => None,
            Rule::Function(admits) => match admits(&origin) {
                Ok(()) => return Ok(()),
                Err(text) => Some(text),
            },
        };
        Err(OriginRefused::new(&origin, text))
    }
}

impl AsyncOrigins {
    /// The origins that an async function admits; its error is the message clients get. It is called with `*` where a request
    /// names no origin.
    ///
    /// It is asked about handshakes, to admit or refuse them, and about all other requests under the path, polls and client files, whose
    /// answers pages may read only if it says so; about those not if [`cors`](crate::Builder::cors) is set. So it should remember what
    /// it had to look up.
    pub fn new<F, R, E>(admits: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        Self(Arc::new(move |origin| {
            let admitted = admits(origin);
            Box::pin(async move { admitted.await.map_err(foreign::text) })
        }))
    }

    pub(crate) fn check_headers(&self, headers: &HeaderMap) -> BoxFuture<Result<(), OriginRefused>> {
        let origin = origin_of(headers);
        let admitted = (self.0)(origin.clone());
        Box::pin(async move {
            let text = admitted.await.err();
            text.map_or(Ok(()), |text| Err(OriginRefused::new(&origin, Some(text))))
        })
    }
}

impl OriginRefused {
    /// Of a `Referer`, the page and what stands in its query are left out: they belong in no log. Nor does what is longer than any host's
    /// name.
    fn new(origin: &str, text: Option<String>) -> Self {
        let start = origin.find("://").map_or(0, |at| at + "://".len());
        let end = origin[start..]
            .find(['/', '?', '#'])
            .map_or(origin.len(), |at| start + at);
        Self {
            origin: origin[..end].chars().take(MAX_ORIGIN).collect(),
            text,
        }
    }

    /// The origin, 300 characters of it at most: `*` if the request named none.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What the client is told; `None` for the usual `Forbidden`.
    pub(crate) fn into_text(self) -> Option<String> {
        self.text
    }
}

impl From<Origins> for OriginPolicy {
    fn from(origins: Origins) -> Self {
        let known = Some(origins.clone());
        let ask: Ask<_> =
            Arc::new(move |head: &Parts| Box::pin(std::future::ready(origins.check_headers(&head.headers))));
        Self { ask, known }
    }
}

impl From<AsyncOrigins> for OriginPolicy {
    fn from(origins: AsyncOrigins) -> Self {
        Self {
            ask: Arc::new(move |head: &Parts| origins.check_headers(&head.headers)),
            known: None,
        }
    }
}

/// `Origin`, else `Referer`, else `*`, as in Socket.IO 2.x.
fn origin_of(headers: &HeaderMap) -> String {
    let text = |name| {
        headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
    };
    text(ORIGIN)
        .or_else(|| text(REFERER))
        .filter(|origin| origin != "null" && !origin.is_empty())
        .map_or_else(|| "*".to_owned(), Into::into)
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::List(patterns) => f.debug_list().entries(patterns.iter()).finish(),
            Rule::Function(_) => f.write_str("Origins(function)"),
        }
    }
}

impl fmt::Debug for OriginPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginPolicy").finish_non_exhaustive()
    }
}

impl fmt::Debug for AsyncOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsyncOrigins")
    }
}

impl fmt::Display for OriginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        match &self.text {
            Some(text) => write!(f, "the function of `origins` refuses {origin:?}: {text}"),
            None if origin == "*" => {
                f.write_str("the request names no origin, which only `*:*` in `origins` admits")
            }
            None => write!(f, "{origin:?} is not among `origins`; list it to admit it"),
        }
    }
}

impl Error for OriginRefused {}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "option `origins` can't be {:?}: {}", self.entry, self.reason)
    }
}

impl Error for InvalidOrigin {}
